"""Progress on a terminal: how long a command has been waiting."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from facilitator.observability.wrapping import fitted


class Progress:
    """Lines on a stream. On a terminal, a last line counts the seconds since the line before."""

    def __init__(self, stream: TextIO) -> None:
        """Write to the stream."""
        self._stream = stream
        self._lock = threading.Lock()
        self._seconds = 0
        self._is_counting = False

    def report(self, line: str) -> None:
        """Write the line in place of the count."""
        with self._lock:
            self._erase()
            self._write(f"{fitted(line, self._stream)}\n")
            self._seconds = 0

    @contextmanager
    def counting(self, every: float = 1.0) -> Iterator[None]:
        """Count in the ``with`` block, each ``every`` seconds, if the stream is a terminal.

        Warnings that are logged meanwhile are reported.
        """
        warnings = _Warnings(self)
        logging.getLogger().addHandler(warnings)
        done = threading.Event()
        thread = threading.Thread(target=self._count, args=(done, every), daemon=True)
        if self._stream.isatty():
            thread.start()
        try:
            yield
        finally:
            logging.getLogger().removeHandler(warnings)
            done.set()
            if thread.ident is not None:
                thread.join()
            self._erase()

    def _count(self, done: threading.Event, every: float) -> None:
        while not done.wait(every):
            with self._lock:
                self._seconds += 1
                self._is_counting = True
                self._write(f"\rwaiting: {self._seconds} s")

    def _erase(self) -> None:
        if self._is_counting:
            self._write("\r" + " " * len(f"waiting: {self._seconds} s") + "\r")
            self._is_counting = False

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class _Warnings(logging.Handler):
    """A handler of the log that reports each warning as a line of its own."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(logging.WARNING)
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._progress.report(self.format(record))
        except Exception:  # who logs does not fail for it, as with any handler
            self.handleError(record)
