"""Sentinels that many threads ask at once, while some of them are away."""

import threading
from functools import partial
from typing import Any

import pytest
from redis import exceptions

from facilitator.testing.threads import together
from facilitator_redis.sentinels import Sentinels

PRIMARY = {"ip": "192.0.2.7", "port": 6379}
STATE = {
    **PRIMARY,
    "is_master": True,
    "is_sdown": False,
    "is_odown": False,
    "num-other-sentinels": 2,
}


class Answering:
    """A Sentinel that answers all threads at the same time."""

    def __init__(self, threads: int) -> None:
        self._all_ask = threading.Barrier(threads)

    def sentinel_masters(self) -> dict[str, object]:
        self._all_ask.wait(60)
        return {"main": STATE}


class Away:
    def sentinel_masters(self) -> dict[str, object]:
        raise exceptions.ConnectionError


@pytest.mark.parametrize("place", [0, 1, 2])
def test_none_is_forgotten_by_threads_that_ask_at_once(place: int) -> None:
    """The one that answers comes first from then on."""
    threads = 8
    asked: Any = Sentinels([])  # type: ignore[no-untyped-call]
    answering, away = Answering(threads), [Away(), Away()]
    asked.sentinels = [*away[:place], answering, *away[place:]]
    everyone = set(asked.sentinels)
    found = together([partial(asked.discover_master, "main")] * threads)
    assert found == [("192.0.2.7", 6379)] * threads
    assert set(asked.sentinels) == everyone
    assert asked.sentinels[0] is answering
