"""The network that a Blockfrost is of, by ``/genesis`` or by the time of its newest block."""

from collections.abc import Mapping
from typing import Any

from facilitator.plugin import ChainUnavailable, ProviderUnusable
from facilitator.x402.networks import cardano_network, cardano_networks
from facilitator_blockfrost.abilities import GENESIS, is_of_the_path
from facilitator_blockfrost.client import Client, Missing
from facilitator_blockfrost.fields import table, whole


def read_network(client: Client) -> tuple[Mapping[str, Any] | None, int]:
    """Return genesis, ``None`` where the server has none, and the network magic.

    Raises :class:`ProviderUnusable` when the chain is of no network whose eras are known, and
    :class:`ChainUnavailable`.
    """
    try:
        genesis = table(client.get(GENESIS), "genesis")
    except Missing:
        client.lacking.add(GENESIS)
        return None, _by_slots(client)
    except ChainUnavailable as error:
        if not (is_of_the_path(error) or isinstance(error, ProviderUnusable)):
            raise
        return None, _without_genesis(client, error)
    return genesis, whole(genesis, "network_magic")


def _without_genesis(client: Client, failure: ChainUnavailable) -> int:
    """Return the magic by slots, which also shows if the key is good; else raise the failure."""
    try:
        magic = _by_slots(client)
    except ProviderUnusable:
        raise failure from None
    client.lacking.add(GENESIS)
    return magic


def check_time(network: str, block: Mapping[str, Any]) -> None:
    """Raise :class:`ProviderUnusable` if a block's slot had another time on the network.

    The name of a server may lead to one of another network while the facilitator runs. A server
    that does not say the time of blocks is not checked, nor a network whose eras are not known.
    """
    if block.get("time") is None:
        return
    if not cardano_network(network).begins_slot_at(whole(block, "slot"), whole(block, "time")):
        public = f"its newest block is of another network than {network}, as its slot and time say"
        raise ProviderUnusable(f"{public}: set the provider of {network}", public)


def _by_slots(client: Client) -> int:
    """Return the magic of the network in which the newest block's slot has the block's time."""
    try:
        row = table(client.get("/blocks/latest"), "a block")
    except Missing:
        public = "Blockfrost has neither genesis nor a block"
        advice = "look at base_url, which must hold the whole path before /blocks/latest"
        raise ChainUnavailable(public, f"{public}: {advice}") from None
    slot, seconds = whole(row, "slot"), whole(row, "time")
    networks = [each for each in cardano_networks() if each.eras is not None]
    for network in networks:
        if network.begins_slot_at(slot, seconds):
            return network.magic
    names = [each.id.partition(":")[2] for each in networks]
    raise ProviderUnusable(
        f"its chain is none of {', '.join(names[:-1])} and {names[-1]}: the slot of its newest"
        " block had another time on each of them, and it has no genesis that names a network"
        " (of a network of your own, set the eras)"
    )
