"""x402 payments into a script and out of it again, over HTTP, settled on the devnet."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import Spent
from facilitator.testing.payments import MERCHANT, request_body, requirements
from facilitator.testing.running import Running
from support.script_spends import (
    ALICE,
    BAD,
    FEE,
    GOOD,
    OLD,
    SPEND,
    V2,
    Script,
    Spend,
    held,
    lovelace_at,
    output,
)

AMOUNT, DATUM = 3_000_000, [1, b"order"]
BOTH = pytest.mark.parametrize(
    ("script", "kind"), [(GOOD, "plutusV3"), (OLD[V2], "plutusV2")], ids=["v3", "v2"]
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for all, since its processes take a while to get ready for scripts."""
    pytest.importorskip("uplc", reason="the extra [plutus] is not installed")
    settings = {"FACILITATOR_SETTLEMENT__WAIT_SECONDS": "0"}
    with closing(Running(tmp_path_factory.mktemp("scripts"), settings=settings)) as started:
        yield started


def settle(running: Running, body: dict[str, Any]) -> OutputRef:
    """Settle it through to one confirmation; return its first output's reference."""
    assert running.verify(body) == {"isValid": True, "payer": ALICE.bech32}
    assert running.settle(body)["errorReason"] == "settlement_pending"
    running.next_block()
    running.next_block()
    answer = running.settle_until(body, lambda answer: bool(answer["success"]))
    return OutputRef(bytes.fromhex(answer["transaction"]), 0)


def terms(script: Script, kind: str) -> dict[str, Any]:
    return {
        **requirements(amount=AMOUNT, pay_to=script.address),
        "payTo": format_address(script.address),
        "extra": {
            "assetTransferMethod": "script",
            "script": {"type": kind, "code": script.code.hex()},
            "datum": "8201456f72646572",
        },
    }


def into(running: Running, script: Script) -> Spend:
    """ALICE pays the script."""
    ref = held(running.devnet)[0]
    change = lovelace_at(running.devnet, ref) - AMOUNT - FEE
    made = [output(script.address, AMOUNT, datum=DATUM), output(ALICE.address, change)]
    return Spend([ref], made, more={3: running.slot + 300})


def out_of(running: Running, locked: OutputRef, script: Script, data: Any = DATUM) -> Spend:
    """ALICE pays the merchant what the script holds, and the fee from an output of hers."""
    own = held(running.devnet)[0]
    change = lovelace_at(running.devnet, own) - FEE
    return Spend(
        [own, locked],
        [output(MERCHANT.address, AMOUNT), output(ALICE.address, change)],
        scripts=[script],
        redeemers={(SPEND, sorted([own, locked]).index(locked)): data},
        collateral=held(running.devnet)[-1:],
        more={3: running.slot + 300},
    )


@BOTH
def test_money_goes_into_a_script_and_out_again(
    running: Running, script: Script, kind: str
) -> None:
    asked = terms(script, kind)
    locked = settle(running, request_body(into(running, script).raw, asked))
    spend = out_of(running, locked, script)
    onward = requirements(amount=AMOUNT)
    paid = settle(running, request_body(spend.raw, onward, spend.inputs[0]))
    assert lovelace_at(running.devnet, paid) == AMOUNT
    taken = Spent(paid.transaction_id.hex())
    assert running.devnet.outputs([locked]) == {locked: taken}


def test_what_its_script_refuses_is_not_settled(running: Running) -> None:
    asked = terms(BAD, "plutusV3")
    locked = settle(running, request_body(into(running, BAD).raw, asked))
    spend = out_of(running, locked, BAD)
    refused = running.verify(request_body(spend.raw, requirements(amount=AMOUNT), spend.inputs[0]))
    assert refused["invalidReason"] == "invalid_exact_cardano_payload_phase2_invalid"
    assert running.devnet.outputs_at(BAD.address)
