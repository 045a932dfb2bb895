"""Machines that disagree: one that lags or is on a fork gives no verdict and no rollback."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from facilitator.cardano.transaction import OutputRef
from facilitator.roles.chain import InBlock, NotFound, Point, Unknown, Unspent
from facilitator.roles.chain_errors import (
    ChainUnavailable,
    PointNotFound,
    ProviderBehind,
    ProviderUnusable,
)
from facilitator.testing.clock import ManualClock
from facilitator_koios import blocks
from facilitator_koios.provider import Koios
from support.koios import under_test
from support.upstream import Asked, Reply, Upstream, in_turn, reply

Start = Callable[[Callable[[Asked], Reply]], Upstream]
Rows = list[dict[str, Any]]


def chain_of(name: str, heights: range, shared: int = 0) -> Rows:
    """Return empty blocks; those up to the height ``shared`` are the same under every name."""

    def hash_at(height: int) -> str:
        return f"{height:04}{'00' if height <= shared else name}".ljust(64, "0")

    return [
        {
            "hash": hash_at(height),
            "abs_slot": 1000 + 20 * height,
            "block_height": height,
            "parent_hash": hash_at(height - 1),
            "tx_count": 0,
        }
        for height in heights
    ]


MAIN, FORK = chain_of("aa", range(1, 9)), chain_of("bb", range(1, 9), shared=4)
LAGGING = MAIN[:4]


def machines(*views: Rows) -> Callable[[Asked], Reply]:
    """Each answers one question for blocks, the last one all further ones."""
    left = list(views)

    def answer(asked: Asked) -> Reply:
        view = left.pop(0) if len(left) > 1 else left[0]
        query: Mapping[str, str] = dict(parse_qsl(urlsplit(asked.path).query))
        since = int(query["abs_slot"].removeprefix("gte."))
        return reply(200, [row for row in view if row["abs_slot"] >= since][: int(query["limit"])])

    return answer


def point_of(row: Mapping[str, Any]) -> Point:
    return Point(row["abs_slot"], row["hash"])


AT_SIX = point_of(MAIN[5])


@pytest.mark.parametrize(
    "views",
    [(FORK, MAIN), (FORK, FORK, MAIN), (LAGGING, MAIN), (LAGGING, FORK, MAIN)],
    ids=["fork", "fork twice", "lagging", "lagging, fork"],
)
def test_one_machine_that_lacks_a_block_is_no_rollback(
    upstream: Start, provider_of: Callable[[Upstream], Koios], views: tuple[Rows, ...]
) -> None:
    provider = provider_of(upstream(machines(*views)))
    found = provider.blocks_after(AT_SIX)
    assert [block.height for block in found] == [7, 8]


def test_a_block_in_whose_place_all_have_the_same_other_one_is_gone(
    upstream: Start, provider_of: Callable[[Upstream], Koios]
) -> None:
    provider = provider_of(upstream(machines(FORK)))
    with pytest.raises(PointNotFound):
        provider.blocks_after(AT_SIX)


@pytest.mark.parametrize(
    "views",
    [(LAGGING,), (FORK, LAGGING, FORK), (FORK, chain_of("cc", range(1, 9), shared=4), FORK)],
    ids=["all lag", "one lags", "another fork"],
)
def test_answers_that_differ_decide_nothing(
    upstream: Start, provider_of: Callable[[Upstream], Koios], views: tuple[Rows, ...]
) -> None:
    provider = provider_of(upstream(machines(*views)))
    with pytest.raises(ProviderBehind):
        provider.blocks_after(AT_SIX)


def test_a_shorter_fork_than_was_seen_decides_nothing(
    upstream: Start, provider_of: Callable[[Upstream], Koios]
) -> None:
    provider = provider_of(upstream(machines(MAIN, FORK[:7])))
    assert len(provider.blocks_after(AT_SIX)) == 2
    with pytest.raises(ProviderBehind):
        provider.blocks_after(AT_SIX)


def test_blocks_that_do_not_follow_each_other_are_left_out(
    upstream: Start, provider_of: Callable[[Upstream], Koios]
) -> None:
    provider = provider_of(upstream(machines([*MAIN[:6], *FORK[6:]])))
    assert list(provider.blocks_after(AT_SIX)) == []


def test_a_machine_that_lags_has_unknown_outputs(clock: ManualClock) -> None:
    with under_test(clock) as chain:
        transaction_id = chain.provider.submit(chain.spend(chain.fund()))
        chain.make_block()
        made = OutputRef(bytes.fromhex(transaction_id), 0)
        chain.api.faults.stale(1, times=1)
        assert isinstance(chain.provider.outputs([made])[made], Unknown)
        assert isinstance(chain.provider.outputs([made])[made], Unspent)


def test_a_machine_that_lags_does_not_say_that_a_transaction_is_nowhere(clock: ManualClock) -> None:
    with under_test(clock) as chain:
        before = chain.provider.tip().point
        first, second = (chain.provider.submit(chain.spend(chain.fund())) for _ in range(2))
        chain.make_block()
        chain.provider.blocks_after(before)
        chain.api.faults.stale(1, "POST /tx_cbor", times=2)
        assert isinstance(chain.provider.transaction(first), InBlock)
        chain.api.faults.stale(1, "POST /tx_cbor", times=3)
        with pytest.raises(ProviderBehind):
            chain.provider.transaction(second)
        assert chain.provider.transaction("ab" * 32) == NotFound()


def test_a_recent_transaction_is_looked_for_once_in_a_while(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with under_test(clock) as chain:
        monkeypatch.setattr(blocks, "WITNESS_SECONDS", 3600.0)
        for _ in range(3):
            assert chain.provider.transaction("ab" * 32) == NotFound()
        expected = {"GET /tip": 1, "GET /blocks": 1, "POST /block_tx_cbor": 1, "POST /tx_cbor": 3}
        assert chain.api.counts()["by_endpoint"] == expected
        monkeypatch.setattr(blocks, "WITNESS_SECONDS", -1.0)
        chain.provider.transaction("ab" * 32)
        assert chain.api.counts()["by_endpoint"]["GET /tip"] == 2


def test_a_machine_without_blocks_says_nothing(clock: ManualClock) -> None:
    with under_test(clock) as chain:
        chain.api.edits["GET /blocks"] = lambda row: {**row, "tx_count": 0}
        assert chain.provider.transaction("ab" * 32) == NotFound()
    with under_test(clock) as chain:
        chain.api.faults.answer(503, "GET /blocks")
        with pytest.raises(ChainUnavailable):
            chain.provider.transaction("ab" * 32)


def test_a_block_whose_transactions_are_not_there_yet_waits(clock: ManualClock) -> None:
    with under_test(clock) as chain:
        before = chain.provider.tip().point
        chain.provider.submit(chain.spend(chain.fund()))
        chain.make_block()
        chain.api.faults.stale(1, "POST /block_tx_cbor", times=1)
        assert len(chain.provider.blocks_after(before)) == 1
        chain.api.faults.stale(1, "POST /block_tx_cbor", times=3)
        with pytest.raises(ProviderBehind, match="not yet its transactions"):
            chain.provider.blocks_after(before)


def test_transactions_without_cbor_are_asked_for_their_inputs(clock: ManualClock) -> None:
    with under_test(clock) as chain:
        before, ref = chain.provider.tip().point, chain.fund()
        chain.provider.submit(chain.spend(ref))
        chain.make_block()
        for cbor in (None, "84", "zz"):
            chain.api.edits["POST /block_tx_cbor"] = lambda row, cbor=cbor: {**row, "cbor": cbor}  # type: ignore[misc]
            (block,) = chain.provider.blocks_after(before)
            assert block.spent == {ref}


def test_a_tip_of_another_network_is_none(
    upstream: Start, provider_of: Callable[[Upstream], Koios]
) -> None:
    """The name of a server may lead to another network's while the facilitator runs."""
    tip = MAIN[-1] | {"abs_slot": 86_400, "block_time": 1_655_769_600}
    found = in_turn(reply(200, [tip]), reply(200, [tip | {"block_time": 1_655_769_601}]))
    koios = provider_of(upstream(found))
    assert koios.tip().height == 8
    with pytest.raises(ProviderUnusable, match="another network than cardano:preprod"):
        koios.tip()
