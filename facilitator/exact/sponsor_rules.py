"""The rules that keep a sponsor's lovelace with the sponsor, as pure functions.

S1 and S3 to S9 of ``fee_sponsor_cardano.md`` (see :mod:`facilitator.x402.fee_sponsor`). S2, which
needs the owners of the other inputs, is the sponsor's own: see :mod:`facilitator.seller`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from facilitator.cardano.rules import Environment
from facilitator.cardano.rules.fees import compute_base_fee
from facilitator.cardano.rules.future_signers import count_future_bytes
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.transaction import Transaction
from facilitator.roles.payment import Terms
from facilitator.x402.fee_sponsor import FeeSponsorOffer


@dataclass(frozen=True, slots=True)
class SponsoredTransaction:
    """A transaction with the offer that it uses, and the terms that it is to meet."""

    tx: Transaction
    """The transaction, without the sponsor's signature or with it."""
    offer: FeeSponsorOffer
    """The offer that it uses."""
    terms: Terms
    """The terms of the payment."""
    env: Environment
    """Its ``future_signers`` have the sponsor's key as long as that has not signed."""
    eras: EraSummary
    """The eras of the chain, by which slots are times."""


SponsorRule = Callable[[SponsoredTransaction], str | None]
"""Returns a sentence with the figures if the rule is broken."""


def spends_the_offer(it: SponsoredTransaction) -> str | None:
    """S1: the transaction spends the offered output."""
    if it.offer.input in it.tx.body.inputs:
        return None
    return f"the offered output {it.offer.input} is not among the inputs"


def runs_no_script(it: SponsoredTransaction) -> str | None:
    """S3: no collateral, scripts, redeemers or data for them; not marked as failing."""
    body, witnesses = it.tx.body, it.tx.witnesses
    if body.collateral or body.collateral_return or body.total_collateral is not None:
        return "it has collateral"
    if witnesses.scripts or witnesses.redeemers or witnesses.datums or body.script_data_hash:
        return "it has scripts, redeemers or data for them"
    if not it.tx.is_valid:
        return "it is marked as failing its scripts"
    return None


def returns_the_lovelace(it: SponsoredTransaction) -> str | None:
    """S4: what the offered output holds goes to ``payTo``, apart from the fee.

    The ledger conserves value, so others get no more lovelace than the other inputs hold.
    """
    returned = sum(
        output.value.lovelace for output in it.tx.body.outputs if output.address == it.terms.pay_to
    )
    missing = it.offer.lovelace - returned - it.tx.body.fee
    if missing <= 0:
        return None
    return (
        f"payTo gets {returned} lovelace and the fee is {it.tx.body.fee}: {missing} of the "
        f"{it.offer.lovelace} that are offered would go elsewhere"
    )


def keeps_to_the_fee(it: SponsoredTransaction) -> str | None:
    """S5: the fee is at most ``maxFee``."""
    if it.tx.body.fee <= it.offer.max_fee:
        return None
    return f"the fee is {it.tx.body.fee} lovelace, at most {it.offer.max_fee} are offered"


def moves_no_other_value(it: SponsoredTransaction) -> str | None:
    """S6: no minting, withdrawal, certificate, vote, proposal, donation, treasury value.

    Nor sub-transactions and deposits into accounts, which are new in Dijkstra.
    """
    body, dijkstra = it.tx.body, it.tx.body.dijkstra
    parts = {
        "mints or burns": body.mint,
        "has withdrawals": body.withdrawals,
        "has certificates": body.certificates,
        "has votes": body.votes,
        "has proposals": body.proposals,
        "donates to the treasury": body.donation,
        "names the treasury's value": body.treasury is not None,
        "has sub-transactions": dijkstra and dijkstra.subs,
        "has deposits into accounts": dijkstra and dijkstra.direct_deposits,
    }
    found = [what for what, part in parts.items() if part]
    return f"it {' and '.join(found)}" if found else None


def ends_with_the_offer(it: SponsoredTransaction) -> str | None:
    """S7: the validity has an end, no later than the offer's."""
    end = it.tx.body.invalid_hereafter
    if end is None:
        return "its validity has no end"
    end_ms = it.eras.start_ms(end)
    if end_ms <= it.offer.expires_at_ms:
        return None
    return f"it is valid until {end_ms} ms, and the offer expires at {it.offer.expires_at_ms} ms"


def pays_the_price(it: SponsoredTransaction) -> str | None:
    """S8: one output pays the amount of a native asset to ``payTo``."""
    terms = it.terms
    if terms.asset is None:
        return "a price in lovelace would be paid from the offered output"
    paid = max(
        (
            output.value.assets.get(terms.asset, 0)
            for output in it.tx.body.outputs
            if output.address == terms.pay_to
        ),
        default=0,
    )
    if paid >= terms.amount:
        return None
    return f"the largest single output to payTo holds {paid} of the asset, not {terms.amount}"


def pays_enough_fee(it: SponsoredTransaction) -> str | None:
    """S9: the fee is enough for the size with the sponsor's signature."""
    future_bytes = count_future_bytes(it.tx, it.env)
    least = compute_base_fee(it.tx, it.env.parameters, future_bytes)
    if it.tx.body.fee >= least:
        return None
    return (
        f"the fee is {it.tx.body.fee} lovelace, at least {least} is needed for "
        f"{it.tx.size + future_bytes} bytes, the sponsor's signature among them"
    )


RULES: Mapping[str, SponsorRule] = MappingProxyType(
    {
        "S1": spends_the_offer,
        "S3": runs_no_script,
        "S6": moves_no_other_value,
        "S5": keeps_to_the_fee,
        "S4": returns_the_lovelace,
        "S8": pays_the_price,
        "S7": ends_with_the_offer,
        "S9": pays_enough_fee,
    }
)
"""The rules by the draft's names, in the order in which its implementation checks them."""


def find_broken_rule(
    it: SponsoredTransaction, rules: Mapping[str, SponsorRule] | None = None
) -> str | None:
    """Return the first broken rule: its name, a colon, and a sentence; ``None`` if all hold.

    ``rules`` are those of a payment of ``exact``, unless others are given, by their names.
    """
    for name, rule in (RULES if rules is None else rules).items():
        if (why := rule(it)) is not None:
            return f"{name}: {why}"
    return None
