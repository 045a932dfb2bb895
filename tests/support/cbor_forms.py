"""A CBOR writer that can write one value in each of the forms the ledger takes it in."""

from dataclasses import dataclass
from random import Random
from typing import Any


@dataclass(frozen=True)
class Tagged:
    """A value under a tag."""

    number: int
    value: Any


@dataclass(frozen=True)
class AsSet:
    """A set: an array, with the tag 258 or without it."""

    elements: list[Any]


@dataclass(frozen=True)
class Pairs:
    """A map whose keys Python can't hash, or that has one twice."""

    pairs: list[tuple[Any, Any]]


@dataclass(frozen=True)
class Definite:
    """An array that must state its length."""

    elements: list[Any]


@dataclass(frozen=True)
class Raw:
    """CBOR that goes in as it is."""

    cbor: bytes


class PlainForm:
    """Shortest heads, definite lengths, sets with their tag, maps in the order given."""

    def width(self, shortest: int, major: int) -> int:  # noqa: ARG002
        """Bytes of argument after a head's first byte."""
        return shortest

    def is_indefinite(self) -> bool:
        """Whether an array or map leaves its length open."""
        return False

    def has_set_tag(self) -> bool:
        """Whether a set says that it is one."""
        return True

    def ordered(self, pairs: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
        """A map's pairs in the order to write them in."""
        return pairs

    def chunks(self, size: int) -> list[int] | None:  # noqa: ARG002
        """The sizes of the chunks of a string of that many bytes; ``None`` for one piece."""
        return None


class RandomForm(PlainForm):
    """Any form that the ledger takes.

    It takes an output and redeemers for no map when their length has 8 bytes, so no map's has.
    """

    def __init__(self, random: Random) -> None:
        self.random = random

    def width(self, shortest: int, major: int) -> int:
        widths = (0, 1, 2, 4) if major == 5 else (0, 1, 2, 4, 8)
        return self.random.choice([width for width in widths if width >= shortest])

    def is_indefinite(self) -> bool:
        return self.random.random() < 0.5

    def has_set_tag(self) -> bool:
        return self.random.random() < 0.5

    def ordered(self, pairs: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
        return self.random.sample(pairs, len(pairs))


class ChunkedForm(RandomForm):
    """Any form that the ledger takes from protocol version 12 on: strings in chunks, too."""

    def chunks(self, size: int) -> list[int] | None:
        if self.random.random() < 0.5:
            return None
        sizes = []
        while size:
            sizes.append(self.random.randint(1, size))
            size -= sizes[-1]
        return sizes


def head(major: int, argument: int, width: int | None = None) -> bytes:
    """A head with ``width`` bytes of argument; by default the shortest."""
    width = shortest_width(argument) if width is None else width
    if width == 0:
        return bytes([major << 5 | argument])
    info = {1: 24, 2: 25, 4: 26, 8: 27}[width]
    return bytes([major << 5 | info]) + argument.to_bytes(width, "big")


def shortest_width(argument: int) -> int:
    """Bytes that a head needs for its argument."""
    if argument < 24:
        return 0
    return next(width for width in (1, 2, 4, 8) if argument < 1 << 8 * width)


def encode(value: Any, form: PlainForm | None = None) -> bytes:
    """The value as CBOR, in the form given or the plain one."""
    form = form or PlainForm()
    if isinstance(value, Raw):
        return value.cbor
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", False: b"\xf4", True: b"\xf5"}[value]
    if isinstance(value, int):
        return _head(0, value, form) if value >= 0 else _head(1, -1 - value, form)
    if isinstance(value, bytes):
        return _string(2, value, form)
    if isinstance(value, str):
        return _string(3, value.encode(), form)
    if isinstance(value, Tagged):
        return _head(6, value.number, form) + encode(value.value, form)
    return _container(value, form)


def _string(major: int, value: bytes, form: PlainForm) -> bytes:
    sizes = form.chunks(len(value))
    if sizes is None:
        return _head(major, len(value), form) + value
    pieces, start = [], 0
    for size in sizes:
        pieces.append(_head(major, size, form) + value[start : start + size])
        start += size
    return bytes([major << 5 | 31]) + b"".join(pieces) + b"\xff"


def _container(value: Any, form: PlainForm) -> bytes:
    if isinstance(value, AsSet):
        tag = _head(6, 258, form) if form.has_set_tag() else b""
        return tag + _array(value.elements, form, definite=False)
    if isinstance(value, Definite):
        return _array(value.elements, form, definite=True)
    if isinstance(value, list):
        return _array(value, form, definite=False)
    pairs = form.ordered(value.pairs if isinstance(value, Pairs) else list(value.items()))
    content = b"".join(encode(key, form) + encode(item, form) for key, item in pairs)
    if form.is_indefinite():
        return b"\xbf" + content + b"\xff"
    return _head(5, len(pairs), form) + content


def _array(elements: list[Any], form: PlainForm, *, definite: bool) -> bytes:
    content = b"".join(encode(element, form) for element in elements)
    if not definite and form.is_indefinite():
        return b"\x9f" + content + b"\xff"
    return _head(4, len(elements), form) + content


def _head(major: int, argument: int, form: PlainForm) -> bytes:
    return head(major, argument, form.width(shortest_width(argument), major))
