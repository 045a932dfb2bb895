"""The order of tests for several workers: none is left with long ones when the others are done.

pytest-xdist gives each worker as many neighbours in the list (``--dist worksteal``), and whoever is
done takes over tests of others, those at the end of what they have left.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import Protocol, TypeVar


class Placed(Protocol):
    """A test, as pytest's items are."""

    @property
    def path(self) -> Path:
        """The file that it is in."""


Test = TypeVar("Test", bound=Placed)


def deal(
    tests: Sequence[Test], workers: int, long: Sequence[Path], together: Sequence[Path] = ()
) -> list[Test]:
    """Return the tests such that each worker begins with its share of those in the long folders.

    Tests of one file stay together, and those of each folder in ``together``, since they may share
    what takes long to make.
    """

    def place(test: Test) -> Path:
        return next(filter(test.path.is_relative_to, together), test.path)

    first = [each for each in tests if any(map(each.path.is_relative_to, long))]
    chosen = set(map(id, first))
    others = iter([each for each in tests if id(each) not in chosen])
    hands: list[list[Test]] = [[] for _ in range(workers)]
    for number, (_, some) in enumerate(groupby(first, place)):
        hands[number % workers].extend(some)
    for hand, size in zip(hands, _sizes(len(tests), workers), strict=True):
        hand.extend(islice(others, max(0, size - len(hand))))
    return [*(each for hand in hands for each in hand), *others]


def _sizes(tests: int, workers: int) -> Iterator[int]:
    """Yield how many tests each worker is given at first."""
    for left in range(workers, 0, -1):
        yield tests // left
        tests -= tests // left
