"""What the command prints to a terminal, and what it keeps from files and pipes."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

COLUMNS = 80


class Terminal:
    """A command whose standard output and error are a terminal."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(self, *words: str, **environ: str) -> str:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("FACILITATOR_")}
        for name in ("NO_COLOR", "TERM"):
            inherited.pop(name, None)
        own, others = pty.openpty()
        fcntl.ioctl(others, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
        with subprocess.Popen(
            [sys.executable, "-P", "-m", "facilitator", *words],
            cwd=self._folder,
            env={**inherited, "TERM": "xterm", **environ},
            stdin=subprocess.DEVNULL,
            stdout=others,
            stderr=others,
        ):
            os.close(others)
            shown = b"".join(_parts(own))
        os.close(own)
        return shown.decode().replace("\r\n", "\n")


def _parts(terminal: int) -> Iterator[bytes]:
    """What is written, until nothing holds the terminal open; Linux says so by an error."""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            return
        if not part:
            return
        yield part


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def test_verdicts_have_colours_on_a_terminal(terminal: Terminal) -> None:
    shown = terminal.run("check", FACILITATOR_SERVER__PORT="x", PYTHONUTF8="1")
    assert shown.startswith("\x1b[31m✗\x1b[0m settings: server.port: must be a whole number")


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colour_is_kept_from_those_who_want_none(
    terminal: Terminal, environ: dict[str, str]
) -> None:
    shown = terminal.run("check", FACILITATOR_SERVER__PORT="x", PYTHONUTF8="1", **environ)
    assert shown.startswith("✗ settings: ")


def test_a_remedy_fits_the_screen(terminal: Terminal) -> None:
    shown = terminal.run("check", FACILITATOR_NETWROK="x", NO_COLOR="1", PYTHONUTF8="1")
    assert shown.splitlines() == [
        "✗ settings: netwrok: unknown setting, did you mean network? (environment",
        "  variable FACILITATOR_NETWROK)",
    ]


def test_headings_of_tables_are_bold_on_a_terminal(terminal: Terminal) -> None:
    lines = terminal.run("settings").splitlines()
    assert [line for line in lines if "\x1b" in line] == [lines[2]]
    assert lines[2].startswith("\x1b[1mSETTING ")


@pytest.mark.parametrize(
    ("setting", "begins"),
    [({}, " \x1b[33mWARNING \x1b[0m the devnet "), ({"FACILITATOR_LOG__FORMAT": "json"}, "{")],
)
def test_the_log_is_for_people_on_a_terminal_unless_it_is_set(
    terminal: Terminal, setting: dict[str, str], begins: str
) -> None:
    """The start fails after its first line, since the address is not this machine's."""
    shown = terminal.run(
        "serve", "--host", "192.0.2.1", FACILITATOR_PLUGINS="devnet,memory", **setting
    )
    first = shown.splitlines()[0]
    assert first.startswith(begins) or first[12:].startswith(begins)
