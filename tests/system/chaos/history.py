"""What happened in a run, as values. Times are seconds of the monotonic clock."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

PENDING = "settlement_pending"
DUPLICATE = "duplicate_settlement"
LOOKUP_FAILED = "exact_cardano_facilitator_chain_lookup_failed"
REJECTED = "exact_cardano_settlement_definitively_rejected"
EXPIRED = "exact_cardano_settlement_failed"
HELD = "invalid_exact_cardano_payload_input_not_available"
CONFLICT = 409
"""The status when a key belongs to another body."""
OPEN = (PENDING, LOOKUP_FAILED)
"""Reasons after which a caller asks again."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A payment as it is sent, and what it promises."""

    transaction: str
    confirmations: int
    """Newer blocks promised before success."""
    body: bytes = b""
    payer: str = ""
    pay_to: str = ""
    inputs: frozenset[str] = frozenset()
    identifier: str | None = None
    """The payment identifier, which the payer chose."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request of ``/settle`` or ``/verify``, and what its caller saw of the answer."""

    offer: Offer
    key: str | None
    """The ``Idempotency-Key``."""
    sent: float
    ended: float
    status: int | None = None
    """``None`` when no whole answer came: the caller hung up, or was cut off."""
    answer: Mapping[str, Any] = field(default_factory=dict)
    caller: str = ""
    """The name of its API key."""
    place: int = 0
    """The facilitator, of several that share nothing."""
    wait_seconds: float = 0.0
    """How long it was ready to wait."""
    is_last: bool = False
    """Whether it never asks again, whatever the answer."""

    @property
    def transaction(self) -> str:
        return self.offer.transaction

    @property
    def confirmations(self) -> int:
        return self.offer.confirmations

    @property
    def key_in_space(self) -> Hashable:
        """The key within the space of names that it belongs to."""
        return self.place, self.caller, self.offer.pay_to, self.key

    @property
    def name(self) -> Hashable:
        """The payment identifier within the space of names that it belongs to."""
        offer = self.offer
        return self.place, self.caller, offer.payer, offer.pay_to, offer.identifier

    @property
    def asker(self) -> Hashable:
        """What makes a call a repetition of another, if it has a key."""
        return self.key_in_space, self.offer.body

    @property
    def is_success(self) -> bool:
        return self.status == 200 and self.answer.get("success") is True

    @property
    def reason(self) -> str | None:
        """Why it is no success; ``None`` of a success, and without an answer."""
        return self.answer.get("errorReason") or self.answer.get("invalidReason")

    @property
    def is_conclusive(self) -> bool:
        """Whether the caller need not ask again."""
        return self.status == CONFLICT or (self.status == 200 and self.reason not in OPEN)

    def overlaps(self, other: "Call") -> bool:
        return self.sent <= other.ended and other.sent <= self.ended


class Block(NamedTuple):
    """A block became the newest."""

    at: float
    """Just before it could be seen."""
    height: int
    transactions: Sequence[str]


class RolledBack(NamedTuple):
    """All blocks above a height were taken back."""

    at: float
    """Just after they could be seen no more."""
    height: int


class Loss(NamedTuple):
    """A span in which the storage may have forgotten what it acknowledged."""

    since: float
    until: float
    why: str
    forgets_deliveries: bool = True
    """Whether a success may be delivered again that was delivered."""


class Span(NamedTuple):
    """A stretch of time."""

    since: float
    until: float


class Stay(NamedTuple):
    """A transaction's time in one block."""

    since: float
    until: float
    height: int


class Recorded(NamedTuple):
    """What a claim, an event of a payment, or a payment itself says."""

    version: int
    state: str
    delivery: str
    receiver: str = ""
    """The client that received the success."""


@dataclass(frozen=True, slots=True)
class Payment:
    """What a payment ledger has of a transaction at the end, and the storage that it belongs to."""

    transaction: str
    claim: Recorded | None
    events: Sequence[Recorded] = ()
    """In the order in which they were recorded."""
    shown: Recorded | None = None
    """The payment as it is listed, which has the version of its last event."""


@dataclass(frozen=True)
class History:
    """A whole run."""

    calls: Sequence[Call]
    chain: Sequence[Block | RolledBack]
    """In the order in which it happened; it begins with a block."""
    claims: Mapping[str, Collection[str]]
    """The states of each transaction's claims at the end: one in each storage that has one."""
    ledger: Sequence[Payment] = ()
    """In each storage, what its ledger has of each transaction."""
    elsewhere: frozenset[str] = frozenset()
    """Transactions that a node got from elsewhere than the facilitator."""
    losses: Sequence[Loss] = ()
    verdicts: Sequence[Call] = ()
    """The calls of ``/verify``."""
    quiet: Span | None = None
    """When nothing went wrong, and nothing that had gone wrong could still matter."""

    @cached_property
    def calls_by_transaction(self) -> Mapping[str, Sequence[Call]]:
        """In the order in which they ended."""
        found: dict[str, list[Call]] = defaultdict(list)
        for call in sorted(self.calls, key=lambda call: call.ended):
            found[call.transaction].append(call)
        return found

    @cached_property
    def stays(self) -> Mapping[str, Sequence[Stay]]:
        """When each transaction was in which block; the last one may never have ended."""
        stays: dict[str, list[Stay]] = defaultdict(list)
        blocks: list[Block] = []
        for event in self.chain:
            if isinstance(event, RolledBack):
                while blocks and blocks[-1].height > event.height:
                    _end(blocks.pop(), event.at, stays)
            else:
                blocks.append(event)
        for block in blocks:
            _end(block, float("inf"), stays)
        return stays

    @cached_property
    def known(self) -> Collection[str]:
        """Transactions that were once in a block, or that there is a claim on."""
        return {*self.claims, *self.stays}

    def is_in_chain(self, transaction: str) -> bool:
        """Whether it is in a block at the end."""
        return any(stay.until == float("inf") for stay in self.stays.get(transaction, ()))

    def depth(self, transaction: str, since: float, until: float) -> int | None:
        """The most newer blocks that it had at any moment of a span; ``None`` in no block."""
        depths = [
            self._highest(max(since, stay.since), min(until, stay.until)) - stay.height
            for stay in self.stays.get(transaction, ())
            if stay.since <= until and stay.until >= since
        ]
        return max(depths, default=None)

    def deep_since(self, transaction: str, depth: int) -> float | None:
        """When its last stay in the chain was first so deep, if ever."""
        for stay in self.stays.get(transaction, ())[-1:]:
            for event in self.chain[bisect_left(self._times, stay.since) :]:
                if event.height - stay.height >= depth:
                    return event.at
        return None

    def _highest(self, since: float, until: float) -> int:
        first = max(0, bisect_right(self._times, since) - 1)
        last = bisect_left(self._times, until)
        return max(event.height for event in self.chain[first : max(last, first + 1)])

    @cached_property
    def _times(self) -> Sequence[float]:
        return [event.at for event in self.chain]


def _end(block: Block, until: float, stays: dict[str, list[Stay]]) -> None:
    for transaction in block.transactions:
        stays[transaction].append(Stay(block.at, until, block.height))
