"""What a channel costs in fees: each transaction of its life, and a request's share of them.

    python benchmarks/channel_costs.py [hex of another validator, as in a witness set]

Needs the extra ``plutus``. The validator is in a reference script. Ada channels of 20 ada, at the
parameters and cost models of mainnet. A request pays 1,000 lovelace; the opening, the claims and
the refund are counted, with claims over 1 and over 10 channels at once.
"""

import sys
from collections.abc import Iterator
from math import ceil
from pathlib import Path

from nacl.signing import SigningKey

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.slots import Era, EraSummary
from facilitator.cardano.transaction import Language, Output, OutputRef, Script, Value
from facilitator_channels.channel import Channel, Validator, read_channel
from facilitator_channels.datum import SUBBIT, Constants, Datum, Opened
from facilitator_channels.iou import derive_tag, iou_message
from facilitator_channels.transactions.channel import channel_address
from facilitator_channels.transactions.plan import (
    CannotBuild,
    Ledger,
    Purse,
    ScriptReference,
    ScriptWitness,
)
from facilitator_channels.transactions.steps import Redemption, claim, open_channel, refund
from facilitator_channels.transactions.wire import Unsigned
from facilitator_channels.validator import load_code
from facilitator_devnet.genesis import PARAMETERS, wallets
from facilitator_devnet.wallet import key_hash

PRICE, HELD = 1_000, 20_000_000
LEDGER = Ledger(PARAMETERS, EraSummary([Era(0, 1_600_000_000_000, 1000)]), 1000, 0)
_ALL = wallets("cardano:preprod")
CONSUMER, PROVIDER = _ALL["alice"], _ALL["merchant"]
IOU_KEY = SigningKey(b"\x07" * 32)
FIRST = OutputRef(b"\xee" * 32, 0)


def purse(address: bytes) -> Purse:
    return Purse(address, {FIRST: Output(address, Value(1_000_000_000, {}), 65)})


def constants(tag: bytes) -> Constants:
    consumer, provider = key_hash(CONSUMER.payment_key), key_hash(PROVIDER.payment_key)
    return Constants(tag, None, bytes(IOU_KEY.verify_key), consumer, provider, 900_000)


def channel(number: int, validator: Validator) -> Channel:
    tag = number.to_bytes(32, "big")
    datum = SUBBIT.encode(Datum(validator.script_hash, constants(tag), Opened(0)))
    address = channel_address(validator.script_hash, 0)
    output = Output(address, Value(HELD, {}), 200, datum=datum)
    return read_channel(OutputRef(tag, 0), output, validator)


def fee(unsigned: Unsigned) -> int:
    return decode_transaction(unsigned.with_signatures([])).body.fee


def claimed(count: int, validator: Validator, script: ScriptReference) -> Unsigned:
    """The claim of 1,000 requests from each of so many channels."""
    owed = 1000 * PRICE
    redemptions = [
        Redemption(each, owed, IOU_KEY.sign(iou_message(each.constants.tag, owed)).signature)
        for each in (channel(number, validator) for number in range(1, count + 1))
    ]
    return claim(redemptions, script, purse(PROVIDER.address), LEDGER, valid_until=1600)


def most(validator: Validator, script: ScriptReference) -> int:
    """How many channels one transaction can claim from."""
    low, high = 1, 64
    while high - low > 1:
        middle = (low + high) // 2
        try:
            claimed(middle, validator, script)
            low = middle
        except CannotBuild:
            high = middle
    return low


def report(code: bytes) -> Iterator[str]:
    script_hash = ScriptWitness(code).hash
    validator = Validator(script_hash, SUBBIT)
    held = Output(
        PROVIDER.address,
        Value(30_000_000, {}),
        len(code) + 60,
        script=Script(Language.PLUTUS_V3, code, script_hash),
        script_size=len(code),
    )
    script = ScriptReference(OutputRef(b"\xdd" * 32, 0), held)
    opened = constants(derive_tag(FIRST))
    paying = purse(CONSUMER.address)
    opening = fee(open_channel(opened, HELD, FIRST, validator, paying, LEDGER, valid_until=1600))
    ended = fee(
        refund(channel(1, validator), 0, PROVIDER.address, script, paying, LEDGER, valid_until=1600)
    )
    alone, ten = (fee(claimed(count, validator, script)) for count in (1, 10))
    yield f"{script_hash.hex()}, {len(code)} bytes"
    yield f"fees in lovelace: opening {opening}, claim {alone}, of ten {ten}, refund {ended}"
    yield f"a claim pays for itself after {ceil(alone / PRICE)} requests of {PRICE} lovelace"
    yield f"channels in one claim: at most {most(validator, script)}"
    for requests in (1_000, 5_000):
        shares = [(opening + ended + share) / requests for share in (alone, ten / 10)]
        yield f"{requests} requests: {shares[0]:.1f} lovelace each, claimed by tens {shares[1]:.1f}"


if __name__ == "__main__":
    own = load_code()
    for line in report(bytes.fromhex(Path(sys.argv[1]).read_text()) if sys.argv[1:] else own):
        print(line)
