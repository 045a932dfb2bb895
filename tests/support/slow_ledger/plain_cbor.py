"""CBOR as a tree of every item with its own bytes: slow, generic, and with nothing left out."""

from typing import Any, NamedTuple

UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)


class Malformed(Exception):
    """The ledger would not decode these bytes."""


class Item(NamedTuple):
    """One data item."""

    major: int
    value: Any
    """An int, bytes, str, list of items, list of pairs of items, or (tag, item)."""
    raw: bytes
    """Exactly its own bytes."""


def parse(raw: bytes) -> Item:
    """The one item that ``raw`` is. Byte and text strings must be in one piece."""
    try:
        item, end = _parse(raw, 0)
    except IndexError:
        raise Malformed("cut short") from None
    if end != len(raw):
        raise Malformed("more bytes follow")
    return item


def _parse(raw: bytes, start: int) -> tuple[Item, int]:
    major, info = raw[start] >> 5, raw[start] & 31
    position = start + 1
    argument: int | None = info
    if 24 <= info <= 27:
        width = 2 ** (info - 24)
        argument = int.from_bytes(_take(raw, position, width), "big")
        position += width
    elif info == 31 and major in (ARRAY, MAP):
        argument = None
    elif info > 27:
        raise Malformed("a length that is left open, or reserved")
    value: Any = argument
    if major == NEGATIVE and argument is not None:
        value = -1 - argument
    elif major in (BYTES, TEXT) and argument is not None:
        value = _take(raw, position, argument)
        position += argument
        if major == TEXT:
            value = _text(value)
    elif major in (ARRAY, MAP):
        value, position = _parse_items(raw, position, argument, 2 if major == MAP else 1)
    elif major == TAG:
        content, position = _parse(raw, position)
        value = (argument, content)
    return Item(major, value, raw[start:position]), position


def _parse_items(raw: bytes, position: int, count: int | None, each: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    while len(found) < count if count is not None else raw[position] != 0xFF:
        group = []
        for _ in range(each):
            item, position = _parse(raw, position)
            group.append(item)
        found.append(group[0] if each == 1 else tuple(group))
    return found, position if count is not None else position + 1


def _take(raw: bytes, start: int, size: int) -> bytes:
    taken = raw[start : start + size]
    if len(taken) != size:
        raise Malformed("cut short")
    return taken


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Malformed("text that is not UTF-8") from None


def plain(item: Item) -> Any:
    """The item as values that can be compared and hashed; how it was encoded is forgotten."""
    if item.major == ARRAY:
        return tuple([plain(element) for element in item.value])
    if item.major == MAP:
        return ("map", *[(plain(key), plain(value)) for key, value in item.value])
    if item.major == TAG:
        return ("tag", item.value[0], plain(item.value[1]))
    if item.major == SIMPLE:
        return ("simple", item.value)
    return item.value


def integer(item: Item, least: int = 0, most: int = 2**64 - 1) -> int:
    """An integer within bounds."""
    if item.major not in (UNSIGNED, NEGATIVE) or not least <= item.value <= most:
        raise Malformed(f"not an integer from {least} to {most}")
    return int(item.value)


def blob(item: Item, size: int | None = None) -> bytes:
    """A byte string."""
    if item.major != BYTES or (size is not None and len(item.value) != size):
        raise Malformed(f"not a byte string of size {size}")
    return bytes(item.value)


def elements(item: Item, *counts: int) -> list[Item]:
    """The elements of an array, whose number may be restricted."""
    if item.major != ARRAY or (counts and len(item.value) not in counts):
        raise Malformed(f"not an array of {counts}")
    return list(item.value)


def pairs(item: Item) -> list[tuple[Item, Item]]:
    """The pairs of a map that has no key twice."""
    if item.major != MAP:
        raise Malformed("not a map")
    if len({plain(key) for key, _ in item.value}) != len(item.value):
        raise Malformed("a key twice")
    return list(item.value)


def tagged(item: Item, number: int) -> Item:
    """What stands under the tag."""
    if item.major != TAG or item.value[0] != number:
        raise Malformed(f"not tagged {number}")
    content: Item = item.value[1]
    return content


def members(item: Item, *, may_be_empty: bool = False, may_repeat: bool = False) -> list[Item]:
    """The elements of a set: an array, under the tag 258 or not."""
    array = elements(tagged(item, 258) if item.major == TAG else item)
    if not array and not may_be_empty:
        raise Malformed("an empty set")
    if not may_repeat and len({plain(element) for element in array}) != len(array):
        raise Malformed("an element twice")
    return array
