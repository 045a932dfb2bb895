"""The COSE objects of a CIP-8 signature: ``COSE_Key`` and ``COSE_Sign1`` (RFC 9052), as CBOR.

The readers take what a signature by an Ed25519 key needs, and skip other entries of the maps.
Every function raises :class:`DecodeError`, a :class:`ValueError`.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import cbor2

from facilitator.cardano.cbor import (
    ARRAY,
    BYTES,
    INDEFINITE_ARRAY,
    INDEFINITE_MAP,
    MAP,
    TEXT,
    DecodeError,
    Reader,
    read_all,
    walk,
)

Label: TypeAlias = int | str
_Fields: TypeAlias = Mapping[Label, Callable[[Reader], Any]]

_KTY, _KID, _ALG, _CRV, _X, _D = 1, 2, 3, -1, -2, -4
_OKP, _EDDSA, _ED25519 = 1, -8, 6
_HEADER_ALG, _HEADER_KID = 1, 4
_KEY_SIZE, _SIGNATURE_SIZE = 32, 64
_LONGEST_LABEL = 255


class CoseKey(NamedTuple):
    """A public Ed25519 key."""

    public: bytes
    kid: bytes | None


class CoseSign1(NamedTuple):
    """A signature by one key, with the payload attached."""

    protected: bytes
    """The bytes of the protected headers, as signed."""
    address: bytes
    kid: bytes | None
    payload: bytes
    signature: bytes


def read_key(raw: bytes) -> CoseKey:
    """Return the public key, which must be for EdDSA over Ed25519 and without private material."""
    fields: _Fields = {
        _KTY: _integer,
        _KID: _bytes,
        _ALG: _integer,
        _CRV: _integer,
        _X: _bytes,
        _D: _bytes,
    }
    key = read_all(raw, lambda reader: _map(reader, fields, "the COSE_Key"), "the COSE_Key")
    if (key.get(_KTY), key.get(_ALG), key.get(_CRV)) != (_OKP, _EDDSA, _ED25519):
        raise DecodeError("the COSE_Key must be one for EdDSA over Ed25519")
    if _D in key:
        raise DecodeError("the COSE_Key must not hold a private key")
    if len(key.get(_X, b"")) != _KEY_SIZE:
        raise DecodeError(f"the COSE_Key must hold a public key of {_KEY_SIZE} bytes")
    return CoseKey(key[_X], key.get(_KID))


def read_sign1(raw: bytes) -> CoseSign1:
    """Return the untagged signature, as wallets make it.

    Its payload must be attached and not hashed.
    """
    return read_all(raw, _sign1, "the COSE_Sign1")


def signed_bytes(signature: CoseSign1) -> bytes:
    """Return the ``Sig_structure`` that the key signs, with empty external data (RFC 9052 §4.4)."""
    return cbor2.dumps(["Signature1", signature.protected, b"", signature.payload])


def _sign1(reader: Reader) -> CoseSign1:
    what = "the COSE_Sign1"
    length = reader.record(4, what)
    protected = reader.byte_string("the protected headers")
    signed = read_all(
        protected,
        lambda headers: _map(headers, _PROTECTED, "the protected headers"),
        "the protected headers",
    )
    unprotected = _map(reader, {"hashed": _boolean}, "the unprotected headers")
    payload = reader.byte_string("the attached payload")
    signature = reader.fixed(_SIGNATURE_SIZE, "the signature")
    reader.close(length, what)
    if signed.get(_HEADER_ALG) != _EDDSA:
        raise DecodeError("the protected headers must name EdDSA as the algorithm")
    if "address" not in signed:
        raise DecodeError("the protected headers must hold the signer's address")
    if unprotected.get("hashed") is not False:
        raise DecodeError("the unprotected headers must say that the payload is not hashed")
    return CoseSign1(protected, signed["address"], signed.get(_HEADER_KID), payload, signature)


def _integer(reader: Reader) -> int:
    return reader.integer("a COSE parameter")


def _bytes(reader: Reader) -> bytes:
    return reader.byte_string("a COSE parameter")


def _boolean(reader: Reader) -> bool:
    return reader.boolean("a COSE parameter")


_PROTECTED: _Fields = {_HEADER_ALG: _integer, _HEADER_KID: _bytes, "address": _bytes}


def _map(reader: Reader, fields: _Fields, what: str) -> dict[Label, Any]:
    """Return the fields that are in the map, which must not have a label twice."""
    labels: set[Label] = set()
    values: dict[Label, Any] = {}
    for _ in reader.map(what):
        label = _label(reader, what)
        if label in labels:
            raise DecodeError(f"{what} must not have the label {label!r} twice")
        labels.add(label)
        if label in fields:
            values[label] = fields[label](reader)
        else:
            walk(reader, _visit_other)
    return values


def _label(reader: Reader, what: str) -> Label:
    if reader.major() == TEXT:
        return reader.text(f"a label of {what}", _LONGEST_LABEL)
    return reader.integer(f"a label of {what}")


def _visit_other(reader: Reader, stack: list[int]) -> None:
    what = "a COSE parameter"
    major = reader.major()
    if major == BYTES:
        reader.byte_string(what)
    elif major == TEXT:
        reader.text(what, reader.end)
    elif major == ARRAY:
        length = reader.array_length(what)
        stack.append(INDEFINITE_ARRAY if length is None else length)
    elif major == MAP:
        length = reader.map_length(what)
        stack.append(INDEFINITE_MAP if length is None else 2 * length)
    elif major < BYTES:
        reader.integer(what)
    elif not reader.take_null():
        reader.boolean(what)
