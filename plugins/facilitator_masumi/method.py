"""The transfer method ``masumi``: funds locked in the escrow of Masumi V2 (``vested_pay``)."""

from collections.abc import Collection
from functools import lru_cache
from hashlib import blake2b

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.transaction import Output, Transaction
from facilitator.plugin import DefaultTransfer, Refused, Terms, UniqueTerms
from facilitator_masumi import lock
from facilitator_masumi.commitment import check_commitment
from facilitator_masumi.deadlines import check_ends_in_time, check_intervals
from facilitator_masumi.deployment import Deployments
from facilitator_masumi.identifier import check_identifier
from facilitator_masumi.reasons import MasumiReason
from facilitator_masumi.schema import MasumiExtra, read_extra
from facilitator_masumi.seller_signature import check_seller_signature
from facilitator_masumi.signed_terms import signable_digests, terms_digest

REGISTRY = "67ab0c92c4ac1610895a1c965ee50aba41a8f1513b15240723b3bd0b"
"""The policy id of Masumi V2's registry of agents, the same on every network."""


class MasumiTransfer:
    """The checks of terms and locks that ``scheme_exact_cardano.md`` demands. They do no I/O.

    Implements ``TransferMethod``, ``ChecksLedger``, ``HasUniqueTerms`` and ``DeclaresReasons``.
    """

    is_prompt = True
    """It never waits, so it is called without a thread of its own."""

    def __init__(self, deployments: Deployments) -> None:
        """Take the deployments that are allowed."""
        self._deployments = deployments
        self._default = DefaultTransfer()

    def check(self, terms: Terms, transaction: Transaction) -> None:
        """Check that the seller authorized the terms and the transaction locks funds under them."""
        extra = read_extra(terms.requirements.extra, terms.network.network_id)
        self._check_authorization(extra, terms)
        self._default.check(terms, transaction)
        output, locked = lock.escrow_lock(transaction.body.outputs, terms.pay_to)
        lock.check_lock(locked)
        lock.check_matches(locked, extra)
        signers = {_key_hash(witness.vkey) for witness in transaction.witnesses.vkeys}
        lock.check_signed_by_buyer(locked, signers)
        lock.check_value(output, locked, terms)

    def check_ledger(
        self,
        terms: Terms,
        transaction: Transaction,
        parameters: ProtocolParameters,
        eras: EraSummary,
    ) -> None:
        """Check that the lock ends in time and the escrow holds enough to be spent."""
        extra = read_extra(terms.requirements.extra, terms.network.network_id)
        check_ends_in_time(extra.terms.deadlines, transaction.body.invalid_hereafter, eras)
        output, _ = lock.escrow_lock(transaction.body.outputs, terms.pay_to)
        lock.check_spendable(output, parameters.coins_per_utxo_byte)

    def check_payer(self, terms: Terms, transaction: Transaction, nonce: Output) -> None:
        """Check that the datum's buyer controls the output that the nonce names."""
        _, locked = lock.escrow_lock(transaction.body.outputs, terms.pay_to)
        lock.check_pays_nonce(locked, nonce)

    def once(self, terms: Terms) -> UniqueTerms:
        """Return the offer that the seller signed, which only one transaction may take."""
        extra = read_extra(terms.requirements.extra, terms.network.network_id)
        return UniqueTerms(terms_digest(terms, extra.terms), extra.terms.deadlines.pay_by / 1000)

    def reasons(self) -> Collection[str]:
        """Return Masumi's reasons, for the OpenAPI document."""
        return list(MasumiReason)

    def _check_authorization(self, extra: MasumiExtra, terms: Terms) -> None:
        """Check that the terms are complete and signed by the seller. Raises :class:`Refused`."""
        check_intervals(extra.terms.deadlines)
        check_commitment(extra.commitment)
        pay_to = terms.requirements.pay_to
        self._deployments.check(terms.network, pay_to, extra.deployment)
        check_seller_signature(
            extra.reference_key,
            extra.reference_signature,
            extra.terms.seller,
            signable_digests(terms, extra.terms),
        )
        check_agent(extra.terms.agent_identifier)
        check_identifier(extra, pay_to)


def check_agent(identifier: str) -> None:
    """Check that the seller claims no entry in the registry. Raises :class:`Refused`.

    Checking a claim would take look-ups: the agent's token, its owner, endpoint and price.
    """
    if identifier:
        known = identifier.startswith(REGISTRY)
        why = (
            "this facilitator does not look up agents in the registry; the seller may omit it"
            if known
            else f"it must begin with the policy id of Masumi V2's registry, {REGISTRY}"
        )
        raise Refused(MasumiReason.AGENT_IDENTIFIER, f"extra.terms.agentIdentifier: {why}")


@lru_cache(maxsize=1024)
def _key_hash(vkey: bytes) -> bytes:
    return blake2b(vkey, digest_size=28).digest()
