"""Applies Plutus scripts to parameters, as off-chain libraries do for those of a blueprint.

The code moves the bits of a program; it never decodes them to terms and encodes these again. A
script's address is the hash of one encoding, and a second encoding could differ from it. Only the
filler before each byte string changes, since byte strings are aligned to bytes.
"""

from collections.abc import Sequence

import cbor2

from facilitator.cardano.cbor import DecodeError, read_all
from facilitator.cardano.plutus.flat_bits import Bits
from facilitator.cardano.plutus.program import VAN_ROSSEM, check_program, find_features
from facilitator.cardano.transaction import Language

_ALL_FEATURES = find_features(Language.PLUTUS_V3, VAN_ROSSEM)
"""The features that programs of some language have in some known protocol version."""
_APPLICATION = "0011"
_CONSTANT_DATA = "0100110000"
"""The bits that begin a constant of the type *data*."""
_LONGEST_CHUNK = 255


def normalise_script(code: bytes) -> bytes:
    """Return the script as the ledger hashes it: a program in one CBOR byte string.

    Tools write the bare program, or wrap it in one byte string or in two. Raises
    :class:`MalformedScriptError` if ``code`` is a program in none of these forms.
    """
    program = _unwrap(code)
    if program is None:
        code, program = cbor2.dumps(code), code
    elif (inner := _unwrap(program)) is not None:
        code, program = program, inner
    check_program(Bits(program), _ALL_FEATURES)
    return code


def _unwrap(code: bytes) -> bytes | None:
    try:
        return read_all(code, lambda reader: reader.byte_string("a script"), "a script")
    except DecodeError:
        return None


def apply_parameters(code: bytes, parameters: Sequence[bytes]) -> bytes:
    """Return the script applied to the parameters in order, each the CBOR of Plutus data.

    ``code`` has the form that :func:`normalise_script` returns. Takes time linear in all sizes.
    """
    bits = _MarkingBits(cbor2.loads(code))
    check_program(bits, _ALL_FEATURES)
    *fillers, (end, _) = bits.fillers
    at = _measure_version(bits)
    written = _Writer()
    written.write(bits.bits[:at] + _APPLICATION * len(parameters))
    for start, stop in fillers:
        written.write(bits.bits[at:start])
        written.fill()
        at = stop
    written.write(bits.bits[at:end])
    for parameter in parameters:
        written.write(_CONSTANT_DATA)
        written.byte_string(parameter)
    written.fill()
    return cbor2.dumps(written.to_bytes())


def _measure_version(bits: Bits) -> int:
    bits.pos = 0
    for _ in range(3):
        bits.skip_natural()
    return bits.pos


class _MarkingBits(Bits):
    """Bits that record the start and the end of each skipped filler."""

    __slots__ = ("fillers",)

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        self.fillers: list[tuple[int, int]] = []

    def skip_filler(self) -> None:
        start = self.pos
        super().skip_filler()
        self.fillers.append((start, self.pos))


class _Writer:
    def __init__(self) -> None:
        self._parts: list[str] = []
        self._size = 0

    def write(self, bits: str) -> None:
        self._parts.append(bits)
        self._size += len(bits)

    def fill(self) -> None:
        self.write("0" * (7 - self._size % 8) + "1")

    def byte_string(self, raw: bytes) -> None:
        self.fill()
        for start in range(0, len(raw), _LONGEST_CHUNK):
            chunk = raw[start : start + _LONGEST_CHUNK]
            self.write("".join([f"{byte:08b}" for byte in (len(chunk), *chunk)]))
        self.write("00000000")

    def to_bytes(self) -> bytes:
        return int("".join(self._parts), 2).to_bytes(self._size // 8, "big")
