"""Our own validator: its source is :file:`program.py`, its compiled bytes are :file:`program.hex`.

It is for the devnet, for tests, and for operators who want a validator whose source is Python. It
understands the datums, redeemers and IOUs of the draft.
"""

from functools import cache
from importlib.resources import files

SCRIPT_HASH = bytes.fromhex("8e6d9811631040630c41227235b7ae815892490a4a9c1ab84c0955f9")
"""The hash by which its channels are locked."""
BUILD = ("-O3", "-fno-deduplicate")
"""The options of OpShin that the bytes were compiled with."""


@cache
def load_code() -> bytes:
    """Return its bytes as in a witness set: the program in one CBOR byte string, of Plutus V3."""
    return bytes.fromhex(files(__name__).joinpath("program.hex").read_text())
