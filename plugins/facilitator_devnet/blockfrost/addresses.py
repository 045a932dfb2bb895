"""Addresses and accounts: ``/addresses/…`` and ``/accounts/…``."""

import re
from typing import Any

from facilitator.cardano.addresses import bech32
from facilitator.cardano.addresses.address import (
    AddressKind,
    parse_address,
    read_address,
    reward_credential,
)
from facilitator.cardano.transaction import Credential, OutputRef
from facilitator.x402.networks import cardano_network
from facilitator_devnet.blockfrost.assets import asset_id
from facilitator_devnet.blockfrost.errors import invalid, not_found
from facilitator_devnet.blockfrost.request import Request
from facilitator_devnet.blockfrost.values import (
    address_text,
    amount,
    output_fields,
    reference,
    total,
)
from facilitator_devnet.blockfrost.view import View
from facilitator_devnet.index import Key, Place

PAYMENT_PREFIXES = ("addr_vkh", "script")
HASH_BYTES = 28
DREP_KEY = b"\x22"
"""The header of the id of a DRep with a key (CIP-129)."""


def address(view: View, request: Request) -> dict[str, Any]:
    """Answer ``/addresses/{address}``."""
    text = request.params["address"]
    key = _known(view, address_key(view, text))
    held = total(view.output(ref).value for _, ref in view.unspent(key))
    parts = None if text.startswith(PAYMENT_PREFIXES) else read_address(parse_address(text))
    payment, stake = (parts.payment, parts.stake) if parts else (None, None)
    is_byron = parts is not None and parts.kind is AddressKind.BYRON
    return {
        "address": text,
        "amount": amount(held),
        "stake_address": _stake_address(view, stake) if stake else None,
        "type": "byron" if is_byron else "shelley",
        "script": payment.is_script if payment else text.startswith("script"),
    }


def utxos(view: View, request: Request) -> list[dict[str, Any]]:
    """Answer ``/addresses/{address}/utxos``."""
    key = _known(view, address_key(view, request.params["address"]))
    return [_utxo(view, *each) for each in request.page.of(view.unspent(key))]


def utxos_of_asset(view: View, request: Request) -> list[dict[str, Any]]:
    """Answer ``/addresses/{address}/utxos/{asset}``."""
    key = address_key(view, request.params["address"])
    name = request.params["asset"]
    wanted = None if name == "lovelace" else asset_id(name)
    _known(view, key)
    holding = [
        (place, ref)
        for place, ref in view.unspent(key)
        if wanted is None or wanted in view.output(ref).value.assets
    ]
    return [_utxo(view, *each) for each in request.page.of(holding)]


def transactions(view: View, request: Request) -> list[dict[str, Any]]:
    """Answer ``/addresses/{address}/transactions``."""
    key = _known(view, address_key(view, request.params["address"]))
    first = _place(request.query.get("from"), Place(0, 0), 0)
    last = _place(request.query.get("to"), Place(view.height, 2**31), 2**31)
    within = [each for each in view.history(key) if first <= each[0] <= last]
    return [
        {
            "tx_hash": name,
            "tx_index": place.position,
            "block_height": place.height,
            "block_time": view.time(view.chain.blocks[place.height].block.point.slot),
        }
        for place, name in request.page.of(within)
    ]


def account(view: View, request: Request) -> dict[str, Any]:
    """Answer ``/accounts/{stake_address}`` as of the tip, with any view."""
    credential = _stake_credential(view, request)
    key: Key = ("stake", credential)
    found = view.chain.ledger.accounts.get(credential)
    if credential not in view.chain.ledger.accounts:
        _known(view, key)
    controlled = sum(view.output(ref).value.lovelace for _, ref in view.unspent(key))
    reward = found.reward if found else 0
    pool = found.pool if found else None
    return {
        "stake_address": request.params["stake_address"],
        "active": pool is not None,
        "registered": found is not None,
        "active_epoch": view.chain.parameters.epoch if found else None,
        "controlled_amount": str(controlled + reward),
        "rewards_sum": str(reward),
        "withdrawals_sum": "0",
        "reserves_sum": "0",
        "treasury_sum": "0",
        "withdrawable_amount": str(reward),
        "pool_id": bech32.encode("pool", pool) if pool else None,
        "drep_id": _drep(found.drep) if found else None,
    }


def account_utxos(view: View, request: Request) -> list[dict[str, Any]]:
    """Answer ``/accounts/{stake_address}/utxos``."""
    key = _known(view, ("stake", _stake_credential(view, request)))
    return [_utxo(view, *each) for each in request.page.of(view.unspent(key))]


def address_key(view: View, text: str) -> Key:
    """Return the key of the address or the payment part. Raises :class:`ApiError` (400)."""
    try:
        if text.startswith(PAYMENT_PREFIXES):
            prefix, raw = bech32.decode(text)
            if prefix in PAYMENT_PREFIXES and len(raw) == HASH_BYTES:
                return "payment", raw
            raise ValueError(text)
        raw = parse_address(text)
        parts = read_address(raw)
    except ValueError:
        raise invalid("Invalid address for this network or malformed address format.") from None
    if parts.kind is AddressKind.REWARD or parts.network_id != _network_id(view):
        raise invalid("Invalid address for this network or malformed address format.")
    return "address", raw


def _known(view: View, key: Key) -> Key:
    if not view.history(key):
        raise not_found()
    return key


def _utxo(view: View, place: Place, ref: OutputRef) -> dict[str, Any]:
    return {
        **output_fields(view.output(ref)),
        **reference(ref),
        "tx_index": ref.index,
        "block": view.chain.blocks[place.height].block.point.block,
    }


def _place(text: str | None, default: Place, position: int) -> Place:
    if text is None:
        return default
    match = re.fullmatch(r"([0-9]{1,10})(?::([0-9]{1,10}))?", text)
    if match is None:
        raise invalid("Invalid (malformed or out of range) from/to parameter(s).")
    return Place(int(match[1]), position if match[2] is None else int(match[2]))


def _stake_credential(view: View, request: Request) -> Credential:
    try:
        raw = parse_address(request.params["stake_address"])
        credential = reward_credential(raw)
    except ValueError:
        raise invalid("Invalid or malformed stake address format.") from None
    if raw[0] & 1 != _network_id(view):
        raise invalid("Invalid or malformed stake address format.")
    return credential


def _stake_address(view: View, stake: Credential) -> str:
    header = 0xE0 | stake.is_script << 4 | _network_id(view)
    return address_text(bytes([header]) + stake.hash)


def _network_id(view: View) -> int:
    return cardano_network(view.chain.network).network_id


def _drep(name: str | None) -> str | None:
    """Return the DRep's id; the ledger here distinguishes no scripts and no predefined DReps."""
    if name is None:
        return None
    if name == "predefined":
        return "drep_always_abstain"
    return bech32.encode("drep", DREP_KEY + bytes.fromhex(name))
