"""The seller's own requirements, and a request that pays by them, as checked values."""

import re
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from facilitator.cardano.addresses.address import parse_address
from facilitator.plugin import Refused, Requirements, Terms
from facilitator.x402.networks import canonical_network, cardano_network
from facilitator_channels.binding import check_config
from facilitator_channels.channel import Validator
from facilitator_channels.datum import SUBBIT
from facilitator_channels.draft import REASON_PREFIX, SCHEME
from facilitator_channels.extra import ChannelTerms, read_extra
from facilitator_channels.iou import iou_holds
from facilitator_channels.messages import Claim, Deposit, Message, Refund, read_message
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.seller.record import Kind
from facilitator_channels.seller.request import ChannelRequest, clamp_lifetime
from facilitator_channels.validators import KNOWN
from facilitator_channels.values import Iou

_AMOUNT = re.compile(r"[1-9][0-9]{0,19}")
_ASSET = re.compile(r"([0-9a-f]{56})\.((?:[0-9a-f]{2}){0,32})")
_BELOW_MIN_DEPOSIT = REASON_PREFIX + "deposit_below_min_deposit"


class SellerTerms(NamedTuple):
    """The requirements of one page."""

    terms: Terms
    channel: ChannelTerms
    least_deposit: int
    """``minDeposit``; 0 where there is none."""


def read_terms(requirements: Mapping[str, Any]) -> SellerTerms:
    """Return the requirements as values. Raises :class:`ValueError` if no channel can pay them."""
    try:
        asked = Requirements(
            requirements["scheme"],
            canonical_network(requirements["network"]) or requirements["network"],
            requirements["amount"],
            requirements["asset"],
            requirements["payTo"],
            requirements["maxTimeoutSeconds"],
            requirements["extra"],
        )
        script_hash = bytes.fromhex(asked.extra["scriptHash"])
        validator = Validator(script_hash, KNOWN.get(script_hash, SUBBIT))
        channel = read_extra(asked, {script_hash: validator})
        least_deposit = int(asked.extra.get("minDeposit") or 0)
        if asked.scheme != SCHEME or not _AMOUNT.fullmatch(asked.amount):
            raise ValueError(f"the scheme is {SCHEME}, and the amount at least 1, as text")
        terms = Terms(
            network=cardano_network(asked.network),
            asset=_read_asset(asked.asset),
            amount=int(asked.amount),
            pay_to=parse_address(asked.pay_to),
            max_timeout_seconds=asked.max_timeout_seconds,
            confirmations=0,
            method="",
            requirements=asked,
        )
    except (Refused, LookupError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"the requirements are not those of a channel: {error!r}") from error
    return SellerTerms(terms, channel, least_deposit)


def read_payment(payment: object, asked: SellerTerms) -> tuple[ChannelRequest, Message]:
    """Return the request that a ``paymentPayload`` makes, and its message. Raises :class:`Refused`.

    The IOU is signed by the key that the payment names: what is answered concerns its owner alone.
    """
    fields = payment if isinstance(payment, Mapping) else {}
    accepted = fields.get("accepted")
    accepted = accepted if isinstance(accepted, Mapping) else {}
    if accepted.get("scheme") != SCHEME:
        raise Refused(ChannelReason.SCHEME, f"the scheme must be {SCHEME}")
    network = accepted.get("network")
    if not isinstance(network, str) or canonical_network(network) != asked.terms.network.id:
        wanted = asked.terms.network.id
        raise Refused(ChannelReason.NETWORK_MISMATCH, f"the network must be {wanted}")
    payload = fields.get("payload")
    message = read_message(payload if isinstance(payload, dict) else {})
    if isinstance(message, Claim):
        raise Refused(ChannelReason.PAYLOAD_TYPE, "a claim is made by the server, not sent to it")
    config, voucher = message.config, message.voucher
    check_config(config, asked.terms, asked.channel)
    if not iou_holds(
        config.payer_authorizer, voucher.channel_id, voucher.amount, voucher.signature
    ):
        text = "voucher.signature is no signature of payerAuthorizer for this channel and amount"
        raise Refused(ChannelReason.VOUCHER_SIGNATURE, text)
    kind = _kind(message)
    if kind is Kind.OPENING and isinstance(message, Deposit):
        _check_least(message, asked)
    request = ChannelRequest(
        secrets.token_hex(16),
        kind,
        voucher.channel_id.hex(),
        asked.terms.network.id,
        asked.channel.validator.script_hash.hex(),
        config,
        Iou(voucher.amount, voucher.signature),
        0 if kind is Kind.REFUND else asked.terms.amount,
        clamp_lifetime(asked.terms.max_timeout_seconds),
    )
    return request, message


def _kind(message: Message) -> Kind:
    if isinstance(message, Refund):
        return Kind.REFUND
    if isinstance(message, Deposit):
        return Kind.OPENING if message.voucher.channel_ref is None else Kind.TOP_UP
    return Kind.VOUCHER


def _check_least(deposit: Deposit, asked: SellerTerms) -> None:
    if deposit.amount < asked.least_deposit:
        raise Refused(
            _BELOW_MIN_DEPOSIT,
            f"deposit.amount is {deposit.amount}, a channel opens with {asked.least_deposit}",
        )


def _read_asset(text: str) -> bytes | None:
    if text == "lovelace":
        return None
    match = _ASSET.fullmatch(text)
    if match is None:
        raise ValueError(f"no asset: {text!r:.80}")
    return bytes.fromhex(match[1] + match[2])
