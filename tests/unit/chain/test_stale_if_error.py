"""Answers that are given again, and that outlive their provider for a while."""

import pytest

from facilitator.chain.stale_if_error import STALE_IF_ERROR_SECONDS, TTL_SECONDS, StaleIfErrorCache
from facilitator.roles.chain_errors import ChainUnavailable


class Provider:
    """Counts how often it is asked, at a time that the test says."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked = 0
        self.is_down = False

    def ask(self) -> int:
        self.asked += 1
        if self.is_down:
            raise ChainUnavailable("down")
        return self.asked


def test_an_answer_is_given_again_for_a_moment() -> None:
    provider = Provider()
    cache: StaleIfErrorCache[int] = StaleIfErrorCache(provider.ask, lambda: provider.now)
    assert [cache.get() for _ in range(3)] == [1, 1, 1]
    provider.now = TTL_SECONDS
    assert cache.get() == 2


def test_the_last_answer_outlives_the_provider_for_a_while() -> None:
    provider = Provider()
    cache: StaleIfErrorCache[int] = StaleIfErrorCache(provider.ask, lambda: provider.now)
    cache.get()
    provider.is_down = True
    provider.now = STALE_IF_ERROR_SECONDS
    assert cache.get() == 1
    assert provider.asked == 2
    provider.now = STALE_IF_ERROR_SECONDS + 1
    with pytest.raises(ChainUnavailable, match="down"):
        cache.get()


def test_nothing_is_kept_of_what_was_never_answered() -> None:
    provider = Provider()
    provider.is_down = True
    cache: StaleIfErrorCache[int] = StaleIfErrorCache(provider.ask, lambda: provider.now)
    with pytest.raises(ChainUnavailable):
        cache.get()
