"""Contract tests of the look-up of spenders: what is not known is never taken for gone."""

from contextlib import suppress

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import OutputRef
from facilitator.roles.chain import ExaminesServer, InBlock, Unknown, Unspent
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.chain_spenders import FindsSpenders, Spender, SpentBy
from facilitator.testing.chain_under_test import (
    NOWHERE,
    ChainUnderTest,
    HidesSpends,
    Silence,
    pay,
    without_sizes,
)


class SpendersContract:
    """The part of :class:`~facilitator.testing.chain.ChainProviderContract` on spenders."""

    def test_an_unspent_output_has_no_spender(self, chain: ChainUnderTest) -> None:
        """The answer has the output itself. A transaction that only waits spends nothing yet."""
        ref = chain.fund()
        chain.make_block()
        held = chain.provider.outputs([ref])[ref]
        assert isinstance(held, Unspent)
        assert _spender(chain, ref) == held
        chain.provider.submit(chain.spend(ref))
        assert isinstance(_spender(chain, ref), Unspent | Unknown)

    def test_a_spender_comes_with_what_it_took_and_made(self, chain: ChainUnderTest) -> None:
        """A follower of the value goes on from the outputs."""
        ref = chain.fund()
        raw = chain.spend(ref)
        transaction_id = chain.provider.submit(raw)
        chain.make_block()
        found = _spender(chain, ref)
        assert isinstance(found, SpentBy)
        body = decode_transaction(raw).body
        assert found.transaction_id == transaction_id
        assert found.inputs == body.inputs
        made = bytes.fromhex(transaction_id)
        assert [each for each, _ in found.outputs] == [
            OutputRef(made, index) for index in range(len(body.outputs))
        ]
        assert [without_sizes(each) for _, each in found.outputs] == [
            without_sizes(each) for each in body.outputs
        ]
        assert found.block in (None, chain.provider.transaction(transaction_id))
        (last, output) = found.outputs[-1]
        held = _spender(chain, last)
        assert isinstance(held, Unspent)
        assert without_sizes(held.output) == without_sizes(output)

    def test_what_was_never_made_is_not_known(self, chain: ChainUnderTest) -> None:
        """It may be on its way, or in a block that the index lacks."""
        ref = chain.fund()
        for never in (OutputRef(bytes.fromhex(NOWHERE), 0), ref._replace(index=60_000)):
            assert isinstance(_spender(chain, never), Unknown)

    def test_a_rollback_takes_the_spender_back(self, chain: ChainUnderTest) -> None:
        """The output is unspent then, and what the spender made is not there."""
        before = chain.provider.tip()
        ref, transaction_id = pay(chain)
        chain.roll_back(chain.provider.tip().height - before.height)
        assert isinstance(_spender(chain, ref), Unspent | Unknown)
        made = OutputRef(bytes.fromhex(transaction_id), 0)
        assert isinstance(_spender(chain, made), Unknown)

    @pytest.mark.parametrize("how", ["missing", "null"])
    def test_silence_on_a_spender_is_no_evidence(self, chain: ChainUnderTest, how: Silence) -> None:
        """A server that names no spender must not make spent outputs unspent."""
        if not isinstance(chain, HidesSpends):
            pytest.skip("the chain under test cannot hide what is spent")
        ref, _ = pay(chain)
        chain.hide_spends(how)
        with suppress(ChainUnavailable):
            if isinstance(chain.provider, ExaminesServer):
                chain.provider.examine()
            assert not isinstance(_spender(chain, ref), Unspent)


def _spender(chain: ChainUnderTest, ref: OutputRef) -> Spender:
    if not isinstance(chain.provider, FindsSpenders):
        pytest.skip("the provider does not find spenders")
    found = chain.provider.spender(ref)
    if isinstance(found, SpentBy):
        assert ref in found.inputs
        assert isinstance(found.block, InBlock | None)
    return found
