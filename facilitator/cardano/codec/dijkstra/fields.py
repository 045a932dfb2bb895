"""The fields of a body that are new or changed: guards, deposits, balance intervals."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from facilitator.cardano.addresses.address import reward_credential
from facilitator.cardano.cbor import ARRAY, UNSIGNED, DecodeError, Reader
from facilitator.cardano.cbor_dijkstra import read_unchanged
from facilitator.cardano.codec.certificates import read_credential, read_reward_account
from facilitator.cardano.codec.scripts import read_plutus_data
from facilitator.cardano.transaction import BalanceInterval, Credential

K = TypeVar("K")
V = TypeVar("V")


def read_guards(reader: Reader) -> tuple[Credential, ...]:
    """Return guards: credentials, or key hashes as Conway's required signers.

    The first element decides for all (``decodeGuards``). They may be none.
    """
    what = "guards (body key 14)"
    are_credentials: bool | None = None
    found: list[Credential] = []
    for _ in reader.set(what):
        if are_credentials is None:
            are_credentials = reader.major() == ARRAY
        if are_credentials:
            found.append(read_credential(reader))
        else:
            found.append(Credential(is_script=False, hash=reader.fixed(28, "a guard")))
    if len(set(found)) != len(found):
        raise DecodeError(f"{what} must not have an element twice")
    return tuple(found)


def read_required_guards(reader: Reader) -> Mapping[Credential, bytes | None]:
    """Return the guards that the top level must have, each with a datum's CBOR or ``None``."""

    def read_datum(item: Reader) -> bytes | None:
        return None if item.take_null() else read_unchanged(item, read_plutus_data)

    return _read_map(reader, read_credential, read_datum, "required top-level guards (body key 24)")


def read_direct_deposits(reader: Reader) -> Mapping[bytes, int]:
    """Return lovelace by reward address."""
    what = "direct deposits (body key 25)"
    return _read_map(
        reader, read_reward_account, lambda item: item.unsigned("a direct deposit"), what
    )


def intervals_reader(key: int) -> Callable[[Reader], Mapping[bytes | Credential, BalanceInterval]]:
    """Return the function that reads balance intervals under that key of the body."""
    what = f"balance intervals (body key {key})"
    return lambda reader: _read_map(reader, _read_account, _read_interval, what)


def _read_account(reader: Reader) -> bytes | Credential:
    if reader.major() == ARRAY:
        return read_credential(reader)
    address = reader.byte_string("a reward address")
    reward_credential(address)
    return address


def _read_interval(reader: Reader) -> BalanceInterval:
    what = "a balance interval"
    if reader.major() == UNSIGNED:
        exact = reader.unsigned(what)
        return BalanceInterval(exact, exact + 1)
    length = reader.record(2, what)
    lower, upper = (None if reader.take_null() else reader.unsigned(what) for _ in range(2))
    reader.close(length, what)
    if lower is None and upper is None:
        raise DecodeError(f"{what} must have a bound")
    return BalanceInterval(lower, upper)


def _read_map(
    reader: Reader, key: Callable[[Reader], K], value: Callable[[Reader], V], what: str
) -> Mapping[K, V]:
    """Return a map of at least one pair, each key once."""
    found: dict[K, V] = {}
    for _ in reader.map(what):
        name = key(reader)
        if name in found:
            raise DecodeError(f"{what} must not have a key twice")
        found[name] = value(reader)
    if not found:
        raise DecodeError(f"{what} must not be empty")
    return found
