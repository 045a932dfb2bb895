"""``facilitator payments reconcile`` finds planted faults, exactly those, and says what it cannot
know."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from facilitator.roles.payment_ledger import PaymentLedger
from facilitator.roles.payment_record import PaymentDetails
from facilitator.testing.payment_ledger import delivered, settled, submitted
from facilitator.testing.payments import BOB, Payer, transaction_id
from facilitator.testing.running import Running
from facilitator_devnet.blockfrost.serving import serve_koios
from facilitator_devnet.koios.api import ROOT

SHOP = b"\x60" + b"s" * 28
"""An address that nobody but the payers of these tests has paid to."""
SINCE = ("--since", "2020-01-01")

Report = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def reconcile(payments: Callable[..., tuple[int, str, str]]) -> Report:
    def reconcile(*words: str, **settings: str) -> tuple[int, dict[str, Any]]:
        code, out, err = payments("reconcile", "--json", *SINCE, *words, **settings)
        assert out, err
        return code, json.loads(out)

    return reconcile


def settle(running: Running, body: dict[str, Any], blocks: int) -> str:
    """Settle it after so many blocks on top of its own; return its transaction's id."""
    running.settle(body)
    for _ in range(blocks + 1):
        running.next_block()
    running.settle_until(body, lambda answer: answer["success"])
    return transaction_id(body)


def raw(body: dict[str, Any]) -> bytes:
    return base64.b64decode(body["paymentPayload"]["payload"]["transaction"])


def found(report: dict[str, Any]) -> set[tuple[str, str]]:
    return {(each["kind"], each["transaction"]) for each in report["findings"]}


def test_planted_faults_are_found_exactly(running: Running, reconcile: Report) -> None:
    ledger = known(running)
    alice, bob = Payer(running), Payer(running, BOB)
    settle(running, alice.body(pay_to=SHOP, confirmations=1), 1)
    settle(running, bob.body(pay_to=SHOP, confirmations=1), 1)
    assert reconcile() == (
        0, {"compared": 2, "calls": 5, "findings": [], "unknown": [], "notes": []},
    )  # fmt: skip

    twice = [alice.body(pay_to=SHOP, confirmations=1) for _ in range(2)]
    for body in twice:
        body["paymentPayload"]["resource"] = {"url": "https://shop.example/report"}
        settle(running, body, 1)

    aside = alice.transaction(alice.body(pay_to=SHOP)["paymentRequirements"])
    unrecorded = running.devnet.submit(aside)
    running.next_block()

    plant(ledger, "ee" * 32, block=running.devnet.tip().point.block)

    gone, late = (bob.body(pay_to=SHOP, confirmations=3) for _ in range(2))
    running.settle(gone)
    settle(running, late, 3)
    running.settle_until(gone, lambda answer: answer["success"])
    running.devnet.rollback(4, drop=True)
    for _ in range(3):
        running.next_block()
    running.devnet.submit(raw(late))
    running.next_block()

    code, report = reconcile()
    assert code == 1
    assert found(report) == {
        ("missing", "ee" * 32),
        ("shallow", transaction_id(late)),
        ("paid-twice", transaction_id(twice[1])),
        ("rolled-back", transaction_id(gone)),
        ("unrecorded", unrecorded),
    }
    assert (report["compared"], report["unknown"]) == (7, [])
    assert all(each["detail"] and each["remedy"] for each in report["findings"])

    for _ in range(3):
        running.next_block()
    _, report = reconcile()
    assert ("shallow", transaction_id(late)) not in found(report)


def known(running: Running) -> PaymentLedger:
    ledger = running.facilitator.ledger
    assert ledger is not None
    return ledger


def plant(ledger: PaymentLedger, this: str, block: str) -> None:
    """Record a payment that no chain has ever had, as settled in an early block."""
    details = PaymentDetails(pay_to="addr_test1nowhere", asset="lovelace")
    claim = replace(submitted(details=details), transaction_id=this, confirmations=1)
    ledger.record(
        [replace(delivered(settled(claim)), block=block, block_slot=None, block_height=1)]
    )


def test_a_provider_that_can_is_asked_for_many_at_once(running: Running, reconcile: Report) -> None:
    koios = serve_koios(running.devnet, "127.0.0.1:0")
    payer = Payer(running)
    for _ in range(3):
        settle(running, payer.body(pay_to=SHOP, confirmations=1), 1)
    plant(known(running), "ee" * 32, block=running.devnet.tip().point.block)
    code, report = reconcile(
        plugins="koios,sqlite",
        koios__base_url=f"{koios.url}{ROOT}",
        koios__tier="public",
    )
    assert (code, report["compared"]) == (1, 4)
    assert found(report) == {("missing", "ee" * 32)}
    # The tip, all four, the eras, and the outputs of two recipients, one of which is no address.
    assert report["calls"] == 4


def test_a_provider_that_is_behind_finds_nothing(running: Running, reconcile: Report) -> None:
    body = Payer(running).body(pay_to=SHOP, confirmations=1)
    settle(running, body, 1)
    running.devnet.rollback(1)
    code, report = reconcile()
    assert (code, report["findings"]) == (0, [])
    (unknown,) = report["unknown"]
    assert unknown["transaction"] == transaction_id(body)
    assert "the provider is behind" in unknown["why"]


def test_a_chain_that_does_not_answer_is_a_failure(running: Running, reconcile: Report) -> None:
    settle(running, Payer(running).body(pay_to=SHOP, confirmations=1), 1)
    code, report = reconcile(blockfrost__base_url="http://127.0.0.1:9")
    assert (code, report["findings"], report["compared"]) == (1, [], 0)
    assert report["notes"][0].startswith("note: nothing was compared: ")
    assert report["notes"][1].startswith("note: 1 payments were not compared")


def test_calls_have_a_limit_and_the_rest_is_named(
    running: Running, payments: Callable[..., tuple[int, str, str]]
) -> None:
    payer = Payer(running)
    ids = [settle(running, payer.body(pay_to=SHOP, confirmations=1), 1) for _ in range(3)]
    code, out, err = payments("reconcile", *SINCE, "--calls", "3")
    assert code == 0
    assert "settled payments to compare: 3, by about 6 calls to the chain" in err
    assert "3 are allowed, so some will be left" in err
    notes = out.splitlines()
    assert notes[0].startswith("note: 1 payments were not compared: go on with --until 2025-12-")
    assert notes[-1] == "compared: 2, by 3 calls; findings: 0; unknown: 0"
    until = notes[0].split()[-1]
    code, out, _ = payments("list", "--json", "--until", until)
    assert [each["transaction"] for each in json.loads(out)] == ids[:1]


def test_amounts_are_known_without_claims_while_outputs_are_unspent(
    running: Running, reconcile: Report
) -> None:
    settle(running, Payer(running).body(pay_to=SHOP, confirmations=1), 1)
    assert running.clock is not None
    running.clock.advance(10 * 86_400)
    storage = running.facilitator.storage
    while storage.forget_claims(running.clock.time()):
        pass
    code, report = reconcile()
    assert (code, report["notes"]) == (0, [])
