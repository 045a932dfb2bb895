"""The builders' transactions, settled on the devnet: it judges them and runs the validator."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import AssetId, Value
from facilitator.plugin import Spent
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NOW
from facilitator_channels.channel import Channel
from facilitator_channels.datum import Closed, Opened, Settled
from facilitator_channels.redeemers import Mutual, encode_redeemer
from facilitator_channels.transactions.plan import CannotBuild, Purse, ScriptSource
from facilitator_channels.transactions.steps import (
    Redemption,
    add_to_channel,
    claim,
    close,
    elapse,
    end,
    open_channel,
    redeem,
    refund,
    settle,
)
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import TEST_TOKEN
from support.channel_play import CONSUMER, PERIOD_SECONDS, PROVIDER, VALIDATOR, Play, owed
from support.extras import needs_plutus

pytestmark = needs_plutus

AMOUNT, OWED = 50_000_000, 10_000_000


@pytest.fixture
def play() -> Iterator[Play]:
    clock = ManualClock(NOW)
    devnet = Devnet("cardano:preprod", clock)
    yield Play(devnet, clock)
    devnet.close()


def closed(play: Play, channel: Channel, script: ScriptSource) -> Channel:
    unsigned = close(channel, script, play.purse(CONSUMER), play.ledger, valid_until=play.soon)
    return play.channel(play.settle(unsigned, CONSUMER))


def claimed(play: Play, script: ScriptSource, *redemptions: Redemption) -> list[Channel]:
    unsigned = claim(redemptions, script, play.purse(PROVIDER), play.ledger, valid_until=play.soon)
    name = play.settle(unsigned, PROVIDER)
    return [play.channel(name, index) for index in range(len(redemptions))]


@pytest.mark.parametrize("currency", [None, TEST_TOKEN], ids=["ada", "a token"])
@pytest.mark.parametrize("source", [Play.witness, Play.reference], ids=["witness", "reference"])
def test_the_life_of_a_channel(
    play: Play, currency: AssetId | None, source: Callable[[Play], ScriptSource]
) -> None:
    """Open, add, claim twice, close, settle, end: each side has what it is owed, to the unit."""
    script = source(play)
    before = play.held(PROVIDER, currency)
    channel = play.open(AMOUNT, currency)
    purse = play.purse(CONSUMER)
    unsigned = add_to_channel(channel, AMOUNT, script, purse, play.ledger, valid_until=play.soon)
    channel = play.channel(play.settle(unsigned, CONSUMER))
    assert channel.datum.stage == Opened(0)
    (channel,) = claimed(play, script, owed(channel, OWED))
    (channel,) = claimed(play, script, owed(channel, 2 * OWED))
    assert channel.datum.stage == Opened(2 * OWED)
    channel = closed(play, channel, script)
    ends = play.ledger.eras.start_ms(play.soon) + PERIOD_SECONDS * 1000
    assert channel.datum.stage == Closed(2 * OWED, ends)
    last = owed(channel, 3 * OWED)
    unsigned = settle(last, script, play.purse(PROVIDER), play.ledger, valid_until=play.soon)
    channel = play.channel(play.settle(unsigned, PROVIDER))
    assert channel.datum.stage == Settled()
    kept = play.held(CONSUMER, currency)
    unsigned = end(channel, script, play.purse(CONSUMER), play.ledger)
    play.settle(unsigned, CONSUMER)
    left = 2 * AMOUNT - 3 * OWED
    if currency is not None:
        assert play.held(PROVIDER, currency) - before == 3 * OWED
        assert play.held(CONSUMER, currency) - kept == left
    else:
        assert play.held(CONSUMER, None) - kept == left - play.fee_of(unsigned)
        assert before < play.held(PROVIDER, None) < before + 3 * OWED


def test_a_claim_over_ten_channels(play: Play) -> None:
    script = play.reference()
    channels = [play.open(AMOUNT) for _ in range(10)]
    before = play.held(PROVIDER, None)
    redemptions = [owed(each, OWED + number) for number, each in enumerate(channels)]
    unsigned = claim(redemptions, script, play.purse(PROVIDER), play.ledger, valid_until=play.soon)
    name = play.settle(unsigned, PROVIDER)
    redeemed = sum(each.owed for each in redemptions)
    assert play.held(PROVIDER, None) - before == redeemed - play.fee_of(unsigned)
    after = {
        found.constants.tag: found.datum.stage
        for found in (play.channel(name, index) for index in range(10))
    }
    assert after == {each.channel.constants.tag: Opened(each.owed) for each in redemptions}


@pytest.mark.parametrize("currency", [None, TEST_TOKEN], ids=["ada", "a token"])
def test_open_and_closed_channels_are_redeemed_at_once_and_in_part(
    play: Play, currency: AssetId | None
) -> None:
    """What an IOU promises beyond the count stays in the channel."""
    script = play.reference()
    opened, other = (play.open(AMOUNT, currency) for _ in range(2))
    shut = closed(play, other, script)
    before = play.held(PROVIDER, currency)
    parts = [
        owed(shut, 2 * OWED)._replace(total=OWED + 1),
        owed(opened, 2 * OWED)._replace(total=OWED),
    ]
    purse, until = play.purse(PROVIDER), play.soon
    unsigned = redeem(parts, script, purse, play.ledger, valid_until=until)
    name = play.settle(unsigned, PROVIDER)
    fee = 0 if currency else play.fee_of(unsigned)
    assert play.held(PROVIDER, currency) - before == 2 * OWED + 1 - fee
    after = [play.channel(name, index) for index in range(2)]
    assert {each.constants.tag: each.datum.stage for each in after} == {
        opened.constants.tag: Opened(OWED),
        shut.constants.tag: Settled(),
    }
    (still_open,) = [each for each in after if each.datum.stage == Opened(OWED)]
    last = owed(still_open, 2 * OWED)
    unsigned = redeem([last], script, play.purse(PROVIDER), play.ledger, valid_until=until)
    assert play.channel(play.settle(unsigned, PROVIDER)).datum.stage == Opened(2 * OWED)


def test_a_channel_that_nobody_settles_elapses(play: Play) -> None:
    script = play.witness()
    channel = closed(play, play.open(AMOUNT), script)
    stage = channel.datum.stage
    assert isinstance(stage, Closed)
    first = play.ledger.eras.slot_at(stage.elapse_at)
    with pytest.raises(CannotBuild, match="cannot be taken before"):
        elapse(channel, script, play.purse(CONSUMER), play.ledger, valid_from=first - 1)
    play.clock.advance(PERIOD_SECONDS + 300)
    unsigned = elapse(channel, script, play.purse(CONSUMER), play.ledger, valid_from=first)
    play.settle(unsigned, CONSUMER)
    assert isinstance(play.devnet.outputs([channel.ref])[channel.ref], Spent)


@pytest.mark.parametrize(("due", "outputs"), [(OWED, 2), (0, 1)])
def test_a_refund_by_both(play: Play, due: int, outputs: int) -> None:
    """It spends the channel alone: the provider gets what is owed, and the consumer pays."""
    script = play.witness()
    channel = play.open(AMOUNT)
    (channel,) = claimed(play, script, owed(channel, OWED))
    before = play.held(PROVIDER, None)
    purse = play.purse(CONSUMER)
    unsigned = refund(channel, OWED + due, PROVIDER.address, script, purse, play.ledger)
    body = decode_transaction(unsigned.with_signatures([])).body
    assert body.inputs == (channel.ref,)
    assert len(body.outputs) == outputs
    play.settle(unsigned, CONSUMER, PROVIDER)
    assert play.held(PROVIDER, None) - before == due


def test_a_redeemer_of_the_refund(play: Play) -> None:
    channel = play.open(AMOUNT)
    purse = play.purse(CONSUMER)
    unsigned = refund(channel, OWED, PROVIDER.address, play.witness(), purse, play.ledger)
    (redeemer,) = decode_transaction(unsigned.with_signatures([])).witnesses.redeemers
    assert redeemer.data == encode_redeemer(Mutual())


def test_what_cannot_be_built(play: Play) -> None:
    """Each is refused in a sentence, before anything is signed."""
    script, ledger = play.witness(), play.ledger
    channel = play.open(AMOUNT)
    provider, consumer = play.purse(PROVIDER), play.purse(CONSUMER)
    good = owed(channel, OWED)
    only_tokens = Purse(
        provider.address, {r: o for r, o in provider.utxo.items() if o.value.assets}
    )
    other = channel._replace(
        datum=channel.datum._replace(
            constants=channel.constants._replace(provider=bytes(28), tag=bytes(32))
        )
    )
    faults: list[tuple[Callable[[], object], str]] = [
        (
            lambda: claim([good._replace(signature=bytes(64))], script, provider, ledger),
            "validator",
        ),
        (lambda: claim([owed(channel, 0)], script, provider, ledger), "nothing to redeem"),
        (lambda: claim([owed(channel, AMOUNT)], script, provider, ledger), "cannot pay out"),
        (lambda: claim([good, owed(other, OWED)], script, provider, ledger), "one provider"),
        (lambda: claim([good], script, only_tokens, ledger), "for collateral"),
        (lambda: settle(good, script, provider, ledger), "is opened, it must be closed"),
        (
            lambda: redeem([good._replace(total=OWED + 1)], script, provider, ledger),
            "which is less than",
        ),
        (lambda: end(channel, script, consumer, ledger), "is opened, it must be settled"),
        (
            lambda: refund(channel, 1000, PROVIDER.address, script, consumer, ledger),
            "claim what is owed first",
        ),
        (
            lambda: open_channel(
                channel.constants, AMOUNT, min(consumer.utxo), VALIDATOR, consumer, ledger
            ),
            "must be derived",
        ),
        (
            lambda: add_to_channel(channel, 10**12, script, consumer, ledger),
            "do not cover",
        ),
    ]
    for build, why in faults:
        with pytest.raises(CannotBuild, match=why):
            build()


def test_more_channels_than_fit_are_not_claimed_at_once(play: Play) -> None:
    script = play.reference()
    limit = 950_000  # for each script by itself it is enough
    channels = [play.open(AMOUNT) for _ in range(2)]
    ledger = replace(play.ledger, parameters=replace(play.ledger.parameters, max_tx_memory=limit))
    claim([owed(channels[0], OWED)], script, play.purse(PROVIDER), ledger)
    with pytest.raises(CannotBuild, match="too much at once: its redeemers claim"):
        claim([owed(each, OWED) for each in channels], script, play.purse(PROVIDER), ledger)


def test_an_ada_channel_holds_its_reserve(play: Play) -> None:
    with pytest.raises(CannotBuild, match="reserve of 1732620 lovelace"):
        play.open(1_732_619)
    channel = play.open(1_732_620)
    assert channel.capacity(play.ledger.parameters.coins_per_utxo_byte) == 0


def test_what_is_left_of_collateral_comes_back(play: Play) -> None:
    channel = play.open(AMOUNT)
    purse = play.purse(PROVIDER)
    unsigned = claim([owed(channel, OWED)], play.witness(), purse, play.ledger)
    body = decode_transaction(unsigned.with_signatures([])).body
    assert body.total_collateral == -(-body.fee * 150 // 100)
    held = sum(purse.utxo[ref].value.lovelace for ref in body.collateral)
    assert body.collateral_return is not None
    assert body.collateral_return.value == Value(held - body.total_collateral, {})


def test_collateral_too_small_to_come_back_is_at_stake(play: Play) -> None:
    channel = play.open(AMOUNT)
    ref = play.devnet.fund(PROVIDER.address, 1_400_000)
    purse = Purse(PROVIDER.address, {ref: play.output(ref).output})
    unsigned = claim([owed(channel, OWED)], play.witness(), purse, play.ledger)
    body = decode_transaction(unsigned.with_signatures([])).body
    assert body.collateral == (ref,)
    assert body.collateral_return is None
    assert body.total_collateral == 1_400_000
    play.settle(unsigned, PROVIDER)
