"""What a verdict costs: decode, hash, signatures and every rule, the chain's answer being at hand.

    python benchmarks/verdict.py

Baseline, measured in the same run on the same bytes: the bare Ed25519 verification by libsodium
for each input plus a decode by cbor2's C extension. Medians; the ratio is what to compare between
machines.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from hashlib import blake2b

import cbor2
from nacl.bindings import crypto_sign_open
from nacl.signing import SigningKey

from facilitator.cardano.codec.transaction_decoder import decode_output, decode_transaction
from facilitator.cardano.rules import Environment, ledger_failures, static_failures
from facilitator.cardano.transaction import Output, OutputRef
from facilitator_devnet.genesis import PARAMETERS

SLOT = 100_000_000
LOVELACE = 10_000_000
ROUNDS = 7


def payment(inputs: int) -> tuple[bytes, dict[OutputRef, Output]]:
    """A valid transaction over so many inputs, each of another key, and what it spends."""
    keys = [SigningKey(blake2b(b"%d" % i, digest_size=32).digest()) for i in range(inputs)]
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
            return raw, utxo
        fee = needed


def median_us(work: Callable[[], object], repeats: int) -> float:
    """Median over the rounds of the mean time of a call, in µs."""
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(repeats):
            work()
        rounds.append((time.perf_counter() - start) / repeats * 1e6)
    return statistics.median(rounds)


def judge(raw: bytes, utxo: Mapping[OutputRef, Output], environment: Environment) -> None:
    """All that happens between the bytes and the verdict."""
    transaction = decode_transaction(raw)
    failures = static_failures(transaction, environment)
    failures += ledger_failures(transaction, environment, utxo, None)
    assert not failures, failures


def verify_only(raw: bytes, signed: Sequence[tuple[bytes, bytes]]) -> None:
    """The baseline: decode by the C extension, and verify each signature."""
    cbor2.loads(raw)
    for message, key in signed:
        crypto_sign_open(message, key)


def main() -> None:
    environment = Environment(SLOT, 0, PARAMETERS)
    print("inputs  bytes  decode µs  verdict µs  baseline µs  verdict / baseline")
    for inputs in (1, 10, 100):
        raw, utxo = payment(inputs)
        transaction = decode_transaction(raw)
        signed = [(w.signature + transaction.id, w.vkey) for w in transaction.witnesses.vkeys]
        repeats = max(5, 500 // inputs)
        decode_us = median_us(partial(decode_transaction, raw), repeats)
        verdict_us = median_us(partial(judge, raw, utxo, environment), repeats)
        baseline_us = median_us(partial(verify_only, raw, signed), repeats)
        print(
            f"{inputs:6}  {len(raw):5}  {decode_us:9.0f}  {verdict_us:10.0f}  "
            f"{baseline_us:11.0f}  {verdict_us / baseline_us:18.2f}"
        )


if __name__ == "__main__":
    main()
