"""A seller on a devnet: its records, its watcher, and the redeemers of its processes."""

from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from facilitator.cardano.transaction import AssetId, OutputRef
from facilitator.plugin import SubmissionRejected
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NETWORK
from facilitator_channels.channel import Channel
from facilitator_channels.messages import ChannelConfig
from facilitator_channels.seller.building import ClaimBuilder
from facilitator_channels.seller.claims import ClaimPolicy
from facilitator_channels.seller.lead import Lead
from facilitator_channels.seller.notices import Notice
from facilitator_channels.seller.record import ChannelRecord
from facilitator_channels.seller.redeemer import Redeemer
from facilitator_channels.seller.refunds import ProviderKey
from facilitator_channels.seller.store import Records
from facilitator_channels.seller.stores.memory import MemoryStore
from facilitator_channels.seller.views import view_of
from facilitator_channels.seller.watcher import INTERVAL_SECONDS, Watcher
from facilitator_channels.transactions.steps import close
from facilitator_channels.validator import SCRIPT_HASH
from facilitator_channels.values import Iou
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.wallet import Wallet
from support.channel_play import CONSUMER, PERIOD_SECONDS, PROVIDER, Play, owed
from support.channels import asset_text

KEY = ProviderKey(
    bytes(PROVIDER.payment_key.verify_key), lambda message: PROVIDER.sign(message).signature
)
POLICY = ClaimPolicy(base=1, each=1)


class Submits:
    """A facilitator that submits claims to the devnet, which judges them, and makes a block."""

    def __init__(self, devnet: Devnet) -> None:
        self.devnet = devnet
        self.sent: list[bytes] = []
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None
        """Run before the claim is submitted, and when it is in a block; they may raise."""
        self.is_pending = False

    def verify(self, *_: Any) -> Mapping[str, Any]:
        raise AssertionError("a claim is not verified")

    def settle(
        self,
        payment: Mapping[str, Any],
        asked: Mapping[str, Any],  # noqa: ARG002
        key: str,  # noqa: ARG002
    ) -> Mapping[str, Any]:
        raw = b64decode(payment["payload"]["transaction"])
        self.sent.append(raw)
        self.before()
        try:
            self.devnet.submit(raw)
        except SubmissionRejected as error:
            return {"success": False, "errorReason": "refused", "errorMessage": str(error)}
        if self.is_pending:
            return {"success": False, "errorReason": "settlement_pending"}
        self.devnet.produce_block()
        self.after()
        return {"success": True}


class Shop:
    """One seller's fleet. Its clock stands still until it is moved."""

    def __init__(self, devnet: Devnet, clock: ManualClock) -> None:
        self.devnet, self.clock = devnet, clock
        self.play = Play(devnet, clock)
        reference = self.play.reference()
        self.script = reference
        self.reference: OutputRef = reference.ref  # type: ignore[union-attr]  # it is one
        self.store = MemoryStore()
        self.records = Records(self.store)
        self.facilitator = Submits(devnet)
        self.notices: list[Notice] = []
        self.watcher = Watcher(self.records, devnet, self.notices.append, clock=clock)

    def redeemer(self, wallet: Wallet = PROVIDER, **options: Any) -> Redeemer:
        """One more process."""
        references = {SCRIPT_HASH.hex(): self.reference}
        builder = ClaimBuilder(self.devnet, wallet, KEY, references, clock=self.clock)
        policies = options.pop("policies", {"lovelace": POLICY})
        lead = Lead(self.store, NETWORK, self.clock.time)
        return Redeemer(
            self.store, NETWORK, self.facilitator, builder, policies,
            clock=self.clock, lead=lead, **options,
        )  # fmt: skip

    def sell(self, amount: int, charged: int, *, currency: AssetId | None = None) -> Channel:
        """Open a channel that has charged so much, of a voucher for more."""
        channel = self.play.open(amount, currency)
        constants, iou = channel.constants, charged + 7
        config = ChannelConfig(
            constants.consumer,
            constants.iou_key,
            PROVIDER.bech32,
            constants.provider,
            asset_text(currency),
            PERIOD_SECONDS,
        )
        price = self.devnet.parameters().coins_per_utxo_byte
        kept = ChannelRecord(
            constants.tag.hex(),
            NETWORK,
            SCRIPT_HASH.hex(),
            config,
            view_of(channel, price, self.now_ms),
            anchor_ref=str(channel.ref),
            charged=charged,
            voucher=Iou(iou, owed(channel, iou).signature),
        )
        self.records.change(kept.channel_id, lambda _: (kept, None))
        return channel

    def charge(self, channel: Channel, charged: int) -> None:
        """Have the channel owe more."""
        iou = Iou(charged + 7, owed(channel, charged + 7).signature)

        def step(before: ChannelRecord | None) -> tuple[ChannelRecord, None]:
            assert before is not None
            return replace(before, charged=charged, voucher=iou), None

        self.records.change(channel.constants.tag.hex(), step)

    def shut(self, channel: Channel) -> Channel:
        """Have the consumer close it, in a block."""
        purse = self.play.purse(CONSUMER)
        closes = close(channel, self.script, purse, self.play.ledger, valid_until=self.play.soon)
        return self.play.channel(self.play.settle(closes, CONSUMER))

    def look(self, seconds: float = INTERVAL_SECONDS) -> None:
        """Make a block, and have the watcher look."""
        self.clock.advance(seconds)
        self.devnet.produce_block()
        self.watcher.look()

    def unredeemed(self) -> int:
        return sum(each.unredeemed for each in self.records)

    @property
    def now_ms(self) -> int:
        return round(self.clock.time() * 1000)
