"""Slots, epochs and time of a network: the known ones, else those of Koios' Ogmios."""

from facilitator.cardano.ogmios.eras import Calendar
from facilitator.cardano.ogmios.eras import read_calendar as read_summaries
from facilitator.cardano.ogmios.fields import Malformed as MalformedSummaries
from facilitator.plugin import ChainUnavailable, ProviderUnusable
from facilitator.x402.networks import cardano_network
from facilitator_koios.client import Client, NoRoute
from facilitator_koios.fields import Malformed, Row, rows, whole
from facilitator_koios.ogmios import query


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
    try:
        return read_summaries(summaries, whole(read_genesis(client), "systemstart") * 1000)
    except MalformedSummaries as error:
        raise Malformed(str(error)) from None


def check_epoch(calendar: Calendar, epoch: int, now_ms: int, lag_seconds: float) -> None:
    """Raise :class:`ChainUnavailable` if the epoch began too long ago to be still unknown."""
    if now_ms - calendar.start_ms(epoch) > lag_seconds * 1000:
        raise ChainUnavailable(f"Koios does not have the parameters of epoch {epoch} yet")
