"""Whatever happens to a facilitator that does everything right, its history passes."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chaos.cases import OFFER, SECOND, kinds, named_before, refused, success
from chaos.checker import check
from chaos.history import CONFLICT, DUPLICATE, HELD, PENDING, Block, Call, History, RolledBack
from chaos.violations import Kind


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

    def settle(self, caller: str, key: str | None, *, arrives: bool) -> None:
        offer = replace(OFFER, confirmations=self.promised)
        call = Call(offer, key, self._at - 0.05, self._at, 200, caller=caller)
        call = replace(call, answer=self._answer(call))
        self.calls.append(call if arrives else replace(call, status=None, answer={}))

    def settle_second(self, caller: str) -> None:
        """Another payment under the identifier that the first one has, if this caller knows it."""
        if any(call.caller == caller for call in self.calls):
            call = named_before(caller=caller, sent=self._at - 0.05, ended=self._at)
            self.calls.append(call)

    def _answer(self, call: Call) -> Mapping[str, Any]:
        if self._winner is not None:
            is_own = call.key is not None and call.asker == self._winner.asker
            return self._winner.answer if is_own else refused(DUPLICATE).answer
        if self.depth < self.promised:
            return refused(PENDING).answer
        self._winner = replace(call, answer=success(depth=self.depth).answer)
        return self._winner.answer

    def history(self) -> History:
        """After it has landed, and all have asked once more."""
        while self.depth < self.promised:
            self.pass_time(1.0)
            self.make_block(lands=True)
        for caller, key in ASKERS:
            self.pass_time(1.0)
            self.settle(caller, key, arrives=True)
        return History(self.calls, self.events, {"tx": {"settled"}})


CALLERS = ("one", "two")
ASKERS = list(product(CALLERS, (None, "a", "b")))
EVENTS = st.one_of(
    st.builds(lambda lands: partial(Honest.make_block, lands=lands), st.booleans()),
    st.builds(lambda blocks: partial(Honest.roll_back, blocks=blocks), st.integers(1, 4)),
    st.builds(
        lambda asker, arrives: partial(
            Honest.settle, caller=asker[0], key=asker[1], arrives=arrives
        ),
        st.sampled_from(ASKERS),
        st.booleans(),
    ),
    st.builds(
        lambda caller: partial(Honest.settle_second, caller=caller), st.sampled_from(CALLERS)
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


def _and(honest: History, **changed: object) -> History:
    """Another call like the one that received the success, after it."""
    first = next(call for call in honest.calls if call.is_success)
    again = replace(first, sent=first.ended + 1, ended=first.ended + 2)
    return replace(honest, calls=[*honest.calls, replace(again, **changed)])  # type: ignore[arg-type]


def _tell_again(honest: History) -> History:
    return _and(honest, key="another")


def _tell_another(honest: History) -> History:
    return _and(honest, caller="another")


def _pay_twice(honest: History) -> History:
    return _and(honest, offer=SECOND)


def _refuse_the_key(honest: History) -> History:
    return _and(honest, key="c", status=CONFLICT, answer={})


def _refuse_the_input(honest: History) -> History:
    return _and(honest, offer=SECOND, answer=refused(HELD).answer)


def _take_the_block(honest: History) -> History:
    events = [
        event._replace(transactions=()) if isinstance(event, Block) else event
        for event in honest.chain
    ]
    return replace(honest, chain=events)


def _take_the_claim(honest: History) -> History:
    return replace(honest, claims={})


def _leave_it_open(honest: History) -> History:
    return replace(honest, claims={"tx": {"submitted"}})


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (_tell_again, Kind.DELIVERED_TWICE),
        (_tell_another, Kind.LEAKED),
        (_pay_twice, Kind.PAID_TWICE),
        (_refuse_the_key, Kind.FAULT),
        (_refuse_the_input, Kind.LOCKED_OUT),
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
