"""The payments that ``growth.py`` puts into a storage, with values as large as real ones."""

import hashlib
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import orjson

from facilitator.plugin import Claim, ClaimState, PaymentDetails, Reservation, Storage

NETWORK = "cardano:preprod"
THREADS = 8
BEGIN, LIFE = 1_700_000_000.0, 86_400.0
TRANSACTION_BYTES = 300
"""Of a payment with one input, two outputs and one signature."""
RECIPIENTS, PAYERS = 300, 5_000
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


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
