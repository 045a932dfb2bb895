"""A payment: its terms and the transaction that must meet them, decoded once."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.decode_once import decode_once
from facilitator.cardano.memo import Memo
from facilitator.cardano.output_ref import parse_output_ref
from facilitator.cardano.transaction import OutputRef, Transaction
from facilitator.exact.eras import read_later_era
from facilitator.immutable import immutable
from facilitator.roles.payment import UNKNOWN_ORIGIN, Origin, Terms
from facilitator.roles.refused import Refused
from facilitator.x402.fee_sponsor import FeeSponsorOffer
from facilitator.x402.reasons import Reason

MAX_TRANSACTION_BYTES = 16_385
"""The limit by ``maxTxSize``, 16,384 bytes, which does not count the validity flag's byte."""

_MAX_BASE64 = (MAX_TRANSACTION_BYTES + 2) // 3 * 4
_OVERHEAD_BYTES = 200
"""Bytes that a remembered text takes beside its characters and what they encode."""
_read: Memo[bytes] = Memo(8_000_000)
"""The bytes by their text: a payment comes to ``/verify`` and ``/settle``."""


@immutable
class Payment:
    """A decoded payment that has not been checked yet."""

    terms: Terms
    transaction: Transaction
    nonce: OutputRef
    transaction_id: str
    """Canonical id, lowercase hex."""
    origin: Origin = UNKNOWN_ORIGIN
    sponsor: FeeSponsorOffer | None = None
    """The offer whose output it spends, so that another pays the fee; ``None`` if there is none."""
    future_signers: frozenset[bytes] = frozenset()
    """Hashes of keys that are going to sign: see
    :attr:`~facilitator.cardano.rules.Environment.future_signers`."""


def read_payment(
    terms: Terms, payload: Mapping[str, Any], origin: Origin = UNKNOWN_ORIGIN
) -> Payment:
    """Return the payment in a payload, ``{transaction, nonce}``. Raises :class:`Refused`."""
    raw = read_transaction_bytes(payload.get("transaction"))
    nonce = read_nonce(payload.get("nonce"))
    transaction = read_transaction(raw)
    return Payment(terms, transaction, nonce, transaction.id.hex(), origin)


def read_transaction(raw: bytes) -> Transaction:
    """Return the transaction that the bytes encode. Raises :class:`Refused`."""
    try:
        return decode_once(raw)
    except DecodeError as error:
        return read_later_era(raw, error)


def read_transaction_bytes(text: object) -> bytes:
    """Return the bytes in ``payload.transaction``. Raises :class:`Refused`."""
    if not isinstance(text, str):
        raise Refused(Reason.PAYLOAD, "payload.transaction must be a base64 string")
    known = _read.get(text)
    if known is not None:
        return known
    if len(text) > _MAX_BASE64:
        raise _too_large()
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(Reason.DECODE_FAILED, "payload.transaction is not base64") from None
    if base64.b64encode(raw).decode() != text:
        raise Refused(
            Reason.DECODE_FAILED,
            "payload.transaction is not canonical base64: its unused bits must be zero",
        )
    if len(raw) > MAX_TRANSACTION_BYTES:
        raise _too_large()
    return _read.put(text, raw, len(text) + len(raw) + _OVERHEAD_BYTES)


def _too_large() -> Refused:
    return Refused(
        Reason.PHASE1_INVALID,
        f"MaxTxSizeUTxO: the transaction is larger than {MAX_TRANSACTION_BYTES} bytes",
    )


def read_nonce(text: object) -> OutputRef:
    """Return the output that ``payload.nonce`` names. Raises :class:`Refused`."""
    if not isinstance(text, str):
        raise Refused(Reason.PAYLOAD, "payload.nonce must be a string")
    try:
        return parse_output_ref(text, is_lax=True)
    except ValueError:
        raise Refused(
            Reason.NONCE_INVALID,
            "payload.nonce must be <64 hex transaction id>#<output index>, "
            "the index decimal and at most 65535",
        ) from None
