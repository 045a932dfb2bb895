"""The wallets of ``examples/pay-with-javascript`` pay through the facilitator, run as they are."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from facilitator.testing.payments import MERCHANT, requirements
from facilitator_devnet.genesis import TEST_TOKEN
from support.process import ServeProcess
from wallet_sdks.open_devnet import OpenDevnet
from wallet_sdks.program import Program
from wallet_sdks.shop import Sale, Shop

EXAMPLE = Path(__file__).parents[3] / "examples" / "pay-with-javascript"
SENT = 3_000_000
HELD = 900_000


@pytest.fixture
def shop(facilitator: ServeProcess) -> Iterator[Shop]:
    terms = {"/ada": requirements(), "/token": requirements(asset=TEST_TOKEN, amount=HELD)}
    more_than_it_has = requirements(asset=TEST_TOKEN, amount=HELD + 1)
    shop = Shop(facilitator.port, terms, {"/ada": more_than_it_has})
    yield shop
    shop.close()


def check(sale: Sale, payer: str) -> None:
    """It was found valid, and was settled."""
    assert sale.verdict == {"isValid": True, "payer": payer}
    assert sale.receipt["success"] is True, sale.receipt
    assert sale.receipt["transaction"] == sale.transaction.id.hex()
    assert sale.receipt["extra"]["status"] == "confirmed"


def inputs(sale: Sale) -> list[str]:
    return [str(ref) for ref in sale.transaction.body.inputs]


@pytest.mark.parametrize("sdk", ["lucid", "mesh"])
def test_a_wallet_pays(
    sdk: str, devnet: OpenDevnet, shop: Shop, program: Callable[[Path], Program]
) -> None:
    """In ada, by itself, and in a token, each time from the change of the time before.

    The first offer is one in a token of which it has too little. One pays by axios, too.
    """
    wallet = program(EXAMPLE)
    payer = wallet.run("wallet.mjs", sdk, "address")
    funds = devnet.fund(payer, 100_000_000, {TEST_TOKEN.hex(): HELD})

    bought = wallet.run("wallet.mjs", sdk, "buy", f"{shop.url}/ada")
    (ada,) = shop.sales
    check(ada, payer)
    assert inputs(ada) == [funds]
    assert json.loads(bought) == ada.receipt

    sent = wallet.run("wallet.mjs", sdk, "send", MERCHANT.bech32, str(SENT))
    found = devnet.get(f"/txs/{sent}/utxos")
    (spent,) = found["inputs"]
    assert (spent["tx_hash"], spent["output_index"]) == (ada.transaction.id.hex(), 1)
    assert found["outputs"][0]["amount"] == [{"unit": "lovelace", "quantity": str(SENT)}]

    by = {"lucid": [], "mesh": ["axios"]}[sdk]
    wallet.run("wallet.mjs", sdk, "buy", f"{shop.url}/token", *by)
    _, token = shop.sales
    check(token, payer)
    assert inputs(token) == [f"{sent}#1"]
