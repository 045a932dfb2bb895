"""The count of seconds while a command waits."""

import io
import logging

from facilitator.cli.progress import Progress
from facilitator.testing.waiting import eventually


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_that_the_command_waits() -> None:
    screen = Screen()
    progress = Progress(screen)
    with progress.counting(every=0.001):
        eventually(lambda: "waiting: 2 s" in screen.getvalue())
        progress.report("paying")
        eventually(lambda: "\rwaiting: 1 s" in screen.getvalue().partition("paying\n")[2])
    progress.report("done")
    before, _, after = screen.getvalue().partition("paying\n")
    for shown in (before, after):
        assert shown.rpartition("waiting")[2].partition(" s")[2].lstrip("\r").startswith(" ")
    assert screen.getvalue().endswith("\rdone\n")


def test_a_warning_takes_the_place_of_the_count() -> None:
    screen = Screen()
    with Progress(screen).counting(every=0.001):
        eventually(lambda: "waiting: 2 s" in screen.getvalue())
        logging.getLogger("of.a.plugin").warning("the devnet stands in")
    before, _, _ = screen.getvalue().partition("the devnet stands in\n")
    assert before.endswith(" \r")


def test_a_file_has_the_lines_alone() -> None:
    file = io.StringIO()
    progress = Progress(file)
    with progress.counting(every=0.001):
        progress.report("paying")
    progress.report("done")
    assert file.getvalue() == "paying\ndone\n"
