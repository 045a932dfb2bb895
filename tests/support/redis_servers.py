"""Redis or Valkey servers in every form."""

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from facilitator.testing.redis_server import (
    BINARY,
    SERVICE,
    RedisServer,
    command,
    free_port,
    needs_redis,
    running,
)
from facilitator.testing.waiting import eventually

SLOTS = 16384

__all__ = [
    "BINARY",
    "SERVICE",
    "Cluster",
    "RedisServer",
    "Replicated",
    "clustered",
    "command",
    "cut_off",
    "free_port",
    "is_linked",
    "needs_redis",
    "replicated",
    "running",
]


class Replicated:
    """A primary, its replicas, and a Sentinel that puts one of these in its place."""

    def __init__(
        self, primary: RedisServer, replicas: list[RedisServer], sentinel: RedisServer
    ) -> None:
        self.primary = primary
        self.replicas = replicas
        self.sentinel = sentinel

    @property
    def replica(self) -> RedisServer:
        """The first one."""
        return self.replicas[0]

    @property
    def url(self) -> str:
        nobody = free_port()
        return f"redis+sentinel://127.0.0.1:{nobody},127.0.0.1:{self.sentinel.port}/{SERVICE}/0"


def is_linked(replica: RedisServer) -> bool:
    """Whether it has all that its primary has."""
    return replica.shows("master_link_status:up", "INFO", "replication")


def cut_off(primary: RedisServer, others: list[RedisServer], sentinel: RedisServer) -> None:
    """Have another one be the primary of the rest, for whoever asks Sentinel from now on.

    The old one does not know, and goes on answering those that are connected to it.
    """
    assert sentinel.command("SENTINEL", "REMOVE", SERVICE) == "+OK"
    for each in others:
        assert each.command("REPLICAOF", "NO", "ONE") == "+OK"
    heir = max(others, key=_has_come_to)  # as Sentinel chooses
    for each in others:
        if each is not heir:
            assert each.command("REPLICAOF", "127.0.0.1", str(heir.port)) == "+OK"
    eventually(lambda: primary.shows("connected_slaves:0", "INFO", "replication"))
    monitor = ("SENTINEL", "MONITOR", SERVICE, "127.0.0.1", str(heir.port), "1")
    assert sentinel.command(*monitor) == "+OK"


def _has_come_to(server: RedisServer) -> int:
    told = server.command("INFO", "replication")
    return int(told.partition("master_repl_offset:")[2].split()[0])


@contextlib.contextmanager
def replicated(folder: Path, replicas: int = 1) -> Iterator[Replicated]:
    with contextlib.ExitStack() as stack:
        primary = stack.enter_context(running(folder / "primary"))
        of_primary = ("--replicaof", f"127.0.0.1 {primary.port}")
        copies = [
            stack.enter_context(running(folder / f"replica{number}", *of_primary))
            for number in range(replicas)
        ]
        eventually(lambda: all(map(is_linked, copies)))
        sentinel = stack.enter_context(running(folder / "sentinel", sentinel_of=primary.port))
        eventually(lambda: sentinel.shows(f"slaves={replicas}", "INFO", "sentinel"))
        yield Replicated(primary, copies, sentinel)


class Cluster:
    """Servers that divide the slots among them, and perhaps a replica of one of them."""

    def __init__(self, nodes: list[RedisServer]) -> None:
        self.nodes = nodes

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes[:2])
        return f"redis+cluster://{hosts}"

    def owner(self, key: str) -> RedisServer:
        """Who has the key's slot."""
        slot = self._slot(key)
        return next(node for node in self.nodes if _owns(node, int(slot)))

    def move_slot_of(self, key: str) -> None:
        """Give the key's slot, which must be empty, to the node after the one that has it."""
        slot, owner = self._slot(key), self.owner(key)
        heir = self.nodes[(self.nodes.index(owner) + 1) % len(self.nodes)]
        name = heir.command("CLUSTER", "MYID")
        for node in (heir, owner, *self.nodes):
            assert node.command("CLUSTER", "SETSLOT", slot, "NODE", name) == "+OK"

    def _slot(self, key: str) -> str:
        return self.nodes[0].command("CLUSTER", "KEYSLOT", key).removeprefix(":")


def _owns(node: RedisServer, slot: int) -> bool:
    nodes = node.command("CLUSTER", "NODES").splitlines()
    (own,) = (line.split() for line in nodes if "myself" in line)
    ranges = (part.partition("-") for part in own[8:])
    return any(int(first) <= slot <= int(last or first) for first, _, last in ranges)


@contextlib.contextmanager
def clustered(folder: Path, replica_of: str = "") -> Iterator[Cluster]:
    """Three primaries, and a replica of the one that has the slot of a key."""
    with contextlib.ExitStack() as stack:

        def start(name: str) -> tuple[RedisServer, int]:
            bus = free_port()
            options = ("--cluster-enabled", "yes", "--cluster-port", str(bus))
            timeout = ("--cluster-node-timeout", "2000")
            return stack.enter_context(running(folder / name, *options, *timeout)), bus

        started = [start(name) for name in ("a", "b", "c")]
        nodes = [node for node, _ in started]
        third = SLOTS // 3 + 1
        for index, node in enumerate(nodes):
            last = min(index * third + third, SLOTS) - 1
            node.command("CLUSTER", "ADDSLOTSRANGE", str(index * third), str(last))
        started += [start("replica")] if replica_of else []
        for node, bus in started:
            meet = ("CLUSTER", "MEET", "127.0.0.1", str(node.port), str(bus))
            assert nodes[0].command(*meet) == "+OK"
        for node, _ in started:
            eventually(partial(_is_complete, node, len(started)))
        cluster = Cluster(nodes)
        if replica_of:
            replica, _ = started[-1]
            primary = cluster.owner(replica_of).command("CLUSTER", "MYID")
            assert replica.command("CLUSTER", "REPLICATE", primary) == "+OK"
            eventually(lambda: is_linked(replica))
            for node in nodes:
                eventually(partial(_knows_a_replica, node))
        yield cluster


def _is_complete(node: RedisServer, nodes: int) -> bool:
    ready = node.shows("cluster_state:ok", "CLUSTER", "INFO")
    return ready and node.shows(f"cluster_known_nodes:{nodes}", "CLUSTER", "INFO")


def _knows_a_replica(node: RedisServer) -> bool:
    return node.shows("slave", "CLUSTER", "NODES")
