"""Progress on a terminal: how long a command has been waiting."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Terminal(Protocol):
    """The part of a text stream that is needed."""

    def isatty(self) -> bool:
        """Return True if a person looks at it."""
        ...

    def write(self, text: str, /) -> int:
        """Write the text."""
        ...

    def flush(self) -> None:
        """Write at once."""
        ...


class Progress:
    """Lines on a stream. On a terminal, a last line counts the seconds since the line before."""

    def __init__(self, stream: Terminal) -> None:
        """Write to the stream."""
        self._stream = stream
        self._lock = threading.Lock()
        self._seconds = 0
        self._is_counting = False

    def report(self, line: str) -> None:
        """Write the line in place of the count."""
        with self._lock:
            self._erase()
            self._write(f"{line}\n")
            self._seconds = 0

    @contextmanager
    def counting(self, every: float = 1.0) -> Iterator[None]:
        """Count in the ``with`` block, each ``every`` seconds, if the stream is a terminal."""
        if not self._stream.isatty():
            yield
            return
        done = threading.Event()
        thread = threading.Thread(target=self._count, args=(done, every), daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
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
