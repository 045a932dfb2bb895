"""Where a request waits for others, another may work."""

from collections.abc import Callable
from typing import Any

import pytest

from facilitator.pauses import pausing
from facilitator.plugin.border import guard
from facilitator.plugin.time_limits import LimitedCalls, Outcome
from facilitator.plugin.watch import Caller
from facilitator.roles.wallet import Signature
from facilitator.settlement import write_places
from facilitator.settlement.tracking.pending_settlement import PendingSettlement
from facilitator.settlement.write_places import WritePlaces
from facilitator.testing.examples import example_claim
from facilitator.testing.waiting import eventually
from support.turns import pauses_of

Look = Callable[[], bool]


class AtOnce:
    """Makes every call at once."""

    def in_time(self, call: Callable[[], Any]) -> Outcome:
        return Outcome(call(), None)

    at_end = in_scheme_time = in_time

    def later(self, method: str, call: Callable[[], Any]) -> Outcome:  # noqa: ARG002
        return self.in_time(call)

    def watching(self, method: str) -> Caller:  # noqa: ARG002
        return lambda function, given, named: function(*given, **named)


class Part:
    """A plugin's part that looks when it is called."""

    def __init__(self, look: Look) -> None:
        self._look = look

    def claim(self, _: str) -> None:
        self._look()

    def payment(self, _: str) -> None:
        self._look()

    def sign(self, _: bytes) -> Signature:
        self._look()
        return Signature(bytes(32), bytes(64))

    def parameters(self) -> object:
        self._look()
        raise RuntimeError("no parameters")


class PromptPart(Part):
    """One that pauses by itself where it waits."""

    is_prompt = True


def guarded(hook: str, part: Part) -> Any:
    return guard(hook, part, "mine", lambda *_: None, AtOnce())


def test_it_lasts_until_the_end_of_the_outer_block() -> None:
    def work(look: Look) -> None:
        look()
        with pausing():
            with pausing():
                look()
            look()
        look()
        with pytest.raises(KeyError), pausing():
            raise KeyError
        look()

    assert pauses_of(work) == [False, True, True, False, False]


def test_a_thread_without_a_turn_needs_none() -> None:
    with pausing():
        pass


@pytest.mark.parametrize(("kind", "paused"), [(Part, True), (PromptPart, False)])
def test_storages_pause_unless_they_are_prompt(kind: type[Part], *, paused: bool) -> None:
    assert pauses_of(lambda look: guarded("storage", kind(look)).claim("ab")) == [paused]


def test_ledgers_and_wallets_pause() -> None:
    """Both may ask over the network, and have no time limit."""

    def work(look: Look) -> None:
        guarded("payment_ledger", Part(look)).payment("ab")
        guarded("wallets", Part(look)).sign(bytes(32))

    assert pauses_of(work) == [True, True]


def test_who_waits_for_a_place_to_write_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_places, "PLACES", 1)
    places = WritePlaces()

    def work(look: Look) -> None:
        with places:
            look()
            assert not places.acquire(timeout=0.0)

        class NoneFree:
            """A semaphore that looks where it would wait."""

            def acquire(self, *, blocking: bool = True, timeout: float | None = None) -> bool:  # noqa: ARG002
                return blocking and not look()

        places._free = NoneFree()  # type: ignore[assignment]
        assert not places.acquire()

    assert pauses_of(work) == [False, True]


def test_providers_pause_also_when_they_fail() -> None:
    def work(look: Look) -> None:
        with pytest.raises(Exception, match="the provider failed in parameters"):
            guarded("chain_provider", Part(look)).parameters()
        look()

    assert pauses_of(work) == [True, False]


def test_who_waits_for_a_plugin_with_a_time_limit_pauses() -> None:
    """The call itself is made in another thread, which looks until this one waits."""

    def work(look: Look) -> None:
        LimitedCalls("mine").run(lambda: eventually(look), 60)

    assert pauses_of(work)[-1]


def test_who_waits_for_a_settlement_pauses() -> None:
    def work(look: Look) -> None:
        pending = PendingSettlement(example_claim())
        condition: Any = pending._changed

        class Changed:
            """The condition, which looks instead of waiting."""

            __enter__, __exit__ = condition.__enter__, condition.__exit__

            def wait(self, _: float) -> None:
                look()
                pending._changes += 1

        answers = iter([False, True])
        pending._changed = Changed()  # type: ignore[assignment]
        pending.wait(60, lambda: next(answers))

    assert pauses_of(work) == [True]
