"""A seller before a real facilitator on the devnet: a channel from its opening to its refund."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import OutputRef
from facilitator.roles.chain import Unspent
from facilitator.testing.payments import MERCHANT
from facilitator.testing.pytest_plugin import RunFacilitator
from facilitator.testing.running import Running
from facilitator_channels.datum import SUBBIT
from facilitator_channels.seller import (
    Answer,
    Batch,
    ClaimPolicy,
    Paid,
    ProviderKey,
    Refusal,
    Seller,
    Serve,
    SignedClaim,
    choose,
    redeem,
)
from facilitator_channels.seller.seller import Before
from facilitator_channels.seller.stores.sqlite import SqliteStore
from support.channel_drafts import reserve
from support.channel_parties import Held, Opening, Redemption
from support.channels import ACCEPTS, FEE, PRICE, terms

PUT_IN = 5_000_000
KEY = ProviderKey(
    bytes(MERCHANT.payment_key.verify_key), lambda message: MERCHANT.sign(message).signature
)
POLICIES = {"lovelace": ClaimPolicy(base=0, each=1)}


class Blocks:
    """The facilitator over HTTP; each question about a settlement finds the next block made."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.verified = 0

    def verify(self, payment: Mapping[str, Any], asked: Mapping[str, Any]) -> Mapping[str, Any]:
        self.verified += 1
        return self.running.verify(_body(payment, asked))

    def settle(
        self, payment: Mapping[str, Any], asked: Mapping[str, Any], key: str
    ) -> Mapping[str, Any]:
        body, headers = _body(payment, asked), {"Idempotency-Key": key}
        first = self.running.settle(body, **headers)
        if first.get("errorReason") != "settlement_pending":
            return first
        self.running.next_block()
        self.running.next_block()
        return self.running.settle_until(body, lambda each: bool(each["success"]), **headers)


def _body(payment: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "x402Version": 2,
        "paymentPayload": {"x402Version": 2, **payment},
        "paymentRequirements": asked,
    }


def paying(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {"x402Version": 2, "accepted": terms(), "payload": payload}


@pytest.fixture
def facilitator(run_facilitator: RunFacilitator) -> Blocks:
    hashes = json.dumps([ACCEPTS.hash.hex()])
    return Blocks(
        run_facilitator(
            plugins="devnet,memory,channels",
            channels__script_hashes=hashes,
            settlement__wait_seconds="0",
        )
    )


@pytest.fixture
def seller(facilitator: Blocks, tmp_path: Path) -> Iterator[Seller]:
    with closing(SqliteStore(str(tmp_path / "channels.db"))) as store:
        seller = Seller(store, facilitator, key=KEY, clock=facilitator.running.clock)
        with closing(seller):
            yield seller


def served(seller: Seller, before: Before) -> Mapping[str, Any]:
    assert isinstance(before, Serve), before
    paid = seller.after(before, b"page")
    assert isinstance(paid, Paid), paid
    return paid.settlement


def held_at(running: Running, ref: OutputRef) -> Held:
    """The channel that the devnet has there."""
    status = running.devnet.outputs([ref])[ref]
    assert isinstance(status, Unspent)
    assert status.output.datum is not None
    datum = SUBBIT.decode(status.output.datum)
    return Held(ref, datum, status.output.value, status.output.address)


def test_a_channel_from_its_opening_to_its_refund(seller: Seller, facilitator: Blocks) -> None:
    opening, running = Opening(amount=PUT_IN), facilitator.running
    receipt = served(seller, seller.before(paying(opening.payload), terms()))
    assert receipt["transaction"] == opening.ref.transaction_id.hex()
    held = held_at(running, opening.ref)
    assert receipt["extra"]["channelState"] == {
        "channelId": held.tag.hex(),
        "channelRef": str(held.ref),
        "balance": str(PUT_IN - reserve(None)),
        "totalClaimed": "0",
        "withdrawRequestedAt": 0,
        "chargedCumulativeAmount": str(PRICE),
    }
    for count in (2, 3):
        served(seller, seller.before(paying(held.promise(count * PRICE)), terms()))
    assert facilitator.verified == 1  # the vouchers cost no question

    record = seller.records.read(held.tag.hex())
    assert record is not None
    assert record.charged == 3 * PRICE
    (batch,) = choose(seller.records, POLICIES, 0)

    def build(batch: Batch) -> SignedClaim:
        (found,) = batch.redemptions
        raw = Redemption([(held, found.total_claimed)]).transaction
        transaction_id = decode_transaction(raw).id.hex()
        return SignedClaim(transaction_id, raw, {found.channel_id: f"{transaction_id}#0"})

    answer = redeem(seller.records, facilitator, batch, build, record.view.seen_at)
    assert answer is not None
    assert answer["success"] is True
    held = held_at(running, OutputRef(bytes.fromhex(answer["transaction"]), 0))
    record = seller.records.read(held.tag.hex())
    assert record is not None
    assert (record.unredeemed, record.view.channel_ref) == (0, str(held.ref))

    assert isinstance(seller.before(paying(held.refund(2 * PRICE, 0)), terms()), Refusal)
    ended = seller.before(paying(held.refund(3 * PRICE, 0)), terms())
    assert isinstance(ended, Answer), ended
    assert ended.settlement["amount"] == str(PUT_IN - 3 * PRICE - FEE)
    assert ended.settlement["extra"]["channelState"]["channelRef"] == ""
    late = seller.before(paying(held.promise(4 * PRICE)), terms())
    assert isinstance(late, Refusal)
    assert late.reason.endswith("channel_closed")
