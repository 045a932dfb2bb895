"""Decodes programs from flat encoding to terms of the evaluator, nested to any depth."""

from collections.abc import Callable
from dataclasses import dataclass, field

import cbor2
from uplc.ast import (
    AST,
    Apply,
    BuiltIn,
    BuiltInFun,
    Case,
    Constr,
    Delay,
    Error,
    Force,
    Lambda,
    PlutusData,
    Variable,
)
from uplc.flat_decoder import UplcDeserializer

from facilitator.cardano.phase2.builtins import to_uplc
from facilitator.cardano.phase2.data import decode_data
from facilitator.cardano.plutus.program import (
    APPLY,
    BUILTIN,
    CASE,
    CONSTANT,
    CONSTR,
    DELAY,
    ERROR,
    FORCE,
    LAMBDA,
    VARIABLE,
)


@dataclass(slots=True)
class _OpenTerm:
    """A term with parts that are not read yet."""

    make: Callable[[list[AST]], AST]
    fixed: int
    """The number of its parts, or of those before its list."""
    listed: bool = False
    binds: bool = False
    parts: list[AST] = field(default_factory=list)


def decode_program(code: bytes) -> tuple[tuple[int, int, int], AST]:
    """Return the version and the term of a well-formed script.

    A variable's name is the number of lambdas around its own lambda. Raises :class:`ValueError` for
    free variables, and for functions and types that the evaluator lacks.
    """
    flat: bytes = cbor2.loads(code)
    decoder = _Decoder("".join([f"{byte:08b}" for byte in flat]))
    major, minor, patch = (decoder.read_integer() for _ in range(3))
    return (major, minor, patch), decoder.read_term()


class _Decoder(UplcDeserializer):
    def __init__(self, bits: str) -> None:
        super().__init__(bits)
        self._depth = 0

    def read_data(self) -> PlutusData:
        """Read data, keeping the order and the equal keys of maps."""
        return to_uplc(decode_data(self.read_bytes()))

    def read_term(self) -> AST:
        unfinished: list[_OpenTerm] = []
        while True:
            begun = self._begin()
            if isinstance(begun, _OpenTerm):
                unfinished.append(begun)
                self._depth += begun.binds
            elif unfinished:
                unfinished[-1].parts.append(begun)
            else:
                return begun
            while not self._has_more(unfinished[-1]):
                done = unfinished.pop()
                self._depth -= done.binds
                term = done.make(done.parts)
                if not unfinished:
                    return term
                unfinished[-1].parts.append(term)

    def _has_more(self, term: _OpenTerm) -> bool:
        return len(term.parts) < term.fixed or (term.listed and self.read_bit() == 1)

    def _begin(self) -> AST | _OpenTerm:
        tag = self.read_tag("term")
        if tag == VARIABLE:
            return self._read_variable()
        if tag == LAMBDA:
            name = str(self._depth)
            return _OpenTerm(lambda parts: Lambda(name, parts[0]), 1, binds=True)
        if tag == CONSTR:
            number = self.read_integer()
            return _OpenTerm(lambda parts: Constr(number, parts), 0, listed=True)
        if tag == CONSTANT:
            return self.read_constant()
        if tag == BUILTIN:
            return BuiltIn(BuiltInFun(self.read_tag("builtin")))
        if tag == ERROR:
            return Error()
        return _open_composed(tag)

    def _read_variable(self) -> AST:
        index = self.read_integer()
        if not 1 <= index <= self._depth:
            raise ValueError("a variable is free")
        return Variable(str(self._depth - index))


def _open_composed(tag: int) -> _OpenTerm:
    if tag == DELAY:
        return _OpenTerm(lambda parts: Delay(parts[0]), 1)
    if tag == FORCE:
        return _OpenTerm(lambda parts: Force(parts[0]), 1)
    if tag == APPLY:
        return _OpenTerm(lambda parts: Apply(parts[0], parts[1]), 2)
    if tag == CASE:
        return _OpenTerm(lambda parts: Case(parts[0], parts[1:]), 1, listed=True)
    raise ValueError(f"there is no term with the tag {tag}")
