"""What the verdict on a voucher costs, beside the one Ed25519 verification that it needs.

    python benchmarks/voucher_verdict.py [--vouchers 2000]

Each voucher is another, so that no signature is remembered; the channel's output is at hand, as it
is after its first voucher. Left out are HTTP and the JSON of the request. Processor time of the
same run: the ratio is what to compare between machines.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cbor2
from figures import Figure
from nacl.bindings import crypto_sign_open
from nacl.signing import SigningKey

from facilitator.cardano.codec.transaction_decoder import decode_output
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.slots import KNOWN_ERAS, EraSummary
from facilitator.cardano.transaction import OutputRef
from facilitator.clock import SystemClock
from facilitator.exact.verification import in_process
from facilitator.plugin import UNKNOWN_ORIGIN, OutputStatus, SchemeChain, Unspent
from facilitator.settings import load_settings
from facilitator.x402.messages import PaymentRequest, parse_payment_request
from facilitator_channels.channel import Validator
from facilitator_channels.datum import SUBBIT, Constants, Datum, Opened
from facilitator_channels.iou import iou_message
from facilitator_channels.scheme import ChannelScheme
from facilitator_channels.validators import KNOWN
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import Wallet, key_hash

NETWORK = "cardano:preprod"
ROUNDS = 5
IOU_KEY = SigningKey(bytes(32))
TAG = b"\x11" * 32
REF = OutputRef(b"\x22" * 32, 0)
SCRIPT = next(iter(KNOWN))
BUYER, SELLER = Wallet("buyer"), Wallet("seller")
DELAY = 900


def make_constants(tag: bytes) -> Constants:
    """What a channel between the two holds on to."""
    consumer, provider = key_hash(BUYER.payment_key), key_hash(SELLER.payment_key)
    return Constants(tag, None, bytes(IOU_KEY.verify_key), consumer, provider, DELAY * 1000)


class Chain:
    """A chain that holds one channel."""

    def __init__(self) -> None:
        datum = SUBBIT.encode(Datum(SCRIPT, make_constants(TAG), Opened(0)))
        inline = [1, cbor2.CBORTag(24, datum)]
        made = decode_output(cbor2.dumps({0: b"\x70" + SCRIPT, 1: 10**12, 2: inline}))
        self._status = Unspent(made)

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        return dict.fromkeys(refs, self._status)

    def parameters(self) -> ProtocolParameters:
        return PARAMETERS

    def eras(self) -> EraSummary:
        return KNOWN_ERAS[NETWORK]


def make_scheme() -> ChannelScheme:
    chain = Chain()
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(None, {}, Path(folder))
    chains = {NETWORK: SchemeChain(chain, chain.outputs, in_process)}
    return ChannelScheme(settings, SystemClock(), chains, {SCRIPT: Validator(SCRIPT, SUBBIT)})


def make_body(amount: int, tag: bytes = TAG, ref: OutputRef = REF) -> tuple[dict[str, Any], bytes]:
    """The body of a voucher's request, and its signed message."""
    signed = IOU_KEY.sign(iou_message(tag, amount))
    terms: dict[str, Any] = {
        "scheme": "batch-settlement",
        "network": NETWORK,
        "amount": "1000",
        "asset": "lovelace",
        "payTo": SELLER.bech32,
        "maxTimeoutSeconds": 300,
        "extra": {
            "scriptHash": SCRIPT.hex(),
            "receiverAuthorizer": key_hash(SELLER.payment_key).hex(),
            "withdrawDelay": DELAY,
        },
    }
    payload = {
        "type": "voucher",
        "channelConfig": {
            "payer": key_hash(BUYER.payment_key).hex(),
            "payerAuthorizer": bytes(IOU_KEY.verify_key).hex(),
            "receiver": SELLER.bech32,
            "receiverAuthorizer": key_hash(SELLER.payment_key).hex(),
            "token": "lovelace",
            "withdrawDelay": DELAY,
        },
        "voucher": {
            "channelId": tag.hex(),
            "maxClaimableAmount": str(amount),
            "signature": signed.signature.hex(),
            "channelRef": str(ref),
        },
    }
    body = {
        "x402Version": 2,
        "paymentPayload": {"x402Version": 2, "accepted": dict(terms), "payload": payload},
        "paymentRequirements": terms,
    }
    return body, bytes(signed)


def make_request(amount: int) -> tuple[PaymentRequest, bytes]:
    """The request of a voucher, and its signed message."""
    body, signed = make_body(amount)
    return parse_payment_request(body), signed


def judge(scheme: ChannelScheme, request: PaymentRequest) -> None:
    """All that happens between the request and the verdict."""
    payment = scheme.read(request, UNKNOWN_ORIGIN)
    scheme.check(payment)
    assert scheme.verify(payment).payer


def cpu_us(work: Callable[[Any], object], values: Sequence[Any]) -> float:
    """Processor time of a call in µs."""
    start = time.process_time()
    for value in values:
        work(value)
    return (time.process_time() - start) / len(values) * 1e6


def measure(count: int) -> tuple[float, float]:
    """The µs of a verdict on so many vouchers, and of the signature in it: the best of rounds."""
    scheme, key = make_scheme(), bytes(IOU_KEY.verify_key)
    verdicts, verifications = [], []
    for number in range(ROUNDS):
        first = 1000 * (1 + number * count)
        made = [make_request(first + 1000 * each) for each in range(count)]
        verdicts.append(cpu_us(lambda request: judge(scheme, request), [r for r, _ in made]))
        verifications.append(
            cpu_us(lambda signed: crypto_sign_open(signed, key), [signed for _, signed in made])
        )
    return min(verdicts), min(verifications)


def figures(*, quick: bool) -> Iterator[Figure]:
    """What the verdict on a voucher costs."""
    verdict, verification = measure(20 if quick else 2_000)
    yield Figure("verdict on a voucher", verdict, "µs of CPU", "Ed25519 by libsodium", verification)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="What the verdict on a voucher costs")
    parser.add_argument("--vouchers", type=int, default=2_000)
    verdict, verification = measure(parser.parse_args().vouchers)
    print("verdict µs  Ed25519 µs  verdict / Ed25519")
    print(f"{verdict:10.1f}  {verification:10.1f}  {verdict / verification:17.2f}")


if __name__ == "__main__":
    main()
