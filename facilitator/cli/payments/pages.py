"""Payments of the ledger, page by page; single ones by the beginning of their id."""

import re
from collections.abc import Iterator

from facilitator.errors import FacilitatorError
from facilitator.roles.payment_ledger import PaymentLedger, PaymentQuery, Place
from facilitator.roles.payment_record import PaymentRecord

PAGE_SIZE = 500
"""Payments that are in memory at once."""

_SHOWN = 5
_BEGINNING = re.compile(r"[0-9a-f]{1,64}")


class PaymentNotFound(FacilitatorError):
    """The ledger has no such payment, or several."""


def read_payments(
    ledger: PaymentLedger, query: PaymentQuery, limit: int | None = None
) -> Iterator[PaymentRecord]:
    """Yield the payments that meet the query, newest first, ``limit`` of them at most."""
    place: Place | None = None
    left = limit
    while left is None or left > 0:
        size = PAGE_SIZE if left is None else min(left, PAGE_SIZE)
        page = ledger.payments(query, place, size)
        yield from page
        if len(page) < size:
            return
        place = Place(page[-1].created_at, page[-1].transaction_id)
        left = None if left is None else left - size


def find_payment(ledger: PaymentLedger, beginning: str) -> PaymentRecord:
    """Return the one payment whose transaction's id begins so.

    Raises :class:`PaymentNotFound` if there is none, or more than one.
    """
    wanted = beginning.lower()
    if not _BEGINNING.fullmatch(wanted):
        raise PaymentNotFound(f"{beginning!r} is not the beginning of a transaction's id, in hex")
    found = ledger.payments(PaymentQuery(transaction_id=wanted), None, _SHOWN + 1)
    if not found:
        raise PaymentNotFound(
            f"the ledger has no payment {wanted}: it was not settled here, or its record is as old"
            " as ledger.keep_days allows"
        )
    if len(found) > 1:
        ids = ", ".join(each.transaction_id for each in found[:_SHOWN])
        more = ", and others" if len(found) > _SHOWN else ""
        raise PaymentNotFound(f"several payments begin with {wanted}: {ids}{more}")
    return found[0]
