from collections.abc import Iterator

import pytest

from facilitator.testing.clock import ManualClock
from facilitator_ogmios import chain_sync
from support.ogmios import OgmiosUnderTest, under_test

NOW = 1_790_000_000.0


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_sync, "FIRST_BACKOFF", 0.001)
    monkeypatch.setattr(chain_sync, "LONGEST_BACKOFF", 0.01)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def chain(clock: ManualClock) -> Iterator[OgmiosUnderTest]:
    with under_test(clock) as chain:
        yield chain
