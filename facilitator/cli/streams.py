"""Standard output and error, whatever they are: closed, full, or of a small alphabet."""

import codecs
import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_PLAIN = {"…": "~", "≤": "<=", "≥": ">="}
_REPLACED = "facilitator.plain"


def make_writable() -> None:
    """Let any text be written: a closed stream drops it, characters it lacks are replaced.

    By plain ones of the same meaning where there are, else by escapes.
    """
    codecs.register_error(_REPLACED, _plain)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # the file descriptor was closed before the start
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 -- open to the end
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_REPLACED)


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """Replace what a codec lacks; see :func:`codecs.register_error`."""
    if isinstance(error, UnicodeEncodeError):
        plain = _PLAIN.get(error.object[error.start])
        if plain is not None:
            return plain, error.start + 1
    return codecs.backslashreplace_errors(error)


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
