"""Channels on a chain that is modelled, with blocks and rollbacks, and a facilitator over it.

A channel is a value; a transaction spends its position and makes the next one. Transactions of
refunds are real bytes, since a seller reads them before it signs. All others are names.
"""

import base64
import hashlib
import io
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import cbor2
from nacl.signing import SigningKey

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.signatures import signature_holds
from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import Clock
from facilitator_channels.client.keys import iou_signer
from facilitator_channels.iou import derive_tag, iou_holds
from facilitator_channels.messages import (
    ChannelConfig,
    Deposit,
    Refund,
    read_message,
)
from facilitator_channels.seller.claims import Redemption
from facilitator_channels.seller.facilitator import FacilitatorUnavailable
from facilitator_channels.seller.refunds import ProviderKey
from facilitator_channels.seller.watching import Ended, Seen
from facilitator_channels.validators import KNOWN
from facilitator_channels.values import ChannelView, Iou, config_json

NETWORK = "cardano:preprod"
SCRIPT_HASH = next(iter(KNOWN)).hex()
PREFIX = "invalid_batch_settlement_cardano_"
DELAY = 900
TTL = 60
DEPTH = 3
"""Blocks behind which nothing is rolled back. A deposit is confirmed at that depth."""
PROVIDER = ProviderKey.from_seed(b"\x0c" * 32)
PAY_TO = b"\x60" + PROVIDER.key_hash
FEE = 1_000


class Spot(NamedTuple):
    """A channel at one position."""

    ref: str
    stage: str
    """``opened``, ``closed``, ``settled`` or ``gone``."""
    subbed: int = 0
    funds: int = 0
    """What it can still pay out."""
    elapse_at: int = 0
    """Seconds."""
    seller: int = 0
    """What the seller has got."""
    consumer: int = 0
    """What the consumer has got back."""
    put_in: int = 0
    """What the consumer has put in."""


class Tx(NamedTuple):
    """A transaction: spends a position, and makes the next one. An opening spends ``""``."""

    id: str
    tag: str
    spends: str
    make: Callable[[Spot], Spot]
    until: float = float("inf")
    """Seconds after which it can no longer land."""


@dataclass
class Block:
    """The channels after a block, and the transactions in it."""

    spots: Mapping[str, Spot] = field(default_factory=dict)
    txs: tuple[Tx, ...] = ()


class ModelChain:
    """Blocks, and transactions that wait for the next one."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.blocks = [Block() for _ in range(2 * DEPTH + 1)]
        self._highest = len(self.blocks)
        self.waiting: list[Tx] = []
        self._numbers = itertools.count()

    def new_id(self) -> str:
        return hashlib.sha256(b"tx %d" % next(self._numbers)).hexdigest()

    def spot(self, tag: str, depth: int = 0) -> Spot | None:
        """The channel, as of so many blocks ago."""
        return self.blocks[-1 - depth].spots.get(tag)

    def submit(self, tx: Tx) -> bool:
        """Wait for the next block, if it may still land."""
        if tx.id in {each.id for each in self.waiting}:
            return True
        if not self._fits(tx, self.blocks[-1].spots):
            return False
        self.waiting.append(tx)
        return True

    def make_block(self) -> None:
        spots = dict(self.blocks[-1].spots)
        taken = []
        for tx in self.waiting:
            if self._fits(tx, spots):
                before = spots.get(tx.tag, Spot("", "opened"))
                spots[tx.tag] = tx.make(before)._replace(ref=f"{tx.id}#0")
                taken.append(tx)
        self.waiting = []
        self.blocks.append(Block(spots, tuple(taken)))
        self._highest = max(self._highest, len(self.blocks))

    def roll_back(self, count: int, *, keeps: bool) -> None:
        """Undo so many blocks at most, none that was ever deep.

        Their transactions wait again, or are forgotten.
        """
        count = min(count, len(self.blocks) - self._highest + DEPTH)
        if count <= 0:
            return
        undone = [tx for block in self.blocks[-count:] for tx in block.txs]
        del self.blocks[-count:]
        self.waiting = [tx for tx in undone if keeps] + self.waiting

    def is_in(self, tx_id: str, depth: int = 0) -> bool:
        blocks = self.blocks[: len(self.blocks) - depth]
        return any(tx.id == tx_id for block in blocks for tx in block.txs)

    def see(self, tag: str, now_ms: int) -> tuple[Seen, str]:
        """The channel and its anchor, as a watcher reads them."""
        spot, deep = self.spot(tag), self.spot(tag, DEPTH)
        anchor = deep.ref if deep is not None and deep.stage == "opened" else ""
        if spot is None:
            return None, ""
        if spot.stage in ("settled", "gone"):
            is_deep = deep is not None and deep.stage in ("settled", "gone")
            return Ended(spot.subbed, is_deep, now_ms), anchor
        return replace(view_of(spot, now_ms), balance=self.confirmed(tag)), anchor

    def confirmed(self, tag: str) -> int:
        """The balance that no rollback takes back."""
        spots = [self.spot(tag, depth) for depth in range(DEPTH + 1)]
        return min(each.subbed + each.funds if each else 0 for each in spots)

    def _fits(self, tx: Tx, spots: Mapping[str, Spot]) -> bool:
        before = spots.get(tx.tag)
        if self.clock.time() > tx.until:
            return False
        if not tx.spends:
            return before is None
        return before is not None and before.ref == tx.spends


def view_of(spot: Spot, seen_at: int) -> ChannelView:
    requested = spot.elapse_at - DELAY if spot.stage == "closed" else 0
    return ChannelView(spot.ref, spot.subbed + spot.funds, spot.subbed, requested, seen_at)


class Consumer:
    """A payer's keys and messages for one channel."""

    def __init__(self, number: int) -> None:
        self.key = SigningKey(bytes([number + 1] * 32))
        self.hash = hashlib.blake2b(bytes(self.key.verify_key), digest_size=28).digest()
        self.input = OutputRef(bytes([number] * 32), 0)
        self.tag = derive_tag(self.input)
        self.iou_key = SigningKey(bytes([number + 101] * 32))
        self.sign: Callable[[int], Iou] = iou_signer(self.iou_key, self.tag)
        self.config = ChannelConfig(
            self.hash,
            bytes(self.iou_key.verify_key),
            format_address(PAY_TO),
            PROVIDER.key_hash,
            "lovelace",
            DELAY,
        )

    def payment(self, kind: str, amount: int, ref: str = "", **fields: Any) -> dict[str, Any]:
        """A ``paymentPayload``."""
        iou = self.sign(amount)
        voucher = {
            "channelId": self.tag.hex(),
            "maxClaimableAmount": str(amount),
            "signature": iou.signature.hex(),
            **({"channelRef": ref} if ref else {}),
        }
        payload = {
            "type": kind,
            "channelConfig": config_json(self.config),
            "voucher": voucher,
            **fields,
        }
        accepted = {"scheme": "batch-settlement", "network": NETWORK}
        return {"x402Version": 2, "accepted": accepted, "payload": payload}

    def deposit(self, tx: Tx, put_in: int, amount: int, ref: str = "") -> dict[str, Any]:
        fields = {"amount": str(put_in), "transaction": _encode(tx.id.encode())}
        return self.payment("deposit", amount, ref, deposit=fields)

    def refund(self, spot: Spot, charged: int) -> dict[str, Any]:
        raw = mutual(self, spot, charged - spot.subbed)
        return self.payment("refund", charged, spot.ref, transaction=_encode(raw))


def mutual(consumer: Consumer, spot: Spot, owed: int, **changes: Any) -> bytes:
    """A real ``Mutual`` transaction, signed by the consumer."""
    reference, _, index = spot.ref.partition("#")
    mine = b"\x60" + consumer.hash
    outputs = [{0: mine, 1: spot.funds - owed}] + ([{0: PAY_TO, 1: owed}] if owed else [])
    body = {
        0: [[bytes.fromhex(reference), int(index)]],
        1: outputs,
        2: FEE,
        13: [[b"\x77" * 32, 0]],
        14: [consumer.hash, PROVIDER.key_hash],
        **changes.get("body", {}),
    }
    raw = cbor2.dumps(body)
    digest = hashlib.blake2b(raw, digest_size=32).digest()
    vkeys = [[bytes(consumer.key.verify_key), consumer.key.sign(digest).signature]]
    redeemers = {(0, 0): [cbor2.CBORTag(123, []), [1_000, 1_000]]}
    witnesses = cbor2.dumps({0: vkeys, 5: redeemers})
    return b"\x84" + raw + witnesses + b"\xf5\xf6"


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def requirements(price: int, **extra: Any) -> dict[str, Any]:
    return {
        "scheme": "batch-settlement",
        "network": NETWORK,
        "asset": "lovelace",
        "amount": str(price),
        "payTo": format_address(PAY_TO),
        "maxTimeoutSeconds": 60,
        "extra": {
            "scriptHash": SCRIPT_HASH,
            "receiverAuthorizer": PROVIDER.key_hash.hex(),
            "withdrawDelay": DELAY,
            **extra,
        },
    }


class ModelFacilitator:
    """Judges and submits by the model. Its answers can be lost, or late."""

    def __init__(self, chain: ModelChain) -> None:
        self.chain = chain
        self.txs: dict[str, Tx] = {}
        """Deposits by id, as their transactions are names."""
        self.calls: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None
        """Runs within each call."""
        self.loses_answers = False
        self.is_pending = False

    def verify(self, payment: Mapping[str, Any], asked: Mapping[str, Any]) -> Mapping[str, Any]:
        self.calls.append("verify")
        verdict = self._judge(payment, asked)
        self.meanwhile()
        if isinstance(verdict, str):
            return {"isValid": False, "invalidReason": PREFIX + verdict}
        return {"isValid": True, "payer": payment["payload"]["channelConfig"]["payer"],
                "extra": verdict}  # fmt: skip

    def settle(
        self,
        payment: Mapping[str, Any],
        asked: Mapping[str, Any],
        key: str,  # noqa: ARG002
    ) -> Mapping[str, Any]:
        self.calls.append("settle")
        self.meanwhile()
        if payment["payload"]["type"] == "claim":
            return self._claim(payment["payload"])
        verdict = self._judge(payment, asked)
        if isinstance(verdict, str):
            return {"success": False, "errorReason": PREFIX + verdict, "transaction": ""}
        tx = self._transaction(payment)
        if not self.chain.submit(tx):
            return {"success": False, "errorReason": PREFIX + "transaction_failed"}
        if self.is_pending:
            return {"success": False, "errorReason": "settlement_pending", "transaction": tx.id}
        for _ in range(DEPTH + 1):
            self.chain.make_block()
        if not self.chain.is_in(tx.id):
            return {"success": False, "errorReason": PREFIX + "transaction_failed"}
        if self.loses_answers:
            raise FacilitatorUnavailable("the answer is lost")
        spot = self.chain.spot(tx.tag)
        assert spot is not None
        state = view_of(spot, 0).to_json()
        if spot.stage == "gone":
            state = ChannelView("", 0, spot.subbed).to_json()
        extra = {"channelState": {"channelId": tx.tag, **state}}
        amount = payment["payload"].get("deposit", {}).get("amount", str(spot.consumer))
        return {"success": True, "transaction": tx.id, "network": NETWORK, "amount": amount,
                "payer": payment["payload"]["channelConfig"]["payer"], "extra": extra}  # fmt: skip

    def _claim(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Submit a claim, which is a transaction for each channel here, and wait for one block."""
        ids = base64.b64decode(payload["transaction"]).decode().split()
        for each in ids:
            self.chain.submit(self.txs[each])
        self.chain.make_block()
        if not all(map(self.chain.is_in, ids)):
            return {"success": False, "errorReason": PREFIX + "claim_transaction"}
        return {"success": True, "transaction": ids[0], "extra": {"claims": payload["claims"]}}

    def _judge(self, payment: Mapping[str, Any], asked: Mapping[str, Any]) -> str | dict[str, Any]:
        message = read_message(payment["payload"])
        assert not hasattr(message, "claims")
        voucher, price = message.voucher, int(asked["amount"])
        tag = voucher.channel_id.hex()
        spot = self.chain.spot(tag)
        added = 0
        if isinstance(message, Deposit):
            tx = self.txs[message.transaction.decode()]
            added = message.amount
            if voucher.channel_ref is None:
                if spot is not None:
                    return "deposit_transaction"
                spot = Spot("", "opened")
            elif spot is None or tx.spends != spot.ref:
                return "deposit_transaction"
        if spot is None or spot.stage == "gone":
            return "channel_not_found"
        if spot.stage != "opened":
            return "channel_closed"
        capacity = self.chain.confirmed(tag) + added
        if voucher.amount > capacity:
            return "cumulative_exceeds_balance"
        if voucher.amount < spot.subbed + (0 if isinstance(message, Refund) else price):
            return "cumulative_below_claimed"
        key = message.config.payer_authorizer
        if not iou_holds(key, voucher.channel_id, voucher.amount, voucher.signature):
            return "voucher_signature"
        view = replace(
            view_of(spot, 0), balance=capacity if not spot.ref else spot.subbed + spot.funds
        )
        return {"channelId": tag, **view.to_json()}

    def _transaction(self, payment: Mapping[str, Any]) -> Tx:
        message = read_message(payment["payload"])
        if isinstance(message, Deposit):
            return self.txs[message.transaction.decode()]
        assert isinstance(message, Refund)
        raw = message.transaction
        body = raw[1 : len(raw) - len(_rest_after_body(raw))]
        digest = hashlib.blake2b(body, digest_size=32).digest()
        assert message.provider_witness is not None
        (((vkey, signature),),) = cbor2.loads(message.provider_witness).values()
        assert vkey == PROVIDER.public
        assert signature_holds(vkey, digest, signature)
        fields = cbor2.loads(body)
        owed = sum(each[1] for each in fields[1] if each[0] == PAY_TO)
        ref = f"{fields[0][0][0].hex()}#{fields[0][0][1]}"

        def make(spot: Spot) -> Spot:
            assert owed <= spot.funds
            return spot._replace(
                stage="gone",
                subbed=spot.subbed + owed,
                funds=0,
                seller=spot.seller + owed,
                consumer=spot.consumer + spot.funds - owed,
            )

        return Tx(digest.hex(), message.voucher.channel_id.hex(), ref, make)


def _rest_after_body(raw: bytes) -> bytes:
    stream = io.BytesIO(raw[1:])
    cbor2.load(stream)
    return stream.read()


def open_tx(chain: ModelChain, consumer: Consumer, put_in: int) -> Tx:
    def make(_: Spot) -> Spot:
        return Spot("", "opened", funds=put_in, put_in=put_in)

    return Tx(chain.new_id(), consumer.tag.hex(), "", make)


def top_up_tx(chain: ModelChain, spot: Spot, consumer: Consumer, put_in: int) -> Tx:
    def make(before: Spot) -> Spot:
        assert before.stage == "opened"
        return before._replace(funds=before.funds + put_in, put_in=before.put_in + put_in)

    return Tx(chain.new_id(), consumer.tag.hex(), spot.ref, make)


def close_tx(chain: ModelChain, spot: Spot, tag: str, now: int) -> Tx:
    return Tx(
        chain.new_id(),
        tag,
        spot.ref,
        lambda before: before._replace(stage="closed", elapse_at=now + TTL + DELAY),
        until=now + TTL,
    )


def take_tx(chain: ModelChain, spot: Spot, tag: str) -> Tx:
    """``End`` of a settled channel, or ``Elapse`` of a closed one."""

    def make(before: Spot) -> Spot:
        return before._replace(stage="gone", funds=0, consumer=before.consumer + before.funds)

    return Tx(chain.new_id(), tag, spot.ref, make)


def claim_tx(chain: ModelChain, found: Redemption, consumer: Consumer) -> Tx:
    """``Sub`` of an open channel, or ``Settle`` of a closed one, by the validator's rules."""
    key = bytes(consumer.iou_key.verify_key)
    assert iou_holds(key, consumer.tag, found.iou.amount, found.iou.signature)

    def make(before: Spot) -> Spot:
        assert before.stage == ("closed" if found.is_settlement else "opened")
        amount = found.total_claimed - before.subbed
        assert found.total_claimed <= found.iou.amount
        assert 0 < amount <= before.funds
        return before._replace(
            stage="settled" if found.is_settlement else "opened",
            subbed=found.total_claimed,
            funds=before.funds - amount,
            seller=before.seller + amount,
        )

    return Tx(chain.new_id(), found.channel_id, found.channel_ref, make)
