"""Tests that take long are divided among the workers of pytest-xdist, and come first."""

from dataclasses import dataclass
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from support.dealing import deal

LONG = [Path("tests/system"), Path("tests/docs")]


@dataclass(frozen=True)
class Placed:
    path: Path
    number: int


files = st.lists(st.tuples(st.sampled_from(["system", "docs", "unit"]), st.integers(1, 5)))


@given(files, st.integers(1, 8))
def test_each_test_is_dealt_once(files: list[tuple[str, int]], workers: int) -> None:
    tests = made(files)
    dealt = deal(tests, workers, LONG)
    assert len(dealt) == len(tests)
    assert set(dealt) == set(tests)


def test_every_worker_begins_with_its_share_of_what_takes_long() -> None:
    tests = made([("docs", 1), *[("system", 2)] * 3, *[("unit", 3)] * 7])
    dealt = deal(tests, 2, LONG)
    assert [len(each) for each in (dealt[:14], dealt[14:])] == [14, 14]
    for hand, long in ((dealt[:14], 3), (dealt[14:], 4)):
        assert all(is_long(each) for each in hand[:long])
        assert not any(is_long(each) for each in hand[long:])


def test_tests_of_a_file_stay_together() -> None:
    dealt = deal(made([("system", 3)] * 9), 4, LONG)
    assert [each.number for each in dealt] == [0, 1, 2] * 9
    assert all(len({each.path for each in dealt[at : at + 3]}) == 1 for at in range(0, 27, 3))


def test_tests_of_a_folder_stay_together_where_they_share_something() -> None:
    tests = made([*[("docs", 2)] * 3, *[("system", 1)] * 3])
    dealt = deal(tests, 3, LONG, [Path("tests/docs")])
    assert [str(each.path.parent) for each in dealt[:6]] == ["tests/docs"] * 6


def made(files: list[tuple[str, int]]) -> list[Placed]:
    return [
        Placed(Path(f"tests/{folder}/{at}.py"), number)
        for at, (folder, count) in enumerate(files)
        for number in range(count)
    ]


def is_long(test: Placed) -> bool:
    return any(map(test.path.is_relative_to, LONG))
