"""The seller's offer to pay for a deposit or a refund, as a payer takes it (rules C1 to C6)."""

from collections.abc import Mapping
from typing import Any

from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import OfferNotUsed, choose_inputs, find_offer, look_up_offered
from facilitator.x402.fee_sponsor import IS_SPONSORED, OFFER
from facilitator_channels.paying.means import VALID_SECONDS, Means
from facilitator_channels.paying.wanted import Page
from facilitator_channels.transactions.plan import Purse
from facilitator_channels.transactions.sponsored import Own, Sponsor

REFUSAL = "fee_sponsor_"
"""The beginning of the reasons by which a seller takes an offer back."""

_VALID_FOR = 0.9
"""Share of the time that the seller allows, so that a clock a little ahead does no harm."""


def look_for_sponsor(page: Page, means: Means) -> Sponsor:
    """Return what the seller offers to pay with, as the chain has it.

    Without the look at the chain a seller could name one of the wallet's own outputs, and the
    wallet's signature would give that away. Raises ``OfferNotUsed`` and ``ChainUnavailable``.
    """
    terms = page.asked.terms
    offer = find_offer(terms, round(means.clock.time() * 1000))
    output = look_up_offered(offer, means.chain, means.wallet)
    return Sponsor(offer.input, output, offer.max_fee, terms.pay_to)


def until(page: Page, means: Means) -> int:
    """Return the first slot in which a transaction by the page's offer may no longer land."""
    offer = find_offer(page.asked.terms, round(means.clock.time() * 1000))
    seconds = min(VALID_SECONDS, page.asked.terms.max_timeout_seconds * _VALID_FOR)
    end_ms = round((means.clock.time() + seconds) * 1000)
    return means.chain.eras().slot_at(min(end_ms, offer.expires_at_ms))


def choose_own(page: Page, purse: Purse, amount: int, first: OutputRef | None = None) -> Own:
    """Return outputs of the wallet that hold so much of the page's asset, and ``first``.

    Raises ``OfferNotUsed`` if there are none.
    """
    if first is not None and first not in purse.utxo:
        raise OfferNotUsed(f"the wallet does not have {first} any more")
    kept = {} if first is None else {first: purse.utxo[first]}
    asset = page.asset or b""
    short = amount - sum(each.value.assets.get(asset, 0) for each in kept.values())
    if short > 0:
        others = {ref: each for ref, each in purse.utxo.items() if ref != first}
        kept |= {ref: purse.utxo[ref] for ref in choose_inputs(others, asset, short)}
    return Own(purse.address, kept)


def choose_companion(purse: Purse) -> Own:
    """Return the output of the wallet that a refund's tokens join: the one with least tokens.

    Raises ``OfferNotUsed`` if there is none.
    """
    if not purse.utxo:
        raise OfferNotUsed("the wallet has no output that the tokens could join")
    worth = {
        ref: (len(each.value.assets), -each.value.lovelace) for ref, each in purse.utxo.items()
    }
    ref = min(sorted(worth), key=worth.__getitem__)
    return Own(purse.address, {ref: purse.utxo[ref]})


def with_offer(
    requirements: Mapping[str, Any], offer: Mapping[str, str] | None
) -> Mapping[str, Any]:
    """Return the requirements with that offer, or without one, whatever they had."""
    extra = {k: v for k, v in requirements["extra"].items() if k not in (OFFER, IS_SPONSORED)}
    if offer is not None:
        extra |= {IS_SPONSORED: True, OFFER: dict(offer)}
    return {**requirements, "extra": extra}


def read_new_offer(
    required: Mapping[str, Any] | None, requirements: Mapping[str, Any]
) -> Mapping[str, str] | None:
    """Return the offer in a later answer 402, beside terms that are else the same."""
    plain = with_offer(requirements, None)
    accepts = (required or {}).get("accepts")
    for each in accepts if isinstance(accepts, list) else ():
        extra = each.get("extra") if isinstance(each, Mapping) else None
        if not isinstance(extra, Mapping):
            continue
        offer = extra.get(OFFER)
        if isinstance(offer, Mapping) and with_offer(each, None) == plain:
            return offer
    return None
