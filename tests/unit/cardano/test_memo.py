"""A memo never holds more than its bytes, and never another key's value."""

from hypothesis import given
from hypothesis import strategies as st

from facilitator.cardano.memo import Memo

ENTRIES = st.lists(st.tuples(st.binary(max_size=2), st.integers(1, 60)), max_size=40)


@given(ENTRIES)
def test_the_newest_values_that_fit_are_remembered(entries: list[tuple[bytes, int]]) -> None:
    memo: Memo[bytes] = Memo(100)
    held: dict[bytes, int] = {}
    for key, size in entries:
        assert memo.put(key, b"value of " + key, size) == b"value of " + key
        held.setdefault(key, size)
        while sum(held.values()) > 100:
            del held[next(iter(held))]
        for each in {key for key, _ in entries}:
            assert memo.get(each) == (b"value of " + each if each in held else None)


def test_a_value_that_is_larger_than_the_memo_is_not_remembered() -> None:
    memo: Memo[str] = Memo(100)
    memo.put(b"a", "small", 10)
    memo.put(b"b", "large", 101)
    assert (memo.get(b"a"), memo.get(b"b")) == (None, None)
    memo.put(b"c", "small", 100)
    assert memo.get(b"c") == "small"
