"""Outputs: one message for a payment's, the mempool for those that are absent, and their values."""

from typing import Any

import pytest

from facilitator.cardano.addresses.address import parse_address
from facilitator.cardano.ogmios.fields import Malformed
from facilitator.cardano.transaction import Language, OutputRef
from facilitator.plugin import (
    NOT_ASKED,
    Allowance,
    AllowanceUsedUp,
    ChainUnavailable,
    Spent,
    Unknown,
    Unspent,
    allowing,
)
from facilitator.testing.clock import ManualClock
from facilitator_ogmios.outputs import MOST_MAKERS
from facilitator_ogmios.values import read_status
from support.ogmios import NETWORK, OgmiosUnderTest, Raw, provider_of, scripted, under_test

ADDRESS = "addr_test1vzpwq95z3xyum8vqndgdd9mdnmafh3djcxnc6jemlgdmswcve6tkw"
POLICY = "ab" * 28


def asked(chain: OgmiosUnderTest) -> dict[str, int]:
    """What was asked since the last reset, without following."""
    counts = dict(chain.api.counts()["by_endpoint"])
    for method in ("findIntersection", "nextBlock"):
        counts.pop(method, None)
    return counts


def test_a_payments_outputs_cost_one_message(chain: OgmiosUnderTest) -> None:
    refs = [chain.fund() for _ in range(40)]
    found = chain.provider.outputs(refs)
    assert all(isinstance(found[ref], Unspent) for ref in refs)
    assert asked(chain) == {"queryLedgerState/utxo": 1}


def test_what_the_blocks_show_as_spent_is_not_asked_for(chain: OgmiosUnderTest) -> None:
    ref = chain.fund()
    transaction_id = chain.provider.submit(chain.spend(ref))
    chain.make_block()
    chain.api.counters.reset()
    assert chain.provider.outputs([ref])[ref] == Spent(transaction_id)
    assert asked(chain) == {}


def test_what_waits_in_the_mempool_is_not_known(chain: OgmiosUnderTest) -> None:
    """A transaction that spends an output of another one may come before it."""
    maker = chain.provider.submit(chain.spend(chain.fund()))
    waits, never = OutputRef(bytes.fromhex(maker), 0), OutputRef(b"\xab" * 32, 0)
    chain.api.counters.reset()
    found = chain.provider.outputs([waits, never])
    assert isinstance(found[waits], Unknown)
    assert found[never] == Spent()
    assert asked(chain) == {
        "queryLedgerState/utxo": 2,
        "acquireMempool": 1,
        "hasTransaction": 2,
        "releaseMempool": 1,
    }
    chain.make_block()
    assert isinstance(chain.provider.outputs([waits])[waits], Unspent)


def test_the_mempool_is_asked_for_a_few_transactions_only(chain: OgmiosUnderTest) -> None:
    refs = [OutputRef(bytes([number]) * 32, 0) for number in range(50)]
    found = chain.provider.outputs(refs)
    assert [found[ref] for ref in refs[:MOST_MAKERS]] == [Spent()] * MOST_MAKERS
    assert {found[ref] for ref in refs[MOST_MAKERS:]} == {NOT_ASKED}
    assert asked(chain)["hasTransaction"] == MOST_MAKERS


def test_an_index_that_no_output_has_is_asked_for_by_nobody(chain: OgmiosUnderTest) -> None:
    ref = OutputRef(chain.fund().transaction_id, 70_000)
    assert chain.provider.outputs([ref])[ref] == Spent()
    assert asked(chain) == {}


def test_the_allowance_of_a_payment_is_kept(chain: OgmiosUnderTest) -> None:
    chain.provider.tip()
    never = OutputRef(b"\xab" * 32, 0)
    with (
        allowing(Allowance("", questions=2, most=2, seconds=3600)),
        pytest.raises(AllowanceUsedUp),
    ):
        chain.provider.outputs([never])
    with allowing(Allowance("", questions=3, most=3, seconds=3600)):
        assert chain.provider.outputs([never])[never] == Spent()


def output(**fields: Any) -> dict[str, Any]:
    return {"address": ADDRESS, "value": {"ada": {"lovelace": 2_000_000}}, **fields}


def test_an_output_is_read() -> None:
    value = {"ada": {"lovelace": 7}, POLICY: {"": 3, "746f6b": 2**64 - 1}}
    status = read_status(output(value=value, datumHash="cd" * 32))
    assert isinstance(status, Unspent)
    found = status.output
    assert found.address == parse_address(ADDRESS)
    assert found.value.lovelace == 7
    assert found.value.assets == {
        bytes.fromhex(POLICY): 3,
        bytes.fromhex(POLICY) + b"tok": 2**64 - 1,
    }
    assert (found.datum_hash, found.datum) == (b"\xcd" * 32, None)


def test_an_inline_datum_has_its_bytes() -> None:
    status = read_status(output(datum="d8799f01ff", datumHash="cd" * 32))
    assert isinstance(status, Unspent)
    assert (status.output.datum, status.output.datum_hash) == (bytes.fromhex("d8799f01ff"), None)


@pytest.mark.parametrize(
    ("language", "cbor", "kind"),
    [
        ("plutus:v2", "4e4d01000033222220051200120011", Language.PLUTUS_V2),
        ("native", "8200581c" + "ab" * 28, Language.NATIVE),
    ],
)
def test_a_script_has_its_size(language: str, cbor: str, kind: Language) -> None:
    status = read_status(output(script={"language": language, "cbor": cbor, "json": {}}))
    assert isinstance(status, Unspent)
    assert status.output.script is not None
    assert (status.output.script.language, status.output.script_size) == (kind, len(cbor) // 2)


@pytest.mark.parametrize(
    "script", [{"language": "native", "json": {}}, {"language": "plutus:v9", "cbor": "00"}]
)
def test_a_script_that_cannot_be_told_makes_the_output_unknown(script: dict[str, Any]) -> None:
    assert isinstance(read_status(output(script=script)), Unknown)


@pytest.mark.parametrize(
    "fields",
    [
        {"address": "stake_test1uqevw2xnsc0pvn9t9r9c7qryfqfeerchgrlm3ea2nefr9hqp8n5xl"},
        {"address": "addr_test1nothing"},
        {"value": {}},
        {"value": {"ada": {"lovelace": -1}}},
        {"value": {"ada": {"lovelace": 1}, POLICY: {"": 0}}},
        {"value": {"ada": {"lovelace": 1}, POLICY: {"ab" * 33: 1}}},
        {"value": {"ada": {"lovelace": 1}, "abcd": {"": 1}}},
        {"value": {"ada": {"lovelace": 1}, POLICY: {"AB": 1, "ab": 1}}},
        {"datum": "ff"},
        {"datum": "zz"},
        {"datumHash": "00"},
        {"script": {"language": "native", "cbor": "00"}},
        {"script": {"cbor": "00"}},
    ],
)
def test_what_is_no_output_is_malformed(fields: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        read_status(output(**fields))


@pytest.mark.parametrize("answer", [None, [{}], [7], Raw("no JSON"), Raw("[]")])
def test_an_answer_that_none_would_give_is_no_verdict(clock: ManualClock, answer: Any) -> None:
    with under_test(clock) as chain:
        ref = chain.fund()
        chain.provider.tip()
        with scripted({"queryLedgerState/utxo": answer}) as server:
            chain.provider._client = provider_of(server.url, clock)._client
            with pytest.raises(ChainUnavailable):
                chain.provider.outputs([ref])
            chain.provider._client.close()


def test_an_output_that_was_not_asked_for_is_no_verdict(clock: ManualClock) -> None:
    with under_test(clock) as chain:
        ref, other = chain.fund(), chain.fund()
        chain.provider.tip()
        shown = {"transaction": {"id": other.transaction_id.hex()}, "index": 0, **output()}
        with scripted({"queryLedgerState/utxo": [shown]}) as server:
            chain.provider._client = provider_of(server.url, clock, network=NETWORK)._client
            with pytest.raises(ChainUnavailable, match="not asked for"):
                chain.provider.outputs([ref])
            chain.provider._client.close()
