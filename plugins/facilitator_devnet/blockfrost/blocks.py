"""Blocks: ``/blocks/…``."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from facilitator.cardano.addresses import bech32
from facilitator_devnet.blockfrost.errors import invalid, not_found
from facilitator_devnet.blockfrost.request import Request
from facilitator_devnet.blockfrost.view import View
from facilitator_devnet.blocks import Made
from facilitator_devnet.effects import fee_of, made_by
from facilitator_devnet.genesis import digest, epochs_of

MAX_NUMBER = 2**31 - 1
LEADER = bech32.encode("pool", digest(b"devnet")[:28])


def latest(view: View, request: Request) -> dict[str, Any]:  # noqa: ARG001
    """Answer ``/blocks/latest``."""
    return _block(view, view.tip)


def block(view: View, request: Request) -> dict[str, Any]:
    """Answer ``/blocks/{hash_or_number}``."""
    return _block(view, _find(view, request))


def at_slot(view: View, request: Request) -> dict[str, Any]:
    """Answer ``/blocks/slot/{slot_number}``."""
    slot = _number(request.params["slot_number"], "slot_number")
    blocks = view.blocks
    height = bisect_left(blocks, slot, key=lambda made: made.block.point.slot)
    if height == len(blocks) or blocks[height].block.point.slot != slot:
        raise not_found()
    return _block(view, blocks[height])


def following(view: View, request: Request) -> list[dict[str, Any]]:
    """Answer ``/blocks/{hash_or_number}/next``."""
    height = _find(view, request).block.height
    return [_block(view, made) for made in request.page.of(view.blocks[height + 1 :])]


def preceding(view: View, request: Request) -> list[dict[str, Any]]:
    """Answer ``/blocks/{hash_or_number}/previous``: pages go back, each is oldest first."""
    height = _find(view, request).block.height
    page = request.page._replace(descending=True).of(view.blocks[:height])
    return [_block(view, made) for made in reversed(page)]


def transactions(view: View, request: Request) -> Sequence[str]:
    """Answer ``/blocks/{hash_or_number}/txs`` and ``/blocks/latest/txs``."""
    return request.page.of(_find(view, request).block.transactions)


def transactions_cbor(view: View, request: Request) -> list[dict[str, str]]:
    """Answer ``/blocks/{hash_or_number}/txs/cbor`` and ``/blocks/latest/txs/cbor``."""
    return [
        {"tx_hash": each.id.hex(), "cbor": view.cbor(view.entry(each.id.hex())).hex()}
        for each in request.page.of(_find(view, request).transactions)
    ]


def _find(view: View, request: Request) -> Made:
    name = request.params.get("hash_or_number")
    if name is None:
        return view.tip
    if re.fullmatch(r"-?[0-9]+", name) and len(name) < 64:
        height = _number(name, "block number")
    elif re.fullmatch(r"[0-9a-f]{64}", name):
        height = view.chain.heights.get(name, MAX_NUMBER)
    else:
        raise invalid("Missing or malformed block hash.")
    if height > view.height:
        raise not_found()
    return view.chain.blocks[height]


def _number(text: str, what: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) > MAX_NUMBER:
        raise invalid(f"Missing, out of range or malformed {what}.")
    return int(text)


def _block(view: View, made: Made) -> dict[str, Any]:
    block, transactions = made.block, made.transactions
    epochs = epochs_of(view.chain.network)
    height, slot = block.height, block.point.slot
    outputs = [output for each in transactions for output in made_by(each).values()]
    fees = sum(fee_of(each, view.output) for each in transactions)
    next_block = None if height == view.height else view.chain.blocks[height + 1].block.point.block
    return {
        "time": view.time(slot),
        "height": height,
        "hash": block.point.block,
        "slot": slot,
        "epoch": epochs.at(slot),
        "epoch_slot": slot - epochs.first_slot(epochs.at(slot)),
        "slot_leader": LEADER,
        "size": sum(each.size for each in transactions),
        "tx_count": len(transactions),
        "output": str(sum(each.value.lovelace for each in outputs)) if transactions else None,
        "fees": str(fees) if transactions else None,
        "block_vrf": None,
        "op_cert": None,
        "op_cert_counter": None,
        "previous_block": block.parent if height else None,
        "next_block": next_block,
        "confirmations": view.height - height,
    }
