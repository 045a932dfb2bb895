"""The network that a Blockfrost is of, by ``/genesis`` or by the time of its newest block."""

from collections.abc import Mapping
from typing import Any

from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.plugin import ChainUnavailable, ProviderUnusable
from facilitator.x402.networks import NETWORKS
from facilitator_blockfrost.client import Client, Missing
from facilitator_blockfrost.fields import table, whole


def read_network(client: Client) -> tuple[Mapping[str, Any] | None, int]:
    """Return genesis, ``None`` where the server has none, and the network magic.

    Raises :class:`ProviderUnusable` when the chain is none of the public networks, and
    :class:`ChainUnavailable`.
    """
    try:
        genesis = table(client.get("/genesis"), "genesis")
    except Missing:
        client.lacking.add("/genesis")
        return None, _by_slots(client)
    return genesis, whole(genesis, "network_magic")


def _by_slots(client: Client) -> int:
    """Return the magic of the network in which the newest block's slot has the block's time."""
    try:
        row = table(client.get("/blocks/latest"), "a block")
    except Missing:
        public = "Blockfrost has neither genesis nor a block"
        advice = "look at base_url, which must hold the whole path before /blocks/latest"
        raise ChainUnavailable(public, f"{public}: {advice}") from None
    slot, seconds = whole(row, "slot"), whole(row, "time")
    for name, network in NETWORKS.items():
        if KNOWN_ERAS[name].start_ms(slot) == seconds * 1000:
            return network.magic
    raise ProviderUnusable(
        "its chain is none of mainnet, preprod and preview: the slot of its newest block had"
        " another time on each of them, and it has no genesis that names a network"
    )
