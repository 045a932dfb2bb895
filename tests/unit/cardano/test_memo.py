"""A memo never holds more than its bytes, and never another key's value."""

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from facilitator.cardano.memo import Memo

MOST = 100


def held(memo: Memo[int], most: int) -> list[int]:
    """The numbers below ``most`` that are remembered, each under itself."""
    found = {number: memo.get(b"%d" % number) for number in range(most)}
    assert all(value in (None, number) for number, value in found.items())
    return [number for number, value in found.items() if value is not None]


def test_the_older_half_is_forgotten_when_the_newer_one_is_full() -> None:
    memo: Memo[int] = Memo(MOST)
    for number in range(10):
        assert memo.put(b"%d" % number, number, 10) == number
    assert held(memo, 20) == list(range(10))
    memo.put(b"10", 10, 10)
    assert held(memo, 20) == list(range(5, 11))


@given(st.lists(st.integers(1, 120), max_size=60))
def test_what_is_remembered_fits(sizes: list[int]) -> None:
    memo: Memo[int] = Memo(MOST)
    for number, size in enumerate(sizes):
        memo.put(b"%d" % number, number, size)
        now = held(memo, len(sizes))
        assert sum(sizes[each] for each in now) <= MOST
        assert number in now or size > MOST // 2


def test_many_threads_may_use_it() -> None:
    memo: Memo[int] = Memo(10 * MOST)

    def use(number: int) -> None:
        memo.put(b"%d" % number, number, 10)
        held(memo, 300)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(use, range(300)))
    assert 0 < len(held(memo, 300)) <= 100
