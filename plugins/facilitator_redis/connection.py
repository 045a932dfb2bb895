"""The client in use, which is made again whenever its connections may lead to the wrong server."""

import math
import threading
import time
from contextlib import suppress

from facilitator.plugin import StorageUnavailable
from facilitator_redis.address import Address
from facilitator_redis.client import Client, close_idle, connect
from facilitator_redis.errors import NoAnswer

RENEW_SECONDS = 5.0
"""Least time between two clients that are made since the server refuses commands."""


class Connection:
    """One client for all threads, connected at the first use by the names in the address.

    A new client resolves these names again, as after a failover behind one name, or when all nodes
    of a Cluster were replaced.
    """

    def __init__(self, address: Address, timeout_seconds: float) -> None:
        """Wait ``timeout_seconds`` for each answer."""
        self.address = address
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._connecting = threading.Lock()
        self._client: Client | None = None
        self._is_closed = False
        self._failures = 0
        self._failure: Exception | None = None
        self._renewed_at = -math.inf

    def client(self) -> Client:
        """Return the client, connected if need be. Raises redis-py's errors.

        Of threads that wait for one that connects, none connects again if that one fails.
        """
        failures = self._failures
        if (client := self._current()) is not None:
            return client
        with self._connecting:
            if (client := self._current()) is not None:
                return client
            if self._failure is not None and self._failures != failures:
                raise self._failure
            return self._connect()

    def _connect(self) -> Client:
        address = self.address
        try:
            client = connect(address, self._timeout_seconds)
        except NoAnswer as error:
            self._failure, self._failures = error, self._failures + 1
            raise
        with self._lock:
            self._failure = None
            if address is self.address and not self._is_closed:  # else it serves this call alone
                self._client = client
        return client

    def drop(self, client: Client) -> None:
        """Leave the client to the calls that use it; the next call makes a new one."""
        with self._lock:
            if self._client is client:
                self._client = None
        _close_idle(client)

    def renew(self) -> None:
        """Have a next call make a new client, unless that was done just now.

        A server that refuses commands may be the former primary, without saying so.
        """
        with self._lock:
            client, now = self._client, time.monotonic()
            if client is None or now - self._renewed_at < RENEW_SECONDS:
                return
            self._client, self._renewed_at = None, now
        _close_idle(client)

    def tidy(self, client: Client) -> None:
        """Close what a call has left in a client that is no longer the current one."""
        if self._client is not client:
            _close_idle(client)

    def change(self, address: Address) -> None:
        """Connect to this address from now on."""
        with self._lock:
            self.address = address
            client, self._client = self._client, None
        if client is not None:
            _close_idle(client)

    def close(self) -> None:
        """Close all connections and open no others."""
        with self._lock:
            self._is_closed = True
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _current(self) -> Client | None:
        with self._lock:
            if self._is_closed:
                raise StorageUnavailable(
                    "the storage is closed", f"the connection to Redis at {self.address} is closed"
                )
            return self._client


def _close_idle(client: Client) -> None:
    with suppress(*NoAnswer, OSError):
        close_idle(client)
