"""Runs whose claims are in Redis, and what can befall its servers."""

import threading
import time
from pathlib import Path

from chaos.history import Loss
from chaos.kept import Kept
from chaos.plan import Trouble, Upset
from facilitator.payments.outbox import Outbox
from facilitator.roles.metrics import NO_METER
from facilitator.roles.payment_ledger import KeepsOutbox, PaymentLedger
from facilitator.roles.storage import Storage
from facilitator.testing.waiting import eventually
from facilitator_redis.address import parse_address
from facilitator_redis.server import Server
from facilitator_redis.storage import RedisStorage
from facilitator_sqlite.database import Database
from facilitator_sqlite.ledger import SqliteLedger
from support.proxies import Proxy
from support.redis_servers import (
    SERVICE,
    RedisServer,
    Replicated,
    cut_off,
    is_linked,
)

PREFIX = "chaos"
UNSENT_SECONDS = 1.0
"""For how long a primary may have kept a change to itself; it sends each to its replica at once."""
DOWN_AFTER_SECONDS = 4


class KeptInRedis(Kept):
    """On one server, which writes each change to its file before it answers.

    The payment ledger is in an SQLite file.
    """

    plugin = "redis,sqlite"

    def __init__(self, url: str, server: RedisServer, ledger: Path) -> None:
        environ = {
            "FACILITATOR_REDIS__URL": url,
            "FACILITATOR_REDIS__PREFIX": PREFIX,
            "FACILITATOR_SQLITE__STORAGE": "false",
            "FACILITATOR_SQLITE__PATH": str(ledger),
        }
        super().__init__(environ, lambda: RedisStorage(Server(parse_address(url), 10.0), PREFIX))
        self.server = server
        self._ledger = ledger

    def ledger(self, storage: Storage) -> PaymentLedger:
        """With all that waits for it, as after the next start."""
        assert isinstance(storage, KeepsOutbox)
        ledger = SqliteLedger(Database(str(self._ledger), busy_seconds=30.0))
        outbox = Outbox(storage, NO_METER)
        while outbox.hand_over(ledger):
            pass
        return ledger

    def suffer(self, trouble: Trouble) -> None:
        match trouble.upset:
            case Upset.RESTART:
                self.server.kill()
                time.sleep(trouble.seconds / 4)
                self.server.start()
            case Upset.PAUSE:
                self.server.pause()
                time.sleep(trouble.seconds)
                self.server.resume()
            case Upset.HOLD_WRITES:
                milliseconds = str(int(trouble.seconds * 500))
                self.server.command("CLIENT", "PAUSE", milliseconds, "WRITE")
                time.sleep(trouble.seconds / 2)
            case _:
                super().suffer(trouble)


class KeptReplicated(KeptInRedis):
    """On a primary with replicas, and a Sentinel that puts one of these in its place.

    Each change of a claim is in a replica before it counts, so that one is lost neither by an
    orderly failover nor by a primary that is cut off and goes on answering. When a primary is
    killed, or given up by Sentinel itself, that may choose a replica by figures which are a second
    old: that span is noted as one in which records may be lost.
    """

    def __init__(self, servers: Replicated, ledger: Path) -> None:
        super().__init__(servers.url, servers.primary, ledger)
        self._environ = {**self._environ, "FACILITATOR_REDIS__REPLICAS": "1"}
        self._sentinel = servers.sentinel
        self._servers = (servers.primary, *servers.replicas)
        self._set_up_sentinel()
        self._is_awaited = False
        """Whether another primary is about to come without a loss."""
        self._closing = threading.Event()
        self._watch = threading.Thread(target=self._keep_watching, daemon=True)
        self._watch.start()

    def close(self) -> None:
        self._closing.set()
        self._watch.join()

    def suffer(self, trouble: Trouble) -> None:
        primary, others = self._roles()
        match trouble.upset:
            case Upset.FAIL_OVER:
                self._is_awaited = True
                eventually(self._is_failing_over)
                self._turned(primary)
            case Upset.LOSE_PRIMARY:
                since = time.monotonic() - UNSENT_SECONDS
                primary.kill()
                eventually(lambda: self._primary_port() != primary.port)
                self.losses.append(Loss(since, time.monotonic(), trouble.upset))
                primary.start()
                self._turned(primary)
            case Upset.CUT_OFF:
                self._is_awaited = True
                cut_off(primary, others, self._sentinel)
                self._set_up_sentinel()
                time.sleep(trouble.seconds)
                self._turned(primary)
            case _:
                self.server = primary
                super().suffer(trouble)

    def _set_up_sentinel(self) -> None:
        # Less, and a busy machine has failovers that were not asked for.
        down_after = ("down-after-milliseconds", str(1000 * DOWN_AFTER_SECONDS))
        for setting in (down_after, ("failover-timeout", "2000")):
            assert self._sentinel.command("SENTINEL", "SET", SERVICE, *setting) == "+OK"

    def _is_failing_over(self) -> bool:
        reply = self._sentinel.command("SENTINEL", "FAILOVER", SERVICE, "COORDINATED")
        return reply == "+OK"

    def _turned(self, before: RedisServer) -> None:
        """Wait until another is the primary and all others its replicas, which have all it has."""
        eventually(lambda: self._primary_port() != before.port)
        now, others = self._roles()
        for each in others:
            each.command("REPLICAOF", "127.0.0.1", str(now.port))
        eventually(lambda: all(map(is_linked, others)))
        self._is_awaited = False

    def _roles(self) -> tuple[RedisServer, list[RedisServer]]:
        """The primary, and the others."""
        port = self._primary_port()
        (primary,) = (each for each in self._servers if each.port == port)
        return primary, [each for each in self._servers if each.port != port]

    def _primary_port(self) -> int:
        info = self._sentinel.command("INFO", "sentinel")
        return int(info.partition("address=127.0.0.1:")[2].partition(",")[0])

    def _keep_watching(self) -> None:
        before, since = self._primary_port(), time.monotonic()
        while not self._closing.wait(0.1):
            try:
                now, at = self._primary_port(), time.monotonic()
            except (OSError, ValueError):  # too busy to answer
                continue
            if now != before and not self._is_awaited:
                since -= DOWN_AFTER_SECONDS + UNSENT_SECONDS
                self.losses.append(Loss(since, at + UNSENT_SECONDS, "a failover in a hurry"))
            before, since = now, at


class KeptSwitched(KeptInRedis):
    """On a server and its replica, which take turns behind one address.

    Each change of a claim is in the replica before it counts, so that none is lost.
    """

    def __init__(self, server: RedisServer, replica: RedisServer, ledger: Path) -> None:
        self._switch = Proxy(server.port)
        super().__init__(f"redis://127.0.0.1:{self._switch.port}/0", server, ledger)
        self._environ = {**self._environ, "FACILITATOR_REDIS__REPLICAS": "1"}
        self._replica = replica

    def close(self) -> None:
        self._switch.close()

    def suffer(self, trouble: Trouble) -> None:
        """Swap the two; the connections that are open stay as they are."""
        if trouble.upset not in (Upset.SWAP, Upset.SWAP_ALONE):
            super().suffer(trouble)
            return
        before, self.server = self.server, self._replica
        self._replica = before
        assert self.server.command("REPLICAOF", "NO", "ONE") == "+OK"
        if trouble.upset is Upset.SWAP_ALONE:
            self._switch.lead_to(self.server.port)
            time.sleep(trouble.seconds)
            self._follow()
        elif trouble.draw < 0.5:  # the address is slow to follow
            self._follow()
            self._switch.lead_to(self.server.port)
        else:
            self._switch.lead_to(self.server.port)
            self._follow()

    def _follow(self) -> None:
        """Make the one server the replica of the other, with all that that has."""
        of_server = ("REPLICAOF", "127.0.0.1", str(self.server.port))
        assert self._replica.command(*of_server) == "+OK"
        eventually(lambda: is_linked(self._replica))
