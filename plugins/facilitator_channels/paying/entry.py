"""The payer's record of one channel, with what is needed to find it and to go on after a crash."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from facilitator.cardano.output_ref import parse_output_ref
from facilitator.cardano.transaction import OutputRef
from facilitator_channels.client.channel import ClientChannel, Status
from facilitator_channels.iou import derive_tag
from facilitator_channels.values import config_from_json, config_json


@dataclass(frozen=True, slots=True)
class Entry:
    """A channel in the payer's book. It is written before what it announces is sent."""

    channel: ClientChannel
    server: str
    """The server that it was opened for, such as ``https://example.org``."""
    anchor: OutputRef
    """The output that it was when the chain last showed it, or that its opening makes.

    It is followed from there: the server's word on where it is could be wrong.
    """
    signed: int = 0
    """The greatest cumulative amount that was ever signed."""
    deposit: int = 0
    """Units of the asset that were put in, all together."""
    opening: bytes = b""
    """The transaction that opens it; empty if the channel was found on the chain."""
    ended: bool = False
    """True once the wallet has signed the end of it: it pays no more, though it may be there still.
    """
    offer: Mapping[str, str] | None = None
    """The seller's offer by which it was opened: the reserve is the seller's. ``None`` if not, or
    if it is not known."""

    @property
    def id(self) -> str:
        """The channel's id: its tag, in hex."""
        return self.channel.channel_id.hex()

    @property
    def first_input(self) -> OutputRef:
        """The input of its opening that gives the channel its tag. Only with :attr:`opening`."""
        refs = map(parse_output_ref, self.channel.opening_inputs)
        return next(ref for ref in refs if derive_tag(ref) == self.channel.channel_id)

    def with_channel(self, channel: ClientChannel) -> "Entry":
        """Return the entry with another state of its channel."""
        return replace(self, channel=channel)

    def with_end(self) -> "Entry":
        """Return the entry after the wallet has signed the end of its channel."""
        closed = replace(self.channel, status=Status.CLOSED)
        return replace(self, channel=closed, ended=True)

    def with_signed(self, amount: int) -> "Entry":
        """Return the entry after an IOU for that cumulative amount."""
        return replace(self, signed=max(self.signed, amount))


def entry_json(entry: Entry) -> dict[str, Any]:
    """Return the entry for the file; amounts are decimal strings."""
    channel = entry.channel
    return {
        "channelId": entry.id,
        "server": entry.server,
        "network": channel.network,
        "scriptHash": channel.script_hash,
        "channelConfig": config_json(channel.config),
        "status": channel.status.value,
        "charged": str(channel.count),
        "signed": str(entry.signed),
        "deposit": str(entry.deposit),
        "balance": str(channel.capacity),
        "totalClaimed": str(channel.claimed),
        "channelRef": channel.channel_ref,
        "anchorRef": str(entry.anchor),
        "openingInputs": list(channel.opening_inputs),
        "opening": entry.opening.hex(),
        "ended": entry.ended,
        "offer": entry.offer,
    }


def entry_from_json(value: Mapping[str, Any]) -> Entry:
    """Return the entry. Raises :class:`KeyError`, :class:`TypeError` or :class:`ValueError`."""
    channel = ClientChannel(
        bytes.fromhex(value["channelId"]),
        value["network"],
        value["scriptHash"],
        config_from_json(value["channelConfig"]),
        tuple(value["openingInputs"]),
        value["channelRef"],
        int(value["balance"]),
        int(value["totalClaimed"]),
        int(value["charged"]),
        Status(value["status"]),
    )
    return Entry(
        channel,
        value["server"],
        parse_output_ref(value["anchorRef"]),
        int(value["signed"]),
        int(value["deposit"]),
        bytes.fromhex(value["opening"]),
        value["ended"],
        value.get("offer"),  # older records have none
    )
