"""``/governance/proposals…``: an action for the devnet's hard fork, until it is enacted.

No transaction proposed it: its id and its account are made of zeros.
"""

from typing import Any

from facilitator.cardano.addresses import bech32
from facilitator.cardano.addresses.address import format_address
from facilitator.x402.networks import cardano_network
from facilitator_devnet.blockfrost.errors import not_found
from facilitator_devnet.blockfrost.request import Request
from facilitator_devnet.blockfrost.view import View
from facilitator_devnet.genesis import epochs_of

_REWARD_HEADER = 0xE0
_TX_HASH, _INDEX = "00" * 32, 0
_ACTION = {
    "id": bech32.encode("gov_action", bytes.fromhex(_TX_HASH) + bytes([_INDEX])),
    "tx_hash": _TX_HASH,
    "cert_index": _INDEX,
    "governance_type": "hard_fork_initiation",
}


def proposals(view: View, request: Request) -> list[dict[str, Any]]:
    """Answer ``/governance/proposals``."""
    return list(request.page.of([] if _next_version(view) is None else [_ACTION]))


def proposal(view: View, request: Request) -> dict[str, Any]:
    """Answer ``/governance/proposals/{tx_hash}/{cert_index}``."""
    version = _next_version(view)
    asked = request.params["tx_hash"], request.params["cert_index"]
    if version is None or asked != (_TX_HASH, f"{_INDEX}"):
        raise not_found()
    epoch = epochs_of(view.chain.network).at(view.tip.block.point.slot)
    return {
        **_ACTION,
        "governance_description": {
            "tag": "HardForkInitiation",
            "contents": [None, {"major": version, "minor": 0}],
        },
        "deposit": f"{view.chain.parameters.gov_action_deposit}",
        "return_address": _no_account(view),
        "ratified_epoch": epoch,
        "enacted_epoch": None,
        "dropped_epoch": None,
        "expired_epoch": None,
        "expiration": epoch + 1,
    }


def _no_account(view: View) -> str:
    network_id = cardano_network(view.chain.network).network_id
    return format_address(bytes([_REWARD_HEADER | network_id]) + bytes(28))


def _next_version(view: View) -> int | None:
    return view.chain.schedule.next_after(view.tip.block.point.slot)
