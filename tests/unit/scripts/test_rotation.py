"""Clients take turns at what is scarce, whatever one of them asks for."""

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from facilitator.scripts import rotation as rotation_module
from facilitator.scripts.rotation import NoTurn, Rotation
from facilitator.testing.waiting import eventually


class Crowd:
    """Calls that take a turn at one thing; each is noted when its turn comes."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.turns = Rotation(["process"])
        self.order: list[str] = []
        self._pool = pool

    def call(self, client: str, held: Event | None = None) -> Future[None]:
        before = self.waiting()
        future = self._pool.submit(self._take, client, held)
        eventually(lambda: self.waiting() > before or client in self.order)
        return future

    def waiting(self) -> int:
        return sum(map(len, self.turns._waiting.values()))

    def _take(self, client: str, held: Event | None) -> None:
        with self.turns.taken_by(client, 60):
            self.order.append(client)
            if held is not None:
                assert held.wait(60)


def test_a_client_with_many_calls_delays_another_by_one() -> None:
    held = Event()
    with ThreadPoolExecutor(20) as pool:
        crowd = Crowd(pool)
        calls = [crowd.call("first", held)]
        calls += [crowd.call("many") for _ in range(5)]
        calls += [crowd.call("one"), crowd.call("other")]
        held.set()
        for each in calls:
            each.result()
    assert crowd.order == ["first", "many", "one", "other", *["many"] * 4]
    with crowd.turns.taken_by("later", 0):
        assert crowd.waiting() == 0


def test_one_that_waits_in_vain_leaves_its_place() -> None:
    turns = Rotation(["process"])
    with turns.taken_by("first", 0), pytest.raises(NoTurn), turns.taken_by("second", 0.01):
        raise AssertionError
    with turns.taken_by("second", 0) as thing:
        assert thing == "process"


def test_no_client_waits_more_often_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation_module, "MOST_OF_A_CLIENT", 1)
    monkeypatch.setattr(rotation_module, "MOST", 2)
    held = Event()
    with ThreadPoolExecutor(20) as pool:
        crowd = Crowd(pool)
        calls = [crowd.call("first", held), crowd.call("many")]
        with pytest.raises(NoTurn), crowd.turns.taken_by("many", 60):
            raise AssertionError
        calls.append(crowd.call("one"))
        with pytest.raises(NoTurn), crowd.turns.taken_by("third", 60):
            raise AssertionError
        held.set()
        for each in calls:
            each.result()
    assert crowd.order == ["first", "many", "one"]


def test_a_turn_ends_with_an_error_too() -> None:
    turns = Rotation(["process"])
    with pytest.raises(ZeroDivisionError), turns.taken_by("first", 0):
        raise ZeroDivisionError
    with turns.taken_by("second", 0):
        pass
