"""A client of redis-py for each form of address."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias, cast

from redis import Redis, RedisCluster
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.retry import Retry
from redis.sentinel import SentinelConnectionPool

from facilitator_redis.address import Address, Form
from facilitator_redis.sentinels import Sentinels

CLIENT_NAME = "x402-facilitator"
CONNECT_SECONDS = 1.0
MAX_CONNECTIONS = 8192
"""A number above that of all threads: none waits or fails for want of a connection."""

Value: TypeAlias = str | bytes | int | float
"""A part of a command."""


class Client(Protocol):
    """The used part of redis-py, much of which has no types."""

    def execute_command(self, *command: Value) -> Any:
        """Send a command; return its reply, with texts as bytes."""
        ...

    def info(self, section: str) -> Any:
        """Return the values of the command ``INFO`` by name."""
        ...

    def pipeline(self, transaction: bool) -> Any:
        """Return a pipeline, which sends commands together on one connection."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...


def connect(address: Address, timeout_seconds: float) -> Client:
    """Return a client that repeats no command by itself; only one of a Cluster connects at once."""
    options = _options(address, timeout_seconds)
    login: dict[str, Any] = {"username": address.username, "password": address.password}
    client: Any
    if address.form is Form.CLUSTER:
        nodes = [_node(host, port) for host, port in address.hosts]
        client = RedisCluster(startup_nodes=nodes, **login, **options)
    elif address.form is Form.SENTINEL:
        client = _sentinels(address, options).master_for(
            address.service, db=address.database, **login, **options
        )
    else:
        host, port = address.hosts[0]
        client = Redis(host=host, port=port, db=address.database, **login, **options)
    found: Client = client
    return found


def close_idle(client: Client) -> None:
    """Close the connections that no call uses at present, those to Sentinels included."""
    clients: list[Any] = [client]
    if isinstance(client, RedisCluster):
        nodes = cast(Any, client).get_nodes()
        clients = [node.redis_connection for node in nodes if node.redis_connection is not None]
    elif isinstance(pool := cast(Any, client).connection_pool, SentinelConnectionPool):
        clients += pool.sentinel_manager.sentinels
    for each in clients:
        each.connection_pool.disconnect(inuse_connections=False)


def _node(host: str, port: int) -> ClusterNode:
    return ClusterNode(host, port)  # type: ignore[no-untyped-call]  # redis-py says no types


def _sentinels(address: Address, options: Mapping[str, Any]) -> Any:
    login = {
        "username": address.options.get("sentinel_username"),
        "password": address.options.get("sentinel_password"),
    }
    return Sentinels(  # type: ignore[no-untyped-call]  # redis-py says no types
        address.hosts, sentinel_kwargs={**options, **login}
    )


def _options(address: Address, timeout_seconds: float) -> dict[str, Any]:
    return {
        # By default redis-py repeats lost calls up to ten times, also those that must not be.
        "retry": Retry(NoBackoff(), 0),
        "socket_connect_timeout": min(CONNECT_SECONDS, timeout_seconds),
        "socket_timeout": timeout_seconds,
        "socket_keepalive": True,
        "health_check_interval": 30,
        "max_connections": MAX_CONNECTIONS,
        "client_name": CLIENT_NAME,
        "protocol": 2,
        **({"ssl": True, **address.tls_files()} if address.tls else {}),
    }
