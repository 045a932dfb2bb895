"""Following the chain through Blockfrost: batches, pages, rollbacks, machines that lag."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import cbor2
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facilitator.cardano.transaction import OutputRef
from facilitator.roles.chain import InBlock, InMempool, NotFound, Point, Tip
from facilitator.roles.chain_errors import ChainUnavailable, PointNotFound
from facilitator_blockfrost import client as client_module
from facilitator_blockfrost.blocks import BATCH
from facilitator_blockfrost.provider import Blockfrost
from support.upstream import NOT_FOUND, Asked, Reply, Upstream, by_path, in_turn, problem, reply

Start = Callable[[Callable[[Asked], Reply]], Upstream]
ProviderOf = Callable[..., Blockfrost]


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "FIRST_BACKOFF", 0.001)


def digest(number: int) -> str:
    return f"{number:064x}"


def block(number: int, tx_count: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "hash": digest(number),
        "height": number,
        "slot": number * 20,
        "previous_block": digest(number - 1),
        "tx_count": tx_count,
        **changes,
    }


def ref(number: int) -> OutputRef:
    return OutputRef(bytes.fromhex(digest(number)), number)


def inputs(*numbers: int) -> Any:
    return [[ref(number).transaction_id, number] for number in numbers]


def transaction(number: int, body: Mapping[int, Any], *, is_valid: bool = True) -> dict[str, Any]:
    return {"tx_hash": digest(number), "cbor": cbor2.dumps([body, {}, is_valid, None]).hex()}


POINT = Point(20, digest(1))
NEXT = f"/blocks/{digest(1)}/next"


def test_the_tip_is_the_latest_block(upstream: Start, provider_of: ProviderOf) -> None:
    provider = provider_of(upstream(by_path({"/blocks/latest": block(7)})))
    assert provider.tip() == Tip(Point(140, digest(7)), 7)


def test_what_a_block_spent_is_its_inputs_or_its_collateral(
    upstream: Start, provider_of: ProviderOf
) -> None:
    found = [
        transaction(100, {0: inputs(1, 2)}),
        transaction(101, {0: cbor2.CBORTag(258, inputs(3)), 13: inputs(4), 18: inputs(9)}),
        transaction(102, {0: inputs(5), 13: inputs(6)}, is_valid=False),
    ]
    path = f"/blocks/{digest(2)}/txs/cbor"
    provider = provider_of(upstream(by_path({NEXT: [block(2, 3)], path: found})))
    (only,) = provider.blocks_after(POINT)
    assert only.transactions == (digest(100), digest(101), digest(102))
    assert only.spent == {ref(number) for number in (1, 2, 3, 6)}
    assert (only.point, only.height, only.parent) == (Point(40, digest(2)), 2, digest(1))


def test_a_block_is_read_page_by_page(upstream: Start, provider_of: ProviderOf) -> None:
    found = [transaction(1000 + number, {0: inputs(number)}) for number in range(205)]

    def answer(asked: Asked) -> Reply:
        if "/next" in asked.path:
            return reply(200, [block(2, 205)])
        page = int(asked.path.partition("page=")[2])
        return reply(200, found[(page - 1) * 100 : page * 100])

    server = upstream(answer)
    (only,) = provider_of(server).blocks_after(POINT)
    assert only.transactions == tuple(each["tx_hash"] for each in found)
    assert len(only.spent) == 205
    assert len(server.asked) == 4


def utxos(*numbers: int, **flags: bool) -> list[dict[str, Any]]:
    """Entries of ``inputs``."""
    flags = {"collateral": False, "reference": False, **flags}
    return [{"tx_hash": digest(each), "output_index": each, **flags} for each in numbers]


@pytest.mark.parametrize("cbor", ["", "ff", "00", "8480", "f6", "84a0a0f5f6", "zz", None, 7])
def test_a_transaction_that_cannot_be_read_is_asked_for_by_itself(
    upstream: Start, provider_of: ProviderOf, cbor: Any
) -> None:
    found = [{"tx_hash": digest(100), "cbor": cbor}, transaction(101, {0: inputs(3)})]
    replies = {
        NEXT: [block(2, 2)],
        f"/blocks/{digest(2)}/txs/cbor": found,
        f"/txs/{digest(100)}/utxos": {"inputs": [*utxos(1), *utxos(2, reference=True)]},
    }
    (only,) = provider_of(upstream(by_path(replies))).blocks_after(POINT)
    assert only.transactions == (digest(100), digest(101))
    assert only.spent == {ref(1), ref(3)}


@pytest.mark.parametrize(
    "found", [[], utxos(2, reference=True), utxos(2, collateral=True)], ids=["no", "read", "other"]
)
def test_a_transaction_that_is_said_to_have_taken_nothing_is_unforeseen(
    upstream: Start, provider_of: ProviderOf, found: list[dict[str, Any]]
) -> None:
    """As by a database that keeps no inputs: what it took would look unspent for ever."""
    replies = {
        NEXT: [block(2, 1)],
        f"/blocks/{digest(2)}/txs/cbor": [],
        f"/blocks/{digest(2)}/txs": [digest(100)],
        f"/txs/{digest(100)}/utxos": {"inputs": found},
        f"/txs/{digest(100)}": {"valid_contract": True},
    }
    with pytest.raises(ChainUnavailable, match="took nothing"):
        provider_of(upstream(by_path(replies))).blocks_after(POINT)


@pytest.mark.parametrize(("succeeded", "spent"), [(True, {1}), (False, {2})])
def test_without_cbor_every_transaction_is_asked_for(
    upstream: Start, provider_of: ProviderOf, succeeded: bool, spent: set[int]
) -> None:
    collateral = {"inputs": [*utxos(1), *utxos(2, collateral=True)]}
    replies = {
        NEXT: [block(2, 2)],
        f"/blocks/{digest(2)}/txs/cbor": [],
        f"/blocks/{digest(2)}/txs": [digest(100), digest(101)],
        f"/txs/{digest(100)}/utxos": collateral,
        f"/txs/{digest(100)}": {"valid_contract": succeeded},
        f"/txs/{digest(101)}/utxos": {"inputs": utxos(7)},
    }
    (only,) = provider_of(upstream(by_path(replies))).blocks_after(POINT)
    assert only.transactions == (digest(100), digest(101))
    assert only.spent == {ref(7), *map(ref, spent)}


def test_a_block_that_is_not_all_there_is_no_block(
    upstream: Start, provider_of: ProviderOf
) -> None:
    replies = {
        NEXT: [block(2, 2)],
        f"/blocks/{digest(2)}/txs/cbor": [],
        f"/blocks/{digest(2)}/txs": [digest(100)],
    }
    with pytest.raises(ChainUnavailable, match="a block of 2 transactions with 1"):
        provider_of(upstream(by_path(replies))).blocks_after(POINT)


def test_blocks_are_read_in_batches(upstream: Start, provider_of: ProviderOf) -> None:
    server = upstream(by_path({NEXT: []}))
    assert list(provider_of(server).blocks_after(POINT)) == []
    assert server.asked[0].path.endswith(f"/next?count={BATCH}")


@pytest.mark.parametrize("failure", [problem(500), NOT_FOUND])
def test_what_was_read_before_a_failure_is_not_lost(
    upstream: Start, provider_of: ProviderOf, failure: Reply
) -> None:
    replies = {
        NEXT: [block(2), block(3), block(4, 1)],
        f"/blocks/{digest(4)}/txs/cbor": failure,
    }
    blocks = provider_of(upstream(by_path(replies))).blocks_after(POINT)
    assert [each.height for each in blocks] == [2, 3]


@pytest.mark.parametrize("failure", [problem(500), NOT_FOUND])
def test_nothing_read_is_a_failure(
    upstream: Start, provider_of: ProviderOf, failure: Reply
) -> None:
    replies = {NEXT: [block(2, 1)], f"/blocks/{digest(2)}/txs/cbor": failure}
    with pytest.raises(ChainUnavailable):
        provider_of(upstream(by_path(replies))).blocks_after(POINT)


def test_blocks_that_do_not_follow_one_another_are_left_for_later(
    upstream: Start, provider_of: ProviderOf
) -> None:
    replies = {NEXT: [block(2), block(3, previous_block=digest(99)), block(4)]}
    blocks = provider_of(upstream(by_path(replies))).blocks_after(POINT)
    assert [each.height for each in blocks] == [2]


# --- Points that are not there ----------------------------------------------------------------


def test_a_point_that_is_gone_is_not_found(upstream: Start, provider_of: ProviderOf) -> None:
    provider = provider_of(upstream(by_path({"/blocks/latest": block(1, hash=digest(88))})))
    with pytest.raises(PointNotFound):
        provider.blocks_after(POINT)


def test_a_machine_that_lags_is_no_rollback(upstream: Start, provider_of: ProviderOf) -> None:
    provider = provider_of(
        upstream(by_path({"/blocks/latest": block(0, previous_block=digest(9))}))
    )
    with pytest.raises(ChainUnavailable, match="lags"):
        provider.blocks_after(POINT)


def test_a_machine_that_lags_behind_another_is_no_rollback(
    upstream: Start, provider_of: ProviderOf
) -> None:
    server = upstream(in_turn(NOT_FOUND, reply(200, block(1)), reply(200, [block(2)])))
    assert [each.height for each in provider_of(server).blocks_after(POINT)] == [2]


def test_a_chain_without_blocks_has_no_tip(upstream: Start, provider_of: ProviderOf) -> None:
    with pytest.raises(ChainUnavailable, match="no block"):
        provider_of(upstream(by_path({}))).tip()


# --- A transaction by its id ------------------------------------------------------------------

ID = digest(100)
IN_BLOCK = {"hash": ID, "block": digest(2), "block_height": 2, "slot": 40}


@pytest.mark.parametrize(
    ("replies", "status"),
    [
        ({f"/txs/{ID}": IN_BLOCK}, InBlock(Point(40, digest(2)), 2)),
        ({f"/mempool/{ID}": {"tx": {"hash": ID}}}, InMempool()),
        ({}, NotFound()),
    ],
)
def test_a_transaction_is_in_a_block_or_waits_or_is_not_there(
    upstream: Start, provider_of: ProviderOf, replies: Mapping[str, Any], status: object
) -> None:
    assert provider_of(upstream(by_path(replies))).transaction(ID) == status


@pytest.mark.parametrize("answer", [{}, {"tx": {}}, {"tx": {"hash": digest(101)}}])
def test_another_transaction_that_waits_is_no_answer(
    upstream: Start, provider_of: ProviderOf, answer: Mapping[str, Any]
) -> None:
    with pytest.raises(ChainUnavailable):
        provider_of(upstream(by_path({f"/mempool/{ID}": answer}))).transaction(ID)


def test_not_being_told_is_not_being_absent(upstream: Start, provider_of: ProviderOf) -> None:
    with pytest.raises(ChainUnavailable):
        provider_of(upstream(by_path({f"/mempool/{ID}": problem(500)}))).transaction(ID)


# --- Whatever it answers ----------------------------------------------------------------------

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-5, 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "x", "-1", "7", ID, digest(1), "84a0a0f5f6", "²"])
)
FIELDS = ["hash", "slot", "height", "previous_block", "tx_count", "tx_hash", "cbor", "block_height"]
FIELDS += ["block", "start", "end", "parameters", "system_start", "epoch_length", "slot_length"]
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=8)
    ),
    max_leaves=12,
)
COUNTED = st.builds(
    lambda count, changes: {**block(2, count), **changes},
    st.integers(0, 3),
    JSON.map(lambda value: value if isinstance(value, dict) else {}),
)
ANSWERS = JSON | COUNTED | st.lists(COUNTED, max_size=3)


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    answers=st.lists(ANSWERS, min_size=1, max_size=5),
    ask=st.sampled_from(
        [
            Blockfrost.tip,
            Blockfrost.eras,
            Blockfrost.parameters,
            lambda provider: provider.blocks_after(POINT),
            lambda provider: provider.transaction(ID),
        ]
    ),
)
def test_any_json_is_an_answer_or_a_typed_error(
    upstream: Start,
    provider_of: ProviderOf,
    answers: list[Any],
    ask: Callable[[Blockfrost], object],
) -> None:
    server = upstream(in_turn(*[reply(200, orjson.dumps(each)) for each in answers]))
    provider = provider_of(server)
    with suppress(ChainUnavailable, PointNotFound):
        assert ask(provider) is not None
    provider.close()


@pytest.mark.parametrize(("collateral", "succeeded"), [(False, True), (True, True), (True, False)])
@pytest.mark.parametrize("says_so", [False, True])
def test_a_transaction_of_protocol_12_has_three_or_four_parts_and_sub_transactions(
    upstream: Start, provider_of: ProviderOf, collateral: bool, succeeded: bool, says_so: bool
) -> None:
    subs = cbor2.CBORTag(258, [[{0: inputs(4), 1: []}, {}, None], [{0: inputs(5)}, {}, None]])
    body = {0: cbor2.CBORTag(258, inputs(1)), 23: subs} | ({13: inputs(9)} if collateral else {})
    flag = [succeeded] if says_so else []
    found = {"tx_hash": digest(100), "cbor": cbor2.dumps([body, {}, None, *flag]).hex()}
    replies = {
        NEXT: [block(2, 1)],
        f"/blocks/{digest(2)}/txs/cbor": [found],
        f"/txs/{digest(100)}": {"valid_contract": succeeded},
    }
    server = upstream(by_path(replies))
    (only,) = provider_of(server).blocks_after(POINT)
    assert only.spent == ({ref(1), ref(4), ref(5)} if succeeded else {ref(9)})
    assert len(server.asked) == 2 + (collateral and not says_so)
