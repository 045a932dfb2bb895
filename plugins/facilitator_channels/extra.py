"""The field ``extra`` of requirements: the channel that the resource server accepts."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from facilitator.cardano.output_ref import parse_output_ref
from facilitator.plugin import Refused, Requirements
from facilitator_channels.channel import Validator
from facilitator_channels.draft import MAX_WITHDRAW_DELAY, MIN_WITHDRAW_DELAY
from facilitator_channels.reasons import ChannelReason

_HASH = re.compile(r"[0-9a-f]{56}")
_AMOUNT = re.compile(r"0|[1-9][0-9]{0,77}")


@dataclass(frozen=True, slots=True)
class ChannelTerms:
    """The checked fields of ``extra``. ``minDeposit`` is a hint, which is not enforced here."""

    validator: Validator
    receiver_authorizer: bytes
    """The provider's key hash."""
    withdraw_delay: int
    """The close period in seconds."""


def read_extra(requirements: Requirements, validators: Mapping[bytes, Validator]) -> ChannelTerms:
    """Return the channel that the requirements ask for. Raises :class:`Refused`.

    ``validators`` are those that are served, by script hash. A null field is absent. The client may
    send ``channelState`` and ``voucherState`` back in its echo: they say nothing here.
    """
    extra = requirements.extra
    script_hash = _hash(extra, "scriptHash")
    receiver_authorizer = _hash(extra, "receiverAuthorizer")
    delay = extra.get("withdrawDelay")
    if type(delay) is not int:
        raise _refused("extra.withdrawDelay must be whole seconds")
    if not max(MIN_WITHDRAW_DELAY, requirements.max_timeout_seconds) <= delay <= MAX_WITHDRAW_DELAY:
        raise Refused(
            ChannelReason.WITHDRAW_DELAY_OUT_OF_RANGE,
            f"extra.withdrawDelay must be from {MIN_WITHDRAW_DELAY} to {MAX_WITHDRAW_DELAY} seconds"
            " and not less than maxTimeoutSeconds",
        )
    _check_optional(
        extra, "referenceScript", parse_output_ref, "an output, <transaction id>#<index>"
    )
    _check_optional(extra, "minDeposit", _check_amount, "an amount of atomic units")
    validator = validators.get(script_hash)
    if validator is None:
        served = ", ".join(each.hex() for each in validators)
        raise _refused(f"extra.scriptHash {script_hash.hex()} is not served; served: {served}")
    return ChannelTerms(validator, receiver_authorizer, delay)


def _hash(extra: Mapping[str, Any], name: str) -> bytes:
    text = extra.get(name)
    if not isinstance(text, str) or not _HASH.fullmatch(text):
        raise _refused(f"extra.{name} must be a hash of 56 lowercase hex digits")
    return bytes.fromhex(text)


def _check_optional(
    extra: Mapping[str, Any], name: str, check: Callable[[object], object], what: str
) -> None:
    value = extra.get(name)
    try:
        if value is not None:
            check(value)
    except ValueError:
        raise _refused(f"extra.{name} must be {what} as text, where it is given") from None


def _check_amount(value: object) -> None:
    if not isinstance(value, str) or not _AMOUNT.fullmatch(value):
        raise ValueError


def _refused(message: str) -> Refused:
    return Refused(ChannelReason.EXTRA, message)
