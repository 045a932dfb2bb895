"""What a verdict costs: decode, hash, signatures and every rule, the chain's answer being at hand.

    python benchmarks/verdict.py

Baseline, measured in the same run on the same bytes: the bare Ed25519 verification by libsodium
for each input plus a decode by cbor2's C extension. Medians; the ratio is what to compare between
machines.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

import cbor2
from figures import Aim, Figure
from nacl.bindings import crypto_sign_open
from nacl.signing import SigningKey
from servers import Servers

from facilitator.cardano.codec.transaction_decoder import decode_output, decode_transaction
from facilitator.cardano.rules import Environment, ledger_failures, static_failures
from facilitator.cardano.transaction import Output, OutputRef
from facilitator_devnet.genesis import PARAMETERS

SLOT = 100_000_000
LOVELACE = 10_000_000
ENVIRONMENT = Environment(SLOT, 0, PARAMETERS)
ROUNDS = 7
INPUTS = (1, 10, 100)
BASELINE = "Ed25519 by libsodium, CBOR by cbor2 in C"


class Payment(NamedTuple):
    """A transaction, what it spends, and what its signatures sign."""

    raw: bytes
    utxo: Mapping[OutputRef, Output]
    signed: Sequence[tuple[bytes, bytes]]
    """Each signature before its message, and the key."""


def payment(inputs: int, salt: int) -> Payment:
    """A valid transaction over so many inputs, each of another key."""
    seeds = [blake2b(b"%d %d" % (salt, i), digest_size=32).digest() for i in range(inputs)]
    keys = [SigningKey(seed) for seed in seeds]
    addresses = [b"\x60" + blake2b(bytes(key.verify_key), digest_size=28).digest() for key in keys]
    refs = [OutputRef(blake2b(b"ref %d" % i, digest_size=32).digest(), 0) for i in range(inputs)]
    utxo = {
        ref: decode_output(cbor2.dumps({0: address, 1: LOVELACE}))
        for ref, address in zip(refs, addresses, strict=True)
    }
    fee = 0
    while True:
        outputs = [{0: addresses[0], 1: 2_000_000}, {0: addresses[0], 1: 0}]
        outputs[1][1] = inputs * LOVELACE - 2_000_000 - fee
        body = cbor2.dumps(
            {0: cbor2.CBORTag(258, [list(ref) for ref in refs]), 1: outputs, 2: fee, 3: SLOT + 1}
        )
        transaction_id = blake2b(body, digest_size=32).digest()
        signatures = [[bytes(k.verify_key), k.sign(transaction_id).signature] for k in keys]
        raw = b"\x84" + body + cbor2.dumps({0: cbor2.CBORTag(258, signatures)}) + b"\xf5\xf6"
        needed = PARAMETERS.min_fee_a * len(raw) + PARAMETERS.min_fee_b
        if fee >= needed:
            return Payment(raw, utxo, [(sign + transaction_id, key) for key, sign in signatures])
        fee = needed


def mean_us(work: Callable[[Payment], object], payments: Sequence[Payment]) -> float:
    """Mean CPU time of a call, in µs."""
    start = time.process_time()
    for each in payments:
        work(each)
    return (time.process_time() - start) / len(payments) * 1e6


def judge(made: Payment) -> None:
    """All that happens between the bytes and the verdict."""
    transaction = decode_transaction(made.raw)
    failures = static_failures(transaction, ENVIRONMENT)
    failures += ledger_failures(transaction, ENVIRONMENT, made.utxo, None)
    assert not failures, failures


def verify_only(made: Payment) -> None:
    """The baseline: decode by the C extension, and verify each signature."""
    cbor2.loads(made.raw)
    for message, key in made.signed:
        crypto_sign_open(message, key)


class Row(NamedTuple):
    """A verdict over so many inputs, and its baseline, in µs."""

    inputs: int
    size: int
    decode_us: float
    verdict_us: float
    baseline_us: float


def measure(inputs: int, number: int) -> Row:
    """Measure verdicts on so many payments a round, none of which comes twice."""
    works = (lambda made: decode_transaction(made.raw), judge, verify_only)
    rounds = []
    for index in range(ROUNDS):
        payments = [payment(inputs, index * number + each) for each in range(number)]
        rounds.append([mean_us(work, payments) for work in works])
    medians = map(statistics.median, zip(*rounds, strict=True))
    return Row(inputs, len(payments[0].raw), *medians)


def figures(servers: Servers, *, quick: bool) -> Iterator[Figure]:  # noqa: ARG001 -- needs none
    """What a verdict costs beside its baseline."""
    for inputs in INPUTS:
        row = measure(inputs, 1 if quick else max(5, 500 // inputs))
        name = f"{inputs} input{'s' if inputs > 1 else ''}"
        yield Figure(name, row.verdict_us, "µs of CPU", BASELINE, row.baseline_us, Aim(1.4))


def main() -> None:
    print("inputs  bytes  decode µs  verdict µs  baseline µs  verdict / baseline")
    for inputs in INPUTS:
        row = measure(inputs, max(5, 500 // inputs))
        print(
            f"{inputs:6}  {row.size:5}  {row.decode_us:9.0f}  {row.verdict_us:10.0f}  "
            f"{row.baseline_us:11.0f}  {row.verdict_us / row.baseline_us:18.2f}"
        )


if __name__ == "__main__":
    main()
