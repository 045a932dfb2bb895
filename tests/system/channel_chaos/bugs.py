"""Bugs planted in a seller's processes, each of which the run must find."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from facilitator_channels.seller import claims, looking, redeeming, seller, steps, watching
from facilitator_channels.seller.request import Admitted, Committed


def none() -> None:
    """No bug."""


def accept_twice() -> None:
    """A voucher that was charged is worked for again."""
    admit, commit = steps.admit, steps.commit

    def is_newest(record: Any, request: Any) -> bool:
        return record is not None and record.voucher == request.voucher

    def bad_admit(record: Any, request: Any, now_ms: int) -> Any:
        return Admitted(False) if is_newest(record, request) else admit(record, request, now_ms)

    def bad_commit(record: Any, request: Any, charge: int, *rest: Any) -> Any:
        if is_newest(record, request):
            return replace(record, pending=None), Committed(record)
        return commit(record, request, charge, *rest)

    steps.admit = bad_admit
    vars(seller)["admit"] = bad_admit
    vars(seller)["commit"] = bad_commit


def lose_a_record() -> None:
    """Some answers leave before their record is stored, and it never is."""
    commit = steps.commit

    def bad(record: Any, request: Any, charge: int, *rest: Any) -> Any:
        after, result = commit(record, request, charge, *rest)
        is_lost = record is not None and record.charged and request.voucher.amount % 5 == 0
        return (replace(record, pending=None) if is_lost else after), result

    vars(seller)["commit"] = bad


def claim_a_stale_voucher() -> None:
    """A closed channel is settled with the count before the last charge."""
    redemption = claims.redemption

    def bad(record: Any) -> Any:
        found = redemption(record)
        if found is None or not found.is_settlement or found.amount < 2:
            return found
        return found._replace(total_claimed=found.total_claimed - 1, amount=found.amount - 1)

    vars(claims)["redemption"] = bad
    vars(redeeming)["redemption"] = bad


def forget_what_is_rolled_back() -> None:
    """A record goes as soon as its channel is settled."""
    end = watching._end

    def bad(record: Any, seen: Any) -> Any:
        return end(record, replace(seen, is_deep=True))

    vars(watching)["_end"] = bad


def miss_a_close() -> None:
    """A channel is seen as open whatever its consumer does."""
    view_of = vars(looking)["view_of"]

    def bad(*channel: Any) -> Any:
        return replace(view_of(*channel), withdraw_requested_at=0)

    vars(looking)["view_of"] = bad


BUGS: Mapping[str, Callable[[], None]] = {
    each.__name__: each
    for each in (
        none,
        accept_twice,
        lose_a_record,
        claim_a_stale_voucher,
        forget_what_is_rolled_back,
        miss_a_close,
    )
}
