"""The reserve: what a channel output must keep; and the capacity: what it can still pay out."""

from functools import lru_cache

import cbor2

from facilitator.cardano.rules.outputs import OUTPUT_OVERHEAD
from facilitator.cardano.transaction import Output
from facilitator_channels.datum import Closed, Constants, Datum, DatumCodec, Opened
from facilitator_channels.draft import WIDEST

_CBOR_DATA = 24
_INLINE = 1


@lru_cache(4096)
def compute_reserve(
    address: bytes, own_hash: bytes, constants: Constants, codec: DatumCodec, coins_per_byte: int
) -> int:
    """Return the lovelace that the channel's greatest continuing output needs.

    That output is in the stage Closed, each quantity in it as wide as any.
    """
    datum = codec.encode(Datum(own_hash, constants, Closed(WIDEST, WIDEST)))
    asset = constants.currency
    value = WIDEST if asset is None else [WIDEST, {asset[:28]: {asset[28:]: WIDEST}}]
    output = {0: address, 1: value, 2: [_INLINE, cbor2.CBORTag(_CBOR_DATA, datum)]}
    return coins_per_byte * (OUTPUT_OVERHEAD + len(cbor2.dumps(output)))


def held(output: Output, constants: Constants) -> int:
    """Return the output's amount of the channel's currency, in atomic units."""
    asset = constants.currency
    return output.value.lovelace if asset is None else output.value.assets.get(asset, 0)


def compute_capacity(output: Output, datum: Datum, reserve: int) -> int:
    """Return the greatest IOU that can be redeemed without the consumer, in atomic units.

    IOUs are cumulative, and so it counts what was redeemed. The channel is opened or closed.
    """
    stage = datum.stage
    subbed = stage.subbed if isinstance(stage, Opened | Closed) else 0
    amount = held(output, datum.constants)
    if datum.constants.currency is None:
        amount = max(0, amount - reserve)
    return subbed + amount
