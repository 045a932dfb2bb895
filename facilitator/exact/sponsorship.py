"""Payments whose fee the resource server sponsors (:mod:`facilitator.x402.fee_sponsor`).

The payer signs for the payer's own inputs alone. ``/verify`` judges such a payment as if the
sponsor had signed too; ``/settle`` gets the sponsor's signature, and adds it to the transaction.
The id is that of the body, which no signature changes.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.merging import add_vkey_witnesses, read_vkey_witnesses
from facilitator.cardano.rules.future_signers import hash_vkeys
from facilitator.cardano.transaction import Output, OutputRef, Transaction, Witnesses
from facilitator.exact.payment import MAX_TRANSACTION_BYTES, Payment, read_transaction
from facilitator.roles.payment import Terms
from facilitator.roles.refused import Refused
from facilitator.x402.fee_sponsor import (
    OFFER,
    WITNESSES,
    BadOffer,
    FeeSponsorOffer,
    read_offer,
)
from facilitator.x402.reasons import Reason

_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")
_MAX_HEX = 2 * MAX_TRANSACTION_BYTES


def agree_offer(terms: Terms) -> FeeSponsorOffer | None:
    """Return the offer of the terms; ``None`` if there is none. Raises :class:`Refused`."""
    try:
        offer = read_offer(terms.requirements.extra, terms.network.network_id)
    except BadOffer as error:
        raise Refused(Reason.REQUIREMENTS, str(error)) from None
    if offer is None:
        return None
    if terms.method != "default":
        message = f"extra.{OFFER} is not for the transfer method {terms.method!r:.60}"
    elif terms.asset is None:
        message = f"extra.{OFFER} is for a price in a native asset, not in lovelace"
    else:
        return offer
    raise Refused(Reason.REQUIREMENTS, message)


def names_sponsor(terms: Terms, payload: Mapping[str, Any]) -> bool:
    """Return True if the terms or the payload say anything of a sponsor."""
    return OFFER in terms.requirements.extra or WITNESSES in payload


def with_sponsor(payment: Payment, payload: Mapping[str, Any]) -> Payment:
    """Return the payment with what its terms and its payload say of a sponsor.

    The sponsor's witnesses in the payload become part of the transaction. Raises :class:`Refused`.
    """
    offer = agree_offer(payment.terms)
    transaction = payment.transaction
    if WITNESSES in payload:
        transaction = add_sponsor_witnesses(transaction, payload[WITNESSES], offer)
    if offer is None or offer.input not in transaction.body.inputs:
        return replace(payment, transaction=transaction)
    has_signed = offer.key_hash in hash_vkeys(transaction.witnesses)
    return replace(
        payment,
        transaction=transaction,
        sponsor=offer,
        future_signers=frozenset() if has_signed else frozenset({offer.key_hash}),
    )


def add_sponsor_witnesses(
    transaction: Transaction, text: object, offer: FeeSponsorOffer | None
) -> Transaction:
    """Return the transaction with ``payload.sponsorWitnesses``, its body as it was.

    ``text`` is a witness set in hex, with signatures of the offer's key alone. Raises
    :class:`Refused`.
    """
    if offer is None:
        raise _invalid_witnesses(f"it comes without extra.{OFFER} in the requirements")
    if not isinstance(text, str) or len(text) > _MAX_HEX or not _HEX.fullmatch(text):
        raise _invalid_witnesses("it must be a witness set as CBOR in hex")
    try:
        witnesses = read_vkey_witnesses(bytes.fromhex(text))
    except (ValueError, DecodeError) as error:
        raise _invalid_witnesses(str(error)) from None
    if hash_vkeys(Witnesses(vkeys=witnesses)) != {offer.key_hash}:
        raise _invalid_witnesses("it must have signatures of the offered address' key only")
    merged = add_vkey_witnesses(transaction, witnesses)
    return transaction if merged is transaction.raw else read_transaction(merged)


def _invalid_witnesses(why: str) -> Refused:
    return Refused(Reason.FEE_SPONSOR_WITNESS_INVALID, f"payload.{WITNESSES}: {why}")


def require_signatures(payment: Payment) -> None:
    """Return if nothing of a sponsor is missing for a submission. Raises :class:`Refused`."""
    if payment.future_signers and payment.sponsor is not None:
        raise Refused(
            Reason.FEE_SPONSOR_WITNESS_MISSING,
            f"the transaction spends the offered output {payment.sponsor.input}, and the payload "
            f"has no {WITNESSES}: the resource server must sign",
        )


def check_offered_output(payment: Payment, utxo: Mapping[OutputRef, Output]) -> None:
    """Refuse an offered output, if it is known, that is not what the offer says of it.

    Refuse a nonce, too, that is an output of the sponsor's: the payer's key must own it. Raises
    :class:`Refused`.
    """
    offer = payment.sponsor
    output = None if offer is None else utxo.get(offer.input)
    if offer is None or output is None:
        return
    nonce = utxo.get(payment.nonce)
    if nonce is not None and is_owned_by_one_of(nonce, frozenset({offer.key_hash})):
        message = f"the nonce {payment.nonce} is the sponsor's: it must be an input of the payer's"
        raise Refused(Reason.FEE_SPONSOR_REFUSED, message)
    require_offered(offer, output)


def require_offered(offer: FeeSponsorOffer, output: Output) -> None:
    """Return if the output is what the offer says of it. Raises :class:`Refused`.

    ``output`` is the offered one, as the chain has it.
    """
    if output.address != offer.address:
        why = "is at another address"
    elif output.value.assets:
        why = "holds more than lovelace"
    elif output.value.lovelace != offer.lovelace:
        why = f"holds {output.value.lovelace} lovelace, not {offer.lovelace}"
    elif output.script is not None:
        why = "carries a reference script, which makes the fee higher"
    else:
        return
    raise Refused(
        Reason.FEE_SPONSOR_REFUSED, f"the offered output {offer.input} {why}, as the chain has it"
    )


def unsigned_inputs_of(payment: Payment, utxo: Mapping[OutputRef, Output]) -> frozenset[str]:
    """Return the inputs whose key has not signed yet, ``<transaction id>#<index>``.

    ``utxo`` has every input; the payment is valid but for what its sponsor is going to sign.
    """
    return frozenset(
        str(ref)
        for ref in payment.transaction.body.inputs
        if is_owned_by_one_of(utxo[ref], payment.future_signers)
    )


def is_owned_by_one_of(output: Output, key_hashes: frozenset[bytes]) -> bool:
    """Return True if one of the keys owns the output."""
    return not output.address[0] & 0x90 and output.address[1:29] in key_hashes
