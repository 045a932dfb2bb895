"""The example sells its page by channel, over Flask."""

import base64
import importlib.util
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from facilitator.testing.clock import ManualClock
from facilitator_channels.seller import Seller
from facilitator_channels.seller.stores.sqlite import SqliteStore
from support.modelled_channels import (
    NETWORK,
    PROVIDER,
    Consumer,
    ModelChain,
    ModelFacilitator,
    open_tx,
    requirements,
)

SHOP = Path(__file__).parents[4] / "examples" / "sell-by-channel" / "shop.py"
PRICE = 1_000


@pytest.fixture
def module() -> Any:
    spec = importlib.util.spec_from_file_location("sell_by_channel", SHOP)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def facilitator() -> ModelFacilitator:
    return ModelFacilitator(ModelChain(ManualClock(1_800_000_000)))


@pytest.fixture
def browser(module: Any, facilitator: ModelFacilitator, tmp_path: Path) -> Iterator[FlaskClient]:
    with closing(SqliteStore(str(tmp_path / "channels.db"))) as store:
        seller = Seller(store, facilitator, key=PROVIDER, clock=facilitator.chain.clock)
        with closing(seller):
            yield module.shop(seller, requirements(PRICE)).test_client()


def get(browser: FlaskClient, payment: Mapping[str, Any] | None = None) -> tuple[int, Any, Any]:
    """Status, page, and the payment header of the answer."""
    headers = {}
    if payment is not None:
        headers["PAYMENT-SIGNATURE"] = base64.b64encode(json.dumps(payment).encode()).decode()
    answer = browser.get("/forecast", headers=headers)
    name = "PAYMENT-RESPONSE" if answer.status_code == 200 else "PAYMENT-REQUIRED"
    return answer.status_code, answer.get_json(force=True), json.loads(
        base64.b64decode(answer.headers[name])
    )  # fmt: skip


def test_a_page_is_bought_by_channel(browser: FlaskClient, facilitator: ModelFacilitator) -> None:
    status, _, required = get(browser)
    assert status == 402
    assert required["accepts"] == [requirements(PRICE)]

    payer, chain = Consumer(1), facilitator.chain
    tx = open_tx(chain, payer, 100_000)
    facilitator.txs[tx.id] = tx
    status, page, receipt = get(browser, payer.deposit(tx, 100_000, PRICE))
    assert (status, page) == (200, {"forecast": "sunny, 24 degrees"})
    ref = receipt["extra"]["channelState"]["channelRef"]

    voucher = payer.payment("voucher", 2 * PRICE, ref)
    first = get(browser, voucher)
    assert first[0] == 200
    assert first[2]["extra"]["channelState"]["chargedCumulativeAmount"] == "2000"
    assert get(browser, voucher) == first

    status, _, required = get(browser, payer.payment("voucher", 9 * PRICE, ref))
    assert status == 402
    assert required["error"].endswith("cumulative_amount_mismatch")
    assert required["accepts"][0]["extra"]["voucherState"]["signedMaxClaimable"] == "2000"
    assert facilitator.calls == ["verify", "settle"]


def test_its_offer_is_one_that_channels_can_pay(module: Any) -> None:
    asked = requirements(PRICE)
    offer = module.offer(asked["payTo"], asked["extra"]["scriptHash"], PROVIDER)
    assert offer["network"] == NETWORK
    assert offer["extra"]["receiverAuthorizer"] == PROVIDER.key_hash.hex()


@pytest.mark.parametrize("header", ["", "no base64!", base64.b64encode(b"no JSON").decode()])
def test_what_is_no_payment_is_asked_to_pay(browser: FlaskClient, header: str) -> None:
    answer = browser.get("/forecast", headers={"PAYMENT-SIGNATURE": header})
    assert answer.status_code == 402
