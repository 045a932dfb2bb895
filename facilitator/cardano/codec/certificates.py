"""Certificates (CDDL ``certificate``, Conway and Dijkstra) and the types that governance shares."""

from collections.abc import Callable
from fractions import Fraction

from facilitator.cardano.addresses.address import reward_credential
from facilitator.cardano.cbor import (
    BIGNUM_HEADS,
    MAX_UINT16,
    MAX_UINT64,
    RATIONAL_TAG,
    UNSIGNED,
    DecodeError,
    Reader,
    read_set,
)
from facilitator.cardano.cbor_dijkstra import DijkstraReader
from facilitator.cardano.ended_forms import EndedForm, EndedFormError
from facilitator.cardano.transaction import Certificate, Credential

_LONGEST_URL = 128
_LONGEST_BIGNUM = 64
_KEY, _SCRIPT, _ALWAYS_ABSTAIN, _NO_CONFIDENCE = range(4)

_WITHOUT_DEPOSIT = frozenset({0, 1})
_POOL_REGISTRATION = 3
_POOL_RETIREMENT = 4
_COMMITTEE_AUTHORIZATION = 14


def read_certificates(reader: Reader) -> tuple[Certificate, ...]:
    """Return the certificates of a body: at least one, each once."""
    return read_set(reader, _read_certificate, "certificates (body key 4)")


def _read_certificate(reader: Reader) -> Certificate:
    length = reader.array_length("a certificate")
    kind = reader.unsigned("the kind of a certificate")
    if kind == _POOL_REGISTRATION:
        certificate = _read_pool_registration(reader, length)
    elif kind in _WITHOUT_DEPOSIT and isinstance(reader, DijkstraReader):
        raise EndedFormError(
            EndedForm.CERTIFICATE_WITHOUT_DEPOSIT,
            f"a certificate of kind {kind} must be one of kind {kind + 7}, which names the deposit",
        )
    elif kind == _POOL_RETIREMENT:
        reader.expect(length, 3, "a pool retirement")
        pool = reader.fixed(28, "the id of a pool")
        certificate = Certificate(kind, pool=pool, epoch=reader.unsigned("the epoch of retirement"))
    elif kind in _PARTS:
        parts = _PARTS[kind]
        reader.expect(length, 2 + len(parts), f"a certificate of kind {kind}")
        certificate = Certificate(kind, credential=read_credential(reader))
        for part in parts:
            certificate = part(reader, certificate)
    else:
        raise DecodeError(f"there is no certificate of kind {kind} in Conway")
    reader.close(length, "a certificate")
    return certificate


def read_credential(reader: Reader) -> Credential:
    """Return a key or script hash (CDDL ``credential``)."""
    length = reader.record(2, "a credential")
    is_script = reader.unsigned("the kind of a credential", _SCRIPT) == _SCRIPT
    found = Credential(is_script, reader.fixed(28, "the hash of a credential"))
    reader.close(length, "a credential")
    return found


def read_anchor(reader: Reader) -> tuple[str, bytes]:
    """Return the URL and hash of a document (CDDL ``anchor``)."""
    length = reader.record(2, "an anchor")
    found = (
        reader.text("the URL of an anchor", _LONGEST_URL),
        reader.fixed(32, "the hash of an anchor"),
    )
    reader.close(length, "an anchor")
    return found


def read_optional_anchor(reader: Reader) -> tuple[str, bytes] | None:
    """Return an anchor or ``null``."""
    return None if reader.take_null() else read_anchor(reader)


def read_fraction(reader: Reader, what: str) -> Fraction:
    """Return a rational number that is not negative (CDDL ``nonnegative_interval``)."""
    reader.tag(RATIONAL_TAG, what)
    length = reader.record(2, what)
    numerator, denominator = _read_any_integer(reader, what), _read_any_integer(reader, what)
    reader.close(length, what)
    if denominator == 0 or numerator * denominator < 0:
        raise DecodeError(f"{what} must be a fraction of at least 0")
    value = Fraction(numerator, denominator)
    if max(value.numerator, value.denominator) > MAX_UINT64:
        raise DecodeError(f"{what} must have numerator and denominator in 64 bits each")
    return value


def _read_any_integer(reader: Reader, what: str) -> int:
    """Return an integer or bignum (``decodeInteger``), up to 64 bytes to keep reducing it cheap."""
    initial = reader.raw[reader.pos]
    if initial not in BIGNUM_HEADS:
        return reader.integer(what)
    reader.pos += 1
    value = int.from_bytes(reader.byte_string(what, _LONGEST_BIGNUM), "big")
    return value if initial == BIGNUM_HEADS[0] else -1 - value


def read_unit_interval(reader: Reader, what: str) -> Fraction:
    """Return a rational number from 0 to 1 (CDDL ``unit_interval``)."""
    value = read_fraction(reader, what)
    if value > 1:
        raise DecodeError(f"{what} must be a fraction of at most 1")
    return value


def read_reward_account(reader: Reader) -> bytes:
    """Return the bytes of a reward address."""
    account = reader.byte_string("a reward address")
    reward_credential(account)
    return account


def _read_deposit(reader: Reader, certificate: Certificate) -> Certificate:
    return certificate._replace(deposit=reader.unsigned("the deposit of a certificate"))


def _read_pool(reader: Reader, certificate: Certificate) -> Certificate:
    return certificate._replace(pool=reader.fixed(28, "the id of a pool"))


def _read_drep(reader: Reader, certificate: Certificate) -> Certificate:
    length = reader.array_length("a DRep")
    kind = reader.unsigned("the kind of a DRep", _NO_CONFIDENCE)
    found = None
    if kind in (_KEY, _SCRIPT):
        reader.expect(length, 2, "a DRep")
        found = Credential(kind == _SCRIPT, reader.fixed(28, "the hash of a DRep"))
    else:
        reader.expect(length, 1, "a DRep")
    reader.close(length, "a DRep")
    return certificate._replace(drep=found, details=(kind,))


def _read_anchor(reader: Reader, certificate: Certificate) -> Certificate:
    return certificate._replace(details=(read_optional_anchor(reader),))


def _read_hot_credential(reader: Reader, certificate: Certificate) -> Certificate:
    return certificate._replace(hot=read_credential(reader))


_PARTS: dict[int, tuple[Callable[[Reader, Certificate], Certificate], ...]] = {
    0: (),
    1: (),
    2: (_read_pool,),
    7: (_read_deposit,),
    8: (_read_deposit,),
    9: (_read_drep,),
    10: (_read_pool, _read_drep),
    11: (_read_pool, _read_deposit),
    12: (_read_drep, _read_deposit),
    13: (_read_pool, _read_drep, _read_deposit),
    _COMMITTEE_AUTHORIZATION: (_read_hot_credential,),
    15: (_read_anchor,),
    16: (_read_deposit, _read_anchor),
    17: (_read_deposit,),
    18: (_read_anchor,),
}
"""Read functions for what follows a certificate's first credential, by kind of certificate."""


def _read_pool_registration(reader: Reader, length: int | None) -> Certificate:
    operator = reader.fixed(28, "the id of a pool")
    vrf = reader.fixed(32, "the VRF key hash of a pool")
    bls = _read_bls_key(reader) if isinstance(reader, DijkstraReader) else ()
    reader.expect(length, 11 if bls else 10, "a pool registration")
    pledge = reader.unsigned("the pledge of a pool")
    cost = reader.unsigned("the cost of a pool")
    margin = read_unit_interval(reader, "the margin of a pool")
    account = read_reward_account(reader)
    owners = read_set(
        reader,
        lambda item: item.fixed(28, "the owner of a pool"),
        "the owners of a pool",
        may_be_empty=True,
    )
    relays = tuple([_read_relay(reader) for _ in reader.array("the relays of a pool")])
    metadata = None if reader.take_null() else _read_pool_metadata(reader)
    return Certificate(
        _POOL_REGISTRATION,
        pool=operator,
        pool_owners=tuple(sorted(owners)),
        pool_reward_account=account,
        pool_cost=cost,
        pool_metadata_hash=None if metadata is None else metadata[1],
        details=(vrf, pledge, margin, relays, metadata, *bls),
    )


def _read_bls_key(reader: Reader) -> tuple[object, ...]:
    """Return a pool's BLS key with its proof of possession, or ``null``; nothing if it is absent.

    Before Dijkstra the pledge, a number, follows the VRF key's hash at once.
    """
    if reader.major() == UNSIGNED:
        return ()
    if reader.take_null():
        return (None,)
    length = reader.record(2, "the BLS key of a pool")
    found = (reader.fixed(96, "the BLS key of a pool"), reader.fixed(48, "the proof of a BLS key"))
    reader.close(length, "the BLS key of a pool")
    return (found,)


def _read_pool_metadata(reader: Reader) -> tuple[str, bytes]:
    length = reader.record(2, "the metadata of a pool")
    url = reader.text("the metadata URL of a pool", _LONGEST_URL)
    found = (url, reader.byte_string("the metadata hash of a pool"))
    reader.close(length, "the metadata of a pool")
    return found


def _read_relay(reader: Reader) -> tuple[object, ...]:
    length = reader.array_length("a relay")
    kind = reader.unsigned("the kind of a relay", 2)
    reader.expect(length, (4, 3, 2)[kind], "a relay")
    found: tuple[object, ...] = (kind,)
    if kind < 2:
        found += (None if reader.take_null() else reader.unsigned("a port", MAX_UINT16),)
    if kind == 0:
        found += (None if reader.take_null() else reader.fixed(4, "an IPv4 address"),)
        found += (None if reader.take_null() else reader.fixed(16, "an IPv6 address"),)
    else:
        found += (reader.text("the name of a relay", _LONGEST_URL),)
    reader.close(length, "a relay")
    return found
