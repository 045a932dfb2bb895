"""A real channel is watched on the devnet, by each provider: closed, rolled back, settled."""

import pytest

from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NETWORK, NOW
from facilitator_channels.datum import Closed
from facilitator_channels.messages import ChannelConfig
from facilitator_channels.seller.notices import Notice, NoticeKind
from facilitator_channels.seller.record import LAG_MS, ChannelRecord
from facilitator_channels.seller.store import Records
from facilitator_channels.seller.stores.memory import MemoryStore
from facilitator_channels.seller.watcher import INTERVAL_SECONDS, Watcher
from facilitator_channels.transactions.steps import close, settle
from facilitator_channels.validator import SCRIPT_HASH
from facilitator_channels.values import ChannelView, Iou
from support.channel_play import CONSUMER, PERIOD_SECONDS, PROVIDER, Play, owed
from support.each_provider import EACH_PROVIDER, OpensProvider
from support.extras import needs_plutus

pytestmark = needs_plutus

AMOUNT, CHARGED = 20_000_000, 3_000_000


@pytest.mark.parametrize("open_provider", EACH_PROVIDER)
def test_a_close_is_noticed_and_so_are_its_rollback_and_its_end(
    open_provider: OpensProvider,
) -> None:
    clock = ManualClock(NOW)
    with open_provider(clock) as (devnet, provider, catch_up):
        play, records = Play(devnet, clock), Records(MemoryStore())
        notices: list[Notice] = []
        watcher = Watcher(records, provider, notices.append, clock=clock)

        def look(seconds: float = INTERVAL_SECONDS) -> list[NoticeKind]:
            clock.advance(seconds)
            devnet.produce_block()
            catch_up()
            notices.clear()
            watcher.look()
            return [notice.kind for notice in notices]

        channel = play.open(AMOUNT)
        constants = channel.constants
        config = ChannelConfig(
            constants.consumer,
            constants.iou_key,
            PROVIDER.bech32,
            constants.provider,
            "lovelace",
            PERIOD_SECONDS,
        )
        iou = Iou(CHARGED, owed(channel, CHARGED).signature)
        view = ChannelView(str(channel.ref), AMOUNT, 0, 0, int(NOW * 1000))
        kept = ChannelRecord(
            constants.tag.hex(),
            NETWORK,
            SCRIPT_HASH.hex(),
            config,
            view,
            anchor_ref=view.channel_ref,
            charged=CHARGED,
            voucher=iou,
        )
        records.change(kept.channel_id, lambda _: (kept, None))
        assert look() == []

        script, purse = play.reference(), play.purse(CONSUMER)
        closes = close(channel, script, purse, play.ledger, valid_until=play.soon)
        closed = play.channel(play.settle(closes, CONSUMER))
        assert look() == [NoticeKind.CLOSED]
        stage, (notice,) = closed.datum.stage, notices
        assert isinstance(stage, Closed)
        assert notice.record.view.channel_ref == str(closed.ref)
        assert notice.record.elapse_at == stage.elapse_at // 1000

        devnet.rollback(2, drop=True)
        assert look() == []
        assert look(LAG_MS / 1000) == [NoticeKind.RESTORED]
        assert notices[0].record.view.channel_ref == str(channel.ref)

        purse = play.purse(CONSUMER)
        closes = close(channel, script, purse, play.ledger, valid_until=play.soon)
        closed = play.channel(play.settle(closes, CONSUMER))
        assert look() == [NoticeKind.CLOSED]
        settles = settle(
            owed(closed, CHARGED),
            script,
            play.purse(PROVIDER),
            play.ledger,
            valid_until=play.soon,
        )
        play.settle(settles, PROVIDER)
        assert look() == [NoticeKind.ENDED]
        assert notices[0].record.unredeemed == 0
        for _ in range(3):
            devnet.produce_block()
        assert look() == []
        assert records.read(kept.channel_id) is None
