"""Scripts and Plutus data: checks their structure and keeps their bytes as received."""

from hashlib import blake2b

from facilitator.cardano.cbor import (
    ARRAY,
    BIGNUM_HEADS,
    BYTES,
    CLOSE,
    INDEFINITE_ARRAY,
    INDEFINITE_MAP,
    MAP,
    TAG,
    TEXT,
    DecodeError,
    Reader,
    read_all,
    walk,
)
from facilitator.cardano.transaction import Language, Script

_HASH_PREFIXES = [bytes([language]) for language in Language]
_LONGEST_LEAF = 64
_INDEFINITE_BYTES = 0x5F
_FIRST_OF_TWO_BYTES = 24
"""The head of the first integer that does not fit one byte. Metadata may hold thousands that do."""
_GENERAL_CONSTRUCTOR = 102
_SIGNATURE, _ALL, _ANY, _SOME, _INVALID_BEFORE, _INVALID_HEREAFTER = range(6)


def make_script(language: Language, body: bytes) -> Script:
    """Return a script with its hash: blake2b-224 over the language's byte and the script."""
    digest = blake2b(_HASH_PREFIXES[language] + body, digest_size=28).digest()
    return Script(language, body, digest)


def read_native_script(reader: Reader) -> bytes:
    """Return the bytes of a native script (CDDL ``native_script``), nested to any depth."""
    start = reader.pos
    walk(reader, _visit_native)
    return reader.raw[start : reader.pos]


def _visit_native(reader: Reader, stack: list[int]) -> None:
    length = reader.array_length("a native script")
    kind = reader.unsigned("the kind of a native script", _INVALID_HEREAFTER)
    reader.expect(length, 3 if kind == _SOME else 2, "a native script")
    if kind in (_ALL, _ANY, _SOME):
        if kind == _SOME:
            reader.int64("the number of scripts that a native script requires")
        children = reader.array_length("the scripts within a native script")
        if length is None:
            stack.append(CLOSE)
        stack.append(INDEFINITE_ARRAY if children is None else children)
        return
    if kind == _SIGNATURE:
        reader.fixed(28, "the key hash of a native script")
    else:
        reader.unsigned("the slot of a native script")
    reader.close(length, "a native script")


def read_plutus_data(reader: Reader) -> bytes:
    """Return the bytes of a Plutus data item (CDDL ``plutus_data``), nested to any depth."""
    start = reader.pos
    if reader.raw[start] < 24:  # a small integer, which most small datums are
        reader.pos = start + 1
    else:
        walk(reader, _visit_data)
    return reader.raw[start : reader.pos]


def _visit_data(reader: Reader, stack: list[int]) -> None:
    """Visit one item as Plutus' ``decodeData`` does: leaves or chunks have at most 64 bytes."""
    initial = reader.raw[reader.pos]
    major = initial >> 5
    if major < BYTES:
        reader.integer("an integer in Plutus data")
    elif major == BYTES:
        _skip_bounded_bytes(reader)
    elif major == ARRAY:
        _push_array(reader, stack)
    elif major == MAP:
        length = reader.map_length("a map in Plutus data")
        stack.append(INDEFINITE_MAP if length is None else 2 * length)
    elif initial in BIGNUM_HEADS:
        reader.pos += 1
        _skip_bounded_bytes(reader)
    elif major == TAG:
        _visit_constructor(reader, stack)
    else:
        raise DecodeError("Plutus data holds integers, byte strings, lists, maps and constructors")


def _push_array(reader: Reader, stack: list[int]) -> None:
    length = reader.array_length("a list in Plutus data")
    stack.append(INDEFINITE_ARRAY if length is None else length)


def _skip_bounded_bytes(reader: Reader) -> None:
    what = "a byte string in Plutus data, or each chunk of it,"
    if reader.raw[reader.pos] == _INDEFINITE_BYTES:
        reader.pos += 1
        while not reader.take_break():
            reader.byte_string(what, _LONGEST_LEAF)
    else:
        reader.byte_string(what, _LONGEST_LEAF)


def _visit_constructor(reader: Reader, stack: list[int]) -> None:
    what = "a constructor in Plutus data"
    number = reader.any_tag(what)
    if number == _GENERAL_CONSTRUCTOR:
        length = reader.record(2, what)
        reader.unsigned("the alternative of a constructor in Plutus data")
        if length is None:
            stack.append(CLOSE)
    elif not (121 <= number <= 127 or 1280 <= number <= 1400):
        raise DecodeError(f"{what} cannot have the tag {number}")
    _push_array(reader, stack)


def read_reference_script(raw: bytes) -> Script:
    """Return the script in an output's ``script_ref``: ``[language, script]``."""
    return read_all(raw, _read_tagged_script, "a reference script")


def _read_tagged_script(reader: Reader) -> Script:
    what = "a reference script"
    length = reader.record(2, what)
    language = Language(reader.unsigned(f"the language of {what}", Language.PLUTUS_V3))
    if language is Language.NATIVE:
        body = read_native_script(reader)
    else:
        body = reader.byte_string(f"the code of {what}")
    reader.close(length, what)
    return make_script(language, body)


def skip_metadatum(reader: Reader) -> int:
    """Skip an item of transaction metadata (CDDL ``metadatum``), nested to any depth.

    Return the bytes of its longest string. The ledger decodes any, and a rule of it allows 64.
    """
    longest = 0

    def visit(reader: Reader, stack: list[int]) -> None:
        nonlocal longest
        longest = max(longest, _visit_metadatum(reader, stack))

    walk(reader, visit)
    return longest


def _visit_metadatum(reader: Reader, stack: list[int]) -> int:
    """Visit an item; return the bytes of a string, else 0."""
    initial = reader.raw[reader.pos]
    if initial < _FIRST_OF_TWO_BYTES:
        reader.pos += 1
        return 0
    major = initial >> 5
    if major < BYTES:
        reader.integer("an integer in metadata")
    elif major in (BYTES, TEXT):
        return _skip_string(reader, major)
    elif major == ARRAY:
        length = reader.array_length("a list in metadata")
        stack.append(INDEFINITE_ARRAY if length is None else length)
    elif major == MAP:
        length = reader.map_length("a map in metadata")
        stack.append(INDEFINITE_MAP if length is None else 2 * length)
    else:
        raise DecodeError("metadata holds integers, byte and text strings, lists and maps")
    return 0


def _skip_string(reader: Reader, major: int) -> int:
    """Skip a byte or text string, in one piece or in chunks; return its bytes."""
    what = "a string in metadata"
    if reader.raw[reader.pos] & 0x1F != 31:
        return _skip_chunk(reader, major, what)
    reader.pos += 1
    size = 0
    while not reader.take_break():
        size += _skip_chunk(reader, major, what)
    return size


def _skip_chunk(reader: Reader, major: int, what: str) -> int:
    if major == BYTES:
        return len(reader.byte_string(what))
    return len(reader.text(what).encode())
