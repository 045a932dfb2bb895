"""The validators whose channels are understood, by script hash.

They are Plutus V3 and take no parameters, so each has one address for everybody's channels on a
network. A channel stays at the hash that it was opened at. No script bytes are needed here: the
transaction brings them.
"""

from collections.abc import Mapping

from facilitator_channels.datum import SPONSORED, SUBBIT, DatumCodec
from facilitator_channels.validator import SCRIPT_HASH

KNOWN: Mapping[bytes, DatumCodec] = {
    # Subbit at 66648db, which the draft names. Steps of different signers in one transaction fail
    # if a later signer's hash is less than an earlier one's.
    bytes.fromhex("62ce4309e37e09e5c633c96c6ae68061c434f122d32626d6912d7c2a"): SUBBIT,
    # Subbit with that line fixed.
    bytes.fromhex("6d8774631fece31d0c768afb960c9a8a9957f8a85fa31deae1159094"): SUBBIT,
    # The variant of loveaihq/subbit-x402 (a66add0) with a sponsor among the constants.
    bytes.fromhex("20b64ee22a509c164e0e16ad1189b12be7f0a497b0eb096180c923ea"): SPONSORED,
    # Our own, for the devnet, and for operators who want it.
    SCRIPT_HASH: SUBBIT,
}
"""The datum's form by script hash."""
