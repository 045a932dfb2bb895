"""Slots, epochs and time of a network: the known ones, else ``/network/eras`` and ``/genesis``."""

from typing import Any, NamedTuple

from facilitator.cardano.slots import Era, EraSummary
from facilitator.plugin import ProviderUnusable
from facilitator.x402.networks import cardano_network
from facilitator_blockfrost.abilities import ERAS
from facilitator_blockfrost.client import Client, Missing
from facilitator_blockfrost.fields import Malformed, fraction, rows, table, whole


class Calendar(NamedTuple):
    """The era summary, and the epochs of the last era."""

    eras: EraSummary
    start_slot: int
    """The first slot of the last era."""
    start_epoch: int
    epoch_slots: int

    def epoch_at(self, unix_ms: int) -> int:
        """Return the epoch that the instant lies in."""
        slot = self.eras.slot_at(unix_ms)
        return self.start_epoch + (slot - self.start_slot) // self.epoch_slots

    def start_ms(self, epoch: int) -> int:
        """Return the Unix time in ms at which an epoch of the last era begins."""
        return self.eras.start_ms(self.start_slot + (epoch - self.start_epoch) * self.epoch_slots)


def known_calendar(network: str) -> Calendar | None:
    """Return the network's calendar by its eras, if these are known."""
    known = cardano_network(network)
    if known.eras is None:
        return None
    return Calendar(known.eras, *known.first_epoch, known.epoch_slots)


def read_calendar(client: Client, network: str, genesis: Any = None) -> Calendar:
    """Return the known calendar of the network, or Blockfrost's of one that is not known.

    The known one goes on through a hard fork, at which a server may fail on an era that is new to
    it. ``genesis`` is the answer of ``/genesis`` if it was asked for before.
    Raises :class:`ChainUnavailable`, and its kind :class:`ProviderUnusable` where neither is had.
    """
    known = known_calendar(network)
    if known is not None:
        return known
    try:
        return _calendar(client.get(ERAS), genesis or client.get("/genesis"))
    except Missing:
        raise _without_eras(network) from None


def _without_eras(network: str) -> ProviderUnusable:
    public = f"how slots and time relate on {network} is not known"
    advice = f'its server does not say so: set networks."{network}".eras'
    return ProviderUnusable(f"{public}; {advice}", public)


def _calendar(summary: Any, genesis: Any) -> Calendar:
    start_ms = whole(table(genesis, "genesis"), "system_start") * 1000
    eras: list[Era] = []
    last: tuple[int, int, int] | None = None
    for row in rows(summary, "eras"):
        start = table(row.get("start"), "an era's start")
        parameters = table(row.get("parameters"), "an era's parameters")
        slot, slot_ms = whole(start, "slot"), int(fraction(parameters, "slot_length") * 1000)
        if whole(table(row.get("end"), "an era's end"), "slot") == slot:
            continue  # an era that the network began after
        if slot_ms == 0 or not whole(parameters, "epoch_length"):
            raise Malformed("an era has slots or epochs without length")
        last = slot, whole(start, "epoch"), whole(parameters, "epoch_length")
        if not eras or eras[-1].slot_ms != slot_ms:
            eras.append(Era(slot, start_ms + int(fraction(start, "time") * 1000), slot_ms))
    if last is None:
        raise Malformed("eras are none")
    return Calendar(EraSummary(eras), *last)
