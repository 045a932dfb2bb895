"""Commands to Redis: bounded in time, repeated only where that is safe, errors explained."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from redis import exceptions

from facilitator.plugin import StorageUnavailable
from facilitator_redis.address import Address
from facilitator_redis.circuit import Circuit
from facilitator_redis.client import Client, Value, connect
from facilitator_redis.errors import NoAnswer, NotReplicated, explained, is_refusal
from facilitator_redis.scripts import Script


class Server:
    """Redis in any form. Every method raises ``StorageUnavailable``.

    After a missing answer no call is made for a moment: calls then fail at once.
    """

    def __init__(self, address: Address, timeout_seconds: float) -> None:
        """Wait ``timeout_seconds`` for each answer; connect at the first use."""
        self._address = address
        self._timeout_seconds = timeout_seconds
        self._circuit = Circuit()
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._is_closed = False

    def run(
        self,
        script: Script,
        keys: Sequence[str],
        arguments: Sequence[Value],
        *,
        repeatable: bool = True,
        replicas: int = 0,
    ) -> Any:
        """Run the script; return its result. ``repeatable`` means that a second run does no harm.

        So many ``replicas`` have its writes by then.
        """
        values = (len(keys), *keys, *arguments)

        def send(client: Client, *command: Value) -> Any:
            if replicas == 0:
                return client.execute_command(*command)
            return self._replicated(client, command, replicas)

        def call(client: Client) -> Any:
            try:
                return send(client, "EVALSHA", script.sha1, *values)
            except exceptions.NoScriptError:  # nothing has run; EVAL loads the script
                return send(client, "EVAL", script.text, *values)

        return self._ask(call, repeatable=repeatable)

    def read(self, *command: Value) -> Any:
        """Return the result of a command that changes nothing."""
        return self._ask(lambda client: client.execute_command(*command), repeatable=True)

    def info(self, section: str) -> dict[str, Any]:
        """Return a section of ``INFO``, such as ``memory``; in a Cluster, of any one server."""
        values = self._ask(lambda client: client.info(section), repeatable=True)
        return dict(values)

    def close(self) -> None:
        """Close all connections and open no others."""
        with self._lock:
            self._is_closed = True
            if self._client is not None:
                self._client.close()

    def _replicated(self, client: Client, command: Sequence[Value], replicas: int) -> Any:
        """Send a command and wait for the replicas, on one connection as ``WAIT`` needs."""
        pipeline = client.pipeline(transaction=False)
        pipeline.execute_command(*command)
        pipeline.execute_command("WAIT", replicas, int(self._timeout_seconds * 500))
        answer, reached = pipeline.execute(raise_on_error=False)
        for each in (answer, reached):
            if isinstance(each, Exception):
                raise each
        if reached < replicas:
            # The server may be cut off and replaced: Sentinel names the new one on reconnection.
            client.connection_pool.disconnect(inuse_connections=False)
            raise NotReplicated
        return answer

    def _ask(self, call: Callable[[Client], Any], *, repeatable: bool) -> Any:
        if complaint := self._circuit.complaint():
            raise StorageUnavailable(complaint)
        try:
            answer = self._try(call, repeatable=repeatable)
        except NoAnswer as error:
            text = explained(self._address, error)
            if is_refusal(error):
                self._circuit.worked()
            else:
                self._circuit.failed(text)
            raise StorageUnavailable(text) from error
        self._circuit.worked()
        return answer

    def _try(self, call: Callable[[Client], Any], *, repeatable: bool) -> Any:
        try:
            return call(self._connected())
        except exceptions.ConnectionError:
            # After a restart or a failover all open connections are dead.
            # A time-out is not tried again: that would only double the wait.
            if not repeatable:
                raise
            return call(self._connected())

    def _connected(self) -> Client:
        with self._lock:
            if self._is_closed:
                raise StorageUnavailable(f"the connection to Redis at {self._address} is closed")
            if self._client is None:
                self._client = connect(self._address, self._timeout_seconds)
            return self._client
