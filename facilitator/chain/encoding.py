"""An output as bytes, for processes that share their lookups."""

from typing import Any

import cbor2

from facilitator.cardano.transaction import Language, Output, Script, Value


def encode_output(output: Output) -> bytes:
    """Return all fields of the output as a CBOR array. The format is private, not the ledger's."""
    script = output.script
    return cbor2.dumps(
        [
            output.address,
            output.value.lovelace,
            dict(output.value.assets),
            output.size,
            output.datum_hash,
            output.datum,
            None if script is None else [int(script.language), script.body, script.hash],
            output.script_size,
            output.value_size,
        ]
    )


def decode_output(content: bytes) -> Output | None:
    """Return the argument of :func:`encode_output`; ``None`` for bytes of another form.

    A newer facilitator that shares the cache may write such.
    """
    try:
        return _decoded(cbor2.loads(content))
    except Exception:  # cbor2 raises more than it says of itself
        return None


def _decoded(fields: Any) -> Output:
    address, lovelace, assets, size, datum_hash, datum, script, *sizes = fields
    return Output(
        address=address,
        value=Value(lovelace, assets),
        size=size,
        datum_hash=datum_hash,
        datum=datum,
        script=None if script is None else Script(Language(script[0]), script[1], script[2]),
        script_size=sizes[0],
        value_size=sizes[1],
    )
