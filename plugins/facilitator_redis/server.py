"""Commands to Redis: bounded in time, repeated only where that is safe, errors explained."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from redis import exceptions

from facilitator.plugin import ChangeLog, Circuit, StorageUnavailable
from facilitator_redis.address import Address
from facilitator_redis.client import Client, Value
from facilitator_redis.connection import Connection
from facilitator_redis.errors import (
    NoAnswer,
    NotReplicated,
    explained,
    is_refusal,
    is_wrong_server,
    lost_its_login,
)
from facilitator_redis.script import Script

_log = logging.getLogger("facilitator.redis")


class Server:
    """Redis in any form. Every method raises ``StorageUnavailable``.

    After a missing answer no call is made for a moment: calls then fail at once.
    """

    def __init__(self, address: Address, timeout_seconds: float, *, is_logged: bool = True) -> None:
        """Wait ``timeout_seconds`` for each answer; connect at the first use.

        With ``is_logged``, the log has one line when calls begin to fail, and when they work again.
        """
        self._connection = Connection(address, timeout_seconds)
        self._timeout_seconds = timeout_seconds
        self._circuit = Circuit()
        self._log = ChangeLog(_log, f"Redis at {address}") if is_logged else None

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

        answer = self._ask(call, repeatable=repeatable)
        if script.writes and self._log:
            self._log.works()
        return answer

    def read(self, *command: Value) -> Any:
        """Return the result of a command that changes nothing."""
        return self._ask(lambda client: client.execute_command(*command), repeatable=True)

    def info(self, section: str) -> dict[str, Any]:
        """Return a section of ``INFO``, such as ``memory``; in a Cluster, of any one server.

        A refusal is not logged: access rules may forbid the command.
        """
        values = self._ask(lambda client: client.info(section), repeatable=True, is_logged=False)
        return dict(values)

    def change_login(self, address: Address) -> None:
        """Connect by this address, of the same Redis, from now on; no call is broken off."""
        if address != self._connection.address:
            self._connection.change(address)
            self._circuit.worked()

    def close(self) -> None:
        """Close all connections and open no others."""
        self._connection.close()

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
            # The server may be cut off and replaced: a new connection leads to the new one.
            self._connection.drop(client)
            raise NotReplicated
        return answer

    def _ask(
        self, call: Callable[[Client], Any], *, repeatable: bool, is_logged: bool = True
    ) -> Any:
        if complaint := self._circuit.complaint():
            raise StorageUnavailable(*complaint)
        try:
            answer = self._try(call, repeatable=repeatable)
        except NoAnswer as error:
            complaint = explained(self._connection.address, error)
            if is_refusal(error):
                self._circuit.worked()
                if is_logged:
                    self._connection.renew()
            else:
                self._circuit.failed(complaint)
            if self._log and is_logged:
                self._log.fails(complaint)
            raise StorageUnavailable(*complaint) from error
        self._circuit.worked()
        return answer

    def _try(self, call: Callable[[Client], Any], *, repeatable: bool) -> Any:
        """Call, and once more on a new connection if that is safe and may help.

        After a restart or a failover, all connections that are open are dead, or lead to a server
        that is no longer the primary.
        """
        try:
            return self._once(call)
        except NoAnswer as error:
            if not self._may_be_repeated(error, repeatable=repeatable):
                raise
        return self._once(call)

    def _once(self, call: Callable[[Client], Any]) -> Any:
        client = self._connection.client()
        try:
            return call(client)
        except NoAnswer as error:
            if self._may_be_the_connection(error):
                self._connection.drop(client)
            raise
        finally:
            self._connection.tidy(client)

    def _may_be_the_connection(self, error: Exception) -> bool:
        """Return True if another connection may lead to a server that does what was asked.

        Where only the login of new connections is refused, those that are open still serve.
        """
        if isinstance(error, exceptions.AuthenticationError):
            return lost_its_login(self._connection.address, error)
        return not is_refusal(error) and not isinstance(error, exceptions.MaxConnectionsError)

    def _may_be_repeated(self, error: Exception, *, repeatable: bool) -> bool:
        """Return True if a second call may help and does no harm.

        A time-out is not tried again, nor a Cluster without nodes: that would only double the wait.
        """
        if not self._may_be_the_connection(error):
            return False
        if is_wrong_server(error) or isinstance(error, exceptions.AuthenticationError):
            return True  # nothing was done
        waited_for = (exceptions.TimeoutError, exceptions.RedisClusterException)
        return repeatable and not isinstance(error, waited_for)
