"""A signal ends ``payments watch`` whenever it comes."""

import subprocess
import sys

SIGNALLED_AT_EACH_LINE = """
import signal, sys, threading
from facilitator.cli.payments.watching import until_signal

for line in range(60):
    left = line

    def trace(frame, event, argument):
        global left
        if event == "line":
            left -= 1
            if left == 0:
                sys.settrace(None)
                signal.raise_signal(signal.SIGTERM)
        return trace

    with until_signal() as ends:
        sys.settrace(trace)
        ends.wait(0.001)
        sys.settrace(None)
        if left > 0 or line == 0:
            signal.raise_signal(signal.SIGTERM)
        assert ends.is_set()
print("ended")
"""


def test_no_line_of_the_wait_misses_a_signal() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SIGNALLED_AT_EACH_LINE],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("ended\n", 0), done.stderr
