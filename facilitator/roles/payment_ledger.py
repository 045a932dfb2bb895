"""The payment ledger: what was paid, by whom, for what, and how it went. It is only added to.

A claim serves once and is forgotten. The ledger serves people: it is listed, searched, exported and
watched. Each event in it is a claim as one change left it, so that the two never disagree:

* A storage that :class:`RecordsPayments` writes an event with the change that it shows, in one
  transaction. Its own ledger is the ledger.
* Another storage :class:`KeepsOutbox`: it keeps each changed claim until a ledger of another plugin
  has it, from the hook ``payment_ledger``.

Nothing here delays or fails a settlement. Methods raise
:class:`~facilitator.roles.storage.StorageUnavailable`, and may be called from many threads.
``facilitator.testing.payment_ledger`` has the contract tests.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable

from facilitator.roles.claim import Claim, ClaimState
from facilitator.roles.payment_record import PaymentEvent, PaymentRecord


@dataclass(frozen=True, slots=True)
class PaymentQuery:
    """The payments that are wanted: those that meet every field which is not ``None``."""

    states: frozenset[ClaimState] | None = None
    """One of these states."""
    network: str | None = None
    """The canonical id of the network."""
    payer: str | None = None
    """The payer's address."""
    pay_to: str | None = None
    """The recipient's address."""
    asset: str | None = None
    """``lovelace``, or policy id and asset name in hex with a dot between them."""
    caller: str | None = None
    """Name of the API key; empty for payments without one."""
    resource: str | None = None
    """The beginning of the resource's URL."""
    since: float | None = None
    """Unix seconds: claimed then or later."""
    until: float | None = None
    """Unix seconds: claimed before."""
    transaction_id: str | None = None
    """The beginning of the transaction's id, lowercase hex."""


EVERY_PAYMENT = PaymentQuery()
"""The query that every payment meets."""


class Place(NamedTuple):
    """The place of a payment in a list, which is ordered from the newest to the oldest."""

    created_at: float
    """Unix seconds at which it was claimed."""
    transaction_id: str
    """Canonical id, lowercase hex; it orders payments of the same time."""


class TotalBy(StrEnum):
    """A field by which payments are added up, beside network and asset."""

    DAY = "day"
    """The day on which they were settled, in UTC."""
    PAY_TO = "payTo"
    """The recipient's address."""
    CALLER = "caller"
    """Name of the API key."""


@dataclass(frozen=True, slots=True)
class Total:
    """The sum of payments of one asset."""

    network: str
    """Canonical id of the network."""
    asset: str
    """``lovelace``, or policy id and asset name in hex with a dot between them."""
    day: str | None
    """The day as ``YYYY-MM-DD``; ``None`` if it was not asked for."""
    pay_to: str | None
    """The recipient; ``None`` if it was not asked for."""
    caller: str | None
    """Name of the API key; ``None`` if it was not asked for."""
    count: int
    """Number of payments."""
    amount: int
    """Atomic units of the asset."""
    fee: int
    """Lovelace that the ledger took."""


@dataclass(frozen=True, slots=True)
class RefusalCount:
    """Refused requests of one kind on one day."""

    day: str
    """The day as ``YYYY-MM-DD``, in UTC."""
    endpoint: str
    """``verify`` or ``settle``."""
    reason: str
    """The machine-readable reason."""
    caller: str
    """Name of the API key; empty without one."""
    count: int
    """Number of such requests; where they are added to the ledger, that of further ones."""
    last_at: float
    """Unix seconds of the last one."""
    sample: str
    """The sentence that the last one was refused with."""


class Cursor(NamedTuple):
    """The place that a reader of events has reached. One process at a time reads for it.

    That process moves it every few seconds, if only by :attr:`beat`. Another process may take it
    once it has stood unchanged for some seconds by that process's own clock.
    """

    number: int = 0
    """The number of the last event that is done with."""
    holder: str = ""
    """A token of the process that reads; empty for none."""
    beat: int = 0
    """One more with each move."""


@runtime_checkable
class PaymentLedger(Protocol):
    """A payment ledger."""

    def record(self, changes: Sequence[Claim]) -> None:
        """Add an event for each claim, as its change left it. All are added, or none.

        One that was recorded before (the same transaction, version and nonce) is left out. Those
        that were only ``claimed`` are left out, too. A payment's state is that of the event which
        was recorded last.
        """
        ...

    def payments(
        self, query: PaymentQuery, before: Place | None, limit: int
    ) -> Sequence[PaymentRecord]:
        """Return the payments that meet the query, newest first, ``limit`` of them at most.

        They come after the place ``before`` in that order; ``None`` for the first.
        """
        ...

    def payment(self, transaction_id: str) -> PaymentRecord | None:
        """Return the payment, if there is one."""
        ...

    def events(self, transaction_id: str) -> Sequence[PaymentEvent]:
        """Return all events of the payment, in the order in which they were recorded."""
        ...

    def events_after(self, number: int, limit: int) -> Sequence[PaymentEvent]:
        """Return the events of all payments with greater numbers, the smallest first.

        No event appears later with a number below one that was returned.
        """
        ...

    def last_number(self) -> int:
        """Return the number of the newest event; 0 if there is none."""
        ...

    def totals(self, query: PaymentQuery, by: Collection[TotalBy]) -> Sequence[Total]:
        """Return the sums of the payments that meet the query, by network, asset and these fields.

        Payments that are not settled have no day, and are left out where it is asked for.
        """
        ...

    def count_refusals(self, counts: Sequence[RefusalCount]) -> None:
        """Add the counts to those of the same day, endpoint, reason and caller."""
        ...

    def refusals(self, since_day: str) -> Sequence[RefusalCount]:
        """Return the counts from the day ``YYYY-MM-DD`` on, newest day first."""
        ...

    def cursor(self, name: str) -> Cursor:
        """Return the cursor of this name; before it was moved, one without a holder, at 0."""
        ...

    def move_cursor(self, name: str, before: Cursor, after: Cursor) -> bool:
        """Put ``after`` in the place of ``before``; return False if another stands there.

        Returns True too if ``after`` stands there already, so that after a lost reply the caller
        may call again.
        """
        ...

    def forget_payments(self, before: float) -> int:
        """Remove final payments that changed last before that time; return the number removed.

        Refusals of days that ended before it go as well. One call removes at most some hundreds.
        The caller calls again until it returns 0.
        """
        ...

    def erase(self, transaction_ids: Collection[str]) -> int:
        """Erase the personal fields of final payments; return the number of those erased.

        Later events of such a payment bring none of them back.
        """
        ...

    def close(self) -> None:
        """Close files and connections. Called once, at shutdown."""
        ...


@runtime_checkable
class RecordsPayments(Protocol):
    """A storage that writes each change of a claim to a ledger of its own, with the change."""

    def payment_ledger(self) -> PaymentLedger:
        """Return the ledger, which closes with the storage."""
        ...


class Change(NamedTuple):
    """A changed claim in an outbox."""

    name: str
    """Identifies it in the outbox."""
    claim: Claim
    """The claim as the change left it."""


@runtime_checkable
class KeepsOutbox(Protocol):
    """A storage that can keep changed claims until a ledger elsewhere has them."""

    def keep_changes(self) -> None:
        """From now on, keep each claim that is added or changed, in the same step.

        One of which no ledger keeps this state (``is_recorded``) may be left out. An outbox is
        bounded by the storage's own space alone: none of it is ever dropped to make room.
        """
        ...

    def changes(self, limit: int) -> Sequence[Change]:
        """Return the oldest kept changes, ``limit`` of them at most.

        Changes of one claim come in their order. One that cannot be read keeps back those after it
        of its claim alone.
        """
        ...

    def forget_changes(self, names: Collection[str]) -> None:
        """Remove these from the outbox, if they are there."""
        ...

    def count_changes(self) -> int:
        """Return the number of kept changes."""
        ...
