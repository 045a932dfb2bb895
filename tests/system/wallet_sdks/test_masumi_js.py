"""Locks under Masumi's escrow whose every part is made by other people's libraries.

Canonical JSON, the identifier and the seller's signature by those that sellers and wallets use, the
datum and the transaction by Lucid.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from facilitator.testing.http import call
from facilitator_devnet.genesis import TEST_TOKEN
from support.masumi import COLLATERAL, ESCROW, SELLER
from support.process import ServeProcess
from wallet_sdks.open_devnet import OpenDevnet
from wallet_sdks.program import Program

PROJECT = Path(__file__).parent / "masumi_js"
TOKEN = f"{TEST_TOKEN[:28].hex()}.{TEST_TOKEN[28:].hex()}"


def asked(facilitator: ServeProcess, path: str, body: object) -> dict[str, Any]:
    assert facilitator.port
    status, answer = call(facilitator.port, "POST", path, body)
    assert status == 200, answer
    return dict(answer)


def test_an_offer_and_a_lock_by_other_libraries(
    facilitator: ServeProcess, devnet: OpenDevnet, program: Callable[[Path], Program]
) -> None:
    javascript = program(PROJECT)
    payer = javascript.run("lock.mjs", "address")
    devnet.fund(payer, 100_000_000, {TEST_TOKEN.hex(): 5_000_000})
    seller = (SELLER.bech32, SELLER.address.hex(), bytes(SELLER.payment_key).hex())
    for asset, amount, collateral in (("lovelace", 6_000_000, 0), (TOKEN, 1_500_000, COLLATERAL)):
        offered = javascript.run("offer.mjs", *seller, ESCROW, str(amount), asset)
        requirements = json.loads(offered)
        payload = json.loads(javascript.run("lock.mjs", offered, str(collateral)))
        body = {
            "x402Version": 2,
            "paymentPayload": {"x402Version": 2, "accepted": requirements, "payload": payload},
            "paymentRequirements": requirements,
        }
        assert asked(facilitator, "/verify", body) == {"isValid": True, "payer": payer}
        receipt = asked(facilitator, "/settle", body)
        assert receipt["success"] is True, receipt
        assert receipt["extra"]["status"] == "confirmed"
