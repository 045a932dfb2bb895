"""Outputs as Blockfrost tells them: found, spent, never made, not indexed, or none of it."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facilitator.cardano.addresses.address import parse_address
from facilitator.cardano.codec.transaction_decoder import decode_output, decode_transaction
from facilitator.cardano.transaction import Output, OutputRef, Value
from facilitator.roles.chain import Spent, Unknown, Unspent
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator_blockfrost import client as client_module
from facilitator_blockfrost.provider import Blockfrost
from support.upstream import Asked, Reply, Upstream, by_path, in_turn, problem, reply

Start = Callable[[Callable[[Asked], Reply]], Upstream]
ProviderOf = Callable[..., Blockfrost]

ADDRESS = (
    "addr_test1qr3cs7hdzgntujrw8wrzuly2h3z2hxf740cf80kp8qf0qy3s9gw9u6uzjtrn2yjjmqx3ecs5pmksqp2ruv9m87970"
    "fxqt6ye0p"
)
BYRON = (
    "37btjrVyb4KDXBNC4haBVPCrro8AQPHwvCMp3RFhhSVWwfFmZ6wwzSK6JK1hY6wHNmtrpTf1kdbva8TCneM2YsiXT7mrzT21"
    "EacHnPpz5YyUdj64na"
)
POLICY, NAME = "ab" * 28, "cd" * 4
ID, OTHER, SPENDER = "11" * 32, "22" * 32, "33" * 32
REF = OutputRef(bytes.fromhex(ID), 0)


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "FIRST_BACKOFF", 0.001)


def row(**changes: Any) -> dict[str, Any]:
    """An entry of ``outputs``."""
    return {
        "address": ADDRESS,
        "amount": [{"unit": "lovelace", "quantity": "5000000"}],
        "output_index": 0,
        "data_hash": None,
        "inline_datum": None,
        "collateral": False,
        "reference_script_hash": None,
        "consumed_by_tx": None,
        **changes,
    }


def utxos(*outputs: Mapping[str, Any]) -> dict[str, Any]:
    return {f"/txs/{ID}/utxos": {"hash": ID, "inputs": [], "outputs": outputs}}


def status(
    upstream: Start, provider_of: ProviderOf, replies: Mapping[str, Any], ref: OutputRef = REF
) -> Any:
    return provider_of(upstream(by_path(replies))).outputs([ref])[ref]


def test_outputs_are_looked_up_where_no_further_thread_can_start(
    upstream: Start, provider_of: ProviderOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then one after the other."""
    start = threading.Thread.start

    def no_thread(thread: threading.Thread) -> None:
        if thread.name.startswith("blockfrost"):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    other = OutputRef(bytes.fromhex(OTHER), 0)
    replies = {**utxos(row()), f"/txs/{OTHER}/utxos": {"hash": OTHER, "outputs": [row()]}}
    provider = provider_of(upstream(by_path(replies)))
    found = provider.outputs([REF, other])
    assert [type(found[ref]) for ref in (REF, other)] == [Unspent, Unspent]
    provider.close()
    with pytest.raises(ChainUnavailable, match="closed"):
        provider.outputs([REF, other])


def test_an_unspent_output_has_what_it_holds(upstream: Start, provider_of: ProviderOf) -> None:
    amount = [
        {"unit": "lovelace", "quantity": "5000000"},
        {"unit": POLICY + NAME, "quantity": "12"},
        {"unit": POLICY, "quantity": "18446744073709551615"},
    ]
    found = status(upstream, provider_of, utxos(row(amount=amount)))
    assert isinstance(found, Unspent)
    assert found.output.address == parse_address(ADDRESS)
    assets = {bytes.fromhex(POLICY + NAME): 12, bytes.fromhex(POLICY): 2**64 - 1}
    assert found.output.value == Value(5_000_000, assets)
    output = found.output
    assert (output.datum, output.datum_hash, output.script) == (None, None, None)


def test_a_byron_address_is_read(upstream: Start, provider_of: ProviderOf) -> None:
    found = status(upstream, provider_of, utxos(row(address=BYRON)))
    assert found.output.address == parse_address(BYRON)


def test_a_datum_is_inline_or_a_hash(upstream: Start, provider_of: ProviderOf) -> None:
    digest = "aa" * 32
    found = status(upstream, provider_of, utxos(row(data_hash=digest)))
    assert (found.output.datum_hash, found.output.datum) == (bytes.fromhex(digest), None)
    inline = row(data_hash=digest, inline_datum="19a6aa")
    found = status(upstream, provider_of, utxos(inline))
    assert (found.output.datum_hash, found.output.datum) == (None, bytes.fromhex("19a6aa"))


def test_a_spent_output_names_its_spender(upstream: Start, provider_of: ProviderOf) -> None:
    spent = row(consumed_by_tx=SPENDER)
    assert status(upstream, provider_of, utxos(spent)) == Spent(SPENDER)


def test_an_output_that_its_transaction_does_not_have_was_never_made(
    upstream: Start, provider_of: ProviderOf
) -> None:
    replies = utxos(row())
    assert status(upstream, provider_of, replies, REF._replace(index=7)) == Spent(None)


def test_a_transaction_that_is_not_there_is_no_verdict(
    upstream: Start, provider_of: ProviderOf
) -> None:
    assert isinstance(status(upstream, provider_of, {}), Unknown)


@pytest.mark.parametrize(
    "changes",
    [
        {"address": "stake_test1uqrswpc8qurswpc8qurswpc8qurswpc8qurswpc8qurswpcjx2auh"},
        {"address": ADDRESS[:-1]},
        {"amount": []},
        {"amount": [{"unit": POLICY, "quantity": "1"}]},
        {"amount": [{"unit": "lovelace", "quantity": "1"}, {"unit": "ab", "quantity": "1"}]},
        {"amount": [{"unit": "lovelace", "quantity": "1"}, {"unit": POLICY, "quantity": "0"}]},
        {"amount": [{"unit": "lovelace", "quantity": 1.5}]},
        {"inline_datum": ""},
        {"inline_datum": "0001"},
        {"inline_datum": "f6"},
        {"data_hash": "aa"},
        {"consumed_by_tx": "aa"},
        {"output_index": None},
        {"output_index": 65_536},
    ],
)
def test_an_output_that_cannot_be_is_no_verdict(
    upstream: Start, provider_of: ProviderOf, changes: Mapping[str, Any]
) -> None:
    with pytest.raises(ChainUnavailable, match="unforeseen"):
        status(upstream, provider_of, utxos(row(**changes)))


@pytest.mark.parametrize(
    "name",
    ["consumed_by_tx", "collateral", "reference_script_hash", "inline_datum", "data_hash"],
)
def test_what_an_answer_leaves_out_is_no_evidence(
    upstream: Start, provider_of: ProviderOf, name: str
) -> None:
    without = row()
    del without[name]
    with pytest.raises(ChainUnavailable, match=name):
        status(upstream, provider_of, utxos(without))


@pytest.mark.parametrize("listed", [[], [1], [0, 2]])
def test_an_output_that_a_list_with_gaps_lacks_is_not_spent_by_that(
    upstream: Start, provider_of: ProviderOf, listed: list[int]
) -> None:
    """An index that lags, or one that was pruned, may have some of them."""
    outputs = [row(output_index=index) for index in listed]
    ref = OutputRef(REF.transaction_id, len(listed) // 2)
    found = status(upstream, provider_of, {f"/txs/{ID}/utxos": {"outputs": outputs}}, ref)
    assert isinstance(found, Unknown)
    beyond = OutputRef(REF.transaction_id, 3)
    if listed:
        found = status(upstream, provider_of, {f"/txs/{ID}/utxos": {"outputs": outputs}}, beyond)
        assert found == Spent()


# --- Collateral -------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [SPENDER, None])
def test_an_output_that_is_listed_twice_is_unforeseen(
    upstream: Start, provider_of: ProviderOf, first: str | None
) -> None:
    """One of the rows would say that it is unspent, or be another output."""
    last = SPENDER if first is None else None
    listed = utxos(row(consumed_by_tx=first), row(consumed_by_tx=last))
    with pytest.raises(ChainUnavailable, match="twice"):
        status(upstream, provider_of, listed)


def test_the_answer_on_another_transaction_is_unforeseen(
    upstream: Start, provider_of: ProviderOf
) -> None:
    """As of a cache that mixes its answers up."""
    path = f"/txs/{ID}/utxos"
    replies = {path: {**utxos(row())[path], "hash": OTHER}}
    with pytest.raises(ChainUnavailable, match="another transaction"):
        status(upstream, provider_of, replies)
    provider = provider_of(upstream(by_path({f"/txs/{ID}": {
        "hash": OTHER, "block": OTHER, "slot": 1, "block_height": 1,
    }})))  # fmt: skip
    with pytest.raises(ChainUnavailable, match="another transaction"):
        provider.transaction(ID)


def collateral(index: int) -> dict[str, Any]:
    return row(output_index=index, collateral=True, address=BYRON)


@pytest.mark.parametrize("index", [0, 1])
def test_returned_collateral_does_not_exist_when_scripts_succeed(
    upstream: Start, provider_of: ProviderOf, index: int
) -> None:
    replies = {
        **utxos(row(), collateral(1)),
        f"/txs/{ID}": {"valid_contract": True},
    }
    found = status(upstream, provider_of, replies, REF._replace(index=index))
    assert isinstance(found, Unspent) if index == 0 else found == Spent(None)


def test_the_outputs_do_not_exist_when_scripts_fail(
    upstream: Start, provider_of: ProviderOf
) -> None:
    replies = {**utxos(row(), collateral(1)), f"/txs/{ID}": {"valid_contract": False}}
    assert status(upstream, provider_of, replies) == Spent(None)
    assert isinstance(status(upstream, provider_of, replies, REF._replace(index=1)), Unknown)


def test_returned_collateral_listed_as_an_output_is_one(
    upstream: Start, provider_of: ProviderOf
) -> None:
    listed = utxos(row(output_index=1), collateral(1))
    replies = {**listed, f"/txs/{ID}": {"valid_contract": False}}
    assert isinstance(status(upstream, provider_of, replies, REF._replace(index=1)), Unspent)
    assert isinstance(
        status(upstream, provider_of, utxos(row(output_index=1)), REF._replace(index=1)), Unspent
    )


# --- Reference scripts ------------------------------------------------------------------------

NATIVE = bytes.fromhex("8200581c" + "07" * 28)
WITH_SCRIPT = (
    b"\xa3\x00\x58\x39"
    + parse_address(ADDRESS)
    + b"\x01\x1a\x00\x4c\x4b\x40\x03\xd8\x18\x58"
    + bytes([len(NATIVE) + 2])
    + b"\x82\x00"
    + NATIVE
)
"""5 ada at the address, with a native script."""
BODY = b"\xa3\x00\xd9\x01\x02\x81\x82\x58\x20" + b"\x01" * 32 + b"\x00\x01\x81" + WITH_SCRIPT
TRANSACTION = b"\x84" + BODY + b"\x02\x00" + b"\xa0\xf5\xf6"
SCRIPTED = OutputRef(decode_transaction(TRANSACTION).id, 0)


def with_script(cbor: bytes = TRANSACTION, **changes: Any) -> dict[str, Any]:
    script = decode_output(WITH_SCRIPT).script
    assert script is not None
    made_by = SCRIPTED.transaction_id.hex()
    outputs = [row(reference_script_hash=script.hash.hex(), **changes)]
    return {
        f"/txs/{made_by}/utxos": {"hash": made_by, "inputs": [], "outputs": outputs},
        f"/txs/{made_by}/cbor": {"cbor": cbor.hex()},
    }


@pytest.mark.parametrize(
    "cbor",
    [
        TRANSACTION,
        b"\x83" + BODY + b"\x02\x00" + b"\xa0\xf6",
        b"\x84" + BODY + b"\x02\x00" + b"\xa0\xf6\xf5",
    ],
    ids=["Conway", "Dijkstra", "Dijkstra in a block"],
)
def test_an_output_with_a_script_is_read_from_its_transaction(
    upstream: Start, provider_of: ProviderOf, cbor: bytes
) -> None:
    assert decode_transaction(TRANSACTION).body.outputs[0] == decode_output(WITH_SCRIPT)
    made = Unspent(decode_output(WITH_SCRIPT))
    assert status(upstream, provider_of, with_script(cbor), SCRIPTED) == made


@pytest.mark.parametrize(
    "replies",
    [
        with_script(amount=[{"unit": "lovelace", "quantity": "5000001"}]),
        with_script(address=BYRON),
        with_script(output_index=0, inline_datum="00"),
    ],
)
def test_an_output_that_differs_from_its_transaction_is_no_verdict(
    upstream: Start, provider_of: ProviderOf, replies: Mapping[str, Any]
) -> None:
    with pytest.raises(ChainUnavailable, match="differs"):
        status(upstream, provider_of, replies, SCRIPTED)


def test_a_script_is_not_taken_from_another_transaction(
    upstream: Start, provider_of: ProviderOf
) -> None:
    other = TRANSACTION.replace(b"\x01" * 32, b"\x02" * 32)
    with pytest.raises(ChainUnavailable, match="another transaction"):
        status(upstream, provider_of, with_script(other), SCRIPTED)


def test_a_script_that_cannot_be_read_is_no_verdict(
    upstream: Start, provider_of: ProviderOf
) -> None:
    assert isinstance(status(upstream, provider_of, with_script(b"\x84"), SCRIPTED), Unknown)
    without = {key: value for key, value in with_script().items() if "cbor" not in key}
    assert isinstance(status(upstream, provider_of, without, SCRIPTED), Unknown)


# --- Several transactions ---------------------------------------------------------------------


def test_two_transactions_are_asked_for_one_by_one(
    upstream: Start, provider_of: ProviderOf
) -> None:
    replies = {**utxos(row()), f"/txs/{OTHER}/utxos": {"outputs": [row(consumed_by_tx=SPENDER)]}}
    server = upstream(by_path(replies))
    other = OutputRef(bytes.fromhex(OTHER), 0)
    found = provider_of(server).outputs([REF, other])
    assert [type(found[REF]), type(found[other])] == [Unspent, Spent]
    assert len(server.asked) == 2


def test_each_of_several_transactions_is_asked_for_by_itself(
    upstream: Start, provider_of: ProviderOf
) -> None:
    ids = [f"{number:02x}" * 32 for number in range(4)]
    replies: dict[str, Any] = {
        f"/txs/{ids[0]}/utxos": {"outputs": [row()]},
        f"/txs/{ids[1]}/utxos": {"outputs": [row(consumed_by_tx=SPENDER)]},
        f"/txs/{ids[2]}/utxos": {"outputs": [row()]},
    }
    server = upstream(by_path(replies))
    refs = [OutputRef(bytes.fromhex(each), 0) for each in ids]
    found = provider_of(server).outputs(refs)
    assert [type(found[ref]) for ref in refs] == [Unspent, Spent, Unspent, Unknown]
    assert set(found) == set(refs)
    assert [server.count(f"/txs/{each}/utxos") for each in ids] == [1, 1, 1, 1]
    assert server.count("/utxos") == 4


def test_an_address_holds_what_it_can_spend_without_a_script(
    upstream: Start, provider_of: ProviderOf
) -> None:
    at_address = [
        row(tx_hash=ID, output_index=2, data_hash="aa" * 32),
        row(tx_hash=OTHER, reference_script_hash="bb" * 28),
    ]
    server = upstream(by_path({f"/addresses/{ADDRESS}/utxos": at_address}))
    address = parse_address(ADDRESS)
    (found,) = provider_of(server).outputs_at(address).items()
    assert found == (
        OutputRef(bytes.fromhex(ID), 2),
        Output(address, Value(5_000_000, {}), 0, b"\xaa" * 32),
    )
    assert provider_of(server).outputs_at(parse_address(BYRON)) == {}
    with pytest.raises(ChainUnavailable, match="500"):
        provider_of(upstream(lambda _: problem(500))).outputs_at(address)


def test_one_failure_among_several_is_a_failure(upstream: Start, provider_of: ProviderOf) -> None:
    replies = {**utxos(row()), f"/txs/{OTHER}/utxos": problem(500)}
    with pytest.raises(ChainUnavailable, match="500"):
        provider_of(upstream(by_path(replies))).outputs([REF, OutputRef(bytes.fromhex(OTHER), 0)])


def test_a_closed_provider_says_so(upstream: Start, provider_of: ProviderOf) -> None:
    provider = provider_of(upstream(by_path(utxos(row()))))
    provider.close()
    for refs in ([REF], [REF, OutputRef(bytes.fromhex(OTHER), 0)]):
        with pytest.raises(ChainUnavailable, match="closed"):
            provider.outputs(refs)


# --- Whatever it answers ----------------------------------------------------------------------

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from([ADDRESS, BYRON, ID, "lovelace", POLICY, "5000000", "-1", "²", "1e5"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
CHANGED = st.dictionaries(st.sampled_from(sorted(row())), JSON, max_size=3)
ROWS = st.one_of(JSON, st.lists(st.one_of(JSON, CHANGED.map(lambda each: row(**each))), max_size=3))
ANSWERS = st.one_of(JSON, ROWS.map(lambda rows: {"outputs": rows}))


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(answers=st.lists(ANSWERS, min_size=1, max_size=3), index=st.integers(0, 2))
def test_any_json_is_a_status_or_a_typed_error(
    upstream: Start, provider_of: ProviderOf, answers: list[Any], index: int
) -> None:
    server = upstream(in_turn(*[reply(200, orjson.dumps(each)) for each in answers]))
    provider = provider_of(server)
    ref = REF._replace(index=index)
    with suppress(ChainUnavailable):
        found = provider.outputs([ref])
        assert set(found) == {ref}
        assert isinstance(found[ref], Unspent | Spent | Unknown)
    provider.close()
