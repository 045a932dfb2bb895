"""Openings whose fee and reserve the resource server pays.

``SPONSORSHIP.md`` of loveaihq/subbit-x402, commit 7ab276e: the offer is that of
:mod:`facilitator.x402.fee_sponsor`, and pays the reserve of a token's channel too. The client signs
for its own inputs alone; ``/verify`` judges the opening as if the server had signed as well, and
``/settle`` gets the server's signature. The id is that of the body, which no signature changes.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from facilitator.cardano.rules import Environment
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.plugin import (
    SPONSOR_RULES,
    ChainFacts,
    Reason,
    Refused,
    SchemePayment,
    SponsoredTransaction,
    Terms,
    add_sponsor_witnesses,
    find_broken_rule,
    require_offered,
)
from facilitator.x402.fee_sponsor import (
    IS_SPONSORED,
    OFFER,
    WITNESSES,
    BadOffer,
    FeeSponsorOffer,
    read_offer,
)
from facilitator_channels.channel import Channel
from facilitator_channels.messages import Deposit
from facilitator_channels.payment import Content
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.shape import list_signers

_FROM_EXACT = ("S1", "S3", "S6", "S5", "S7", "S9")
"""The rules that are those of ``exact``. S8, the price, is paid by the channel's IOU."""
_SCRIPT_BIT, _BYRON_BIT = 0x10, 0x80


def agree_sponsor(terms: Terms) -> FeeSponsorOffer | None:
    """Return the offer in the requirements; ``None`` if there is none. Raises :class:`Refused`."""
    extra = terms.requirements.extra
    try:
        offer = read_offer(extra, terms.network.network_id)
    except BadOffer as error:
        raise Refused(ChannelReason.EXTRA, str(error)) from None
    if offer is None:
        return None
    if extra.get(IS_SPONSORED) is not True:
        raise Refused(ChannelReason.EXTRA, f"extra.{IS_SPONSORED} must be true beside {OFFER}")
    if terms.asset is None:
        raise Refused(
            ChannelReason.EXTRA, f"extra.{OFFER} is for a channel of a token, not of lovelace"
        )
    return offer


def with_sponsor(payment: SchemePayment, payload: Mapping[str, Any]) -> SchemePayment:
    """Return the deposit with what its requirements and its payload say of a sponsor.

    The sponsor's witnesses become part of the transaction. Raises :class:`Refused`.
    """
    content: Content = payment.content
    if not isinstance(content.message, Deposit):
        return payment
    offer = agree_sponsor(payment.terms)
    tx = content.tx
    if WITNESSES in payload:
        tx = add_sponsor_witnesses(tx, payload[WITNESSES], offer)
    if offer is None or offer.input not in tx.body.inputs:
        return replace(payment, transaction=tx.raw, content=content._replace(transaction=tx))
    content = content._replace(transaction=tx, sponsor=offer)
    return replace(payment, transaction=tx.raw, content=content)


def require_sponsor(content: Content) -> None:
    """Return if no signature of a sponsor is missing for ``/settle``. Raises :class:`Refused`."""
    if content.sponsor is not None and future_signers(content):
        raise Refused(
            Reason.FEE_SPONSOR_WITNESS_MISSING,
            f"the transaction spends the offered output {content.sponsor.input}, and the payload"
            f" has no {WITNESSES}: the resource server must sign",
        )


def check_not_sponsored(content: Content) -> None:
    """Raise :class:`Refused` for a top-up that spends an offered output."""
    if content.sponsor is not None:
        raise Refused(
            Reason.FEE_SPONSOR_REFUSED, "an offer is for the opening of a channel, not for a top-up"
        )


def future_signers(content: Content) -> frozenset[bytes]:
    """Return the hash of the sponsor's key as long as that has not signed."""
    offer = content.sponsor
    if offer is None or offer.key_hash in list_signers(content.tx):
        return frozenset()
    return frozenset({offer.key_hash})


def check_sponsored(content: Content, terms: Terms, channel: Channel, provider: ChainFacts) -> None:
    """Raise :class:`Refused` for an opening that takes more from the sponsor than it offers.

    ``channel`` is what the transaction opens; one without a sponsor's offer passes. S2, the owners
    of the other inputs, is the sponsor's own to look up.
    """
    if content.sponsor is None:
        return
    network_id, signers = terms.network.network_id, future_signers(content)
    env = Environment(0, network_id, provider.parameters(), signers)
    it = SponsoredTransaction(content.tx, content.sponsor, terms, env, provider.eras())
    broken = find_broken_rule(it, {name: SPONSOR_RULES[name] for name in _FROM_EXACT})
    if broken is not None:
        raise Refused(Reason.FEE_SPONSOR_REFUSED, broken)
    _check_rest(it, channel)


def _check_rest(it: SponsoredTransaction, channel: Channel) -> None:
    """Raise :class:`Refused` unless ``payTo`` gets what is offered beyond reserve and fee (S4).

    Only outputs count with lovelace alone: a script or a datum there would cost the sponsor more to
    spend it than the sponsor agreed to.
    """
    reserve = channel.reserve(it.env.parameters.coins_per_utxo_byte)
    held = channel.output.value.lovelace
    if held > reserve:
        raise Refused(
            Reason.FEE_SPONSOR_REFUSED,
            f"S4: the channel holds {held} lovelace, more than its reserve of {reserve}",
        )
    returned = sum(
        output.value.lovelace
        for output in it.tx.body.outputs
        if output.address == it.terms.pay_to and is_plain(output)
    )
    missing = it.offer.lovelace - held - returned - it.tx.body.fee
    if missing > 0:
        raise Refused(
            Reason.FEE_SPONSOR_REFUSED,
            f"S4: payTo gets {returned} lovelace, the channel {held}, and the fee is"
            f" {it.tx.body.fee}: {missing} of the {it.offer.lovelace} offered would go elsewhere",
        )


def is_plain(output: Output) -> bool:
    """Return True for an output with lovelace alone: no token, datum or script."""
    return (
        not output.value.assets
        and output.datum is None
        and output.datum_hash is None
        and output.script is None
    )


def unsigned_inputs(content: Content, utxo: Mapping[OutputRef, Output]) -> frozenset[str]:
    """Return the inputs whose key has not signed yet, if the offered one is what the offer says.

    ``utxo`` has every input. Raises :class:`Refused`.
    """
    if content.sponsor is None:
        return frozenset()
    require_offered(content.sponsor, utxo[content.sponsor.input])
    missing = future_signers(content)
    return frozenset(str(ref) for ref in content.tx.body.inputs if owner_of(utxo[ref]) in missing)


def owner_of(output: Output) -> bytes | None:
    """Return the hash of the key that owns the output; ``None`` if no key alone does."""
    is_key = not output.address[0] & (_SCRIPT_BIT | _BYRON_BIT)
    return output.address[1:29] if is_key else None
