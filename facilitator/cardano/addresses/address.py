"""Addresses: their parts (CIP-19), and their form as text."""

from enum import Enum, auto
from typing import NamedTuple

from facilitator.cardano.addresses import base58, bech32
from facilitator.cardano.addresses.byron import ByronAddress, read_byron
from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.memo import Memo
from facilitator.cardano.transaction import Credential

MAINNET, TESTNET = 1, 0
"""Network ids, as in an address and in a transaction body."""

_HASH_SIZE = 28
_ENTERPRISE_SIZE = _REWARD_SIZE = 1 + _HASH_SIZE
_BASE_SIZE = 1 + 2 * _HASH_SIZE
_LONGEST_TEXT = 1023
_BYRON_BIT = 0x80
_UNUSED_BITS = 0x0E
_SCRIPT_PAYMENT, _SCRIPT_STAKE, _NOT_BASE = 0x10, 0x20, 0x40
_REWARD_HEADER = 0xE0

_TEXT_BYTES = 400
"""The most bytes that an address of a usual kind takes with its text, and the memo for both."""
_texts: Memo[str] = Memo(4096 * _TEXT_BYTES)
"""Addresses as text: one that was read from text is mostly written again."""


class AddressKind(Enum):
    """The kind of an address, which fixes its parts."""

    BASE = auto()
    POINTER = auto()
    ENTERPRISE = auto()
    REWARD = auto()
    BYRON = auto()


class Address(NamedTuple):
    """The parts of an address."""

    kind: AddressKind
    network_id: int
    """The network id, 0 or 1. A Byron address has 1 unless it names a network magic."""
    payment: Credential | None
    """The payment credential; ``None`` for a reward address and a Byron address."""
    stake: Credential | None
    """The stake credential; ``None`` unless it is a base or reward address."""
    byron: ByronAddress | None = None


def read_address(raw: bytes) -> Address:
    """Return the parts of an address that the ledger accepts in an output (protocol ≥ 9).

    Reward addresses are accepted also. Raises :class:`DecodeError`, a :class:`ValueError`.
    """
    if not raw:
        raise DecodeError("an address must have at least one byte")
    header = raw[0]
    if header & _REWARD_HEADER == _REWARD_HEADER:
        return Address(AddressKind.REWARD, header & 1, None, reward_credential(raw))
    if header & _BYRON_BIT:
        byron = read_byron(raw)
        network_id = MAINNET if byron.network_magic is None else TESTNET
        return Address(AddressKind.BYRON, network_id, None, None, byron)
    check_output_address(raw)
    payment = Credential(bool(header & _SCRIPT_PAYMENT), raw[1:_ENTERPRISE_SIZE])
    if not header & _NOT_BASE:
        stake = Credential(bool(header & _SCRIPT_STAKE), raw[_ENTERPRISE_SIZE:])
        return Address(AddressKind.BASE, header & 1, payment, stake)
    kind = AddressKind.ENTERPRISE if header & _SCRIPT_STAKE else AddressKind.POINTER
    return Address(kind, header & 1, payment, None)


def check_output_address(raw: bytes) -> None:
    """Check that the ledger accepts the address in an output (``decodeAddrStateLenientT``).

    Raises :class:`DecodeError`.
    """
    size = len(raw)
    header = raw[0] if raw else 0
    if header & (_BYRON_BIT | _UNUSED_BITS) == 0:
        if not header & _NOT_BASE:
            fits = size == _BASE_SIZE
        elif header & _SCRIPT_STAKE:
            fits = size == _ENTERPRISE_SIZE
        else:
            fits = _is_pointer(raw[_ENTERPRISE_SIZE:])
        if not fits:
            raise DecodeError(f"an address of kind {header >> 4} cannot have {size} bytes")
    elif header & _BYRON_BIT:
        read_byron(raw)
    else:
        raise DecodeError(f"an address must not begin with the byte {header:#04x}")


def _is_pointer(raw: bytes) -> bool:
    """Return True for a slot of 32 bits, a transaction and a certificate index of 16 bits each.

    Each number is big-endian in groups of 7 bits (``decodePtr``).
    """
    start = 0
    for longest, spare_bits in ((5, 0x70), (3, 0x7C), (3, 0x7C)):
        stop = start
        while stop < len(raw) and raw[stop] & 0x80:
            stop += 1
        size = stop + 1 - start
        if stop == len(raw) or size > longest or (size == longest and raw[start] & spare_bits):
            return False
        start = stop + 1
    return start == len(raw)


def reward_credential(raw: bytes) -> Credential:
    """Return the credential of a reward address (``decodeAccountAddress``).

    Raises :class:`DecodeError` for any other bytes.
    """
    if len(raw) != _REWARD_SIZE or raw[0] & 0xEE != _REWARD_HEADER:
        raise DecodeError("a reward address must be 29 bytes that begin with e0, e1, f0 or f1")
    return Credential(bool(raw[0] & _SCRIPT_PAYMENT), raw[1:])


def parse_address(text: str) -> bytes:
    """Return the bytes of a bech32 or base58 address.

    Raises :class:`ValueError` with a sentence about the fault: the spelling, the checksum, the
    parts, or a prefix of another kind or network.
    """
    if len(text) > _LONGEST_TEXT:
        raise ValueError(f"an address must be at most {_LONGEST_TEXT} characters")
    if not text.lower().startswith(("addr", "stake")):
        raw = base58.decode(text)
        if read_address(raw).kind is not AddressKind.BYRON:
            raise ValueError("only a Byron address is written in base58")
        return raw
    prefix, raw = bech32.decode(text)
    if read_address(raw).kind is AddressKind.BYRON or prefix != _prefix_of(raw):
        raise ValueError(f"the prefix {prefix!r} does not belong to the address after it")
    _remember(raw, text.lower())
    return raw


def format_address(raw: bytes) -> str:
    """Return the address as text: base58 for Byron, else bech32 with the prefix of CIP-5."""
    text = _texts.get(raw)
    if text is not None:
        return text
    if raw[0] & _REWARD_HEADER != _REWARD_HEADER and raw[0] & _BYRON_BIT:
        return _remember(raw, base58.encode(raw))
    return _remember(raw, bech32.encode(_prefix_of(raw), raw))


def _remember(raw: bytes, text: str) -> str:
    return _texts.put(raw, text, max(_TEXT_BYTES, 4 * len(raw)))


def _prefix_of(raw: bytes) -> str:
    prefix = "stake" if raw[0] & _REWARD_HEADER == _REWARD_HEADER else "addr"
    return prefix if raw[0] & 1 else f"{prefix}_test"
