"""The redeemer on a devnet, which judges its claims and runs the validator."""

import importlib.util
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.plugin import Concern, InBlock
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NOW
from facilitator.testing.waiting import eventually
from facilitator_channels.datum import Opened, Settled
from facilitator_channels.seller import redeemer as redeemers
from facilitator_channels.seller.building import COLLATERAL_LOVELACE, VALID_SECONDS, CannotPayFee
from facilitator_channels.seller.claims import ClaimPolicy
from facilitator_channels.seller.facilitator import FacilitatorUnavailable
from facilitator_channels.seller.lead import LEASE_SECONDS
from facilitator_channels.seller.record import LAG_MS
from facilitator_channels.validator import SCRIPT_HASH
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import TEST_TOKEN
from facilitator_devnet.wallet import Wallet
from support.channel_play import PROVIDER
from support.channel_seller import KEY, POLICY, Shop
from support.channels import asset_text
from support.extras import needs_plutus

pytestmark = needs_plutus

FEES = Wallet("fees")
"""A wallet that pays fees, without the key of the channels."""
EXAMPLE = Path(__file__).parents[4] / "examples" / "sell-by-channel" / "redeem.py"
PUT_IN, CHARGED = 20_000_000, 3_000_000


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def shop() -> Iterator[Shop]:
    clock = ManualClock(NOW)
    devnet = Devnet("cardano:preprod", clock)
    yield Shop(devnet, clock)
    devnet.close()


def kill() -> None:
    raise Killed


def fees(shop: Shop) -> int:
    """What the claims that are in the chain have cost."""
    txs = {tx.id.hex(): tx.body.fee for tx in map(decode_transaction, shop.facilitator.sent)}
    found = shop.devnet.transactions(txs)
    return sum(fee for name, fee in txs.items() if isinstance(found[name], InBlock))


def test_what_is_due_is_redeemed_in_one_claim_and_what_is_closed_is_settled(shop: Shop) -> None:
    opened = [shop.sell(PUT_IN, CHARGED + number) for number in range(2)]
    closed = shop.sell(PUT_IN, 1_000)
    shop.shut(closed)
    shop.look()
    before = shop.play.held(PROVIDER, None)
    redeemer = shop.redeemer()
    assert redeemer.turn()
    (raw,) = shop.facilitator.sent
    tx = decode_transaction(raw)
    gained = shop.play.held(PROVIDER, None) - before
    assert gained == 2 * CHARGED + 1 + 1_000 - tx.body.fee
    after = [shop.play.channel(tx.id, index) for index in range(3)]
    assert {each.constants.tag: each.datum.stage for each in after} == {
        opened[0].constants.tag: Opened(CHARGED),
        opened[1].constants.tag: Opened(CHARGED + 1),
        closed.constants.tag: Settled(),
    }
    assert shop.unredeemed() == 0
    redeemer.turn()
    shop.look()
    redeemer.turn()
    assert len(shop.facilitator.sent) == 1
    assert shop.unredeemed() == 0
    assert redeemer.check() >= 0


def test_open_channels_wait_until_they_are_worth_a_claim(shop: Shop) -> None:
    channel = shop.sell(PUT_IN, 99)
    redeemer = shop.redeemer(policies={"lovelace": ClaimPolicy(base=50, each=50)})
    redeemer.turn()
    assert shop.facilitator.sent == []
    shop.charge(channel, 100)
    redeemer.turn()
    assert shop.unredeemed() == 0


@pytest.mark.parametrize("moment", ["before", "after"])
def test_one_that_is_killed_is_replaced_and_redeems_once(shop: Shop, moment: str) -> None:
    """Between build and submission, or between the block and the note of it."""
    shop.sell(PUT_IN, CHARGED)
    shop.shut(shop.sell(PUT_IN, CHARGED))
    shop.look()
    before = shop.play.held(PROVIDER, None)
    setattr(shop.facilitator, moment, kill)
    with pytest.raises(Killed):
        shop.redeemer().turn()
    setattr(shop.facilitator, moment, lambda: None)
    other = shop.redeemer()
    assert not other.turn()
    shop.clock.advance(LEASE_SECONDS)
    assert other.turn()  # before it is seen what the chain has
    shop.look()
    other.turn()
    assert shop.play.held(PROVIDER, None) - before == 2 * CHARGED - fees(shop)
    assert shop.unredeemed() == 0


def test_a_claim_without_an_answer_is_asked_for_again(shop: Shop) -> None:
    """The same bytes: it may be on its way. When it can no longer land, another is made."""
    shop.sell(PUT_IN, CHARGED)
    redeemer = shop.redeemer()

    def fail() -> None:
        raise FacilitatorUnavailable("it is away")

    shop.facilitator.before = fail
    for _ in range(2):
        with pytest.raises(FacilitatorUnavailable):
            redeemer.turn()
    first, second = shop.facilitator.sent
    assert first == second
    shop.clock.advance(VALID_SECONDS)
    shop.facilitator.before = lambda: None
    redeemer.turn()
    assert shop.facilitator.sent[2] != first
    assert shop.unredeemed() == 0


def test_a_pending_claim_is_left_to_land(shop: Shop) -> None:
    shop.sell(PUT_IN, CHARGED)
    redeemer = shop.redeemer()
    shop.facilitator.is_pending = True
    redeemer.turn()
    redeemer.turn()
    assert len(set(shop.facilitator.sent)) == 1
    shop.look()
    redeemer.turn()
    assert len(shop.facilitator.sent) == 2
    assert shop.unredeemed() == 0


def test_a_claim_whose_success_another_caller_took_has_landed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sees it in a mempool can ask the facilitator for it."""
    for number in range(2):
        shop.sell(PUT_IN, CHARGED + number)
    settle = shop.facilitator.settle

    def taken(*given: Any) -> Mapping[str, Any]:
        settle(*given)
        return {"success": False, "errorReason": "duplicate_settlement"}

    monkeypatch.setattr(shop.facilitator, "settle", taken)
    redeemer = shop.redeemer()
    redeemer.turn()
    redeemer.check()
    shop.look()
    redeemer.turn()
    assert len(shop.facilitator.sent) == 1
    assert shop.unredeemed() == 0


def test_a_channel_that_moved_holds_up_no_other(shop: Shop) -> None:
    """A consumer closes its channel while the claim is made: the others are redeemed."""
    channels = [shop.sell(PUT_IN, CHARGED + number) for number in range(3)]
    shop.shut(channels[1])
    redeemer = shop.redeemer()
    redeemer.turn()
    assert shop.unredeemed() == CHARGED + 1
    with pytest.raises(Concern, match="refused: 1"):
        redeemer.check()
    shop.look()
    shop.clock.advance(redeemers.RETRY_SECONDS)
    redeemer.turn()
    assert shop.unredeemed() == 0


def test_what_a_rollback_takes_back_is_redeemed_again(shop: Shop) -> None:
    shop.sell(PUT_IN, CHARGED)
    shop.shut(shop.sell(PUT_IN, CHARGED))
    for _ in range(4):
        shop.look()
    redeemer = shop.redeemer()
    before = shop.play.held(PROVIDER, None)
    redeemer.turn()
    assert shop.unredeemed() == 0
    shop.devnet.rollback(1, drop=True)
    shop.look()
    shop.look(LAG_MS / 1000)
    assert shop.unredeemed() == 2 * CHARGED
    redeemer.turn()
    assert shop.unredeemed() == 0
    assert shop.play.held(PROVIDER, None) - before == 2 * CHARGED - fees(shop)


def test_one_of_a_fleet_leads(shop: Shop) -> None:
    shop.sell(PUT_IN, CHARGED)
    first, second = shop.redeemer(), shop.redeemer()
    assert first.turn()
    assert not second.turn()
    shop.clock.advance(LEASE_SECONDS - 1)
    assert first.turn()
    shop.clock.advance(LEASE_SECONDS - 1)
    assert not second.turn()  # the first has worked since it was last asked
    shop.clock.advance(LEASE_SECONDS)
    assert second.turn()
    assert not first.turn()
    second.start()
    second.close()
    assert first.turn()
    assert [each.channel_id for each in shop.records]  # the lead is no record


def test_claims_over_a_token_keep_collateral(shop: Shop) -> None:
    """Each leaves its change with tokens, which is no collateral for the next."""
    channel = shop.sell(1_000, 100, currency=TEST_TOKEN)
    shop.devnet.fund(FEES.address, 20_000_000)
    redeemer = shop.redeemer(wallet=FEES, policies={asset_text(TEST_TOKEN): POLICY})
    for count in range(3):
        shop.charge(channel, 100 + 10 * count)
        redeemer.turn()
        assert shop.unredeemed() == 0
        shop.look()
    assert shop.play.held(FEES, TEST_TOKEN) == 120
    outputs = shop.devnet.outputs_at(FEES.address).values()
    assert [each.value.lovelace for each in outputs if not each.value.assets] == [
        COLLATERAL_LOVELACE
    ]


@pytest.mark.parametrize(("left", "why"), [(0, "for collateral"), (5_000_000, "the fee")])
def test_a_wallet_that_is_empty_says_what_it_needs(shop: Shop, left: int, why: str) -> None:
    shop.sell(1_000, 100, currency=TEST_TOKEN)
    if left:
        shop.devnet.fund(FEES.address, left)
    redeemer = shop.redeemer(wallet=FEES, policies={asset_text(TEST_TOKEN): POLICY})
    with pytest.raises(CannotPayFee, match=why):
        redeemer.turn()
    shop.devnet.fund(FEES.address, 10_000_000)
    redeemer.turn()
    assert shop.unredeemed() == 0


def test_a_little_is_collateral_where_there_is_no_more(shop: Shop) -> None:
    shop.shut(shop.sell(PUT_IN, 1_000))
    shop.look()
    shop.devnet.fund(FEES.address, 2_000_000)
    shop.redeemer(wallet=FEES).turn()
    assert shop.unredeemed() == 0


def test_a_claim_without_money_for_its_fee_holds_up_no_other(shop: Shop) -> None:
    """The other claim pays its own fee, and brings the money in."""
    shop.shut(shop.sell(1_000, 100, currency=TEST_TOKEN))
    shop.look()
    shop.sell(PUT_IN, CHARGED)
    shop.devnet.fund(FEES.address, COLLATERAL_LOVELACE)
    redeemer = shop.redeemer(wallet=FEES)
    with pytest.raises(CannotPayFee):
        redeemer.turn()
    assert shop.unredeemed() == 100
    shop.devnet.fund(FEES.address, 10_000_000)
    redeemer.turn()
    assert shop.unredeemed() == 0


def test_what_is_closed_while_claims_are_made_comes_next(shop: Shop) -> None:
    for number in range(2):
        shop.sell(PUT_IN, CHARGED + number)
    last = shop.sell(PUT_IN, CHARGED - 1)

    def close_it() -> None:
        shop.facilitator.after = lambda: None
        shop.shut(last)
        shop.look()

    shop.facilitator.after = close_it
    shop.redeemer(policies={"lovelace": ClaimPolicy(base=1, each=1, most_channels=1)}).turn()
    spent = [decode_transaction(raw).body.inputs for raw in shop.facilitator.sent]
    assert len(spent) == 3
    settled = shop.play.channel(decode_transaction(shop.facilitator.sent[1]).id)
    assert (settled.constants.tag, settled.datum.stage) == (last.constants.tag, Settled())


def refuse(_: Shop) -> Mapping[str, Any]:
    return {"success": False, "errorReason": "refused"}


def never_answer(_: Shop) -> Mapping[str, Any]:
    raise FacilitatorUnavailable("it is away")


def lie(_: Shop) -> Mapping[str, Any]:
    return {"success": True}


def never_know(_: Shop) -> Mapping[str, Any]:
    return {"success": False, "errorReason": "settlement_pending"}


@pytest.mark.parametrize("answer", [refuse, never_answer, lie, never_know])
def test_what_is_closed_is_settled_also_without_the_facilitator(
    shop: Shop, answer: Callable[[Shop], Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.shut(shop.sell(PUT_IN, CHARGED))
    shop.look()
    monkeypatch.setattr(shop.facilitator, "settle", lambda *_: answer(shop))
    before = shop.play.held(PROVIDER, None)
    redeemer = shop.redeemer()
    for _ in range(3):
        with suppress(FacilitatorUnavailable):
            redeemer.turn()
        shop.look()
    assert 0 < shop.play.held(PROVIDER, None) - before < CHARGED
    assert shop.unredeemed() == 0


def test_the_example_settles_what_is_closed(shop: Shop) -> None:
    """The notice of the close wakes its redeemer."""
    spec = importlib.util.spec_from_file_location("redeem_by_channel", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    ago = 60  # its first look leaves out what was seen within the last seconds
    shop.clock.advance(time.time() - ago - NOW)  # the example has the machine's clock
    shop.shut(shop.sell(PUT_IN, 1_000))
    shop.clock.advance(ago)
    shop.devnet.produce_block()
    references = {SCRIPT_HASH.hex(): shop.reference}
    close = module.redeem(shop.store, shop.devnet, PROVIDER, KEY, shop.facilitator, references)
    try:
        eventually(lambda: len(shop.facilitator.sent) == 1 and shop.unredeemed() == 0)
    finally:
        close()
