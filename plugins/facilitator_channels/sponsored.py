"""Deposits and refunds whose fee, reserve or collateral the resource server pays.

``SPONSORSHIP.md`` of loveaihq/subbit-x402, commit 7ab276e: the offer is that of
:mod:`facilitator.x402.fee_sponsor`. It pays the reserve of a token's channel and the fee of its
opening, the fee and the collateral of a top-up, and is the collateral of a refund. The client signs
for its own inputs alone; ``/verify`` judges the transaction as if the server had signed as well,
and ``/settle`` gets the server's signature. The id is that of the body, which no signature changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from facilitator.cardano.rules import Environment
from facilitator.cardano.transaction import AssetId, Output, OutputRef
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
    OFFER,
    WITNESSES,
    BadOffer,
    FeeSponsorOffer,
    read_offer,
)
from facilitator_channels.channel import Channel
from facilitator_channels.messages import Deposit, Refund
from facilitator_channels.payment import Content
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.shape import list_signers, owner_of

_OPENING = ("S1", "S3", "S6", "S5", "S7", "S9")
_TOP_UP = ("S1", "S6", "S5", "S7", "S9")
_REFUND = ("S6", "S5", "S7", "S9")
"""The rules that are those of ``exact``. S8, the price, is paid by the channel's IOU."""
MAX_COLLATERAL = 2_000_000
"""The most lovelace of the sponsor's that a script may lose if it fails."""


def agree_sponsor(terms: Terms) -> FeeSponsorOffer | None:
    """Return the offer in the requirements; ``None`` if there is none. Raises :class:`Refused`."""
    try:
        offer = read_offer(terms.requirements.extra, terms.network.network_id)
    except BadOffer as error:
        raise Refused(ChannelReason.EXTRA, str(error)) from None
    if offer is not None and terms.asset is None:
        raise Refused(
            ChannelReason.EXTRA, f"extra.{OFFER} is for a channel of a token, not of lovelace"
        )
    return offer


def with_sponsor(payment: SchemePayment, payload: Mapping[str, Any]) -> SchemePayment:
    """Return the deposit or refund with what its requirements and its payload say of a sponsor.

    The sponsor's witnesses become part of the transaction. Raises :class:`Refused`.
    """
    content: Content = payment.content
    if not isinstance(content.message, Deposit | Refund):
        return payment
    offer = agree_sponsor(payment.terms)
    tx = content.tx
    if WITNESSES in payload:
        tx = add_sponsor_witnesses(tx, payload[WITNESSES], offer)
    is_used = offer is not None and offer.input in (*tx.body.inputs, *tx.body.collateral)
    content = content._replace(transaction=tx, sponsor=offer if is_used else None)
    return replace(payment, transaction=tx.raw, content=content)


def require_sponsor(content: Content) -> None:
    """Return if no signature of a sponsor is missing for ``/settle``. Raises :class:`Refused`."""
    if content.sponsor is not None and future_signers(content):
        raise Refused(
            Reason.FEE_SPONSOR_WITNESS_MISSING,
            f"the transaction uses the offered output {content.sponsor.input}, and the payload"
            f" has no {WITNESSES}: the resource server must sign",
        )


def future_signers(content: Content) -> frozenset[bytes]:
    """Return the hash of the sponsor's key as long as that has not signed."""
    offer = content.sponsor
    if offer is None or offer.key_hash in list_signers(content.tx):
        return frozenset()
    return frozenset({offer.key_hash})


def check_sponsored_opening(it: SponsoredTransaction, channel: Channel) -> None:
    """Raise :class:`Refused` for an opening that takes more than the reserve and the fee.

    ``channel`` is what the transaction opens. S2, the owners of the other inputs, is the sponsor's
    own to look up.
    """
    _check_rules(it, _OPENING)
    _check_rest(it, channel)


def check_sponsored_top_up(it: SponsoredTransaction) -> None:
    """Raise :class:`Refused` for a top-up that takes more than the fee."""
    _check_rules(it, _TOP_UP)
    _check_collateral(it)
    _check_returned(it, 0, "")


def check_sponsored_refund(it: SponsoredTransaction) -> None:
    """Raise :class:`Refused` for a refund that uses the offered output but as its collateral.

    Who has paid the reserve, and must get it back, only the resource server knows.
    """
    if it.offer.input in it.tx.body.inputs:
        raise Refused(Reason.FEE_SPONSOR_REFUSED, "S1: a refund spends the offered output")
    _check_rules(it, _REFUND)
    _check_collateral(it)


def sponsored(
    content: Content, terms: Terms, chain: ChainFacts, more: frozenset[bytes] = frozenset()
) -> SponsoredTransaction | None:
    """Return the transaction with the offer that it uses; ``None`` for one without.

    ``more`` are hashes of further keys that are going to sign.
    """
    if content.sponsor is None:
        return None
    signers = future_signers(content) | more
    env = Environment(0, terms.network.network_id, chain.parameters(), signers)
    return SponsoredTransaction(content.tx, content.sponsor, terms, env, chain.eras())


def _check_rules(it: SponsoredTransaction, names: Sequence[str]) -> None:
    broken = find_broken_rule(it, {name: SPONSOR_RULES[name] for name in names})
    if broken is not None:
        raise Refused(Reason.FEE_SPONSOR_REFUSED, broken)


def _check_collateral(it: SponsoredTransaction) -> None:
    """Raise :class:`Refused` unless collateral is the offered output, and comes back (S3)."""
    body, back = it.tx.body, it.tx.body.collateral_return
    if set(body.collateral) != {it.offer.input}:
        raise Refused(
            Reason.FEE_SPONSOR_REFUSED, "S3: the collateral must be the offered output alone"
        )
    if back is not None and (
        back.address not in (it.terms.pay_to, it.offer.address) or not is_plain(back)
    ):
        raise Refused(
            Reason.FEE_SPONSOR_REFUSED,
            "S3: collateral must come back to payTo or to the sponsor, as lovelace alone",
        )
    at_stake = it.offer.lovelace - (0 if back is None else back.value.lovelace)
    if at_stake > MAX_COLLATERAL:
        raise Refused(
            Reason.FEE_SPONSOR_REFUSED,
            f"S3: {at_stake} lovelace are at stake as collateral, at most {MAX_COLLATERAL} may be",
        )


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
    _check_returned(it, held, f", the channel {held}")


def _check_returned(it: SponsoredTransaction, kept: int, words: str) -> None:
    """Raise :class:`Refused` unless ``payTo`` gets what is offered beyond the fee and ``kept``."""
    returned = sum(
        output.value.lovelace
        for output in it.tx.body.outputs
        if output.address == it.terms.pay_to and is_plain(output)
    )
    missing = it.offer.lovelace - kept - returned - it.tx.body.fee
    if missing > 0:
        raise Refused(
            Reason.FEE_SPONSOR_REFUSED,
            f"S4: payTo gets {returned} lovelace{words}, and the fee is {it.tx.body.fee}:"
            f" {missing} of the {it.offer.lovelace} offered would go elsewhere",
        )


def is_plain(output: Output, asset: AssetId | None = None) -> bool:
    """Return True for an output with lovelace and at most that asset: no datum or script."""
    return (
        not output.value.assets.keys() - {asset}
        and output.datum is None
        and output.datum_hash is None
        and output.script is None
    )


def unsigned_inputs(content: Content, utxo: Mapping[OutputRef, Output]) -> frozenset[str]:
    """Return the inputs whose key has not signed yet, if the offered one is what the offer says.

    ``utxo`` has every input, of which the client owns one at least. Raises :class:`Refused`.
    """
    if content.sponsor is None:
        return frozenset()
    require_offered(content.sponsor, utxo[content.sponsor.input])
    missing = future_signers(content)
    unsigned = [ref for ref in content.tx.body.inputs if owner_of(utxo[ref]) in missing]
    if len(unsigned) == len(content.tx.body.inputs):
        raise Refused(
            Reason.FEE_SPONSOR_REFUSED, "S2: each input is the sponsor's: the client must spend one"
        )
    return frozenset(map(str, unsigned))
