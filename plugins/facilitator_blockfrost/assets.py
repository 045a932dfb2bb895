"""Native assets by Blockfrost: who holds one, and what its mint says of it."""

from facilitator.cardano.addresses.address import parse_address
from facilitator.cardano.transaction import AssetId
from facilitator.plugin import AssetState, Unknown
from facilitator_blockfrost.client import Client, Missing, NoRoute
from facilitator_blockfrost.fields import Malformed, rows, table, text, whole
from facilitator_blockfrost.outputs import take_question

_NO_ROUTE = Unknown("the Blockfrost server does not say who holds an asset")
_NOT_INDEXED = Unknown("no asset of that id is known to Blockfrost, or not yet")


def read_asset(client: Client, asset: AssetId) -> AssetState | Unknown:
    """Return the asset's state, by two questions. Raises :class:`ChainUnavailable`.

    A 404 does not distinguish an asset that never was from one that is not indexed yet.
    """
    try:
        take_question()
        holders = rows(client.get("/assets/{asset}/addresses", asset=asset.hex()), "addresses")
        held = {_address(text(row, "address")): whole(row, "quantity") for row in holders}
        take_question()
        known = table(client.get("/assets/{asset}", asset=asset.hex()), "an asset")
    except NoRoute:
        return _NO_ROUTE
    except Missing:
        return _NOT_INDEXED
    if "onchain_metadata" not in known:
        raise Malformed("an asset without onchain_metadata")
    present = {address: quantity for address, quantity in held.items() if quantity}
    return AssetState(present, known["onchain_metadata"])


def _address(address: str) -> bytes:
    try:
        return parse_address(address)
    except ValueError:
        raise Malformed("an address that is none") from None
