"""What a payment, a start and a stored claim cost with few and with many claims in the storage.

    PYTHONPATH=tests python benchmarks/growth.py [--claims 1000 100000 1000000] [--in sqlite redis]

Each storage is filled up to each number of claims, of which some stay open: the first 10,000 as the
facilitator does it, and further ones as copies of these. Then payments go through it, what is over
is forgotten, and it is opened again. It prints CPU time, that of the storage's server included, as
the least of some batches, and bytes a claim; the ratios are to the first number of claims.
"""

import argparse
import hashlib
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from itertools import count
from pathlib import Path

import orjson
from growth_engines import ENGINES, Engine

from facilitator.plugin import Claim, ClaimState, PaymentDetails, Reservation, Storage

NETWORK = "cardano:preprod"
THREADS = 8
BATCHES = 5
BEGIN, LIFE = 1_700_000_000.0, 86_400.0
TRANSACTION_BYTES = 300
"""Of a payment with one input, two outputs and one signature."""
RECIPIENTS, PAYERS = 300, 5_000
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


@dataclass(frozen=True)
class Figures:
    """What was measured at one number of claims; seconds of CPU."""

    payment: float
    verify: float
    forget: float
    open: float
    record_bytes: float
    """Bytes a claim, without the payment ledger."""
    ledger_bytes: float


def _hash(*parts: object) -> str:
    return hashlib.blake2b(repr(parts).encode(), digest_size=32).hexdigest()


@cache
def _address(kind: str, number: int) -> str:
    digits = hashlib.shake_128(f"{kind} {number}".encode()).digest(98)
    return "addr_test1q" + "".join(_BECH32[digit & 31] for digit in digits)


def new_claim(number: int, keep_until: float = BEGIN + LIFE) -> Claim:
    """Return a claim as a facilitator makes it for a payment."""
    details = PaymentDetails(
        pay_to=_address("recipient", number % RECIPIENTS),
        asset="lovelace",
        method="default",
        fee=168_581 + number % 9_000,
        resource=f"https://shop{number % RECIPIENTS}.example/reports/{number % 977}",
        caller=f"shop-{number % 40}",
        client=f"shop-{number % 40}",
        terms={"maxTimeoutSeconds": 600, "extra": {"confirmationPolicy": {"l1Confirmations": 1}}},
        request_id=_hash("request", number)[:36],
    )
    return Claim(
        transaction_id=_hash("transaction", number),
        network=NETWORK,
        state=ClaimState.CLAIMED,
        transaction=secrets.token_bytes(TRANSACTION_BYTES),
        requirements=_hash("requirements", number),
        payer=_address("payer", number % PAYERS),
        amount=str(1_000_000 + number),
        confirmations=1,
        invalid_hereafter=140_000_000 + number,
        owner=_hash("owner", number)[:32],
        lease_until=BEGIN + 20.123456 + number / 7,
        created_at=BEGIN + number / 7,
        updated_at=BEGIN + number / 7,
        keep_until=keep_until,
        nonce=_hash("nonce", number)[:16],
        details=details.encode(),
    )


def submitted(claim: Claim) -> Claim:
    """Return it as it is while it waits for a block."""
    return claim.changed(state=ClaimState.SUBMITTED, accepted=True)


def settled(claim: Claim, number: int) -> Claim:
    """Return it with its success delivered."""
    answer = {
        "success": True,
        "transaction": claim.transaction_id,
        "network": claim.network,
        "payer": claim.payer,
        "amount": claim.amount,
        "extra": {"status": "confirmed", "confirmations": 1},
    }
    return claim.changed(
        state=ClaimState.SETTLED,
        updated_at=claim.created_at + 35.654321,
        block=_hash("block", number // 8),
        block_slot=139_000_000 + number,
        block_height=3_000_000 + number // 8,
        depth=1,
        answer=orjson.dumps(answer),
        answer_key=_hash("key", number),
        delivered_to=f"shop-{number % 40}",
        delivery_request=_hash("delivery", number)[:36],
    )


def bind_key(storage: Storage, claim: Claim, number: int) -> None:
    """Bind the caller's key to the claim."""
    value = f"{claim.requirements} {claim.transaction_id}"
    storage.bind_key(_hash("key", number), value, claim.keep_until, BEGIN)


def fill(storage: Storage, numbers: Sequence[int], *, is_open: bool = False) -> None:
    """Add a claim of each number, with a key."""

    def add(number: int) -> None:
        claim = submitted(new_claim(number))
        storage.add_claim(claim)
        bind_key(storage, claim, number)
        if not is_open:
            assert storage.change_claim(settled(claim, number))

    with ThreadPoolExecutor(THREADS) as threads:
        for begin in range(0, len(numbers), 10_000):  # each result is kept until the end
            list(threads.map(add, numbers[begin : begin + 10_000]))


def verify(storage: Storage, number: int) -> None:
    """Do what ``/verify`` does in a storage."""
    claim = new_claim(number)
    storage.bound_to(_hash("key", number), BEGIN)
    assert storage.claim(claim.transaction_id) is None
    assert storage.reserve(_reservation(claim, number, is_settling=False), BEGIN, 1_000) is None


def pay(storage: Storage, number: int) -> None:
    """Do what a payment does in a storage, from ``/verify`` on; its claim is over at ``BEGIN``."""
    verify(storage, number)
    claim = new_claim(number, keep_until=BEGIN)
    assert storage.reserve(_reservation(claim, number, is_settling=True), BEGIN, 1_000) is None
    assert storage.add_claim(claim) == claim
    bind_key(storage, claim, number)
    announced = claim.changed(state=ClaimState.SUBMITTED)
    sent = announced.changed(accepted=True)
    included = sent.changed(state=ClaimState.INCLUDED, block=_hash("block", number // 8), depth=0)
    for each in (announced, sent, included, settled(included, number)):
        assert storage.change_claim(each)
    storage.release(claim.transaction_id)


def _reservation(claim: Claim, number: int, *, is_settling: bool) -> Reservation:
    inputs = frozenset([f"{_hash('input', number)}#0"])
    until = BEGIN + 600
    recipient = _address("recipient", number % RECIPIENTS)
    return Reservation(
        claim.transaction_id, inputs, claim.payer, recipient, until, is_settling=is_settling
    )


class Growth:
    """One storage, filled step by step."""

    def __init__(self, engine: Engine, payments: int, still_open: int, one_by_one: int) -> None:
        """Measure so many payments at each step, with so many claims open.

        The first ``one_by_one`` claims are filled in as the facilitator does it.
        """
        self._one_by_one = one_by_one
        self._engine = engine
        self._payments = payments
        self._numbers = count(1)
        self._filled = 0
        self._storage = engine.open()
        fill(self._storage, self._take(still_open), is_open=True)
        self._open = still_open

    def step(self, claims: int) -> Figures:
        """Fill it up to so many claims, and measure."""
        new = max(0, min(claims, self._one_by_one) - self._filled)
        fill(self._storage, self._take(new))
        self._engine.copy(claims - self._filled - new)
        self._filled = claims
        self._engine.settle()
        ledger, records = self._engine.weigh()
        batches = [self._batch() for _ in range(BATCHES)]
        verifying, paying, forgetting = map(min, zip(*batches, strict=True))
        opening = min(self._seconds(self._reopen) for _ in range(BATCHES))
        return Figures(
            verify=verifying,
            payment=paying,
            forget=forgetting,
            open=opening,
            record_bytes=records / claims,
            ledger_bytes=ledger / claims,
        )

    def _batch(self) -> Sequence[float]:
        """Return seconds for each verified, paid, and forgotten payment."""
        some = self._payments // BATCHES
        steps = [partial(self._each, each, self._take(some)) for each in (verify, pay)]
        return [self._seconds(each) / some for each in (*steps, partial(self._forget, some))]

    def close(self) -> None:
        """Close the storage."""
        self._storage.close()

    def _take(self, count_: int) -> list[int]:
        return [next(self._numbers) for _ in range(count_)]

    def _each(self, step: Callable[[Storage, int], None], numbers: Sequence[int]) -> None:
        for number in numbers:
            step(self._storage, number)

    def _forget(self, expected: int) -> None:
        forgotten = 0
        while removed := self._storage.forget_claims(BEGIN):
            forgotten += removed
        assert forgotten == expected

    def _reopen(self) -> None:
        self._storage.close()
        self._storage = self._engine.open()
        assert len(self._storage.open_claims()) == self._open

    def _seconds(self, work: Callable[[], object]) -> float:
        before = time.process_time() + self._engine.server_seconds()
        work()
        return time.process_time() + self._engine.server_seconds() - before


def show(kind: str, claims: int, figures: Figures, first: Figures) -> None:
    """Print one line."""
    times = (
        f"{value * 1e6:9.0f} {value / base:5.2f}"
        for value, base in (
            (figures.verify, first.verify),
            (figures.payment, first.payment),
            (figures.forget, first.forget),
            (figures.open, first.open),
        )
    )
    bytes_ = f"{figures.record_bytes:8.0f} {figures.ledger_bytes:8.0f}"
    print(f"{kind:<9} {claims:>9} {' '.join(times)} {bytes_}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure as the arguments say."""
    parser = argparse.ArgumentParser(description="What growth costs a storage.")
    parser.add_argument("--claims", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--in", dest="kinds", nargs="+", choices=[*ENGINES], default=[*ENGINES])
    parser.add_argument("--payments", type=int, default=1_000, help="measured at each step")
    parser.add_argument("--open", type=int, default=100, help="claims that stay open")
    parser.add_argument("--filled", type=int, default=10_000, help="claims that are no copies")
    given = parser.parse_args(arguments)
    titles = "".join(
        f" {f'{each} µs':>9} ratio" for each in ("verify", "payment", "forget", "open")
    )
    print(f"{'storage':<9} {'claims':>9}{titles} {'bytes':>8} {'ledger':>8}")
    for kind in given.kinds:
        with (
            tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
            ENGINES[kind](Path(folder)) as engine,
        ):
            growth = Growth(engine, given.payments, given.open, given.filled)
            first: Figures | None = None
            for claims in sorted(given.claims):
                figures = growth.step(claims)
                first = first or figures
                show(kind, claims, figures, first)
            growth.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
