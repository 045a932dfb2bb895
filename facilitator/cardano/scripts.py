"""Native scripts, evaluated by the keys that signed and the validity interval."""

from collections.abc import Set
from dataclasses import dataclass

from facilitator.cardano.cbor import DecodeError, Reader, read_all
from facilitator.cardano.cbor_dijkstra import DijkstraReader
from facilitator.cardano.transaction import Credential

SIGNATURE, ALL, ANY, AT_LEAST, NOT_BEFORE, NOT_AFTER, REQUIRE_GUARD = range(7)
"""Kinds of native script, numbered as in the CDDL (``native_script``); the last is Dijkstra's."""


@dataclass(frozen=True, slots=True)
class NativeScriptContext:
    """The signing keys and the validity interval that a native script is evaluated with."""

    keys: Set[bytes]
    """Hashes (28 bytes) of the keys with a vkey witness; bootstrap witnesses don't count."""
    start: int | None
    """The first slot in which the transaction is valid; ``None`` for any slot."""
    end: int | None
    """The first slot in which it is no longer valid; ``None`` when its validity does not end."""
    guards: Set[Credential] = frozenset()
    """The guards that the same level names."""


def native_script_holds(script: bytes, witnessed: NativeScriptContext) -> bool:
    """Return True if the native script, as CBOR, is satisfied.

    Allegra, ``evalTimelock``; Dijkstra, ``evalDijkstraNativeScript``.

    A time lock compares with the validity interval, never with the clock. It fails if the
    interval is open on its side. A script that is not well-formed never holds.
    Takes time linear in the script's size and constant Python stack.
    """
    try:
        return read_all(
            script, lambda reader: _evaluate(reader, witnessed), "native script", DijkstraReader
        )
    except DecodeError:
        return False


class _Group:
    """An unfinished *all*, *any* or *at least*, with the verdicts of its members so far."""

    __slots__ = ("bad", "good", "kind", "left", "outer", "required")

    def __init__(self, reader: Reader, kind: int, outer: int | None) -> None:
        self.kind = kind
        self.outer = outer
        self.required = reader.int64("number of scripts required") if kind == AT_LEAST else 1
        self.left = reader.array_length("list of native scripts")
        self.good = self.bad = 0

    def count(self, verdict: bool) -> None:
        if verdict:
            self.good += 1
        else:
            self.bad += 1

    def has_more(self, reader: Reader) -> bool:
        if self.left is None:
            return not reader.take_break()
        self.left -= 1
        return self.left >= 0

    def verdict(self) -> bool:
        return self.bad == 0 if self.kind == ALL else self.good >= self.required


def _evaluate(reader: Reader, witnessed: NativeScriptContext) -> bool:
    open_groups: list[_Group] = []
    while True:
        outer = reader.array_length("native script")
        kind = reader.unsigned("kind of native script", REQUIRE_GUARD)
        verdict: bool | None = None
        if kind in (ALL, ANY, AT_LEAST):
            open_groups.append(_Group(reader, kind, outer))
        else:
            verdict = _evaluate_leaf(reader, kind, witnessed)
            reader.close(outer, "native script")
        while open_groups:
            group = open_groups[-1]
            if verdict is not None:
                group.count(verdict)
            if group.has_more(reader):
                break
            reader.close(group.outer, "native script")
            verdict = open_groups.pop().verdict()
        else:
            return bool(verdict)


def _evaluate_leaf(reader: Reader, kind: int, witnessed: NativeScriptContext) -> bool:
    if kind == SIGNATURE:
        return reader.fixed(28, "key hash") in witnessed.keys
    if kind == REQUIRE_GUARD:
        return _read_guard(reader) in witnessed.guards
    slot = reader.unsigned("slot")
    if kind == NOT_BEFORE:
        return witnessed.start is not None and slot <= witnessed.start
    return witnessed.end is not None and witnessed.end <= slot


def _read_guard(reader: Reader) -> Credential:
    length = reader.record(2, "guard")
    is_script = reader.unsigned("kind of guard", 1) == 1
    guard = Credential(is_script, reader.fixed(28, "hash of a guard"))
    reader.close(length, "guard")
    return guard
