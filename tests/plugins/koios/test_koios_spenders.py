"""Who spent an output, which Koios does not say: by the followed blocks, or by the address."""

from collections.abc import Iterator

import pytest

from facilitator.cardano.transaction import OutputRef
from facilitator.roles.chain import Unknown, Unspent
from facilitator.roles.chain_spenders import SpentBy
from facilitator.testing.chain_under_test import pay
from facilitator.testing.clock import ManualClock
from support.koios import KoiosUnderTest, under_test

SEARCH = {"POST /utxo_info": 1, "POST /tx_cbor": 2, "POST /address_txs": 1}


@pytest.fixture
def chain(clock: ManualClock) -> Iterator[KoiosUnderTest]:
    with under_test(clock) as chain:
        yield chain


def asked(chain: KoiosUnderTest) -> object:
    return chain.api.counts()["by_endpoint"]


def spent_by(chain: KoiosUnderTest, ref: OutputRef) -> SpentBy:
    chain.api.counters.reset()
    found = chain.provider.spender(ref)
    assert isinstance(found, SpentBy)
    return found


def test_a_spender_in_a_followed_block_costs_one_question(chain: KoiosUnderTest) -> None:
    before = chain.provider.tip().point
    ref, transaction_id = pay(chain)
    chain.provider.blocks_after(before)
    assert spent_by(chain, ref).transaction_id == transaction_id
    assert asked(chain) == {"POST /tx_cbor": 1}


def test_any_other_is_looked_for_at_the_address(chain: KoiosUnderTest) -> None:
    ref, transaction_id = pay(chain)
    found = spent_by(chain, ref)
    assert asked(chain) == SEARCH
    assert found.transaction_id == transaction_id
    assert found.block == chain.provider.transaction(transaction_id)


def test_the_search_has_an_end(chain: KoiosUnderTest) -> None:
    """At the address of everybody's channels many transactions may come between."""
    ref = chain.fund()
    for _ in range(20):
        pay(chain)
    chain.provider.submit(chain.spend(ref))
    chain.make_block()
    chain.api.counters.reset()
    assert isinstance(chain.provider.spender(ref), Unknown)
    assert asked(chain) == SEARCH


def test_a_machine_that_lags_takes_nothing_for_gone(chain: KoiosUnderTest) -> None:
    before = chain.provider.tip().point
    ref, transaction_id = pay(chain)
    chain.api.faults.stale(1)
    assert isinstance(chain.provider.spender(ref), Unspent)
    made = OutputRef(bytes.fromhex(transaction_id), 0)
    assert isinstance(chain.provider.spender(made), Unknown)
    chain.api.faults.clear()
    chain.provider.blocks_after(before)
    chain.api.faults.stale(1, "POST /tx_cbor")
    assert isinstance(chain.provider.spender(ref), Unknown)


def test_a_transaction_whose_bytes_are_missing_is_not_known(chain: KoiosUnderTest) -> None:
    ref, _ = pay(chain)
    chain.api.edits["POST /tx_cbor"] = lambda row: {**row, "cbor": None}
    assert isinstance(chain.provider.spender(ref), Unknown)


def test_scripts_that_failed_by_koios_word_took_no_inputs(chain: KoiosUnderTest) -> None:
    """The bytes of a transaction in a block of Dijkstra may not say it."""
    ref, _ = pay(chain)
    chain.api.edits["POST /tx_cbor"] = lambda row: {**row, "valid_contract": False}
    assert isinstance(chain.provider.spender(ref), Unknown)
