"""Mutates transactions and has them decoded and judged, looking for what must not happen.

Seeds are real wallets' transactions and the files in ``tests/data/fuzz``, to which whatever was
once found is added. The same seed number gives the same inputs.
"""

import base64
import random
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.transaction_decoder import decode_output, decode_transaction
from facilitator.cardano.rules import (
    Environment,
    ledger_failures,
    static_failures,
    touched,
)
from facilitator.cardano.state import LedgerState
from facilitator.cardano.transaction import Output, OutputRef
from support import wallets

CORPUS = Path(__file__).parent.parent / "data" / "fuzz"
MAX_BYTES = 16_384
MAX_SECONDS = 0.05
MAX_MEMORY = 64 * 2**20

ENVIRONMENT = Environment(110_000_000, 0, wallets.parameters("preprod-conway"))
HEADS = bytes((0x00, 0x1B, 0x20, 0x40, 0x58, 0x5F, 0x80, 0x9A, 0x9F, 0xA0, 0xBF, 0xC2, 0xD9, 0xFF))


def seeds() -> list[bytes]:
    """What mutation starts from."""
    good = (case for case in wallets.cases() if case["kind"] == "good")
    real = {base64.b64decode(case["payload"]["transaction"]) for case in good}
    return sorted(real | {path.read_bytes() for path in CORPUS.glob("*.cbor")})


def outputs() -> list[Output]:
    """Outputs that inputs of mutated transactions resolve to: one for each kind of address."""
    every = (output for case in wallets.cases() for output in wallets.utxos(case).values())
    return list({(o.address, o.script is None): o for o in every}.values())


def mutated(count: int, seed: int) -> Iterator[bytes]:
    """So many mutations of the seeds."""
    chance = random.Random(seed)
    pool = seeds()
    for _ in range(count):
        raw = bytearray(chance.choice(pool))
        for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
            _mutate(raw, chance, pool)
        yield bytes(raw[:MAX_BYTES])


def _mutate(raw: bytearray, chance: random.Random, pool: list[bytes]) -> None:
    place = chance.randrange(len(raw) + 1)
    match chance.randrange(7):
        case 0:
            raw[place : place + 1] = bytes([chance.randrange(256)])
        case 1:
            raw[place : place + 1] = bytes([chance.choice(HEADS)])
        case 2:
            del raw[place : place + chance.randrange(1, 40)]
        case 3:
            raw[place:place] = chance.randbytes(chance.randrange(1, 10))
        case 4:
            raw[place:place] = bytes([chance.choice(HEADS)]) * chance.choice((1, 3, 300, 9000))
        case 5:
            other = chance.choice(pool)
            start = chance.randrange(len(other))
            raw[place : place + chance.randrange(60)] = other[start : start + chance.randrange(90)]
        case _:
            end = place + chance.randrange(1, 200)
            raw[place:place] = raw[place:end] * chance.choice((1, 2, 30))


class Target:
    """Decodes and judges; anything but a value or the decoder's own error is a finding."""

    def __init__(self) -> None:
        self._outputs = outputs()

    def __call__(self, raw: bytes) -> bool:
        """Whether the bytes decoded."""
        try:
            transaction = decode_transaction(raw)
        except DecodeError:
            return False
        failures = static_failures(transaction, ENVIRONMENT)
        refs, _ = touched(transaction)
        utxo = {ref: self._output_of(ref) for ref in refs}
        for state in (None, LedgerState()):
            failures += ledger_failures(transaction, ENVIRONMENT, utxo, state)
        assert all(failure.rule and failure.message for failure in failures)
        return True

    def _output_of(self, ref: OutputRef) -> Output:
        return self._outputs[(sum(ref.transaction_id) + ref.index) % len(self._outputs)]


def seconds_of(target: Target, raw: bytes) -> float:
    """CPU seconds that the input takes; the least of several, since the machine is not ours."""
    best = float("inf")
    for _ in range(5):
        start = time.thread_time()
        target(raw)
        best = min(best, time.thread_time() - start)
        if best < MAX_SECONDS / 2:
            break
    return best


def memory_of(target: Target, raw: bytes) -> int:
    """Bytes that the input makes us allocate at most."""
    tracemalloc.start()
    try:
        target(raw)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def lone_output(raw: bytes) -> None:
    """The other way in: an output as chain providers hand it over."""
    try:
        decode_output(raw)
    except DecodeError:
        return
