"""The number of questions: one for a payment's outputs, within the body that a tier may send."""

import pytest

from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import Allowance, AllowanceUsedUp, allowing
from facilitator.roles.chain import ReadsLedgerState, Spent, Unknown, Unspent
from facilitator.testing.clock import ManualClock
from facilitator_koios.batches import batches
from facilitator_koios.provider import EvaluatingKoios, Koios
from support.koios import under_test


def test_a_payments_outputs_cost_one_question(clock: ManualClock) -> None:
    with under_test(clock) as chain:
        refs = [chain.fund() for _ in range(12)]
        found = chain.provider.outputs(refs)
        assert all(isinstance(found[ref], Unspent) for ref in refs)
        assert chain.api.counts()["by_endpoint"] == {"POST /utxo_info": 1}


def test_what_does_not_fit_a_body_is_split(clock: ManualClock) -> None:
    with under_test(clock) as chain:
        refs = [chain.fund() for _ in range(30)]
        found = chain.provider.outputs(refs)
        assert all(isinstance(found[ref], Unspent) for ref in refs)
        assert chain.api.counts()["by_endpoint"] == {"POST /utxo_info": 3}


def test_without_a_limit_it_is_one(clock: ManualClock) -> None:
    with under_test(clock, body_limit=None) as chain:
        client = chain.provider._client
        assert len(list(batches(client, "_utxo_refs", ["ab" * 32] * 90))) == 1


def test_an_index_that_koios_cannot_be_asked_for_spoils_no_other(clock: ManualClock) -> None:
    with under_test(clock) as chain:
        ref = chain.fund()
        far = OutputRef(ref.transaction_id, 60_000)
        found = chain.provider.outputs([ref, far])
        assert isinstance(found[ref], Unspent)
        assert isinstance(found[far], Unknown)


def test_the_allowance_of_a_payment_is_kept(clock: ManualClock) -> None:
    with under_test(clock) as chain:
        refs = [chain.fund() for _ in range(30)]
        allowance = Allowance("", questions=1, most=1, seconds=3600)
        with allowing(allowance):
            found = chain.provider.outputs(refs)
            assert sum(isinstance(status, Unspent) for status in found.values()) == 14
            with pytest.raises(AllowanceUsedUp):
                chain.provider.outputs(refs)
        assert chain.api.counts()["total"] == 1


def test_an_empty_block_costs_one_call_and_others_two_together(clock: ManualClock) -> None:
    with under_test(clock) as chain:
        before = chain.provider.tip().point
        for _ in range(3):
            chain.make_block()
        chain.api.counters.reset()
        assert len(chain.provider.blocks_after(before)) == 3
        assert chain.api.counts()["total"] == 1
        for _ in range(3):
            chain.provider.submit(chain.spend(chain.fund()))
            chain.make_block()
        chain.api.counters.reset()
        assert len(chain.provider.blocks_after(before)) == 6
        assert chain.api.counts()["total"] == 2


def test_parameters_are_asked_for_once_and_eras_are_known(clock: ManualClock) -> None:
    with under_test(clock) as chain:
        for _ in range(3):
            assert chain.provider.parameters() == chain.devnet.parameters()
            assert chain.provider.eras().eras == chain.devnet.eras().eras
        assert chain.api.counts()["by_endpoint"] == {"GET /epoch_params": 1}


def test_blocks_that_were_read_show_who_spent(clock: ManualClock) -> None:
    with under_test(clock) as chain:
        before, ref = chain.provider.tip().point, chain.fund()
        transaction_id = chain.provider.submit(chain.spend(ref))
        chain.make_block()
        assert chain.provider.outputs([ref])[ref] == Spent()
        chain.provider.blocks_after(before)
        assert chain.provider.outputs([ref])[ref] == Spent(transaction_id)


def test_what_a_kind_can_do() -> None:
    assert issubclass(Koios, ReadsLedgerState)
    assert not hasattr(Koios, "evaluate")
    assert issubclass(EvaluatingKoios, Koios)
