"""Contract tests of submissions: what a refusal says, and what it does not prove."""

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.refusals import Proof
from facilitator.roles.chain import InBlock, Unspent
from facilitator.roles.chain_errors import SubmissionRejected, SubmissionUnknown
from facilitator.testing.chain_under_test import (
    ChainUnderTest,
    RefusesWhatItTakes,
    pay,
    statuses,
)

SAYING_NOTHING = (
    "",
    "<html><body>400 Bad Request</body></html>",
    "Failed to format submit error: unexpected tag 7",
    "Error during transaction submission: ChannelError(AgentDequeue), CBOR: 84a300",
    'EraMismatch {ledgerEraName = "Conway", otherEraName = "Babbage"}',
    '{"tag":"TxSubmitFail","contents":{"tag":"TxCmdTxSubmitErrorEraMismatch","contents":{'
    '"ledgerEraName":"Dijkstra","otherEraName":"Conway"}}}',
    "The service is not available: FeeTooSmallUTxO",
    '{"tag":"TxSubmitFail","contents":{"tag":"TxCmdTxSubmitConnectionError"}}',
)
"""Answers in which no rule of the ledger refuses anything."""


NOT_FINAL = tuple(proof for proof in Proof if not proof.is_final)


def _answer(chain: ChainUnderTest, transaction: bytes) -> str | Proof:
    """Submit it; return the id, or what the provider says that the refusal proves."""
    try:
        return chain.provider.submit(transaction)
    except SubmissionRejected as error:
        return error.proves
    except SubmissionUnknown:
        return Proof.NOTHING


def _refusal(chain: ChainUnderTest, transaction: bytes) -> Proof:
    """Submit what must not be taken; return what the provider says that the refusal proves."""
    with pytest.raises((SubmissionRejected, SubmissionUnknown), match=r"\w") as error:
        chain.provider.submit(transaction)
    return error.value.proves if isinstance(error.value, SubmissionRejected) else Proof.NOTHING


class SubmissionContract:
    """The part of :class:`~facilitator.testing.chain.ChainProviderContract` on submissions."""

    def test_submitting_again_changes_nothing(self, chain: ChainUnderTest) -> None:
        """The ledger takes it once, whether it waits or is in a block; no refusal is final."""
        raw = chain.spend(chain.fund())
        before = chain.provider.tip()
        transaction_id = chain.provider.submit(raw)
        for _ in range(2):
            assert _answer(chain, raw) in (transaction_id, *NOT_FINAL)
            chain.make_block()
        blocks = chain.provider.blocks_after(before.point)
        assert sum(block.transactions.count(transaction_id) for block in blocks) == 1

    def test_a_double_spend_is_refused(self, chain: ChainUnderTest) -> None:
        """With a reason. It is not final by itself: the spender might be this transaction."""
        ref, _ = pay(chain)
        assert not _refusal(chain, chain.spend(ref)).is_final

    def test_a_forged_signature_is_refused(self, chain: ChainUnderTest) -> None:
        """With a reason; the output stays unspent."""
        ref = chain.fund()
        raw = chain.spend(ref)
        signature = decode_transaction(raw).witnesses.vkeys[0].signature
        forged = raw.replace(signature, bytes([signature[0] ^ 1]) + signature[1:])
        assert _refusal(chain, forged) in (Proof.BYTES, Proof.NOTHING)
        chain.make_block()
        assert statuses(chain.provider, ref) == [Unspent]

    @pytest.mark.parametrize("junk", [b"", b"\x00", b"\x84\xa0\xa0\xf5\xf6", b"\xff" * 100])
    def test_junk_is_refused(self, chain: ChainUnderTest, junk: bytes) -> None:
        """Bytes that are no transaction are refused, with a reason."""
        assert _refusal(chain, junk) in (Proof.BYTES, Proof.NOTHING)

    @pytest.mark.parametrize("text", SAYING_NOTHING)
    def test_words_that_no_rule_says_prove_nothing(self, chain: ChainUnderTest, text: str) -> None:
        """A server may refuse what its node has taken; the payer has paid then."""
        if not isinstance(chain, RefusesWhatItTakes):
            pytest.skip("the chain under test cannot refuse what it takes")
        raw = chain.spend(chain.fund())
        chain.refuse_what_is_taken(text)
        assert _refusal(chain, raw) is Proof.NOTHING
        chain.make_block()
        where = chain.provider.transaction(decode_transaction(raw).id.hex())
        assert isinstance(where, InBlock), "the chain under test has not taken it"
