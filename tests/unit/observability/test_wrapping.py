"""Lines that are broken where the terminal ends."""

import fcntl
import io
import os
import pty
import struct
import termios
from collections.abc import Iterator
from typing import TextIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.observability.wrapping import fitted, wrapped

ID = "f361c370ca44bc2cbfc737a8e7c364d956dcb486ae5997b9e8cedb559c286f3a"


@pytest.fixture
def terminal(request: pytest.FixtureRequest) -> Iterator[TextIO]:
    """A terminal of so many columns."""
    own, others = pty.openpty()
    fcntl.ioctl(others, termios.TIOCSWINSZ, struct.pack("HHHH", 24, request.param, 0, 0))
    with open(others, "w") as stream:
        yield stream
    os.close(own)


@pytest.mark.parametrize("terminal", [80], indirect=True)
def test_a_line_is_broken_between_words_and_an_id_stays_whole(terminal: TextIO) -> None:
    paying = f"paying with the transaction {ID}"
    assert fitted(f"{paying}\nshort", terminal) == f"paying with the transaction\n  {ID}\nshort"
    assert fitted(paying, io.StringIO()) == paying


@pytest.mark.parametrize("terminal", [0, 20], indirect=True)
def test_a_terminal_without_a_width_for_words_gets_the_text_as_it_is(terminal: TextIO) -> None:
    assert fitted("word " * 40, terminal) == "word " * 40


def test_what_continues_a_row_stands_below_its_last_column() -> None:
    row = "  pass  max tx size  the transaction is as large as the ledger allows it"
    assert wrapped(row, 50).splitlines() == [
        "  pass  max tx size  the transaction is as large",
        "                     as the ledger allows it",
    ]


def test_an_id_that_has_no_room_below_the_last_column_has_it_further_left() -> None:
    assert wrapped(f"20:00:52.666 INFO     settled tx={ID} depth=1", 80).splitlines() == [
        "20:00:52.666 INFO     settled",
        f"  tx={ID} depth=1",
    ]


@given(st.text("ab  -\u2026", max_size=200), st.integers(40, 100))
def test_no_line_is_too_wide_and_no_word_is_lost(line: str, width: int) -> None:
    lines = wrapped(line, width).splitlines()
    assert " ".join(lines).split() == line.split()
    for each in lines:
        assert len(each) <= width or " " not in each.strip()
