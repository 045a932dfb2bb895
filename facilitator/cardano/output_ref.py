"""References to outputs as text: ``<transaction id in hex>#<index>``."""

import re

from facilitator.cardano.transaction import OutputRef

LAX = re.compile(r"([0-9a-fA-F]{64})#0*([0-9]{1,5})")
"""Capital hex digits too, and zeros before the index."""
_LARGEST_INDEX = 0xFFFF


def parse_output_ref(text: object, *, is_lax: bool = False) -> OutputRef:
    """Return the output that the text names, exactly as ``str`` writes a reference.

    ``is_lax`` takes every text of the form :data:`LAX`. Raises :class:`ValueError` for any other
    text, for an index above 65535 (CDDL ``transaction_input``), and for what is no text.
    """
    match = LAX.fullmatch(text) if isinstance(text, str) else None
    if match is not None and int(match[2]) <= _LARGEST_INDEX:
        ref = OutputRef(bytes.fromhex(match[1]), int(match[2]))
        if is_lax or str(ref) == text:
            return ref
    raise ValueError("no reference of an output: <64 hex digits>#<index>, the index at most 65535")
