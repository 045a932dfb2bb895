"""Who does not lead learns of a block by its announcement."""

from contextlib import ExitStack, closing

import pytest

from facilitator.chain import follower
from facilitator.chain.followed_chain import build_followed_chain
from facilitator.roles.sharing import AnnouncesEntries
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NETWORK, NOW
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet
from support.polled import PolledChain
from support.postgres_servers import PostgresServer, needs_postgres
from support.postgres_storages import open_postgres

pytestmark = needs_postgres


def test_a_block_is_announced_to_who_does_not_lead(
    postgres_server: PostgresServer, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own look at the feed comes in an hour."""
    monkeypatch.setattr(follower, "_FEED_SECONDS", 3600.0)
    clock = ManualClock(NOW)
    faults: list[BaseException] = []
    with ExitStack() as stack:
        devnet = stack.enter_context(closing(Devnet(NETWORK, clock)))
        followers = []
        for _ in range(2):
            storage = stack.enter_context(closing(open_postgres(postgres_server.url, schema)))
            assert isinstance(storage, AnnouncesEntries)
            chain = build_followed_chain(PolledChain(devnet), storage, clock, faults.append)
            followers.append(stack.enter_context(closing(chain.follower)))
            begun = followers[-1].follow()

        def is_learned() -> bool:
            devnet.produce_block()
            return followers[1].follow().height > begun.height

        eventually(is_learned)
    assert faults == []


def test_announcements_come_again_after_an_outage(
    postgres_server: PostgresServer, schema: str
) -> None:
    heard: list[int] = []
    with closing(open_postgres(postgres_server.url, schema)) as storage:
        storage.announce(NETWORK, lambda: heard.append(1))
        storage.lead(NETWORK, "one", 0.0, 100.0)

        def is_announced(before: int) -> bool:
            newest = [entry.number for entry in storage.published(NETWORK, -1)]
            storage.publish(NETWORK, "one", sum(newest) + 1, b"", [], 1)
            return len(heard) > before

        eventually(lambda: is_announced(0))
        postgres_server.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE 'LISTEN %' AND pid <> pg_backend_pid()"
        )
        before = len(heard)
        eventually(lambda: is_announced(before))
