"""Writing Plutus Core programs in flat encoding, and reading them the plain recursive way."""

from collections.abc import Callable, Sequence
from typing import Any

import cbor2

from facilitator.cardano.plutus.flat_bits import MalformedScriptError
from facilitator.cardano.plutus.program import check_plutus
from facilitator.cardano.transaction import Language

VERSION = (1, 1, 0)
BITS: dict[str, int] = {"var": 0, "delay": 1, "lam": 2, "apply": 3, "con": 4, "force": 5}
BITS |= {"error": 6, "builtin": 7, "constr": 8, "case": 9}


def malformed(
    code: bytes, language: Language = Language.PLUTUS_V3, protocol_major: int = 10
) -> str | None:
    """Why the script is refused; ``None`` when it is well-formed."""
    try:
        check_plutus(code, language, protocol_major)
    except MalformedScriptError as error:
        return str(error)
    return None


def natural(number: int) -> str:
    groups = [number & 127]
    while number := number >> 7:
        groups.append(number & 127)
    flags = [128] * (len(groups) - 1) + [0]
    return "".join(f"{flag | group:08b}" for flag, group in zip(flags, groups, strict=True))


def byte_string(raw: bytes, position: int) -> str:
    chunks = [raw[at : at + 255] for at in range(0, len(raw), 255)]
    whole = b"".join(bytes([len(chunk)]) + chunk for chunk in chunks) + b"\x00"
    return filler(position) + "".join(f"{byte:08b}" for byte in whole)


def filler(position: int) -> str:
    return "0" * (7 - position % 8) + "1"


def constant_type(tags: Sequence[int]) -> str:
    return "".join(f"1{tag:04b}" for tag in tags) + "0"


def packed(bits: str) -> bytes:
    """Bits with the filler that makes them bytes."""
    bits += filler(len(bits))
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def script(bits: str, version: Sequence[int] = VERSION) -> bytes:
    """A Plutus script as in a transaction: its program in a CBOR byte string."""
    return cbor2.dumps(packed("".join(map(natural, version)) + bits))


def program(term: Any) -> bytes:
    """A program of version 1.1.0 from nested tuples such as ``("apply", ("var", 1), ...)``."""
    bits = "".join(map(natural, VERSION))
    return cbor2.dumps(packed(bits + _term(term, len(bits))))


def _term(term: Any, position: int) -> str:
    name, *rest = term
    bits = f"{BITS[name]:04b}"
    if name in ("var", "constr"):
        bits += natural(rest.pop(0))
    elif name == "builtin":
        return bits + f"{rest[0]:07b}"
    elif name == "con":
        return bits + _constant(rest[0], rest[1], position + 4)
    terms = rest if name not in ("constr", "case") else rest[:-1]
    for inner in terms:
        bits += _term(inner, position + len(bits))
    if name in ("constr", "case"):
        for inner in rest[-1]:
            bits += "1"
            bits += _term(inner, position + len(bits))
        bits += "0"
    return bits


def _constant(tags: Sequence[int], value: Any, position: int) -> str:
    bits = constant_type(tags)
    if isinstance(value, bytes):
        return bits + byte_string(value, position + len(bits))
    return bits + (natural(value) if isinstance(value, int) else value)


class Plain:
    """A recursive restatement of the decoder, of versions, terms and simple constants."""

    def __init__(self, raw: bytes) -> None:
        self.bits = "".join(f"{byte:08b}" for byte in raw)

    def take(self, count: int) -> int:
        if len(self.bits) < count:
            raise ValueError
        taken, self.bits = self.bits[:count], self.bits[count:]
        return int(taken, 2)

    def natural(self) -> int:
        byte = self.take(8)
        return byte if byte < 128 else (byte - 128) + 128 * self.natural()

    def each(self, read: Callable[[], object]) -> list[object]:
        found = []
        while self.take(1):
            found.append(read())
        return found

    def whole(self) -> None:
        self.version = [self.natural() for _ in range(3)]
        self.term()
        while not self.take(1):
            pass
        if self.bits:
            raise ValueError

    def term(self) -> None:
        tag = self.take(4)
        if tag in (8, 9) and self.version < [1, 1, 0]:
            raise ValueError
        if tag in (0, 8) and self.natural() >= 2**64:
            raise ValueError
        for _ in range({1: 1, 2: 1, 3: 2, 5: 1, 9: 1}.get(tag, 0)):
            self.term()
        if tag in (8, 9):
            self.each(self.term)
        elif tag == 7 and self.take(7) > 86:
            raise ValueError
        elif tag == 4:
            self.constant()
        elif tag > 9:
            raise ValueError

    def constant(self) -> None:
        tags: list[Any] = self.each(lambda: self.take(4))
        kind, rest = self.kind(tags)
        if rest or not isinstance(kind, tuple):
            raise ValueError
        self.value(kind)

    def kind(self, tags: list[int]) -> tuple[Any, list[int]]:
        """The type at the head of the tags: a tuple if it has values, else what it lacks."""
        if not tags or tags[0] > 11:
            raise ValueError
        if tags[0] in (5, 6):
            return [tags[0]], tags[1:]
        if tags[0] != 7:
            return (tags[0],), tags[1:]
        function, rest = self.kind(tags[1:])
        argument, rest = self.kind(rest)
        if isinstance(function, tuple) or not isinstance(argument, tuple):
            raise ValueError
        applied = [*function, argument]
        return (tuple(applied) if len(applied) == applied[0] - 3 else applied), rest

    def value(self, kind: Any) -> None:
        if kind[0] == 5:
            self.each(lambda: self.value(kind[1]))
        elif kind[0] == 6:
            self.value(kind[1])
            self.value(kind[2])
        elif kind[0] == 4:
            self.take(1)
        elif kind[0] == 0:
            self.natural()
        elif kind[0] != 3:
            raise ValueError
