"""The list of a wallet's channels, for a person or for a script."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from facilitator.cardano.amounts import LOVELACE, amount_in_words
from facilitator.cardano.transaction import AssetId
from facilitator_channels.channel import Channel
from facilitator_channels.paying.book import Book
from facilitator_channels.paying.entry import Entry, entry_json
from facilitator_channels.paying.finding import list_channels
from facilitator_channels.paying.means import Means

_SHORT = 16
"""Digits of an id in the table: a beginning that ``withdraw`` takes."""


def list_all(book: Book, means: Means) -> list[Mapping[str, Any]]:
    """Return each channel as an object: the records, then what the chain alone has.

    Amounts are decimal strings in atomic units. Raises ``CannotPay`` and ``ChainUnavailable``.
    """
    kept = book.entries()
    known = {entry.id for entry in kept}
    price = means.chain.parameters().coins_per_utxo_byte
    found = [each for each in list_channels(means) if each.constants.tag.hex() not in known]
    return [_recorded(each) for each in kept] + [_found(each, price) for each in found]


def table(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of a table of 80 columns; amounts of tokens may make one longer."""
    if not rows:
        yield "this wallet has no channels"
        return
    for row in rows:
        charged = amount_in_words(int(row["charged"]), row["asset"])
        left = amount_in_words(int(row["balance"]) - int(row["charged"]), row["asset"])
        yield f"{row['channelId'][:_SHORT]}  {row['status']:<12}  {row['server'] or 'not recorded'}"
        yield f"{'':<{_SHORT}}  charged {charged}, can pay {left} more"


def _recorded(entry: Entry) -> Mapping[str, Any]:
    fields = entry_json(entry)
    shown = ("channelId", "server", "status", "charged", "signed", "deposit", "balance")
    return {**{name: fields[name] for name in shown}, "asset": entry.channel.config.token}


def _found(channel: Channel, coins_per_byte: int) -> Mapping[str, Any]:
    """Return a channel that is in no record: what was charged is known as far as it is redeemed."""
    return {
        "channelId": channel.constants.tag.hex(),
        "server": "",
        "status": "on the chain",
        "charged": str(channel.subbed),
        "balance": str(channel.capacity(coins_per_byte)),
        "asset": _asset(channel.constants.currency),
    }


def _asset(asset: AssetId | None) -> str:
    return LOVELACE if asset is None else f"{asset[:28].hex()}.{asset[28:].hex()}"
