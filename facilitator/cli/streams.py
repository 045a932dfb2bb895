"""Standard output and error, whatever they are: closed, full, or of a small alphabet."""

import errno
import io
import os
import sys


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
