"""Native assets: ``/assets/…``."""

import re
from hashlib import blake2b
from typing import Any

from facilitator.cardano.addresses import bech32
from facilitator.cardano.transaction import AssetId
from facilitator_devnet.assets import onchain_metadata
from facilitator_devnet.blockfrost.errors import invalid, not_found
from facilitator_devnet.blockfrost.request import Request
from facilitator_devnet.blockfrost.values import address_text
from facilitator_devnet.blockfrost.view import View
from facilitator_devnet.encoding import POLICY_BYTES
from facilitator_devnet.index import Place


def asset(view: View, request: Request) -> dict[str, Any]:
    """Answer ``/assets/{asset}``."""
    name = asset_id(request.params["asset"])
    mints = _mints(view, name)
    history = [each for _, each in view.history(("asset", name))]  # an asset may be a gift, too
    if not history:
        raise not_found()
    metadata = onchain_metadata(view.chain, name)
    return {
        "asset": name.hex(),
        "policy_id": name[:POLICY_BYTES].hex(),
        "asset_name": name[POLICY_BYTES:].hex() or None,
        "fingerprint": fingerprint(name),
        "quantity": str(_left(view, name)),
        "initial_mint_tx_hash": mints[0][1] if mints else history[0],
        "mint_or_burn_count": len(mints) or 1,
        "onchain_metadata": metadata,
        "onchain_metadata_standard": None if metadata is None else "CIP25v1",
        "onchain_metadata_extra": None,
        "metadata": None,
    }


def holders(view: View, request: Request) -> list[dict[str, str]]:
    """Answer ``/assets/{asset}/addresses``."""
    name = asset_id(request.params["asset"])
    if not view.history(("asset", name)):
        raise not_found()
    held: dict[bytes, int] = {}
    for _, ref in view.unspent(("asset", name)):
        output = view.output(ref)
        held[output.address] = held.get(output.address, 0) + output.value.assets[name]
    return [
        {"address": address_text(address), "quantity": str(quantity)}
        for address, quantity in request.page.of(list(held.items()))
    ]


def _left(view: View, name: AssetId) -> int:
    return sum(view.output(ref).value.assets[name] for _, ref in view.unspent(("asset", name)))


def of_policy(view: View, request: Request) -> list[dict[str, str]]:
    """Answer ``/assets/policy/{policy_id}``."""
    policy = request.params["policy_id"]
    if not re.fullmatch(r"[0-9a-f]{56}", policy):
        raise invalid("Invalid or malformed policy format.")
    prefix = bytes.fromhex(policy)
    names = [name for name in view.chain.index.mints if name.startswith(prefix)]
    minted = [
        {"asset": name.hex(), "quantity": str(sum(quantity for _, _, quantity in mints))}
        for name in names
        if (mints := _mints(view, name))
    ]
    if not minted:
        raise not_found()
    return list(request.page.of(minted))


def _mints(view: View, name: AssetId) -> list[tuple[Place, str, int]]:
    mints = view.chain.index.mints.get(name, ())
    return [each for each in mints if each[0].height <= view.height]


def asset_id(text: str) -> AssetId:
    """Return the asset named by the text. Raises :class:`ApiError` (400)."""
    if not re.fullmatch(r"[0-9a-f]{56}([0-9a-f]{2}){0,32}", text):
        raise invalid("Invalid or malformed asset format.")
    return bytes.fromhex(text)


def fingerprint(name: AssetId) -> str:
    """Return the fingerprint that wallets show for an asset (CIP-14)."""
    return bech32.encode("asset", blake2b(name, digest_size=20).digest())
