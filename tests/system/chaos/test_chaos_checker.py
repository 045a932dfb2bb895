"""The checker lets every history pass that keeps the promises, and finds each way to break one."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chaos.checker import STALE_SECONDS, Kind, check
from chaos.history import (
    DUPLICATE,
    EXPIRED,
    PENDING,
    REJECTED,
    Block,
    Call,
    History,
    Loss,
    RolledBack,
)

LATER = 100.0
"""So much later than what else happens that nothing of that is still known."""


def told(at: float = 10.0, key: str | None = None, depth: int = 1, **fields: object) -> Call:
    answer = {"success": True, "extra": {"confirmations": depth}}
    call = Call("tx", 1, key, at - 1.0, at, 200, answer)
    return replace(call, **fields)  # type: ignore[arg-type]


def refused(reason: str, at: float = 11.0, key: str | None = None) -> Call:
    return Call("tx", 1, key, at - 1.0, at, 200, {"success": False, "errorReason": reason})


def lost(at: float = 9.5, key: str | None = None) -> Call:
    return Call("tx", 1, key, at - 1.0, at)


def chain() -> list[Block | RolledBack]:
    """Blocks at 1, 2, 3 …; the transaction is in the second."""
    return [Block(float(height), height, ("tx",) if height == 2 else ()) for height in range(1, 6)]


def history(*calls: Call, **fields: object) -> History:
    kept = History(calls=calls, chain=chain(), claims={"tx": "settled"})
    return replace(kept, **fields)  # type: ignore[arg-type]


def kinds(found: History) -> set[Kind]:
    return {violation.kind for violation in check(found).violations}


KEPT = {
    "told once": history(refused(PENDING, 5.0), told(), refused(DUPLICATE)),
    "the key is told again": history(told(key="a"), told(12.0, key="a")),
    "told when asked again": history(lost(), told()),
    "told to a caller that is gone": history(lost(), refused(DUPLICATE)),
    "told nobody as the storage failed": history(
        Call("tx", 1, None, 8.0, 9.0, 503, {}), refused(DUPLICATE)
    ),
    "told to the key after a loss": history(
        lost(9.5, "a"),
        told(LATER, "a"),
        chain=[*chain(), RolledBack(11.0, 1), Block(12.0, 2, ())],
    ),
    "rolled back afterwards": history(
        told(), chain=[*chain(), RolledBack(11.0, 1), Block(12.0, 2, ())]
    ),
    "rolled back before anybody could know": history(
        told(6.5 + STALE_SECONDS), chain=[*chain(), RolledBack(6.0, 1)]
    ),
    "on another branch": history(
        told(12.0),
        chain=[*chain(), RolledBack(6.0, 1), Block(7.0, 2, ("tx",)), Block(8.0, 3, ())],
    ),
    "rejected": history(refused(REJECTED), chain=[Block(1.0, 1, ())], claims={"tx": "rejected"}),
    "expired": history(refused(EXPIRED), chain=[Block(1.0, 1, ())], claims={"tx": "expired"}),
    "never claimed": history(refused("invalid"), chain=[Block(1.0, 1, ())], claims={}),
    "somebody else's": history(
        told(), chain=[*chain(), Block(9.0, 6, ("other",))], elsewhere=frozenset({"other"})
    ),
}
BROKEN = {
    "two callers": (history(told(), told(11.0)), Kind.DELIVERED_TWICE),
    "two keys": (history(told(key="a"), told(11.0, key="b")), Kind.DELIVERED_TWICE),
    "a key, then none": (history(told(key="a"), told(11.0)), Kind.DELIVERED_TWICE),
    "another answer": (history(told(key="a"), told(11.0, "a", depth=2)), Kind.CHANGED),
    "in no block": (history(told(), chain=[Block(1.0, 1, ())]), Kind.DELIVERED_EARLY),
    "not deep enough yet": (history(told(), chain=chain()[:2]), Kind.DELIVERED_EARLY),
    "told of fewer blocks": (history(told(depth=0)), Kind.DELIVERED_EARLY),
    "before its block": (history(told(1.5)), Kind.DELIVERED_EARLY),
    "gone for long": (
        history(told(LATER), chain=[*chain(), RolledBack(50.0, 1)]),
        Kind.DELIVERED_EARLY,
    ),
    "no claim": (history(told(), claims={}), Kind.UNCLAIMED),
    "an unheard-of one": (
        history(told(), chain=[*chain(), Block(9.0, 6, ("x",))]),
        Kind.UNCLAIMED,
    ),
    "an open claim": (history(refused(DUPLICATE), claims={"tx": "included"}), Kind.ENDLESS),
    "pending for ever": (history(told(key="a"), refused(PENDING, 12.0)), Kind.ENDLESS),
    "unheard for ever": (history(told(), lost(12.0, "a")), Kind.ENDLESS),
    "rejected, and there": (history(refused(REJECTED)), Kind.MISJUDGED),
    "expired, and there": (history(lost(), claims={"tx": "expired"}), Kind.MISJUDGED),
    "settled, and never there": (history(told(), chain=chain()[:1]), Kind.MISJUDGED),
    "settled too early": (history(told(), chain=chain()[:2]), Kind.MISJUDGED),
    "told to nobody": (history(refused(DUPLICATE)), Kind.UNDELIVERED),
    "lost for a key": (history(lost(9.5, "a"), refused(DUPLICATE, 12.0, "a")), Kind.UNDELIVERED),
    "failed for a key": (
        history(Call("tx", 1, "a", 8.0, 9.0, 503, {}), refused(DUPLICATE, 12.0, "a")),
        Kind.UNDELIVERED,
    ),
    "our fault": (history(told(), Call("tx", 1, None, 1.0, 2.0, 500, {})), Kind.FAULT),
}


@pytest.mark.parametrize("kept", KEPT.values(), ids=KEPT)
def test_what_keeps_the_promises_passes(kept: History) -> None:
    assert check(kept).violations == []


@pytest.mark.parametrize(("broken", "kind"), BROKEN.values(), ids=BROKEN)
def test_what_breaks_one_is_found(broken: History, kind: Kind) -> None:
    assert kind in kinds(broken)


def test_what_a_storage_forgot_is_excused_then_and_only_then() -> None:
    twice = [told(), told(11.0)]
    during, before = Loss(9.0, 10.5, "failover"), Loss(1.0, 2.0, "failover")
    excused = check(history(*twice, losses=[during]))
    assert [each.kind for each in excused.excused] == [Kind.DELIVERED_TWICE]
    assert excused.violations == []
    assert kinds(history(*twice, losses=[before])) == {Kind.DELIVERED_TWICE}
    for never in (refused(PENDING, 12.0), Call("tx", 1, None, 9.0, 10.0, 500, {})):
        assert check(history(told(), never, losses=[Loss(0.0, LATER, "failover")])).violations


class Honest:
    """A facilitator that does everything right for one payment, and the chain that it sees."""

    def __init__(self, promised: int) -> None:
        self.promised = promised
        self.events: list[Block | RolledBack] = [Block(0.0, 0, ())]
        self.calls: list[Call] = []
        self._at = 0.0
        self._height = 0
        self._where: int | None = None
        self._winner: Call | None = None

    def pass_time(self, seconds: float) -> None:
        self._at += seconds

    @property
    def depth(self) -> int:
        """Less than any promise while it is in no block."""
        return -1 if self._where is None else self._height - self._where

    def make_block(self, *, lands: bool) -> None:
        self._height += 1
        lands = lands and self._where is None
        self._where = self._height if lands else self._where
        self.events.append(Block(self._at, self._height, ("tx",) if lands else ()))

    def roll_back(self, blocks: int) -> None:
        self._height = max(0, self._height - blocks)
        if self._where is not None and self._where > self._height:
            self._where = None
        self.events.append(RolledBack(self._at, self._height))

    def settle(self, key: str | None, *, arrives: bool) -> None:
        call = Call("tx", self.promised, key, self._at - 0.05, self._at, 200)
        call = replace(call, answer=self._answer(call))
        self.calls.append(call if arrives else replace(call, status=None, answer={}))

    def _answer(self, call: Call) -> Mapping[str, Any]:
        if self._winner is not None:
            is_own = call.key is not None and call.key == self._winner.key
            return self._winner.answer if is_own else refused(DUPLICATE).answer
        if self.depth < self.promised:
            return refused(PENDING).answer
        self._winner = replace(call, answer=told(depth=self.depth).answer)
        return self._winner.answer

    def history(self) -> History:
        """After it has landed, and everybody has asked once more."""
        while self.depth < self.promised:
            self.pass_time(1.0)
            self.make_block(lands=True)
        for key in (None, *KEYS):
            self.pass_time(1.0)
            self.settle(key, arrives=True)
        return History(self.calls, self.events, {"tx": "settled"})


KEYS = ("a", "b")
EVENTS = st.one_of(
    st.builds(lambda lands: partial(Honest.make_block, lands=lands), st.booleans()),
    st.builds(lambda blocks: partial(Honest.roll_back, blocks=blocks), st.integers(1, 4)),
    st.builds(
        lambda key, arrives: partial(Honest.settle, key=key, arrives=arrives),
        st.sampled_from([None, *KEYS]),
        st.booleans(),
    ),
)


@st.composite
def honest_histories(draw: st.DrawFn) -> History:
    honest = Honest(draw(st.integers(0, 2)))
    for happens in draw(st.lists(EVENTS, max_size=40)):
        honest.pass_time(draw(st.floats(0.1, 20.0)))
        happens(honest)
    return honest.history()


@given(honest_histories())
def test_an_honest_history_passes(honest: History) -> None:
    assert check(honest).violations == []


def _tell_again(honest: History) -> History:
    first = next(call for call in honest.calls if call.is_success)
    again = replace(first, key="another", sent=first.ended + 1, ended=first.ended + 2)
    return replace(honest, calls=[*honest.calls, again])


def _take_the_block(honest: History) -> History:
    events = [
        event._replace(transactions=()) if isinstance(event, Block) else event
        for event in honest.chain
    ]
    return replace(honest, chain=events)


def _take_the_claim(honest: History) -> History:
    return replace(honest, claims={})


def _leave_it_open(honest: History) -> History:
    return replace(honest, claims={"tx": "submitted"})


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (_tell_again, Kind.DELIVERED_TWICE),
        (_take_the_block, Kind.DELIVERED_EARLY),
        (_take_the_claim, Kind.UNCLAIMED),
        (_leave_it_open, Kind.ENDLESS),
    ],
)
@given(honest=honest_histories())
def test_one_thing_changed_in_an_honest_history_is_found(
    spoil: Callable[[History], History], kind: Kind, honest: History
) -> None:
    assume(any(call.is_success for call in honest.calls))
    assert kind in kinds(spoil(honest))
