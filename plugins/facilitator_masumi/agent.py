"""The check of the agent that a seller claims to be ("Identity and compatibility identifier").

Anyone may make an entry in the registry. So an entry proves nothing but what is checked here: that
the seller holds the agent's token, and that the metadata of its mint offers this price in this
escrow.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from facilitator.cardano.addresses.address import read_address
from facilitator.cardano.transaction import AssetId
from facilitator.plugin import AssetState, Refused, Terms
from facilitator_masumi.reasons import MasumiReason
from facilitator_masumi.schema import PAYMENT_TYPE

REGISTRY = "67ab0c92c4ac1610895a1c965ee50aba41a8f1513b15240723b3bd0b"
"""The policy id of Masumi V2's registry of agents, the same on every network."""

_SIZE = 28 + 32
_AMOUNT = re.compile(r"[0-9]{1,30}")
_LEAST_NONCE = 0x10
"""The least first byte of the names that the registry's policy lets be minted."""


def agent_asset(identifier: str) -> AssetId:
    """Return the asset that the identifier names. Raises :class:`Refused`."""
    asset = bytes.fromhex(identifier)
    if not identifier.startswith(REGISTRY):
        raise _refused(f"it must begin with the policy id of Masumi V2's registry, {REGISTRY}")
    if len(asset) != _SIZE or asset[28] < _LEAST_NONCE:
        raise _refused("after the policy id must come 32 bytes, the first of them at least 0x10")
    return asset


def check_agent(state: AssetState, seller: bytes, terms: Terms) -> None:
    """Check that the seller is the agent, at this price in this escrow. Raises :class:`Refused`."""
    holders = {read_address(address).payment for address in state.holders}
    if not holders:
        raise _refused("no such agent is registered: it never was, or its entry was replaced")
    if holders != {read_address(seller).payment}:
        raise _refused("the agent's token is not held by the key of terms.sellerAddress")
    sources = [each for each in _sources(state.metadata) if _is_of(each, terms)]
    if not sources:
        raise _refused("the agent's metadata offers no payments to this escrow on this network")
    if not any(_prices(source, terms) for source in sources):
        raise _refused("the agent's registered price is not the amount and asset of the terms")


def _sources(metadata: Any) -> Sequence[Mapping[str, Any]]:
    listed = metadata.get("supported_payment_sources") if isinstance(metadata, dict) else None
    return [each for each in _list(listed) if isinstance(each, dict)]


def _is_of(source: Mapping[str, Any], terms: Terms) -> bool:
    """Return True if the source of payments is the escrow that the terms name."""
    settlement = source.get("settlement")
    if not isinstance(settlement, dict):
        return False
    network = terms.network.id.removeprefix("cardano:")
    return (
        _text(source.get("chain")) == "Cardano"
        and _text(source.get("network")).lower() == network
        and _text(settlement.get("paymentSourceType")) == PAYMENT_TYPE
        and _text(settlement.get("address")) == terms.requirements.pay_to
    )


def _prices(source: Mapping[str, Any], terms: Terms) -> bool:
    """Return True if the price is the terms', or is left to each offer."""
    pricing = source.get("pricing")
    if not isinstance(pricing, dict):
        return False
    kind = _text(pricing.get("pricingType"))
    if kind == "Dynamic":
        return True
    price: Counter[str] = Counter()
    for each in _list(pricing.get("fixed")) if kind == "Fixed" else ():
        amount = _text(each.get("amount")) if isinstance(each, dict) else ""
        if not _AMOUNT.fullmatch(amount):
            return False
        price[_unit(_text(each.get("asset")))] += int(amount)
    return price == {_unit(terms.requirements.asset): terms.amount}


def _unit(asset: str) -> str:
    """Return the unit without the period of x402; none stands for lovelace."""
    return asset.replace(".", "", 1).lower() or "lovelace"


def _text(value: Any) -> str:
    """Return a text of metadata, which comes in parts if it is long; empty for anything else."""
    parts = _list(value)
    if parts and all(isinstance(part, str) for part in parts):
        return "".join(parts)
    return str(value) if isinstance(value, str | int) else ""


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _refused(why: str) -> Refused:
    return Refused(MasumiReason.AGENT_IDENTIFIER, f"extra.terms.agentIdentifier: {why}")
