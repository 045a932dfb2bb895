"""Following the chain: catching up, rollbacks, lost connections, restarts, nodes that lag."""

import json
import logging
from contextlib import closing, suppress
from pathlib import Path

import pytest

from facilitator.plugin import (
    ChainUnavailable,
    InBlock,
    NotFound,
    NotFoundSince,
    PointNotFound,
    ProviderBehind,
    Spent,
    Unspent,
)
from facilitator.testing.clock import ManualClock
from facilitator.testing.waiting import eventually
from facilitator_devnet.ogmios.api import LOST
from facilitator_ogmios import chain_sync
from facilitator_ogmios.chain_sync import POINT_EVERY
from facilitator_ogmios.index import MOST_AT_ONCE
from facilitator_ogmios.points import PointFile
from support.ogmios import OgmiosUnderTest, provider_of, scripted, under_test
from support.proxies import proxy

NOWHERE = "ab" * 32


def pay(chain: OgmiosUnderTest) -> str:
    """Have a transaction in the newest block, and none of the provider's doing."""
    raw = chain.spend(chain.fund())
    transaction_id = chain.devnet.submit(raw)
    chain.devnet.produce_block()
    return transaction_id


def test_a_young_chain_is_read_from_its_origin(chain: OgmiosUnderTest) -> None:
    transaction_id = pay(chain)
    for _ in range(2 * MOST_AT_ONCE):
        chain.devnet.produce_block()
    assert isinstance(chain.provider.transaction(transaction_id), InBlock)
    assert chain.provider.transaction(NOWHERE) == NotFound()
    with chain.devnet.chain() as devnet:
        first = devnet.blocks[0].block.point
    assert len(chain.provider.blocks_after(first)) == MOST_AT_ONCE


def test_an_old_chain_is_read_from_its_tip(clock: ManualClock) -> None:
    with under_test(clock, blocks=2) as chain:
        old = pay(chain)
        for _ in range(3):
            chain.devnet.produce_block()
        oldest = chain.provider.tip().point
        with pytest.raises(NotFoundSince) as error:
            chain.provider.transaction(old)
        assert error.value.slot == oldest.slot
        new = pay(chain)
        chain.catch_up()
        assert isinstance(chain.provider.transaction(new), InBlock)
        assert [block.transactions for block in chain.provider.blocks_after(oldest)] == [(new,)]


def test_the_oldest_blocks_are_forgotten(clock: ManualClock) -> None:
    with under_test(clock, blocks=3) as chain:
        first = chain.provider.tip().point
        transaction_id = pay(chain)
        chain.catch_up()
        assert isinstance(chain.provider.transaction(transaction_id), InBlock)
        for _ in range(3):
            chain.make_block()
        with pytest.raises(NotFoundSince):
            chain.provider.transaction(transaction_id)
        with pytest.raises(PointNotFound):
            chain.provider.blocks_after(first)


def test_a_lost_node_is_come_back_to(
    chain: OgmiosUnderTest, caplog: pytest.LogCaptureFixture
) -> None:
    """The blocks that it made meanwhile are read, and those that it took back are gone."""
    caplog.set_level(logging.INFO)
    kept, dropped = pay(chain), pay(chain)
    chain.catch_up()
    chain.api.faults.answer(503, "findIntersection")
    chain.api.lose_node()
    eventually(chain.is_cut_off)
    for call in (chain.provider.tip, lambda: chain.provider.transaction(kept)):
        with pytest.raises(ChainUnavailable, match="connection to Ogmios failed") as error:
            call()
        assert LOST in error.value.detail
    chain.devnet.rollback(1, drop=True)
    new = pay(chain)
    chain.api.faults.clear()
    chain.catch_up()
    assert isinstance(chain.provider.transaction(kept), InBlock)
    assert isinstance(chain.provider.transaction(new), InBlock)
    assert chain.provider.transaction(dropped) == NotFound()
    assert "can be followed again" in caplog.text


def test_a_failure_that_lasts_is_logged_once(
    chain: OgmiosUnderTest, caplog: pytest.LogCaptureFixture
) -> None:
    chain.provider.tip()
    chain.api.faults.answer(503, "findIntersection")
    chain.api.counters.reset()
    chain.api.lose_node()
    eventually(lambda: chain.api.counts()["by_endpoint"].get("findIntersection", 0) > 3)
    assert caplog.text.count("cannot be followed") == 1


def test_a_rollback_beyond_the_index_begins_it_anew(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    with under_test(clock, blocks=3) as chain:
        for _ in range(2):
            chain.make_block()
        chain.provider.tip()
        for _ in range(4):
            chain.make_block()
        before = chain.provider.tip().point
        chain.devnet.rollback(5)
        chain.devnet.produce_block()
        chain.catch_up()
        with pytest.raises(PointNotFound):
            chain.provider.blocks_after(before)
        assert "a rollback beyond the 3 blocks" in caplog.text


def test_a_chain_that_began_anew_is_read_anew(chain: OgmiosUnderTest) -> None:
    old = pay(chain)
    chain.catch_up()
    chain.devnet.reset()
    chain.devnet.produce_block()
    chain.catch_up()
    assert chain.provider.transaction(old) == NotFound()


def test_after_a_restart_the_blocks_made_meanwhile_are_known(
    tmp_path: Path, clock: ManualClock
) -> None:
    path = str(tmp_path / "points.json")
    with under_test(clock, blocks=2 * POINT_EVERY, path=path) as chain:
        for _ in range(3 * POINT_EVERY):
            chain.devnet.produce_block()
        begun = chain.provider.tip().point
        eventually(lambda: PointFile(path).read() == [begun])
        for _ in range(POINT_EVERY):
            chain.devnet.produce_block()
        chain.catch_up()
        eventually(lambda: len(PointFile(path).read()) == 2)
        chain.provider.close()
        meanwhile = pay(chain)
        with closing(provider_of(chain.api.url, clock, blocks=POINT_EVERY, path=path)) as again:
            assert isinstance(again.transaction(meanwhile), InBlock)
        # A point of another fork, or none that can be used, is no obstacle.
        for content in (json.dumps([{"slot": 7, "id": NOWHERE}]), "{", '[{"slot": 7}]'):
            Path(path).write_text(content)
            with closing(provider_of(chain.api.url, clock, blocks=2, path=path)) as again:
                assert again.tip() == chain.devnet.tip()


def test_points_that_cannot_be_written_are_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    points = PointFile(str(tmp_path / "nowhere" / "points.json"))
    for _ in range(2):
        points.write([])
    assert caplog.text.count("set ogmios.path to a place that lasts") == 1
    assert points.read() == []


def test_a_node_whose_newest_block_is_old_is_behind(clock: ManualClock) -> None:
    with under_test(clock, silence_seconds=600) as chain:
        chain.make_block()
        ref = chain.fund()
        clock.advance(601)
        for call in (
            chain.provider.tip,
            lambda: chain.provider.outputs([ref]),
            lambda: chain.provider.transaction(NOWHERE),
        ):
            with pytest.raises(ProviderBehind, match="its newest block is 10 minutes old"):
                call()
        chain.make_block()
        assert chain.provider.transaction(NOWHERE) == NotFound()


def test_after_a_failover_the_node_that_is_behind_is_left(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connections stay open, and it answers; new ones by the same name lead to another."""
    monkeypatch.setattr("facilitator_ogmios.chain_sync.RENEW_SECONDS", -1.0)
    monkeypatch.setattr("facilitator_ogmios.pool.LIFETIME_SECONDS", -1.0)
    with (
        under_test(clock) as old,
        under_test(clock) as new,
        proxy(port_of(old)) as name,
        closing(provider_of(f"ws://127.0.0.1:{name.port}", clock, silence_seconds=600)) as provider,
    ):
        old.make_block()
        ref = old.fund()
        assert isinstance(provider.outputs([ref])[ref], Unspent)
        name.lead_to(port_of(new))
        clock.advance(601)
        new.make_block()
        with pytest.raises(ProviderBehind):
            provider.tip()

        def is_left() -> bool:
            with suppress(ChainUnavailable):
                return provider.tip() == new.devnet.tip()
            return False

        eventually(is_left)
        assert isinstance(provider.outputs([ref])[ref], Spent)


def port_of(chain: OgmiosUnderTest) -> int:
    return int(chain.api.url.rpartition(":")[2])


def test_blocks_that_are_still_being_read_are_waited_for(clock: ManualClock) -> None:
    """At most as long as an answer may take."""
    with under_test(clock, timeout=0.2) as chain:
        chain.api.faults.latency(700, "nextBlock")
        with pytest.raises(ChainUnavailable, match=r"still being read|in time"):
            chain.provider.tip()


def test_waiting_for_a_block_ends_with_the_connection(chain: OgmiosUnderTest) -> None:
    point = chain.provider.tip().point
    chain.api.close()
    with pytest.raises(ChainUnavailable):
        chain.provider.await_block(point, 60)


def test_nothing_is_asked_once_it_is_closed(chain: OgmiosUnderTest) -> None:
    point = chain.provider.tip().point
    chain.provider.close()
    for call in (chain.provider.tip, lambda: chain.provider.await_block(point, 60)):
        with pytest.raises(ChainUnavailable, match="is closed"):
            call()


def test_closing_it_unused_starts_nothing(clock: ManualClock) -> None:
    provider = provider_of("ws://127.0.0.1:1", clock)
    provider.close()
    with pytest.raises(ChainUnavailable, match="is closed"):
        provider.tip()


def test_no_error_ends_the_thread(
    chain: OgmiosUnderTest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("unforeseen")

    with monkeypatch.context() as patch:
        patch.setattr(chain_sync, "read_block", fail)
        with pytest.raises(ChainUnavailable, match="its blocks cannot be read") as error:
            chain.provider.tip()
        assert "unforeseen" in error.value.detail
    assert "following the blocks of Ogmios' node failed" in caplog.text
    chain.catch_up()


def test_a_block_that_does_not_follow_is_not_taken(clock: ManualClock) -> None:
    """The index holds no gap, whatever the other end sends."""
    tip = {"slot": 40, "id": "22" * 32, "height": 2}
    sent = [
        {"direction": "backward", "point": "origin", "tip": tip},
        {"direction": "forward", "tip": tip, "block": made("11" * 32, "genesis", 1)},
        {"direction": "forward", "tip": tip, "block": made("22" * 32, "99" * 32, 2)},
    ]
    left: list[object] = []

    def answer(method: str, _: object) -> object:
        if method == "findIntersection":
            left[:] = sent
            return {"intersection": "origin", "tip": tip}
        return left.pop(0)

    with (
        scripted(answer) as server,
        closing(provider_of(server.url, clock)) as provider,
        pytest.raises(ChainUnavailable, match="does not follow the one before"),
    ):
        provider.tip()


def made(name: str, parent: str, height: int) -> dict[str, object]:
    return {"type": "praos", "id": name, "ancestor": parent, "height": height, "slot": 20 * height}
