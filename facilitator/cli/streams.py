"""Standard output and error, whatever they are: closed, full, or of a small alphabet."""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def make_writable() -> None:
    """Let any text be written: a closed stream drops it, characters it lacks are escaped."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # the file descriptor was closed before the start
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 -- open to the end
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def is_of_output(error: OSError) -> bool:
    """Return True if the error says that a stream is full; those of files name the file."""
    return error.errno == errno.ENOSPC and error.filename is None


def drop_output() -> None:
    """Keep the interpreter from flushing at its end what no reader takes."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def until_reader_leaves() -> Iterator[None]:
    """Leave the ``with`` block once nothing reads the output any more, such as ``head``."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()


def write_utf8_lines() -> None:
    """Write UTF-8 from now on, whatever the terminal's alphabet, and each line end as it is."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="")
