"""``queryNetwork/…`` and the queries of epochs and eras."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from facilitator.x402.networks import cardano_network
from facilitator_devnet.blockfrost.network import CONSTANTS, MAX_SUPPLY, USUAL
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import epochs_of, eras_of
from facilitator_devnet.ogmios.shapes import show_parameters, show_point
from facilitator_devnet.ogmios.transactions import Params


def tip(devnet: Devnet, params: Params) -> Any:  # noqa: ARG001
    """Answer ``queryNetwork/tip`` and ``queryLedgerState/tip``."""
    with devnet.chain() as chain:
        return show_point(chain.tip.point)


def block_height(devnet: Devnet, params: Params) -> Any:  # noqa: ARG001
    """Answer ``queryNetwork/blockHeight``."""
    with devnet.chain() as chain:
        return chain.tip.height


def start_time(devnet: Devnet, params: Params) -> Any:  # noqa: ARG001
    """Answer ``queryNetwork/startTime``."""
    started = datetime.fromtimestamp(eras_of(devnet.network).eras[0].start_ms / 1000, UTC)
    return started.isoformat(timespec="seconds").replace("+00:00", "Z")


def genesis(devnet: Devnet, params: Params) -> Any:
    """Answer ``queryNetwork/genesisConfiguration``, as if of Shelley's genesis."""
    initial = parameters(devnet, params)
    del initial["maxReferenceScriptsSize"]  # of a later era, and with another name in version 7
    network, constants = cardano_network(devnet.network), CONSTANTS.get(devnet.network, USUAL)
    return {
        "era": "shelley",
        "startTime": start_time(devnet, params),
        "networkMagic": network.magic,
        "network": "mainnet" if network.network_id else "testnet",
        "activeSlotsCoefficient": "1/20",
        "securityParameter": constants.security_parameter,
        "epochLength": epochs_of(devnet.network).slots,
        "slotsPerKesPeriod": 129_600,
        "maxKesEvolutions": 62,
        "slotLength": {"milliseconds": eras_of(devnet.network).eras[-1].slot_ms},
        "updateQuorum": 5,
        "maxLovelaceSupply": MAX_SUPPLY,
        "initialParameters": initial,
        "initialDelegates": [],
        "initialFunds": {},
        "initialStakePools": {"stakePools": {}, "delegators": {}},
    }


def eras(devnet: Devnet, params: Params) -> Any:  # noqa: ARG001
    """Answer ``queryLedgerState/eraSummaries``."""
    known, epochs = eras_of(devnet.network).eras, epochs_of(devnet.network)
    return [
        {
            "start": {
                "time": {"seconds": (era.start_ms - known[0].start_ms) // 1000},
                "slot": era.start_slot,
                "epoch": epochs.start_epoch if era.start_slot else 0,
            },
            "parameters": {
                "epochLength": epochs.slots,
                "slotLength": {"milliseconds": era.slot_ms},
                "safeZone": 129_600,
            },
        }
        for era in known
    ]


def epoch(devnet: Devnet, params: Params) -> Any:  # noqa: ARG001
    """Answer ``queryLedgerState/epoch``."""
    with devnet.chain() as chain:
        return chain.parameters.epoch


def parameters(devnet: Devnet, params: Params) -> Any:  # noqa: ARG001
    """Answer ``queryLedgerState/protocolParameters``."""
    with devnet.chain() as chain:
        return show_parameters(chain.parameters)


QUERIES: Mapping[str, Callable[[Devnet, Params], Any]] = {
    "queryNetwork/tip": tip,
    "queryNetwork/blockHeight": block_height,
    "queryNetwork/startTime": start_time,
    "queryNetwork/genesisConfiguration": genesis,
    "queryLedgerState/tip": tip,
    "queryLedgerState/epoch": epoch,
    "queryLedgerState/eraSummaries": eras,
    "queryLedgerState/protocolParameters": parameters,
}
"""The queries that no acquired state changes: parameters and eras are always the same."""
