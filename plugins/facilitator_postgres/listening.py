"""Listening for entries of the feed (``LISTEN``), on a connection of its own."""

import math
import threading
from collections.abc import Callable

import psycopg

from facilitator.plugin import StorageUnavailable
from facilitator_postgres.database import Database, in_schema

_LOOK_SECONDS = 1.0
"""Seconds after which it is seen that listening has ended, or is tried again."""


class Listener:
    """A thread that calls when another process has published an entry.

    While PostgreSQL is away nothing is announced, and nothing logged: the calls say so.
    """

    def __init__(self, database: Database) -> None:
        """Listen to nothing yet."""
        self._database = database
        self._calls: dict[str, Callable[[], None]] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def listen(self, network: str, call: Callable[[], None]) -> None:
        """Have ``call`` called after each entry of the network."""
        with self._lock:
            self._calls[network] = call
            if self._thread is None and not self._ended.is_set():
                self._thread = threading.Thread(
                    target=self._run, name="postgres listens", daemon=True
                )
                self._thread.start()

    def close(self) -> None:
        """End the thread within a moment."""
        with self._lock:
            self._ended.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._listen()
            except (psycopg.Error, StorageUnavailable):
                self._ended.wait(_LOOK_SECONDS)

    def _listen(self) -> None:
        with self._database.connections.connect() as connection:
            connection.execute(in_schema("LISTEN {schema}", self._database.schema))
            connection.answer_seconds = math.inf  # notices may be hours apart
            while not self._ended.is_set():
                for notice in connection.notifies(timeout=_LOOK_SECONDS):
                    if call := self._calls.get(notice.payload):
                        call()
