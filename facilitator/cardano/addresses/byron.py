"""Byron addresses: CBOR in CBOR with a checksum, in the canonical form of the Byron decoders."""

import zlib
from hashlib import blake2b, sha3_256
from typing import NamedTuple

from facilitator.cardano.cbor import (
    MAX_UINT8,
    MAX_UINT16,
    MAX_UINT32,
    DecodeError,
    Reader,
    read_all,
)

_PAIR = 0x82
_ROOT_SIZE = 28
_DERIVATION_PATH, _NETWORK_MAGIC = 1, 2
_KEY, _REDEMPTION = 0, 2


class ByronAddress(NamedTuple):
    """The parts of a Byron address."""

    root: bytes
    """The 28 bytes that :func:`compute_bootstrap_root` must return for the witness of an input."""
    network_magic: int | None
    """The network magic; ``None`` on mainnet."""
    attributes_size: int
    """Bytes of derivation path and unknown attributes (``bootstrapAddressAttrsSize``)."""
    is_redemption: bool
    """True if it is a voucher of the initial sale, which has no key to check in a witness."""


def compute_bootstrap_root(vkey: bytes, chain_code: bytes, attributes: bytes) -> bytes:
    """Return the root of the Byron address of a bootstrap witness (``bootstrapWitKeyHash``)."""
    spending = b"\x83\x00\x82\x00\x58\x40" + vkey + chain_code + attributes
    return blake2b(sha3_256(spending).digest(), digest_size=_ROOT_SIZE).digest()


def read_byron(raw: bytes) -> ByronAddress:
    """Return the address' parts. Raises :class:`DecodeError` unless the ledger accepts it."""
    payload = read_all(raw, _read_checksummed, "a Byron address")
    return read_all(payload, _read_payload, "the payload of a Byron address")


def _read_checksummed(reader: Reader) -> bytes:
    if reader.raw[0] != _PAIR:  # the ledger recognises Byron addresses by it (isByronAddress)
        raise DecodeError(f"a Byron address must begin with the byte {_PAIR:#04x}")
    reader.pos = 1
    payload = reader.nested("the payload of a Byron address")
    if reader.unsigned("the checksum of a Byron address", MAX_UINT32) != zlib.crc32(payload):
        raise DecodeError("the checksum of a Byron address does not match: a byte is wrong")
    return payload


def _read_payload(reader: Reader) -> ByronAddress:
    if reader.raw[0] != 0x83:
        raise DecodeError("the payload of a Byron address must be an array of 3")
    reader.pos = 1
    root = reader.fixed(_ROOT_SIZE, "the root of a Byron address")
    attributes = _read_attributes(reader)
    path_size, magic = _take_known(attributes)
    unknown_size = sum(map(len, attributes.values()))
    kind = reader.raw[reader.pos]
    if kind not in (_KEY, _REDEMPTION):
        raise DecodeError("a Byron address must be of the type 0 (key) or 2 (redemption)")
    reader.pos += 1
    return ByronAddress(root, magic, path_size + unknown_size, kind == _REDEMPTION)


def _read_attributes(reader: Reader) -> dict[int, bytes]:
    what = "the attributes of a Byron address"
    length = reader.map_length(what)
    if length is None:
        raise DecodeError(f"{what} must be a definite map")
    attributes: dict[int, bytes] = {}
    last = -1
    for _ in range(length):
        key = reader.unsigned(what, MAX_UINT8)
        if key <= last:
            raise DecodeError(f"{what} must be in ascending order")
        attributes[key] = reader.byte_string(what)
        last = key
    return attributes


def _take_known(attributes: dict[int, bytes]) -> tuple[int, int | None]:
    """Remove the attributes with a meaning; return the path's size and the network magic."""
    path_size, magic = 0, None
    raw = attributes.pop(_DERIVATION_PATH, None)
    if raw is not None:
        path_size = len(read_all(raw, _read_path, "the derivation path of a Byron address"))
        _check_shortest(len(raw) - path_size, path_size, "the derivation path of a Byron address")
    raw = attributes.pop(_NETWORK_MAGIC, None)
    if raw is not None:
        magic = read_all(raw, _read_magic, "the network magic of a Byron address")
        _check_shortest(len(raw), magic, "the network magic of a Byron address")
    return path_size, magic


def _read_path(reader: Reader) -> bytes:
    return reader.byte_string("the derivation path of a Byron address")


def _read_magic(reader: Reader) -> int:
    return reader.unsigned("the network magic of a Byron address", MAX_UINT32)


def _check_shortest(head_size: int, argument: int, what: str) -> None:
    """Raise :class:`DecodeError` unless the head is the shortest that holds the argument."""
    shortest = 1 if argument < 24 else 2 if argument <= MAX_UINT8 else 3
    if argument > MAX_UINT16:
        shortest = 5
    if head_size != shortest:
        raise DecodeError(f"{what} must be encoded canonically")
