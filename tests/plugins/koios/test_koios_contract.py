"""The plugin passes the contract of chain providers over real HTTP, and when machines fail, too."""

from collections.abc import Iterator
from threading import Lock

import pytest

from facilitator.testing.chain import ChainProviderContract
from facilitator.testing.clock import ManualClock
from facilitator_devnet.blockfrost.faults import Effects, Faults
from facilitator_devnet.koios.api import ENDPOINTS, OGMIOS, SUBMIT
from support.koios import KoiosUnderTest, under_test


class TestKoios(ChainProviderContract):
    @pytest.fixture
    def chain(self, clock: ManualClock) -> Iterator[KoiosUnderTest]:
        with under_test(clock) as chain:
            yield chain


class EverySecond(Faults):
    """Has every second question of each endpoint fail in one way; submissions never do."""

    def __init__(self, effects: Effects) -> None:
        super().__init__(ENDPOINTS)
        self._effects = effects
        self._seen: dict[str, int] = {}
        self._counting = Lock()

    def effects(self, endpoint: str) -> Effects:
        with self._counting:
            seen = self._seen[endpoint] = self._seen.get(endpoint, 0) + 1
        fails = endpoint not in (SUBMIT, OGMIOS) and seen % 2 == 1
        return self._effects if fails else super().effects(endpoint)


class TestKoiosWhenQuestionsFail(ChainProviderContract):
    """Every question fails once, and is answered when it is asked again."""

    @pytest.fixture
    def chain(self, clock: ManualClock) -> Iterator[KoiosUnderTest]:
        with under_test(clock) as chain:
            chain.api.faults = EverySecond(Effects(truncate=True))
            yield chain
