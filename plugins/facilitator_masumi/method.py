"""The transfer method ``masumi``: funds locked in the escrow of Masumi V2 (``vested_pay``)."""

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import TypeAlias

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.transaction import AssetId, Output, OutputRef, Transaction
from facilitator.plugin import (
    AssetState,
    DefaultTransfer,
    OutputStatus,
    Reason,
    Refused,
    Spent,
    Terms,
    UniqueTerms,
)
from facilitator_masumi import lock
from facilitator_masumi.agent import agent_asset, check_agent
from facilitator_masumi.commitment import check_commitment
from facilitator_masumi.deadlines import check_ends_in_time, check_intervals, check_result_is_due
from facilitator_masumi.deployment import Deployments
from facilitator_masumi.identifier import check_identifier
from facilitator_masumi.reasons import MasumiReason
from facilitator_masumi.schema import MasumiExtra, read_extra
from facilitator_masumi.seller_signature import check_seller_signature
from facilitator_masumi.signed_terms import signable_digests, terms_digest

LooksUpAgent: TypeAlias = Callable[[str, AssetId], AssetState]
"""A function that returns the state of an agent's token on a network (canonical id)."""


class MasumiTransfer:
    """The checks of terms and locks that ``scheme_exact_cardano.md`` demands.

    Only :meth:`check_chain` does I/O. Implements ``TransferMethod``, ``ChecksLedger``,
    ``ChecksChain``, ``ChecksLanded``, ``HasUniqueTerms`` and ``DeclaresReasons``.
    """

    is_prompt = True
    """It waits for nothing but the chain and plugins, whose time is limited."""

    def __init__(self, deployments: Deployments, look_up: LooksUpAgent) -> None:
        """Take the deployments that are allowed, and what looks agents up."""
        self._deployments = deployments
        self._look_up = look_up
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

    def check_chain(self, terms: Terms, transaction: Transaction) -> None:  # noqa: ARG002
        """Check that a seller who claims to be a registered agent is it. Others cost no look-up."""
        extra = read_extra(terms.requirements.extra, terms.network.network_id)
        if extra.terms.agent_identifier:
            agent = agent_asset(extra.terms.agent_identifier)
            check_agent(self._look_up(terms.network.id, agent), extra.terms.seller, terms)

    def check_landed(
        self,
        terms: Terms,
        transaction: Transaction,  # noqa: ARG002
        paid: Mapping[OutputRef, OutputStatus],
        now_ms: int,
    ) -> None:
        """Check that the funds are locked as they were, and a result can be handed in."""
        for ref, status in paid.items():
            if isinstance(status, Spent):
                raise Refused(
                    Reason.DUPLICATE,
                    f"the lock {ref} is spent by {status.by}: a result was handed in, or the buyer"
                    " has taken the funds back",
                )
        extra = read_extra(terms.requirements.extra, terms.network.network_id)
        check_result_is_due(extra.terms.deadlines, now_ms)

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
        if extra.terms.agent_identifier:
            agent_asset(extra.terms.agent_identifier)
        check_identifier(extra, pay_to)


@lru_cache(maxsize=1024)
def _key_hash(vkey: bytes) -> bytes:
    return blake2b(vkey, digest_size=28).digest()
