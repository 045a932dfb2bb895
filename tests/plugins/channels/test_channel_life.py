"""The life of a channel over HTTP, by the validator that comes with the plugin, on the devnet."""

from collections.abc import Mapping
from typing import Any

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import AssetId, OutputRef
from facilitator.testing.pytest_plugin import RunFacilitator
from facilitator.testing.running import NETWORK, Running
from facilitator_channels.channel import Channel
from facilitator_channels.datum import Closed, Constants
from facilitator_channels.iou import derive_tag, iou_message
from facilitator_channels.transactions.steps import (
    add_to_channel,
    claim,
    close,
    open_channel,
    refund,
    settle,
)
from facilitator_channels.transactions.wire import Unsigned
from facilitator_channels.validator import SCRIPT_HASH
from facilitator_devnet.genesis import TEST_TOKEN
from facilitator_devnet.wallet import Wallet, key_hash
from support.channel_play import (
    CONSUMER,
    PERIOD_SECONDS,
    PROVIDER,
    VALIDATOR,
    Play,
    iou_key,
    owed,
)
from support.channels import CLAIM_TERMS, asset_text, coded, request
from support.extras import needs_plutus

pytestmark = needs_plutus

AMOUNT, PRICE = 20_000_000, 1_000_000


class Customer:
    """A consumer with one channel, and the facilitator that it is judged by."""

    def __init__(self, running: Running, currency: AssetId | None) -> None:
        assert running.clock is not None
        self.running = running
        self.play = Play(running.devnet, running.clock)
        self.currency = currency
        self.tag = derive_tag(min(self.play.purse(CONSUMER).utxo))
        self.terms = {
            "scheme": "batch-settlement",
            "network": NETWORK,
            "amount": str(PRICE),
            "asset": asset_text(currency),
            "payTo": PROVIDER.bech32,
            "maxTimeoutSeconds": 300,
            "extra": {
                "scriptHash": SCRIPT_HASH.hex(),
                "receiverAuthorizer": key_hash(PROVIDER.payment_key).hex(),
                "withdrawDelay": PERIOD_SECONDS,
            },
        }

    @property
    def constants(self) -> Constants:
        key = bytes(iou_key(self.tag).verify_key)
        consumer, provider = (key_hash(each.payment_key) for each in (CONSUMER, PROVIDER))
        return Constants(self.tag, self.currency, key, consumer, provider, PERIOD_SECONDS * 1000)

    def message(
        self, kind: str, amount: int, ref: OutputRef | None = None, **more: Any
    ) -> dict[str, Any]:
        """A message with a voucher for so much in all."""
        voucher = {
            "channelId": self.tag.hex(),
            "maxClaimableAmount": str(amount),
            "signature": iou_key(self.tag).sign(iou_message(self.tag, amount)).signature.hex(),
        }
        if ref is not None:
            voucher["channelRef"] = str(ref)
        config = {
            "payer": key_hash(CONSUMER.payment_key).hex(),
            "payerAuthorizer": self.constants.iou_key.hex(),
            "receiver": PROVIDER.bech32,
            "receiverAuthorizer": key_hash(PROVIDER.payment_key).hex(),
            "token": asset_text(self.currency),
            "withdrawDelay": PERIOD_SECONDS,
        }
        payload = {"type": kind, "channelConfig": config, "voucher": voucher, **more}
        return request(payload, self.terms)

    def deposit(
        self, unsigned: Unsigned, amount: int, ref: OutputRef | None = None
    ) -> dict[str, Any]:
        deposit = {"amount": str(AMOUNT), "transaction": coded(signed(unsigned, CONSUMER))}
        return self.message("deposit", amount, ref, deposit=deposit)

    def settled(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The success, after a verdict where there is one to be had."""
        if body["paymentPayload"]["payload"]["type"] != "claim":
            verdict = self.running.verify(body)
            assert verdict["isValid"], verdict
        first = self.running.settle(body)
        assert first.get("errorReason") == "settlement_pending", first
        self.running.next_block()
        self.running.next_block()
        return self.running.settle_until(body, lambda answer: bool(answer["success"]))

    def channel(self, state: Mapping[str, Any]) -> Channel:
        name, index = state["channelRef"].split("#")
        return self.play.channel(bytes.fromhex(name), int(index))

    def open(self) -> Channel:
        purse = self.play.purse(CONSUMER)
        ledger = self.play.ledger
        first = min(purse.utxo)
        unsigned = open_channel(self.constants, AMOUNT, first, VALIDATOR, purse, ledger)
        answer = self.settled(self.deposit(unsigned, PRICE))
        assert answer["amount"] == str(AMOUNT)
        return self.channel(answer["extra"]["channelState"])

    def redeem(self, unsigned: Unsigned, total: int) -> Channel:
        claims = [{"channelId": self.tag.hex(), "totalClaimed": str(total)}]
        transaction = coded(signed(unsigned, PROVIDER))
        payload = {"type": "claim", "transaction": transaction, "claims": claims}
        answer = self.settled(request(payload, {**CLAIM_TERMS, "payTo": PROVIDER.bech32}))
        assert answer["extra"]["claims"] == claims
        return self.play.channel(bytes.fromhex(answer["transaction"]))


def signed(unsigned: Unsigned, *wallets: Wallet) -> bytes:
    return unsigned.with_signatures([each.sign(unsigned.id) for each in wallets])


@pytest.fixture(params=[None, TEST_TOKEN], ids=["ada", "a token"])
def customer(run_facilitator: RunFacilitator, request: pytest.FixtureRequest) -> Customer:
    running = run_facilitator(plugins="devnet,memory,channels", settlement__wait_seconds="0")
    return Customer(running, request.param)


def test_from_the_opening_to_the_refund(customer: Customer) -> None:
    play = customer.play
    script = play.witness()
    channel = customer.open()
    start = channel.ref
    assert customer.running.verify(customer.message("voucher", 2 * PRICE, start))["isValid"]
    purse = play.purse(CONSUMER)
    adds = add_to_channel(channel, AMOUNT, script, purse, play.ledger, valid_until=play.soon)
    answer = customer.settled(customer.deposit(adds, 3 * PRICE, start))
    channel = customer.channel(answer["extra"]["channelState"])
    redemption = owed(channel, 3 * PRICE)
    purse = play.purse(PROVIDER)
    takes = claim([redemption], script, purse, play.ledger, valid_until=play.soon)
    channel = customer.redeem(takes, 3 * PRICE)
    after = customer.running.verify(customer.message("voucher", 4 * PRICE, start))
    assert after["extra"]["channelRef"] == str(channel.ref)
    assert after["extra"]["totalClaimed"] == str(3 * PRICE)
    assert not customer.running.verify(customer.message("voucher", 3 * PRICE, start))["isValid"]
    due = PRICE if customer.currency is None else 0
    purse = play.purse(CONSUMER)
    charged = 3 * PRICE + due
    ends = refund(channel, charged, PROVIDER.address, script, purse, play.ledger)
    half = signed(ends, CONSUMER)
    witness = _witness(signed(ends, PROVIDER))
    body = customer.message("refund", charged, channel.ref, transaction=coded(half))
    assert customer.running.verify(body)["isValid"]
    body["paymentPayload"]["payload"]["providerWitness"] = witness
    answer = customer.settled(body)
    fee = decode_transaction(half).body.fee if customer.currency is None else 0
    assert answer["amount"] == str(2 * AMOUNT - charged - fee)
    gone = customer.running.verify(customer.message("voucher", 9 * PRICE, start))
    assert gone["invalidReason"].endswith("_channel_not_found")


def test_what_the_consumer_closes_the_provider_settles(customer: Customer) -> None:
    play = customer.play
    script = play.witness()
    channel = customer.open()
    purse = play.purse(CONSUMER)
    closes = close(channel, script, purse, play.ledger, valid_until=play.soon)
    closed = play.channel(play.settle(closes, CONSUMER))
    assert isinstance(closed.datum.stage, Closed)
    customer.running.next_block()
    refused = customer.running.verify(customer.message("voucher", 2 * PRICE, channel.ref))
    assert refused["invalidReason"].endswith("_channel_closed")
    redemption = owed(closed, PRICE)
    purse = play.purse(PROVIDER)
    unsigned = settle(redemption, script, purse, play.ledger, valid_until=play.soon)
    customer.redeem(unsigned, PRICE)


def _witness(raw: bytes) -> str:
    """The witness set of the provider's signature alone."""
    (found,) = decode_transaction(raw).witnesses.vkeys
    return f"a10081825820{found.vkey.hex()}5840{found.signature.hex()}"
