"""Scripts: native ones can require a guard, and Plutus V4 has a number."""

from facilitator.cardano.cbor import (
    CLOSE,
    INDEFINITE_ARRAY,
    DecodeError,
    Reader,
    read_all,
    walk,
)
from facilitator.cardano.cbor_dijkstra import DijkstraReader
from facilitator.cardano.codec.certificates import read_credential
from facilitator.cardano.codec.scripts import make_script
from facilitator.cardano.scripts import (
    ALL,
    ANY,
    AT_LEAST,
    REQUIRE_GUARD,
    SIGNATURE,
)
from facilitator.cardano.transaction import Language, Script


def read_native_script(reader: Reader) -> bytes:
    """Return the bytes of a native script (CDDL ``native_script``), nested to any depth."""
    start = reader.pos
    walk(reader, _visit_native)
    return reader.raw[start : reader.pos]


def _visit_native(reader: Reader, stack: list[int]) -> None:
    length = reader.array_length("a native script")
    kind = reader.unsigned("the kind of a native script", REQUIRE_GUARD)
    reader.expect(length, 3 if kind == AT_LEAST else 2, "a native script")
    if kind in (ALL, ANY, AT_LEAST):
        if kind == AT_LEAST:
            reader.int64("the number of scripts that a native script requires")
        children = reader.array_length("the scripts within a native script")
        if length is None:
            stack.append(CLOSE)
        stack.append(INDEFINITE_ARRAY if children is None else children)
        return
    if kind == SIGNATURE:
        reader.fixed(28, "the key hash of a native script")
    elif kind == REQUIRE_GUARD:
        read_credential(reader)
    else:
        reader.unsigned("the slot of a native script")
    reader.close(length, "a native script")


def read_native_scripts(reader: Reader, what: str) -> list[Script]:
    """Return the native scripts of an array, in order."""
    return [make_script(Language.NATIVE, read_native_script(reader)) for _ in reader.array(what)]


def read_reference_script(raw: bytes) -> Script:
    """Return the script in an output's ``script_ref``: ``[language, script]``."""
    return read_all(raw, _read_tagged_script, "a reference script", DijkstraReader)


def _read_tagged_script(reader: Reader) -> Script:
    what = "a reference script"
    length = reader.record(2, what)
    number = reader.unsigned(f"the language of {what}")
    if number > Language.PLUTUS_V4:
        raise DecodeError(f"there is no language {number} of scripts in Dijkstra")
    language = Language(number)
    if language is Language.NATIVE:
        body = read_native_script(reader)
    else:
        body = reader.byte_string(f"the code of {what}")
    reader.close(length, what)
    return make_script(language, body)
