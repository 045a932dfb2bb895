"""The demo of channels: its steps, and the check of every figure against the chain."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from facilitator.cardano.amounts import ada
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.phase2.evaluator import NOT_INSTALLED
from facilitator.cardano.transaction import Value
from facilitator.plugin import FacilitatorError, Paid
from facilitator_channels.demo.browser import Browser
from facilitator_channels.demo.narrator import Narrator
from facilitator_channels.demo.shop import PATH, ChannelShop
from facilitator_channels.paying.finding import list_channels
from facilitator_channels.paying.means import Means
from facilitator_channels.paying.messages import read_success
from facilitator_channels.reserve import held
from facilitator_channels.transactions.complete import complete
from facilitator_channels.transactions.plan import Plan
from facilitator_channels.transactions.wire import NewOutput

PRICE = 1_000
"""Lovelace for each request."""


class DemoFailed(FacilitatorError):
    """Something is not as it must be; the text says what."""


class Figures(NamedTuple):
    """The amounts in lovelace."""

    charged: int
    claimed: int
    refunded: int
    opening_fee: int
    claim_fee: int
    refund_fee: int
    exact_fee: int
    """The fee of one payment by ``exact``."""
    exact_least: int
    """The least amount that such a payment may carry."""

    @property
    def fees(self) -> int:
        """All fees of the channel."""
        return self.opening_fee + self.claim_fee + self.refund_fee


def run_demo(
    narrator: Narrator, facilitator: str, buyer: Means, seller: Means, requests: int
) -> None:
    """Buy so many pages by one channel. ``facilitator`` is a URL, its chain that of the means.

    Raises :class:`DemoFailed` and other :class:`~facilitator.plugin.FacilitatorError`.
    """
    if find_spec("uplc") is None:
        raise DemoFailed(f"claims and refunds run scripts, and {NOT_INSTALLED}")
    _require(requests > 1, "it takes two requests or more")
    with _parties(facilitator, buyer, seller, _deposit(requests)) as (browser, shop):
        narrator.begin(requests, ada(PRICE))
        _Story(narrator, browser, shop, buyer, seller, requests).run()


@contextmanager
def _parties(
    facilitator: str, buyer: Means, seller: Means, deposit: int
) -> Iterator[tuple[Browser, ChannelShop]]:
    with TemporaryDirectory(prefix="x402-demo-") as name:
        folder = Path(name)
        shop = ChannelShop(facilitator, seller, PRICE, folder)
        browser = Browser(shop.address, buyer, deposit, folder)
        try:
            yield browser, shop
        finally:
            browser.close()
            shop.close()


class _Story:
    def __init__(
        self,
        narrator: Narrator,
        browser: Browser,
        shop: ChannelShop,
        buyer: Means,
        seller: Means,
        requests: int,
    ) -> None:
        self._narrator = narrator
        self._browser = browser
        self._shop = shop
        self._buyer = buyer
        self._seller = seller
        self._requests = requests

    def run(self) -> None:
        buyers, sellers = self._lovelace(self._buyer), self._lovelace(self._seller)
        put_in = self._open()
        kept = self._lovelace(self._buyer)
        charged = self._buy()
        claimed, claim_fee = self._claim()
        self._refund()
        refunded = self._lovelace(self._buyer) - kept
        opening_fee, refund_fee = map(_fee, self._browser.transactions)
        fees = opening_fee, claim_fee, refund_fee
        self._show(Figures(charged, claimed, refunded, *fees, *self._price_exact()), put_in)
        _require(charged == self._requests * PRICE, f"{charged} lovelace were charged")
        _require(claimed == charged, f"{claimed} lovelace were claimed, and {charged} charged")
        _require(
            buyers - self._lovelace(self._buyer) == charged + opening_fee + refund_fee,
            "the buyer has paid something else than what was charged, and the fees",
        )
        _require(
            self._lovelace(self._seller) - sellers == claimed - claim_fee,
            "the seller has not got what was claimed, less the fee",
        )
        self._narrator.end()

    def _open(self) -> int:
        """Return the lovelace that the channel holds."""
        self._narrator.step("The client opens a channel, and pays the first request by it")
        self._browser.ask()
        paid = self._page(self._browser.buy())
        (channel,) = list_channels(self._buyer)
        put_in = held(channel.output, channel.constants)
        reserve = put_in - _deposit(self._requests)
        facts = {
            "puts in": f"{ada(put_in)}, of which {ada(reserve)} come back in any case",
            "transaction": str(paid.transaction_id),
        }
        self._narrator.exchanged(f"GET {PATH}, with a deposit", "200 OK", facts)
        return put_in

    def _buy(self) -> int:
        """Return what the seller has charged, all together."""
        left = self._requests - 1
        self._narrator.step(f"It asks {left} times more; each time it signs for all so far")
        began = time.monotonic()
        for _ in range(left):
            paid = self._page(self._browser.buy())
        seconds = time.monotonic() - began
        extra = read_success(paid.presented) or {}
        charged = int(extra["channelState"]["chargedCumulativeAmount"])
        facts = {
            "charged so far": ada(charged),
            "took": f"{seconds:.1f} seconds, with nothing sent to the chain or the facilitator",
        }
        self._narrator.exchanged(f"GET {PATH}, with a voucher", "200 OK", facts)
        return charged

    def _claim(self) -> tuple[int, int]:
        """Return the lovelace that was claimed, and the fee."""
        self._narrator.step("The seller redeems the last voucher, which is for all of them")
        claim = self._shop.redeem()
        (channel,) = list_channels(self._buyer)
        facts = {"claimed": ada(channel.subbed), "transaction": claim.transaction_id}
        self._narrator.exchanged("POST /settle, with a claim", "200 OK", facts)
        return channel.subbed, _fee(claim.transaction)

    def _refund(self) -> None:
        self._narrator.step("The client takes the rest back; both sign")
        paid = self._browser.take_back()
        refused = f"the refund was refused: {paid.presented.refusal}"
        _require(paid.presented.answer.status == 200, refused)
        _require(not list(list_channels(self._buyer)), "the channel is still there")
        facts = {"outcome": paid.summary, "transaction": str(paid.transaction_id)}
        self._narrator.exchanged(f"GET {PATH}, with a refund", "200 OK", facts)

    def _price_exact(self) -> tuple[int, int]:
        """Return the fee of a payment by ``exact``, and the least amount that it may carry."""
        ledger = self._buyer.ledger()
        empty = NewOutput(self._seller.wallet.address, Value(0, {}))
        least = empty._replace(value=Value(10**6, {})).minimum(
            ledger.parameters.coins_per_utxo_byte
        )
        paying = empty._replace(value=Value(least, {}))
        plan = Plan({}, (paying,), valid_until=self._buyer.until(ledger))
        unsigned = complete(plan, self._buyer.purse(), ledger)
        return _fee(self._buyer.sign(unsigned)), least

    def _show(self, figures: Figures, put_in: int) -> None:
        each, exact = figures.fees / self._requests, figures.exact_fee * self._requests
        self._narrator.step("What it came to")
        rows = [
            ("charged", ada(figures.charged), f"{self._requests:,} requests"),
            ("claimed", ada(figures.claimed), "by one transaction"),
            ("refunded", ada(figures.refunded), f"of {ada(put_in)} put in"),
            (
                "fees",
                ada(figures.fees),
                f"opening {figures.opening_fee:,}, claim {figures.claim_fee:,}, refund"
                f" {figures.refund_fee:,}",
            ),
            ("a request", f"{each:,.0f} lovelace", f"in fees, at a price of {PRICE:,}"),
            ("by exact", ada(exact), f"in fees, and no payment below {ada(figures.exact_least)}"),
        ]
        self._narrator.figures(rows, fees=figures.fees, exactFees=exact, **figures._asdict())

    def _page(self, paid: Paid) -> Paid:
        refusal = f"the page was refused: {paid.presented.refusal}"
        _require(paid.presented.answer.status == 200, refusal)
        return paid

    def _lovelace(self, means: Means) -> int:
        outputs = means.chain.outputs_at(means.wallet.address).values()
        return sum(output.value.lovelace for output in outputs)


def _deposit(requests: int) -> int:
    """Return the lovelace that the channel can pay: twice what is bought."""
    return 2 * requests * PRICE


def _fee(transaction: bytes) -> int:
    return decode_transaction(transaction).body.fee


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise DemoFailed(otherwise)
