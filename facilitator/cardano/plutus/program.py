"""Checks that the ledger decodes a Plutus script: untyped Plutus Core in flat encoding.

The check builds no terms. It reads the bits once, without recursion, in time and memory linear in
their number. It follows Plutus' own decoder (``deserialiseScript``) and the appendix on flat
serialisation in the Plutus Core specification.
"""

from typing import NamedTuple

from facilitator.cardano.cbor import DecodeError, Reader
from facilitator.cardano.plutus.constants import ML_RESULT, VALUE, skip_constant
from facilitator.cardano.plutus.flat_bits import Bits, MalformedScriptError
from facilitator.cardano.transaction import Language

VARIABLE, DELAY, LAMBDA, APPLY, CONSTANT, FORCE, ERROR, BUILTIN, CONSTR, CASE = range(10)
"""Tags of terms."""
SUMS_OF_PRODUCTS = (1, 1, 0)
"""The version of Plutus Core that added ``constr`` and ``case``."""
VAN_ROSSEM = 11
"""The major protocol version that gave every language the same builtins, and limits."""

_UNLIMITED = 2**63
_TERMS = {format(tag, "04b"): tag for tag in range(10)}
_SUBTERMS = (0, 1, 1, 2, 0, 1, 0, 0, 0, 0)
"""Number of terms within a term, by its tag, without those of ``constr`` and ``case``."""


class Features(NamedTuple):
    """The features of Plutus Core that a program may use."""

    builtins: frozenset[int]
    """Tags of builtin functions."""
    last_type: int
    """The highest tag in the type of a constant."""
    longest_type: int
    """The most tags that the type of a constant may have."""
    most_fields: int
    """The most fields that a ``constr`` may have."""


def find_features(language: Language, protocol_major: int) -> Features:
    """Return the features that programs of the language may use in protocol versions 9 to 11.

    Follows ``builtinsAvailableIn`` and ``maxBoundsByPV``. Arrays and values came with their
    builtins.
    """
    if protocol_major >= VAN_ROSSEM:
        return Features(frozenset(range(101)), VALUE, 32, 1024)
    builtins = {
        Language.PLUTUS_V1: range(51),
        Language.PLUTUS_V2: range(54) if protocol_major < 10 else (*range(54), 73, 74),
        Language.PLUTUS_V3: range(75) if protocol_major < 10 else range(87),
    }
    return Features(frozenset(builtins[language]), ML_RESULT, _UNLIMITED, _UNLIMITED)


def check_plutus(code: bytes, language: Language, protocol_major: int) -> None:
    """Raise :class:`MalformedScriptError` unless the ledger decodes the script.

    It must be a CBOR byte string of a flat-encoded program. From Plutus V3 on, no byte may follow.
    Free variables and the program's version are not checked here; the ledger checks them at run
    time.
    """
    reader = Reader(code)
    try:
        program = reader.byte_string("a Plutus script")
    except (DecodeError, IndexError):
        raise MalformedScriptError("it is not a CBOR byte string") from None
    if reader.pos != reader.end and language is Language.PLUTUS_V3:
        raise MalformedScriptError(f"{reader.end - reader.pos} bytes follow its program")
    check_program(Bits(program), find_features(language, protocol_major))


def check_program(bits: Bits, allowed: Features) -> None:
    """Raise :class:`MalformedScriptError` unless all bits together are one program."""
    try:
        _skip_program(bits, allowed)
        bits.skip_filler()
    except IndexError:
        raise MalformedScriptError("its program is cut short") from None
    if bits.pos != bits.end:
        raise MalformedScriptError("its program does not end with its bytes")


def _skip_program(bits: Bits, allowed: Features) -> None:
    """Skip a version and a term, counting the remaining terms.

    At the start of a list of terms, the count is put on a stack until the list ends, together with
    the number of elements that the list may still have.
    """
    version = (bits.natural(), bits.natural(), bits.natural())
    put_by: list[tuple[int, int]] = []
    terms = 1
    while terms or put_by:
        if terms:
            tag = _TERMS.get(bits.take(4))
            if tag is None:
                raise MalformedScriptError("a term has an unknown tag")
            terms += _SUBTERMS[tag] - 1
            if tag >= CONSTR:
                put_by.append((terms, _open_list(bits, tag, version, allowed)))
                terms = 1 if tag == CASE else 0
            elif tag in _LEAVES:
                _LEAVES[tag](bits, allowed)
            continue
        terms, room = put_by.pop()
        if bits.flag():
            if not room:
                raise MalformedScriptError(f"a constr has more than {allowed.most_fields} fields")
            put_by.append((terms, room - 1))
            terms = 1


def _open_list(bits: Bits, tag: int, version: tuple[int, int, int], allowed: Features) -> int:
    """Skip the part of a ``constr`` or ``case`` before its terms; return the limit on terms."""
    if version < SUMS_OF_PRODUCTS:
        raise MalformedScriptError("programs of its version have no constr and case")
    if tag == CASE:
        return _UNLIMITED
    bits.skip_word()
    return allowed.most_fields


def _skip_variable(bits: Bits, _allowed: Features) -> None:
    bits.skip_word()


def _skip_constant(bits: Bits, allowed: Features) -> None:
    skip_constant(bits, allowed.last_type, allowed.longest_type)


def _skip_builtin(bits: Bits, allowed: Features) -> None:
    tag = int(bits.take(7), 2)
    if tag not in allowed.builtins:
        raise MalformedScriptError(f"the builtin function {tag} is not available")


_LEAVES = {VARIABLE: _skip_variable, CONSTANT: _skip_constant, BUILTIN: _skip_builtin}
