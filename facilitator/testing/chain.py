"""Contract tests that every chain provider must pass.

Subclass :class:`ChainProviderContract` in a test module, name the subclass ``Test…``, and give it
a fixture ``chain`` that returns a :class:`ChainUnderTest`, new for each test::

    class TestMyProvider(ChainProviderContract):
        @pytest.fixture
        def chain(self):
            with a_private_network() as network:
                yield network
"""

from contextlib import suppress

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.state import StateQuery
from facilitator.cardano.transaction import Credential, OutputRef
from facilitator.roles.chain import (
    AwaitsBlocks,
    FindsTransactions,
    InBlock,
    InMempool,
    ListsOutputs,
    NotFound,
    Point,
    ReadsAssets,
    ReadsLedgerState,
    Spent,
    Unknown,
    Unspent,
)
from facilitator.roles.chain_errors import NotFoundSince, PointNotFound
from facilitator.testing.chain_evidence import EvidenceContract
from facilitator.testing.chain_freshness import FreshnessContract
from facilitator.testing.chain_outage import OutageContract
from facilitator.testing.chain_scripts import ScriptsContract
from facilitator.testing.chain_spenders import SpendersContract
from facilitator.testing.chain_submission import SubmissionContract
from facilitator.testing.chain_under_test import (
    NOWHERE,
    WAIT_SECONDS,
    ChainUnderTest,
    CutsOff,
    HidesSpends,
    RefusesWhatItTakes,
    Silence,
    pay,
    statuses,
    without_sizes,
)
from facilitator.x402.networks import canonical_network

__all__ = [
    "ChainProviderContract",
    "ChainUnderTest",
    "CutsOff",
    "HidesSpends",
    "RefusesWhatItTakes",
    "Silence",
]


class ChainProviderContract(
    EvidenceContract,
    SubmissionContract,
    SpendersContract,
    ScriptsContract,
    FreshnessContract,
    OutageContract,
):
    """The promises of every provider to the facilitator; needs the fixture ``chain``."""

    def test_names_a_network_by_its_canonical_id(self, chain: ChainUnderTest) -> None:
        """All records of a network have that id as their key."""
        assert canonical_network(chain.provider.network) == chain.provider.network
        assert chain.provider.poll_seconds > 0

    def test_new_blocks_link_to_the_old_tip(self, chain: ChainUnderTest) -> None:
        """The follower of a chain needs each block once, in order."""
        before = chain.provider.tip()
        chain.make_block()
        chain.make_block()
        after = chain.provider.tip()
        blocks = chain.provider.blocks_after(before.point)
        assert blocks
        parent = before
        for block in blocks:
            assert block.parent == parent.point.block
            assert block.height == parent.height + 1
            assert block.point.slot > parent.point.slot
            parent = type(before)(block.point, block.height)
        assert parent == after or chain.provider.blocks_after(parent.point)

    def test_nothing_follows_the_tip(self, chain: ChainUnderTest) -> None:
        """The answer is empty, not an error."""
        assert list(chain.provider.blocks_after(chain.provider.tip().point)) == []

    def test_a_point_elsewhere_is_not_found(self, chain: ChainUnderTest) -> None:
        """The follower learns of a rollback by that error."""
        slot = chain.provider.tip().point.slot
        with pytest.raises(PointNotFound):
            chain.provider.blocks_after(Point(slot, NOWHERE))

    def test_a_funded_output_is_unspent(self, chain: ChainUnderTest) -> None:
        """The answer has the value of the output."""
        ref = chain.fund()
        status = chain.provider.outputs([ref])[ref]
        assert isinstance(status, Unspent)
        assert status.output.value.lovelace > 0

    def test_every_output_asked_for_is_answered(self, chain: ChainUnderTest) -> None:
        """An output that never existed is never reported as unspent."""
        ref = chain.fund()
        never = [OutputRef(bytes.fromhex(NOWHERE), 0), OutputRef(ref.transaction_id, 60_000)]
        answer = chain.provider.outputs([ref, *never])
        assert set(answer) == {ref, *never}
        assert not any(isinstance(answer[each], Unspent) for each in never)
        assert dict(chain.provider.outputs([])) == {}

    def test_a_submitted_transaction_gets_into_a_block(self, chain: ChainUnderTest) -> None:
        """The id is that of its bytes; its input is spent, and its outputs exist."""
        ref = chain.fund()
        raw = chain.spend(ref)
        decoded = decode_transaction(raw)
        before = chain.provider.tip()
        transaction_id = chain.provider.submit(raw)
        assert transaction_id == decoded.id.hex()
        assert isinstance(chain.provider.transaction(transaction_id), InMempool | NotFound)
        chain.make_block()
        where = chain.provider.transaction(transaction_id)
        assert isinstance(where, InBlock)
        blocks = {block.point: block for block in chain.provider.blocks_after(before.point)}
        assert transaction_id in blocks[where.point].transactions
        assert ref in blocks[where.point].spent
        assert blocks[where.point].height == where.height
        spent = chain.provider.outputs([ref])[ref]
        assert isinstance(spent, Spent)
        assert spent.by in (None, transaction_id), "another spender would end its settlement"
        for index, output in enumerate(decoded.body.outputs):
            made = OutputRef(decoded.id, index)
            status = chain.provider.outputs([made])[made]
            assert isinstance(status, Unspent)
            assert without_sizes(status.output) == without_sizes(output)

    def test_a_rollback_takes_back_what_the_blocks_did(self, chain: ChainUnderTest) -> None:
        """The point is gone, the transaction is in no block, its outputs do not exist."""
        before = chain.provider.tip()
        _, transaction_id = pay(chain)
        rolled_back = chain.provider.tip()
        chain.roll_back(rolled_back.height - before.height)
        with pytest.raises(PointNotFound):
            chain.provider.blocks_after(rolled_back.point)
        with suppress(NotFoundSince):
            assert not isinstance(chain.provider.transaction(transaction_id), InBlock)
        made = OutputRef(bytes.fromhex(transaction_id), 0)
        assert statuses(chain.provider, made) != [Unspent]
        for block in chain.provider.blocks_after(before.point):
            assert transaction_id not in block.transactions

    def test_an_unknown_transaction_is_not_found(self, chain: ChainUnderTest) -> None:
        """The transaction may still come. Only a provider of recent blocks cannot say so."""
        try:
            status = chain.provider.transaction(NOWHERE)
        except NotFoundSince as error:
            pytest.skip(f"the provider knows only the blocks after slot {error.slot}")
        assert status == NotFound()

    def test_parameters_and_slots_are_those_of_a_network(self, chain: ChainUnderTest) -> None:
        """The facilitator computes fees, deposits and time from them."""
        parameters, eras = chain.provider.parameters(), chain.provider.eras()
        assert parameters.min_fee_a > 0
        assert parameters.coins_per_utxo_byte > 0
        assert parameters.max_tx_size > 0
        assert parameters.protocol_major >= 9
        slot = chain.provider.tip().point.slot
        assert eras.slot_at(eras.start_ms(slot)) == slot

    def test_waiting_for_a_block_ends_with_one(self, chain: ChainUnderTest) -> None:
        """The wait ends at once when there is a newer one, and in vain when none comes in time."""
        provider = chain.provider
        if not isinstance(provider, AwaitsBlocks):
            pytest.skip("the provider does not await blocks")
        before = chain.provider.tip().point
        chain.make_block()
        assert provider.await_block(before, WAIT_SECONDS)
        assert not provider.await_block(chain.provider.tip().point, 0)

    def test_what_an_address_holds_is_what_is_unspent_there(self, chain: ChainUnderTest) -> None:
        """A payer chooses inputs from it, so that none may be spent or differ."""
        provider = chain.provider
        if not isinstance(provider, ListsOutputs):
            pytest.skip("the provider does not list the outputs of an address")
        spent, transaction_id = pay(chain)
        made = OutputRef(bytes.fromhex(transaction_id), 0)
        (status,) = provider.outputs([made]).values()
        assert isinstance(status, Unspent)
        address = status.output.address
        held = provider.outputs_at(address)
        assert made in held
        assert spent not in held
        assert {output.address for output in held.values()} == {address}
        assert held[made].value == status.output.value
        assert provider.outputs_at(b"\x60" + b"\xab" * 28) == {}

    def test_many_transactions_have_the_statuses_of_each(self, chain: ChainUnderTest) -> None:
        """Those that were never made are among them."""
        provider = chain.provider
        if not isinstance(provider, FindsTransactions):
            pytest.skip("the provider does not look up many transactions at once")
        made = [pay(chain)[1] for _ in range(2)]
        never = [f"{number:064x}" for number in range(40)]
        found = provider.transactions([*made, *never])
        assert found == {
            **{each: provider.transaction(each) for each in made},
            **dict.fromkeys(never, NotFound()),
        }
        assert all(isinstance(found[each], InBlock) for each in made)
        assert provider.transactions([]) == {}

    def test_an_asset_that_was_never_made_has_no_holder(self, chain: ChainUnderTest) -> None:
        """It may be ``Unknown``, too, but never an error."""
        provider = chain.provider
        if not isinstance(provider, ReadsAssets):
            pytest.skip("the provider does not look up assets")
        state = provider.asset(b"\xab" * 28 + b"none")
        assert isinstance(state, Unknown) or not state.holders

    def test_ledger_state_answers_every_fact_asked_for(self, chain: ChainUnderTest) -> None:
        """A credential that was never registered has no account."""
        if not isinstance(chain.provider, ReadsLedgerState):
            pytest.skip("the provider does not read the ledger state")
        unregistered = Credential(is_script=False, hash=b"\xab" * 28)
        state = chain.provider.ledger_state(StateQuery(accounts=frozenset({unregistered})))
        assert state.accounts[unregistered] is None
