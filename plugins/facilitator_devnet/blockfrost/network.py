"""The network and its epochs: ``/``, ``/health…``, ``/genesis``, ``/network…``, ``/epochs…``."""

import re
import time
from bisect import bisect_left
from typing import Any, NamedTuple

from facilitator import __version__
from facilitator.cardano.parameters import DIJKSTRA
from facilitator.cardano.slots import Era
from facilitator.x402.networks import cardano_network
from facilitator_devnet.blockfrost.errors import ApiError, invalid, not_found
from facilitator_devnet.blockfrost.parameters import parameters_json
from facilitator_devnet.blockfrost.request import Request
from facilitator_devnet.blockfrost.view import View
from facilitator_devnet.blocks import Totals
from facilitator_devnet.genesis import epochs_of, eras_of

MAX_SUPPLY = 45_000_000_000_000_000


class Constants(NamedTuple):
    """The constants in a network's genesis files."""

    byron_epoch_slots: int
    security_parameter: int


CONSTANTS = {
    "cardano:preview": Constants(4_320, 432),
}
"""The constants that are not those of :data:`USUAL`."""
USUAL = Constants(21_600, 2_160)
ACTIVE_SLOTS = 0.05


def root(view: View, request: Request) -> dict[str, Any]:  # noqa: ARG001
    """Answer ``/``."""
    return {"url": "https://blockfrost.io/", "version": __version__}


def health(view: View, request: Request) -> dict[str, Any]:  # noqa: ARG001
    """Answer ``/health``."""
    return {"is_healthy": True}


def clock(view: View, request: Request) -> dict[str, Any]:  # noqa: ARG001
    """Answer ``/health/clock``: Unix time in milliseconds."""
    return {"server_time": int(time.time() * 1000)}


def genesis(view: View, request: Request) -> dict[str, Any]:  # noqa: ARG001
    """Answer ``/genesis``."""
    network = view.chain.network
    constants = CONSTANTS.get(network, USUAL)
    return {
        "active_slots_coefficient": ACTIVE_SLOTS,
        "update_quorum": 5,
        "max_lovelace_supply": str(MAX_SUPPLY),
        "network_magic": cardano_network(network).magic,
        "epoch_length": epochs_of(network).slots,
        "system_start": eras_of(network).eras[0].start_ms // 1000,
        "slots_per_kes_period": 129_600,
        "slot_length": _seconds(eras_of(network).eras[-1]),
        "max_kes_evolutions": 62,
        "security_param": constants.security_parameter,
    }


def network(view: View, request: Request) -> dict[str, Any]:  # noqa: ARG001
    """Answer ``/network``; granted lovelace circulates unless paid as a fee."""
    given = sum(
        output.value.lovelace
        for entry in view.chain.index.entries.values()
        if entry.place.height == 0
        for output in entry.outputs.values()
    )
    circulating = str(given - view.tip.totals.fees)
    return {
        "supply": {
            "max": str(MAX_SUPPLY),
            "total": circulating,
            "circulating": circulating,
            "locked": "0",
            "treasury": "0",
            "reserves": "0",
        },
        "stake": {"live": "0", "active": "0"},
    }


def eras(view: View, request: Request) -> list[dict[str, Any]]:  # noqa: ARG001
    """Answer ``/network/eras``: time in seconds since the network's start.

    It fails after the hard fork to Dijkstra, as a backend does whose table of eras ends before it.
    """
    if view.chain.schedule.at(view.tip.block.point.slot) >= DIJKSTRA:
        raise ApiError(500, "An unexpected response was received from the backend.")
    name = view.chain.network
    known, epochs = eras_of(name).eras, epochs_of(name)
    constants = CONSTANTS.get(name, USUAL)
    next_epoch = epochs.at(view.tip.block.point.slot) + 1
    bounds = [(era.start_slot, 0 if not era.start_slot else epochs.start_epoch) for era in known]
    bounds.append((epochs.first_slot(next_epoch), next_epoch))
    result = []
    for number, era in enumerate(known):
        is_byron = number < len(known) - 1
        stability = constants.security_parameter * 2
        parameters = {
            "epoch_length": constants.byron_epoch_slots if is_byron else epochs.slots,
            "slot_length": _seconds(era),
            "safe_zone": stability if is_byron else int(stability * 1.5 / ACTIVE_SLOTS),
        }
        start, end = (_bound(name, *bounds[number + step]) for step in (0, 1))
        result.append({"start": start, "end": end, "parameters": parameters})
    return result


def _seconds(era: Era) -> float:
    """Return the length of its slots, as a whole number where it is one."""
    return era.slot_ms / 1000 if era.slot_ms % 1000 else era.slot_ms // 1000


def _bound(name: str, slot: int, epoch: int) -> dict[str, int]:
    summary = eras_of(name)
    milliseconds = summary.start_ms(slot) - summary.eras[0].start_ms
    return {"time": milliseconds // 1000, "slot": slot, "epoch": epoch}


def epoch(view: View, request: Request) -> dict[str, Any]:
    """Answer ``/epochs/latest`` and ``/epochs/{number}``."""
    number = _epoch(view, request)
    epochs = epochs_of(view.chain.network)
    first_slot, end_slot = epochs.first_slot(number), epochs.first_slot(number + 1)
    blocks = view.blocks
    start, stop = (
        bisect_left(blocks, slot, key=lambda made: made.block.point.slot)
        for slot in (first_slot, end_slot)
    )
    if start == stop:
        raise not_found()
    before = blocks[start - 1].totals if start else Totals()
    after = blocks[stop - 1].totals
    return {
        "epoch": number,
        "start_time": view.time(first_slot),
        "end_time": view.time(end_slot),
        "first_block_time": view.time(blocks[start].block.point.slot),
        "last_block_time": view.time(blocks[stop - 1].block.point.slot),
        "block_count": stop - start,
        "tx_count": after.transactions - before.transactions,
        "output": str(after.output - before.output),
        "fees": str(after.fees - before.fees),
        "active_stake": None,
    }


def _epoch(view: View, request: Request) -> int:
    text = request.params.get("number")
    if text is None:
        return epochs_of(view.chain.network).at(view.tip.block.point.slot)
    if not re.fullmatch(r"[0-9]{1,10}", text):
        raise invalid("Missing, out of range or malformed epoch_number.")
    return int(text)


def parameters(view: View, request: Request) -> dict[str, Any]:
    """Answer ``/epochs/latest/parameters`` and ``/epochs/{number}/parameters``, always the same."""
    number = epoch(view, request)["epoch"]
    return parameters_json(view.chain.parameters, number)
