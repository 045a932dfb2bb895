"""Slots, epochs and time of a network: the known ones, else those of Koios' Ogmios."""

from collections.abc import Sequence
from typing import NamedTuple

from facilitator.cardano.slots import Era, EraSummary
from facilitator.plugin import ChainUnavailable, ProviderUnusable
from facilitator.x402.networks import cardano_network
from facilitator_koios.client import Client, NoRoute
from facilitator_koios.fields import Malformed, Row, rows, table, whole
from facilitator_koios.ogmios import query


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


def read_genesis(client: Client) -> Row:
    """Return the network's genesis. Raises :class:`ChainUnavailable`."""
    found = rows(client.get("/genesis"), "genesis")
    if len(found) != 1:
        raise Malformed("genesis is not one row")
    return found[0]


def read_calendar(client: Client, network: str) -> Calendar:
    """Return the network's calendar: the known one, else that of Koios' Ogmios.

    Raises :class:`ChainUnavailable`, and its kind :class:`ProviderUnusable` where neither is had.
    """
    known = cardano_network(network)
    if known.eras is not None:
        return Calendar(known.eras, *known.first_epoch, known.epoch_slots)
    try:
        summaries = query(client, "queryLedgerState/eraSummaries")
    except NoRoute:
        public = f"how slots and time relate on {network} is not known"
        advice = f'its Koios has no Ogmios to say so: set networks."{network}".eras'
        raise ProviderUnusable(f"{public}; {advice}", public) from None
    return _calendar(rows(summaries, "eras"), whole(read_genesis(client), "systemstart") * 1000)


def _calendar(summaries: Sequence[Row], start_ms: int) -> Calendar:
    eras: list[Era] = []
    last: tuple[int, int, int] | None = None
    for row in summaries:
        start = table(row.get("start"), "an era's start")
        parameters = table(row.get("parameters"), "an era's parameters")
        end, slot = row.get("end"), whole(start, "slot")
        if end is not None and whole(table(end, "an era's end"), "slot") == slot:
            continue  # an era that the network began after
        slot_ms = whole(table(parameters.get("slotLength"), "slotLength"), "milliseconds")
        if slot_ms == 0 or not whole(parameters, "epochLength"):
            raise Malformed("an era has slots or epochs without length")
        last = slot, whole(start, "epoch"), whole(parameters, "epochLength")
        if not eras or eras[-1].slot_ms != slot_ms:
            seconds = whole(table(start.get("time"), "an era's time"), "seconds")
            eras.append(Era(slot, start_ms + seconds * 1000, slot_ms))
    if last is None:
        raise Malformed("eras are none")
    return Calendar(EraSummary(eras), *last)


def check_epoch(calendar: Calendar, epoch: int, now_ms: int, lag_seconds: float) -> None:
    """Raise :class:`ChainUnavailable` if the epoch began too long ago to be still unknown."""
    if now_ms - calendar.start_ms(epoch) > lag_seconds * 1000:
        raise ChainUnavailable(f"Koios does not have the parameters of epoch {epoch} yet")
