"""A wallet that holds only a token pays by a channel, whose fees and reserve the seller pays."""

import base64
import copy
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from facilitator.cardano.codec.dijkstra.any_era import decode_any_era
from facilitator.cardano.codec.merging import add_vkey_witnesses
from facilitator.cardano.transaction import Value, VKeyWitness
from facilitator.client.http import Client
from facilitator.client.purchase import Offered, Purchase, Show, buy_by
from facilitator.client.requirements import Limits
from facilitator.plugin import CannotPay, PayOrder, SystemClock
from facilitator.seller.pool import SponsorPool
from facilitator.seller.store import FREE, SponsorStore
from facilitator.testing.payments import ALICE
from facilitator.testing.pytest_plugin import RunFacilitator
from facilitator.testing.running import NETWORK, Running
from facilitator.testing.waiting import eventually
from facilitator_channels.paying.book import Book
from facilitator_channels.paying.entry import Entry
from facilitator_channels.paying.means import Means
from facilitator_channels.paying.payer import ChannelPayer
from facilitator_channels.paying.withdrawing import withdraw
from facilitator_channels.seller import (
    CHANNEL_POOL,
    ChannelSponsor,
    ClaimPolicy,
    HttpFacilitator,
    Refusal,
    Seller,
    choose,
    redeem,
)
from facilitator_channels.seller.building import ClaimBuilder
from facilitator_channels.seller.stores.memory import MemoryStore
from facilitator_channels.validator import SCRIPT_HASH
from facilitator_devnet.encoding import with_minimum_lovelace
from facilitator_devnet.genesis import PARAMETERS, TEST_TOKEN
from facilitator_devnet.wallet import Wallet, key_hash
from support.channel_shop import KEY, PAGE, SELLER, channel_shop, channels_on, load_shop
from support.channels import asset_text

PRICE, OFFERED = 1_000, 4_000_000
ASSET = asset_text(TEST_TOKEN)
SPONSOR, TILL = Wallet("sponsor of channels"), Wallet("till of channels")


class SponsoredChannelShop:
    """The example shop for the token, with a sponsor; and a buyer with nothing but the token."""

    def __init__(self, running: Running, folder: Path, buyer: Wallet) -> None:
        self.running, self.folder, self.buyer = running, folder, buyer
        clock = SystemClock()
        store = SponsorStore(folder / "sponsor.sqlite3")
        self.pool = SponsorPool(store, SPONSOR, running.devnet, clock, CHANNEL_POOL)
        sponsor = ChannelSponsor(NETWORK, self.pool)
        self.seller = Seller(MemoryStore(), HttpFacilitator(running.url), key=KEY, sponsor=sponsor)
        module = load_shop()
        self.requirements: dict[str, Any] = {
            **module.offer(TILL.bech32, SCRIPT_HASH.hex(), KEY),
            "asset": ASSET,
            "amount": str(PRICE),
            "maxTimeoutSeconds": 300,
        }
        del self.requirements["extra"]["minDeposit"]
        self.server = make_server(
            "127.0.0.1", 0, module.shop(self.seller, self.requirements), threaded=True
        )
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()
        self.said: list[str] = []
        self.chain = copy.copy(running.devnet)
        self.chain.is_devnet = False  # the payer takes it for a network

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        self.seller.close()

    def pay(self, deposit: int | None = None, *, takes_back: bool = False) -> Purchase:
        def order_on(offered: Offered, show: Show) -> PayOrder:
            return PayOrder(
                "http://shop", NETWORK, offered.requirements, self.buyer, self.chain,
                SystemClock(), show, self.said.append, self.folder, deposit, show,
            )  # fmt: skip

        client = Client(f"http://127.0.0.1:{self.server.server_port}/forecast", {}, None, 60.0)
        limits = Limits([NETWORK], ASSET, PRICE, "batch-settlement")
        payer = ChannelPayer(durable=False)
        self.said.clear()
        return buy_by(payer, client, limits, order_on, self.said.append, takes_back=takes_back)

    def buy(self, deposit: int | None = None) -> Purchase:
        bought = self.pay(deposit)
        assert bought.answer.status == 200, (self.said, bought.refusal)
        assert json.loads(bought.answer.body) == PAGE
        return bought

    def held(self, wallet: Wallet) -> Value:
        outputs = self.running.devnet.outputs_at(wallet.address).values()
        tokens = sum(output.value.assets.get(TEST_TOKEN, 0) for output in outputs)
        return Value(sum(o.value.lovelace for o in outputs), {TEST_TOKEN: tokens})

    def sellers_ada(self) -> int:
        return self.held(SPONSOR).lovelace + self.held(TILL).lovelace

    def claim(self) -> None:
        (batch,) = choose(self.seller.records, {ASSET: ClaimPolicy(base=0, each=1)}, 0)
        build = ClaimBuilder(self.running.devnet, SELLER, KEY).build
        facilitator = HttpFacilitator(self.running.url)
        answer = redeem(self.seller.records, facilitator, batch, build, round(time.time() * 1000))
        assert answer is not None
        assert answer["success"], answer


@pytest.fixture
def buyer() -> Wallet:
    return Wallet("buyer by channel")


@pytest.fixture
def shop(
    run_facilitator: RunFacilitator, tmp_path: Path, buyer: Wallet
) -> Iterator[SponsoredChannelShop]:
    running = run_facilitator(
        plugins="devnet,memory,channels", real_time=True, devnet__block_seconds="0.2"
    )
    for _ in range(3):
        running.devnet.fund(SPONSOR.address, OFFERED)
    value = with_minimum_lovelace(buyer.address, {TEST_TOKEN: 1_000_000}, PARAMETERS)
    running.devnet.fund(buyer.address, value.lovelace, value.assets)
    with closing(SponsoredChannelShop(running, tmp_path, buyer)) as shop:
        yield shop


def book_of(shop: SponsoredChannelShop) -> Book:
    return Book(shop.folder, NETWORK, key_hash(shop.buyer.payment_key))


def entry_of(shop: SponsoredChannelShop) -> Entry:
    (entry,) = book_of(shop).entries()
    return entry


def fee_of(running: Running, transaction_id: str | None) -> int:
    claim = running.facilitator.storage.claim(transaction_id or "")
    assert claim is not None
    return decode_any_era(claim.transaction).body.fee


def test_a_wallet_without_spare_ada_opens_a_channel_and_pays_twenty_requests(
    shop: SponsoredChannelShop, buyer: Wallet
) -> None:
    before, sellers = shop.held(buyer), shop.sellers_ada()
    opened = shop.buy(deposit=20 * PRICE)
    assert "the seller pays the fee and the reserve" in shop.said
    for _ in range(19):
        assert shop.buy().transaction_id is None
    (channel,) = channels_on(shop.running)
    after = shop.held(buyer)
    assert after.lovelace == before.lovelace
    assert after.assets[TEST_TOKEN] == before.assets[TEST_TOKEN] - 20 * PRICE
    reserve = channel.reserve(PARAMETERS.coins_per_utxo_byte)
    assert channel.output.value.lovelace == reserve
    fee = fee_of(shop.running, opened.transaction_id)
    assert shop.sellers_ada() == sellers - reserve - fee
    assert [each.state for each in shop.pool.store.outputs()].count(FREE) == 2
    (record,) = shop.seller.records
    assert record.is_sponsored
    assert record.charged == entry_of(shop).channel.count == 20 * PRICE


def test_the_seller_gets_its_reserve_back_in_the_end(
    shop: SponsoredChannelShop, buyer: Wallet
) -> None:
    """Opened, topped up, claimed from and refunded: the buyer gave the price and nothing else."""
    pytest.importorskip("uplc", reason="the extra [plutus] is not installed")
    before, sellers = shop.held(buyer), shop.sellers_ada()
    steps = [shop.buy(deposit=PRICE), shop.buy(deposit=5 * PRICE)]
    assert "the seller pays the fee" in shop.said
    assert shop.held(buyer).lovelace == before.lovelace
    shop.claim()
    steps.append(shop.pay(takes_back=True))
    assert steps[-1].answer.status == 200, (shop.said, steps[-1].refusal)
    assert steps[-1].summary.startswith("4,000 units")
    assert channels_on(shop.running) == []
    assert [each.state for each in shop.pool.store.outputs()].count(FREE) == 1  # the collateral
    after = shop.held(buyer)
    assert after.lovelace == before.lovelace
    assert after.assets[TEST_TOKEN] == before.assets[TEST_TOKEN] - 2 * PRICE
    fees = sum(fee_of(shop.running, each.transaction_id) for each in steps)
    assert shop.sellers_ada() == sellers - fees


def test_the_command_uses_the_offer(
    run_facilitator: RunFacilitator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    running = run_facilitator(
        plugins="devnet,memory,channels", real_time=True, devnet__block_seconds="0.2"
    )
    running.devnet.fund(SPONSOR.address, OFFERED)
    store = SponsorStore(tmp_path / "sponsor.sqlite3")
    pool = SponsorPool(store, SPONSOR, running.devnet, SystemClock(), CHANNEL_POOL)
    sponsor = ChannelSponsor(NETWORK, pool)
    before = running.devnet.outputs_at(ALICE.address).values()
    with channel_shop(running, tmp_path, monkeypatch, capfd, sponsor) as shop:
        shop.requirements |= {"asset": ASSET, "maxTimeoutSeconds": 300}
        del shop.requirements["extra"]["minDeposit"]
        assert "the seller pays the fee and the reserve" in shop.buy("--asset", ASSET)
        assert "paid 1,000 units" in shop.buy("--asset", ASSET)
    after = running.devnet.outputs_at(ALICE.address).values()
    assert sum(o.value.lovelace for o in after) == sum(o.value.lovelace for o in before)


def test_an_offer_that_another_has_taken_is_replaced(
    shop: SponsoredChannelShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second opening spends the same output of the buyer's: only one of both can land."""
    before, taken = shop.seller.before, list[str]()

    def take_first(payment: Any, requirements: Any) -> Any:
        if not taken and payment:
            offer = payment["accepted"]["extra"]["feeSponsor"]
            taken.append(offer["input"])
            assert shop.pool.store.bind(offer["input"], "ab" * 32, offer, 2**62)
        return before(payment, requirements)

    monkeypatch.setattr(shop.seller, "before", take_first)
    shop.buy(deposit=5 * PRICE)
    (channel,) = channels_on(shop.running)
    entry = entry_of(shop)
    assert entry.id == channel.constants.tag.hex()
    assert entry.offer is not None
    assert entry.offer["input"] not in taken
    assert entry.signed == PRICE


def _land_one_of_many(shop: SponsoredChannelShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the seller take each offer back, and land the last opening but one."""
    before, sent = shop.seller.before, list[bytes]()

    def refuse(payment: Any, _: Any) -> Refusal:
        sent.append(base64.b64decode(payment["payload"]["deposit"]["transaction"]))
        return Refusal("fee_sponsor_taken", "")

    monkeypatch.setattr(shop.seller, "before", refuse)
    assert shop.pay(5 * PRICE).refusal == "fee_sponsor_taken"
    early = decode_any_era(sent[-2])
    assert entry_of(shop).opening == sent[-1] != sent[-2]
    shop.running.devnet.submit(add_vkey_witnesses(early, [VKeyWitness(*SPONSOR.sign(early.id))]))
    eventually(lambda: bool(channels_on(shop.running)))
    monkeypatch.setattr(shop.seller, "before", before)


def test_a_replaced_opening_that_lands_all_the_same_is_paid_from(
    shop: SponsoredChannelShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if others have put so much at the validator that a provider does not list it."""
    _land_one_of_many(shop, monkeypatch)
    monkeypatch.setattr("facilitator_channels.paying.page_channels.list_channels", lambda _: ())
    shop.buy()
    (channel,) = channels_on(shop.running)
    assert entry_of(shop).anchor == channel.ref
    assert len(channels_on(shop.running)) == 1


def test_a_replaced_opening_that_lands_all_the_same_is_withdrawn(
    shop: SponsoredChannelShop, buyer: Wallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("uplc", reason="the extra [plutus] is not installed")
    _land_one_of_many(shop, monkeypatch)
    shop.running.devnet.fund(buyer.address, 10_000_000)
    means = Means(NETWORK, buyer, shop.chain, SystemClock())
    with book_of(shop).locked(shop.said.append):
        found = withdraw(book_of(shop), means, entry_of(shop).id, None)
    assert "closed once this has landed" in found.sentence


def test_an_opening_in_doubt_is_sent_again_under_its_own_offer(
    shop: SponsoredChannelShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facilitator.client.presenting.PAUSE_SECONDS", 0)
    answer: Any = shop.server.app

    def fail(environ: Any, start: Any) -> Any:
        if "HTTP_PAYMENT_SIGNATURE" not in environ:
            return answer(environ, start)
        start("503 Service Unavailable", [])
        return [b""]

    shop.server.app = fail
    assert shop.pay(5 * PRICE).answer.status == 503
    first = entry_of(shop)
    shop.server.app = answer
    shop.buy()
    assert "the opening is in doubt: sending it again" in shop.said
    assert entry_of(shop).anchor == first.anchor
    assert len(channels_on(shop.running)) == 1


def test_an_opening_by_an_offer_ends_within_ten_minutes(
    shop: SponsoredChannelShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A seller that allows more time could keep the opening, and land it when it likes."""
    monkeypatch.setattr("facilitator.client.presenting.PAUSE_SECONDS", 0)
    shop.requirements["maxTimeoutSeconds"] = shop.requirements["extra"]["withdrawDelay"]
    monkeypatch.setattr(shop.seller, "before", lambda *_: Refusal("fee_sponsor_taken", ""))
    offered = shop.seller.offered(shop.requirements)
    monkeypatch.setattr(shop.seller, "offered", lambda _: offered)
    assert shop.pay(5 * PRICE).refusal == "fee_sponsor_taken"
    end = decode_any_era(entry_of(shop).opening).body.invalid_hereafter
    assert end is not None
    assert shop.chain.eras().start_ms(end) <= (SystemClock().time() + 600) * 1000


def test_offers_that_are_not_what_they_say_are_not_used(
    shop: SponsoredChannelShop, buyer: Wallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C1, C2 and C6: a seller may name an output of the buyer's, which would give it away."""
    own = str(next(iter(shop.running.devnet.outputs_at(buyer.address))))
    offered = shop.seller.offered
    cases = (
        ({"input": own}, "it belongs to this wallet"),
        ({"lovelace": "4000001"}, "holds another amount than the offer says"),
        ({"address": TILL.bech32}, "is at another address than the offer says"),
        ({"expiresAt": "1"}, "it has expired"),
        ({"input": "ab" * 32 + "#0"}, "does not have"),
        ({"maxFee": "1000"}, "at most 1000 are offered"),
        ({"maxFee": 5}, "must be a string"),
    )
    for changes, why in cases:

        def lie(requirements: Any, changes: Any = changes) -> Any:
            made = offered(requirements)
            made["extra"]["feeSponsor"] |= changes
            return made

        monkeypatch.setattr(shop.seller, "offered", lie)
        with pytest.raises(CannotPay, match="no channel can be opened"):
            shop.pay(5 * PRICE)
        assert why in "\n".join(shop.said)
    assert book_of(shop).entries() == []


def test_the_refusal_is_told_where_nothing_else_can_be_tried(
    shop: SponsoredChannelShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An opening was shown to the seller: it is not as if nothing had happened."""

    def refuse(*_: object) -> Refusal:
        monkeypatch.setattr(shop.seller, "offered", dict)
        return Refusal("fee_sponsor_taken", "")

    monkeypatch.setattr(shop.seller, "before", refuse)
    assert shop.pay(5 * PRICE).refusal == "fee_sponsor_taken"
    assert "no channel can be opened" in shop.said[-1]


def test_without_an_offer_a_sponsored_channel_is_not_ended(
    shop: SponsoredChannelShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.buy(deposit=5 * PRICE)
    monkeypatch.setattr(shop.seller, "offered", dict)
    with pytest.raises(CannotPay, match="the seller has paid the reserve of this channel"):
        shop.pay(takes_back=True)
