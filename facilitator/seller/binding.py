"""The binding of a sponsor's outputs to transactions, and what becomes of them.

An output is signed for in one transaction at most. The store sees to that, across threads,
processes and restarts.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from facilitator.cardano.codec.merging import encode_vkey_witnesses
from facilitator.cardano.transaction import OutputRef, Transaction, VKeyWitness
from facilitator.exact.sponsorship import is_owned_by_one_of
from facilitator.roles.chain import Unspent
from facilitator.seller.pool import SponsorPool
from facilitator.x402.fee_sponsor import WITNESSES, FeeSponsorOffer
from facilitator.x402.reasons import Reason

_REFUSALS = (Reason.PAYLOAD.value, "fee_sponsor_")
"""Beginnings of the reasons by which a facilitator refuses before it submits anything."""


class NotSponsored(Exception):
    """The sponsor does not sign: answer 402, with a new offer."""

    def __init__(self, reason: str, message: str) -> None:
        """Take a stable reason, and a sentence for the payer."""
        super().__init__(message)
        self.reason = reason
        """``fee_sponsor_S1`` to ``fee_sponsor_S9``, ``fee_sponsor_taken`` or
        ``fee_sponsor_invalid``."""
        self.message = message


class Signature(NamedTuple):
    """The sponsor's signature for one transaction."""

    input: str
    """The output that it gives, ``<transaction id>#<index>``."""
    transaction_id: str
    """Lowercase hex."""
    witnesses: str
    """``payload.sponsorWitnesses``. It stays here until ``/settle``: the payer never gets it."""


class SponsorBinding:
    """Signs for outputs of one pool. Safe to use from many threads."""

    def __init__(self, pool: SponsorPool) -> None:
        """Sign for outputs of the pool."""
        self.pool = pool
        """The outputs that are offered."""

    def sign_for(
        self,
        offer: FeeSponsorOffer,
        transaction: Transaction,
        seconds: int,
        check: Callable[[], None],
    ) -> Signature:
        """Return the signature for a transaction that uses the offer, which lasted ``seconds``.

        The offered output belongs to it then. ``check`` raises if the transaction breaks a rule;
        one that was signed before is not checked again. Raises :class:`NotSponsored`, and what
        ``check`` raises.
        """
        name = transaction.id.hex()
        known = self.pool.store.find(str(offer.input))
        is_repeat = known is not None and known.transaction_id == name
        if not self.pool.is_live(offer, name, seconds):
            raise NotSponsored(
                "fee_sponsor_taken" if known else "fee_sponsor_S1",
                f"the offered output {offer.input} is not on offer for this transaction: pay by "
                "the new offer",
            )
        if known and is_repeat and known.witnesses:
            return Signature(known.input, name, known.witnesses)
        check()
        return self._bind(offer, transaction)

    def check_owners(self, offer: FeeSponsorOffer, refs: Iterable[OutputRef]) -> None:
        """Raise :class:`NotSponsored` if an output but the offered one is the sponsor's (S2).

        ``refs`` are those that a transaction spends or may lose. Raises
        :class:`~facilitator.roles.chain_errors.ChainUnavailable`.
        """
        asked = list(refs)
        found = self.pool.chain.outputs(asked)
        owners = frozenset({offer.key_hash})
        for ref in asked:
            status = found.get(ref)
            if not isinstance(status, Unspent):
                raise NotSponsored("fee_sponsor_S2", f"S2: the chain does not have {ref} unspent")
            if ref != offer.input and is_owned_by_one_of(status.output, owners):
                raise NotSponsored("fee_sponsor_S2", f"S2: {ref} is the sponsor's, and not offered")

    def settlement(self, payload: Mapping[str, Any], signature: Signature) -> dict[str, Any]:
        """Return the payload for ``/settle``, with the sponsor's signature.

        From now on the transaction may land. Raises :class:`NotSponsored` if it has lost the
        output meanwhile.
        """
        if not self.pool.store.mark_submitted(signature.input, signature.transaction_id):
            raise NotSponsored("fee_sponsor_taken", f"{signature.input} was given back")
        scheme = {**payload["payload"], WITNESSES: signature.witnesses}
        return {**payload, "payload": scheme}

    def settled(self, signature: Signature, receipt: Mapping[str, Any]) -> None:
        """Take note of the answer of ``/settle``.

        A success retires the output. A definite failure frees it, and so does a refusal: nothing
        was submitted. After any other answer the transaction keeps it until its validity is over
        and the chain shows the output unspent.
        """
        store, (ref, transaction_id, _) = self.pool.store, signature
        if receipt.get("success") is True:
            store.retire(ref, transaction_id)
        elif _has_failed(receipt):
            store.release(ref, transaction_id, is_definitive=True)

    def cancel(self, signature: Signature) -> bool:
        """Free the output of a payment that never gets to ``/settle``.

        Return True if the output is not the transaction's any more, which can land no more then.
        """
        self.pool.store.release(signature.input, signature.transaction_id, is_definitive=False)
        found = self.pool.store.find(signature.input)
        return found is not None and found.transaction_id != signature.transaction_id

    def _bind(self, offer: FeeSponsorOffer, transaction: Transaction) -> Signature:
        store, ref, name = self.pool.store, str(offer.input), transaction.id.hex()
        end = transaction.body.invalid_hereafter or 0
        valid_until_ms = self.pool.chain.eras().start_ms(end)
        taken = NotSponsored(
            "fee_sponsor_taken", f"{ref} belongs to another transaction: pay by the new offer"
        )
        if not store.bind(ref, name, offer.to_json(), valid_until_ms):
            raise taken
        signed = self.pool.wallet.sign(transaction.id)
        witnesses = encode_vkey_witnesses([VKeyWitness(*signed)]).hex()
        kept = store.keep_witnesses(ref, name, witnesses)
        if kept is None:
            raise taken
        return Signature(ref, name, kept)


def _has_failed(receipt: Mapping[str, Any]) -> bool:
    """Return True if the transaction was not submitted, or can no longer land.

    Some facilitators say *settlement failed* also of what they will go on with: ``extra.status``
    shows which of the two it is.
    """
    reason, extra = str(receipt.get("errorReason")), receipt.get("extra")
    if reason == Reason.SETTLEMENT_FAILED:
        return isinstance(extra, Mapping) and extra.get("status") == "expired"
    return reason == Reason.DEFINITIVELY_REJECTED or reason.startswith(_REFUSALS)
