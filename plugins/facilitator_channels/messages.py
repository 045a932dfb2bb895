"""The messages of the scheme as checked values: the payload of a request.

A message has a ``type``. A deposit opens a channel, or tops one up if its voucher names the
channel's output.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from facilitator.cardano.output_ref import parse_output_ref
from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import Refused
from facilitator_channels.draft import MAX_IOU
from facilitator_channels.reasons import ChannelReason

MAX_TRANSACTION_BYTES = 16_385
"""The limit by ``maxTxSize``, 16,384 bytes, which does not count the validity flag's byte."""
_MAX_BASE64 = (MAX_TRANSACTION_BYTES + 2) // 3 * 4
_HEX = re.compile(r"(?:[0-9a-f]{2})*")
_AMOUNT = re.compile(r"0|[1-9][0-9]{0,19}")


@dataclass(frozen=True, slots=True)
class ChannelConfig:
    """The client's configuration of its channel."""

    payer: bytes
    """The consumer's key hash."""
    payer_authorizer: bytes
    """The public key that signs IOUs."""
    receiver: str
    """The requirements' ``payTo``."""
    receiver_authorizer: bytes
    """The provider's key hash."""
    token: str
    """The requirements' ``asset``."""
    withdraw_delay: int
    """The close period in seconds."""


@dataclass(frozen=True, slots=True)
class Voucher:
    """An IOU with the channel that it is for."""

    channel_id: bytes
    """The channel's tag."""
    amount: int
    """Atomic units owed so far, all requests together."""
    signature: bytes
    channel_ref: OutputRef | None
    """An output that the channel was, now or earlier."""


@dataclass(frozen=True, slots=True)
class Promise:
    """A message ``voucher``: it is paid by its IOU alone."""

    config: ChannelConfig
    voucher: Voucher


@dataclass(frozen=True, slots=True)
class Deposit:
    """A message ``deposit``: it opens the channel, or adds to it."""

    config: ChannelConfig
    voucher: Voucher
    amount: int
    """Atomic units that the transaction puts into the channel."""
    transaction: bytes


@dataclass(frozen=True, slots=True)
class Refund:
    """A message ``refund``: it ends the channel by agreement."""

    config: ChannelConfig
    voucher: Voucher
    transaction: bytes
    """It lacks the provider's signature."""
    provider_witness: bytes | None
    """A witness set with that signature, which the resource server adds for ``/settle``."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """The channel that a claim redeems from."""

    channel_id: bytes
    total: int
    """Atomic units redeemed so far, after the claim."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A message ``claim``: the resource server redeems IOUs of one channel or more."""

    claims: tuple[Claimed, ...]
    transaction: bytes


Message: TypeAlias = Promise | Deposit | Refund | Claim


def read_message(payload: Mapping[str, Any]) -> Message:
    """Return the message in a payload. Raises :class:`Refused`. Further fields say nothing."""
    match payload.get("type"):
        case "voucher":
            return Promise(_config(payload), _voucher(payload, needs_ref=True))
        case "deposit":
            deposit = _object(payload.get("deposit"), "deposit")
            return Deposit(
                _config(payload),
                _voucher(payload),
                _amount(deposit.get("amount"), "deposit.amount", least=1),
                _transaction(deposit.get("transaction"), "deposit.transaction"),
            )
        case "refund":
            witness = payload.get("providerWitness")
            return Refund(
                _config(payload),
                _voucher(payload, needs_ref=True),
                _transaction(payload.get("transaction"), "transaction"),
                None if witness is None else _hex(witness, "providerWitness"),
            )
        case "claim":
            return _claim(payload)
        case other:
            raise Refused(
                ChannelReason.PAYLOAD_TYPE,
                f"payload.type must be deposit, voucher, refund or claim, not {other!r:.60}",
            )


def _claim(payload: Mapping[str, Any]) -> Claim:
    entries = payload.get("claims")
    if not isinstance(entries, list) or not entries:
        raise _malformed("claims", "a list of at least one channel")
    claims = []
    for at, entry in enumerate(entries):
        where = f"claims[{at}]"
        fields = _object(entry, where)
        tag = _hex(fields.get("channelId"), f"{where}.channelId", 32)
        claims.append(Claimed(tag, _amount(fields.get("totalClaimed"), f"{where}.totalClaimed")))
    if payload.get("transaction") is None:
        raise Refused(
            ChannelReason.CLAIM_TRANSACTION,
            "this facilitator holds no provider's key: a claim brings its signed transaction",
        )
    return Claim(tuple(claims), _transaction(payload["transaction"], "transaction"))


def _config(payload: Mapping[str, Any]) -> ChannelConfig:
    fields = _object(payload.get("channelConfig"), "channelConfig")
    delay = fields.get("withdrawDelay")
    if type(delay) is not int:
        raise _malformed("channelConfig.withdrawDelay", "whole seconds")
    return ChannelConfig(
        _hex(fields.get("payer"), "channelConfig.payer", 28),
        _hex(fields.get("payerAuthorizer"), "channelConfig.payerAuthorizer", 32),
        _text(fields.get("receiver"), "channelConfig.receiver"),
        _hex(fields.get("receiverAuthorizer"), "channelConfig.receiverAuthorizer", 28),
        _text(fields.get("token"), "channelConfig.token"),
        delay,
    )


def _voucher(payload: Mapping[str, Any], *, needs_ref: bool = False) -> Voucher:
    fields = _object(payload.get("voucher"), "voucher")
    ref = fields.get("channelRef")
    if ref is None and needs_ref:
        raise _malformed("voucher.channelRef", "there: it says where to look for the channel")
    return Voucher(
        _hex(fields.get("channelId"), "voucher.channelId", 32),
        _amount(fields.get("maxClaimableAmount"), "voucher.maxClaimableAmount"),
        _hex(fields.get("signature"), "voucher.signature", 64),
        None if ref is None else _reference(ref),
    )


def _reference(text: object) -> OutputRef:
    try:
        return parse_output_ref(text)
    except ValueError:
        form = "an output, <64 lowercase hex digits>#<index>"
        raise _malformed("voucher.channelRef", form) from None


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _malformed(name, "an object")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise _malformed(name, "a text")
    return value


def _hex(value: object, name: str, size: int | None = None) -> bytes:
    if isinstance(value, str) and _HEX.fullmatch(value):
        raw = bytes.fromhex(value)
        if size in (None, len(raw)):
            return raw
    raise _malformed(name, f"{'' if size is None else f'{size} bytes in '}lowercase hex")


def _amount(value: object, name: str, least: int = 0) -> int:
    if isinstance(value, str) and _AMOUNT.fullmatch(value) and least <= int(value) <= MAX_IOU:
        return int(value)
    raise _malformed(name, f"a whole number from {least} to {MAX_IOU} as text")


def _transaction(value: object, name: str) -> bytes:
    if isinstance(value, str) and len(value) <= _MAX_BASE64:
        try:
            raw = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if raw and base64.b64encode(raw).decode() == value:
            return raw
    raise _malformed(name, f"standard base64 of at most {MAX_TRANSACTION_BYTES} bytes")


def _malformed(name: str, form: str) -> Refused:
    return Refused(ChannelReason.PAYLOAD, f"payload.{name} must be {form}")
