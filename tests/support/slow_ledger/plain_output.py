"""Outputs, their addresses and native scripts, read from the CDDL."""

import zlib
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b

from support.slow_ledger.plain_cbor import (
    ARRAY,
    UNSIGNED,
    Item,
    Malformed,
    blob,
    elements,
    integer,
    pairs,
    parse,
    tagged,
)

Asset = tuple[bytes, bytes]


@dataclass(frozen=True)
class PlainOutput:
    address: bytes
    lovelace: int
    assets: dict[Asset, int]
    size: int
    datum_hash: bytes | None
    script: tuple[int, bytes] | None
    """The language and the bytes that are hashed after it."""


@cache
def read_output(raw: bytes) -> PlainOutput:
    """An output that exists already."""
    return output(parse(raw))


def byron_parts(address: bytes) -> tuple[bytes, dict[int, bytes]]:
    """The root and the attributes of a Byron address."""
    payload, checksum = elements(parse(address), 2)
    content = blob(tagged(payload, 24))
    if integer(checksum) != zlib.crc32(content):
        raise Malformed("checksum of a Byron address")
    root, attributes, _kind = elements(parse(content), 3)
    found = {integer(key): blob(value) for key, value in pairs(attributes)}
    if list(found) != sorted(found):
        raise Malformed("attributes of a Byron address out of order")
    return blob(root, 28), found


def output(item: Item) -> PlainOutput:
    datum_hash, script = None, None
    if item.major == ARRAY:
        address, value, *rest = elements(item, 2, 3)
        for datum in rest:
            datum_hash = blob(datum, 32)
    elif item.raw[0] == 0xBB:
        raise Malformed("an output as a map whose length takes 8 bytes")
    else:
        fields = known_fields(item, {0, 1, 2, 3})
        if not {0, 1} <= fields.keys():
            raise Malformed("an output without address or value")
        address, value = fields[0], fields[1]
        if 2 in fields:
            kind, datum = elements(fields[2], 2)
            if integer(kind, most=1) == 0:
                datum_hash = blob(datum, 32)
            else:
                parse(blob(tagged(datum, 24)))
        if 3 in fields:
            script = _reference_script(parse(blob(tagged(fields[3], 24))))
    _check_address(blob(address))
    lovelace, assets = _value(value)
    return PlainOutput(address.value, lovelace, assets, len(item.raw), datum_hash, script)


def _reference_script(item: Item) -> tuple[int, bytes]:
    language, script = elements(item, 2)
    if integer(language, most=3) > 0:
        return language.value, blob(script)
    check_native(script)
    return 0, script.raw


def _value(item: Item) -> tuple[int, dict[Asset, int]]:
    if item.major == UNSIGNED:
        return integer(item), {}
    lovelace, assets = elements(item, 2)
    return integer(lovelace), multiasset(assets, 1, 2**64 - 1)


def multiasset(item: Item, least: int, most: int) -> dict[Asset, int]:
    found = {}
    for policy, names in pairs(item):
        if not pairs(names):
            raise Malformed("a policy without assets")
        for name, quantity in pairs(names):
            amount = integer(quantity, least, most)
            if amount == 0 or len(blob(name)) > 32:
                raise Malformed("an asset of no quantity, or with too long a name")
            found[blob(policy, 28), name.value] = amount
    return found


def _check_address(address: bytes) -> None:
    header = address[0] if address else 0xFF
    if header >> 4 == 8:
        byron_parts(address)
        return
    kind, size = header >> 4, len(address)
    if kind > 7 or header & 15 > 1:
        raise Malformed("an address of no known kind or network")
    if kind in (0, 1, 2, 3) and size != 57:
        raise Malformed("a base address of another length")
    if kind in (6, 7) and size != 29:
        raise Malformed("an enterprise address of another length")
    if kind in (4, 5) and not _are_pointer_numbers(address[29:]):
        raise Malformed("a pointer address")


def _are_pointer_numbers(raw: bytes) -> bool:
    """Slot, transaction and certificate index, in big-endian groups of 7 bits."""
    numbers, number, is_open = [], 0, False
    for byte in raw:
        number = number * 128 + byte % 128
        is_open = byte >= 128
        if not is_open:
            numbers.append(number)
            number = 0
    if is_open or len(numbers) != 3:
        return False
    return numbers[0] < 2**32 and numbers[1] < 2**16 and numbers[2] < 2**16


def check_native(item: Item) -> None:
    """CDDL ``native_script``."""
    parts = elements(item)
    kind = integer(parts[0], most=5) if parts else -1
    if len(parts) != (3 if kind == 3 else 2):
        raise Malformed("a native script")
    if kind == 0:
        blob(parts[1], 28)
    elif kind in (4, 5):
        integer(parts[1])
    else:
        if kind == 3:
            integer(parts[1], -(2**63), 2**63 - 1)
        for part in elements(parts[-1]):
            check_native(part)


def known_fields(item: Item, known: set[int]) -> dict[int, Item]:
    fields = {integer(key): value for key, value in pairs(item)}
    if not fields.keys() <= known:
        raise Malformed("an unknown key")
    return fields


def script_hash(language: int, body: bytes) -> bytes:
    return blake2b(bytes([language]) + body, digest_size=28).digest()
