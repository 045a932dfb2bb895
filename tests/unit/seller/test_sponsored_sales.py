"""A wallet that holds a token and no spare ada buys over HTTP; the seller pays the fee."""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from facilitator.cardano.codec.dijkstra.any_era import decode_any_era
from facilitator.cardano.transaction import Value
from facilitator.client.errors import CannotPay
from facilitator.client.http import Client
from facilitator.client.purchase import NetworkSigner, Purchase, buy
from facilitator.client.requirements import Limits
from facilitator.client.signer import Signer
from facilitator.seller.pool import SponsorPool
from facilitator.seller.sponsor import FeeSponsor
from facilitator.seller.store import FREE, SPENT, SponsorStore
from facilitator.testing.payments import ALICE, Payer, request_body, requirements
from facilitator.testing.running import NETWORK, Running
from facilitator.testing.threads import together
from facilitator_devnet.encoding import with_minimum_lovelace
from facilitator_devnet.genesis import PARAMETERS, TEST_TOKEN
from facilitator_devnet.wallet import Wallet
from support.sponsored_shop import PAGE, SponsoredShop, encode

ADA = 1_000_000
PRICE = 2 * ADA
OFFERED = 3 * ADA // 2
ASSET = f"{TEST_TOKEN[:28].hex()}.{TEST_TOKEN[28:].hex()}"
SPONSOR, PAY_TO = Wallet("sponsor"), Wallet("till")


@pytest.fixture
def running(run: Callable[..., Running]) -> Running:
    return run(settlement__wait_seconds=0)


@pytest.fixture
def pool(running: Running, tmp_path: Path) -> SponsorPool:
    for _ in range(4):
        running.devnet.fund(SPONSOR.address, OFFERED)
    assert running.clock is not None
    store = SponsorStore(tmp_path / "sponsor.sqlite3")
    return SponsorPool(store, SPONSOR, running.devnet, running.clock)


TERMS = requirements(amount=PRICE, asset=TEST_TOKEN, pay_to=PAY_TO.address, confirmations=0)


@pytest.fixture
def shop(running: Running, pool: SponsorPool) -> Iterator[SponsoredShop]:
    sponsor = FeeSponsor(NETWORK, pool)
    with closing(SponsoredShop(running, sponsor, TERMS, running.next_block)) as shop:
        yield shop


def buyer(running: Running, name: str, tokens: int = 20 * ADA) -> Wallet:
    """A wallet with the token, and the least ada that it can travel with."""
    wallet = Wallet(name)
    value = with_minimum_lovelace(wallet.address, {TEST_TOKEN: tokens}, PARAMETERS)
    running.devnet.fund(wallet.address, value.lovelace, value.assets)
    return wallet


def purchase(running: Running, shop: SponsoredShop, wallet: Wallet, said: list[str]) -> Purchase:
    assert running.clock is not None
    signer = NetworkSigner(Signer(NETWORK, wallet, running.devnet, running.clock), None)
    limits = Limits([NETWORK], ASSET, PRICE)
    return buy(Client(shop.url, {}, None, 60.0), limits, lambda _: signer, said.append)


def held(running: Running, wallet: Wallet) -> Value:
    outputs = running.devnet.outputs_at(wallet.address).values()
    tokens = sum(output.value.assets.get(TEST_TOKEN, 0) for output in outputs)
    return Value(sum(o.value.lovelace for o in outputs), {TEST_TOKEN: tokens})


def fee_of(running: Running, transaction_id: str) -> int:
    claim = running.facilitator.storage.claim(transaction_id)
    assert claim is not None
    return decode_any_era(claim.transaction).body.fee


def test_the_buyers_ada_is_unchanged_and_the_seller_nets_the_price_less_the_fee(
    running: Running, shop: SponsoredShop, pool: SponsorPool
) -> None:
    wallet = buyer(running, "tokens only")
    before = {each: held(running, each) for each in (wallet, SPONSOR, PAY_TO)}
    fees = 0
    for number in range(1, 4):
        said: list[str] = []
        bought = purchase(running, shop, wallet, said)
        assert (bought.answer.status, bought.answer.body) == (200, PAGE), said
        assert "the server pays the fee" in said
        assert bought.transaction_id is not None
        fees += fee_of(running, bought.transaction_id)
        now = held(running, wallet)
        assert now.lovelace == before[wallet].lovelace
        assert now.assets[TEST_TOKEN] == before[wallet].assets[TEST_TOKEN] - number * PRICE
        running.clock.advance(30)  # type: ignore[union-attr]
    sellers = held(running, SPONSOR).lovelace + held(running, PAY_TO).lovelace
    assert sellers == before[SPONSOR].lovelace + before[PAY_TO].lovelace - fees
    assert held(running, PAY_TO).assets[TEST_TOKEN] == 3 * PRICE
    assert [each.state for each in pool.store.outputs()].count(FREE) == 1


def test_without_an_offer_such_a_wallet_cannot_pay(running: Running) -> None:
    wallet = buyer(running, "tokens only")
    assert running.clock is not None
    with pytest.raises(CannotPay, match="do not cover"):
        Signer(NETWORK, wallet, running.devnet, running.clock).sign(TERMS)


def test_one_that_ignores_the_offer_pays_the_plain_way(
    running: Running, shop: SponsoredShop, pool: SponsorPool
) -> None:
    terms = shop.sponsor.with_offer(TERMS)
    transaction = Payer(running, ALICE).transaction(terms)
    header = encode(request_body(transaction, terms)["paymentPayload"])
    assert shop.reply(header)[0] == "200 OK"
    assert {each.state for each in pool.store.outputs()} == {FREE}


def test_several_buyers_at_once_get_an_output_each(
    running: Running, shop: SponsoredShop, pool: SponsorPool
) -> None:
    wallets = [buyer(running, f"buyer {number}") for number in range(4)]
    signers = [Signer(NETWORK, each, running.devnet, running.clock) for each in wallets]  # type: ignore[arg-type]
    headers = [each.sign(shop.sponsor.with_offer(TERMS)).header for each in signers]
    answers = together([partial(shop.reply, header) for header in headers])
    assert [status for status, _, _ in answers] == ["200 OK"] * 4
    assert {each.state for each in pool.store.outputs()} == {SPENT}
    assert shop.sponsor.with_offer(TERMS) == TERMS
