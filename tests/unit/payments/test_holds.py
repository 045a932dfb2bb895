"""Inputs that a verified payment holds are advice; those of a settlement are a fact."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from facilitator.cardano.transaction import Value
from facilitator.testing.payments import (
    ALICE,
    BOB,
    MERCHANT,
    Payer,
    genesis_utxos,
    request_body,
    requirements,
    transaction_id,
)
from facilitator.testing.running import NOW, Running
from facilitator.testing.waiting import eventually
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import build, sign

PENDING = "settlement_pending"
INPUT_NOT_AVAILABLE = "invalid_exact_cardano_payload_input_not_available"
FEE = 400_000
HERE, ELSEWHERE = requirements(), requirements(amount=3_000_000, pay_to=BOB.address)


@pytest.fixture
def running(run: Callable[..., Running]) -> Running:
    return run(settlement__wait_seconds=0)


@pytest.fixture
def payer(running: Running) -> Payer:
    return Payer(running)


def cancelled(running: Running, body: dict[str, Any]) -> bool:
    status, answer = running.call("POST", "/cancel", body)
    assert (status, answer["transaction"]) == (200, transaction_id(body))
    return bool(answer["cancelled"])


def registering(running: Running, number: int) -> dict[str, Any]:
    """A payment out of one of ALICE's outputs which registers an account, the same each time."""
    plain = [each for each in genesis_utxos(ALICE).items() if not each[1].value.assets]
    ref, output = plain[number]
    rest = output.value.lovelace - 2_000_000 - FEE - PARAMETERS.key_deposit
    outputs = [(MERCHANT.address, Value(2_000_000, {})), (ALICE.address, Value(rest, {}))]
    account = [0, [0, bytes(28)]]
    body = build([ref], outputs, FEE, running.slot + 300, _4=[account])
    return request_body(sign(body, [ALICE.payment_key]), HERE, ref)


# --- Advice -----------------------------------------------------------------------------------


def test_a_newer_payment_to_the_same_shop_takes_over(running: Running, payer: Payer) -> None:
    """The shop's handler failed, and the wallet with one UTxO signs again."""
    first, second, third = payer.rivals(HERE, HERE, ELSEWHERE)
    assert running.verify(first) == running.verify(second) == running.verify(first)
    running.verify(second)
    seen = running.verify(third)
    assert seen["extra"]["heldFor"] == transaction_id(second)


def test_another_shop_learns_of_the_hold(running: Running, payer: Payer) -> None:
    """The payment is valid: nothing is settled. The shop sees for whom, and for how long."""
    first, second = payer.rivals(HERE, ELSEWHERE)
    assert "extra" not in running.verify(first)
    seen = running.verify(second)
    assert seen["isValid"]
    held = {"reserved": False, "heldFor": transaction_id(first), "heldSeconds": 120}
    assert seen["extra"] == held


@pytest.mark.parametrize("offer", [HERE, ELSEWHERE], ids=["the same shop", "another shop"])
def test_a_hold_that_a_settlement_has_ended_is_over_at_once(
    running: Running, payer: Payer, offer: dict[str, Any]
) -> None:
    """The shop of the first would work for nothing, though its process once held the inputs."""
    first, rival = payer.rivals(HERE, offer)
    assert running.verify(first)["isValid"]
    assert running.settle(rival)["errorReason"] == PENDING
    assert running.verify(first)["invalidReason"] == INPUT_NOT_AVAILABLE


@pytest.mark.parametrize("offer", [HERE, ELSEWHERE], ids=["the same shop", "another shop"])
def test_a_hold_refuses_no_settlement(
    running: Running, payer: Payer, offer: dict[str, Any]
) -> None:
    first, second = payer.rivals(HERE, offer)
    assert running.verify(first)["isValid"]
    assert running.settle(second)["errorReason"] == PENDING
    running.next_block()
    running.next_block()
    assert running.settle_until(second, lambda answer: answer["success"])


def test_a_settlement_holds_its_inputs_whatever_clock_asks(running: Running, payer: Payer) -> None:
    """Until it is decided: the clock of another process may be hours ahead."""
    (body,) = payer.rivals(HERE)
    running.settle(body)
    storage, name = running.facilitator.storage, transaction_id(body)
    assert storage.is_reserved(name, NOW + 12 * 3600)
    running.next_block()
    running.next_block()
    running.settle_until(body, lambda answer: answer["success"])
    eventually(lambda: not storage.is_reserved(name, NOW))


def test_a_hold_ends_with_the_payments_own_validity(running: Running, payer: Payer) -> None:
    (first,) = payer.rivals(HERE)
    assert running.clock is not None
    running.clock.advance(290)  # 10 seconds are left
    assert running.verify(first)["isValid"]
    storage = running.facilitator.storage
    assert storage.is_reserved(transaction_id(first), running.clock.time() + 9)
    assert not storage.is_reserved(transaction_id(first), running.clock.time() + 10)


def test_a_payer_may_have_any_number_of_verified_payments(
    run: Callable[..., Running],
) -> None:
    """Beyond the limit they are valid, and not held."""
    running = run(settlement__wait_seconds=0, reservation__max_concurrent=2)
    payer = Payer(running)
    verdicts = [running.verify(payer.body()) for _ in range(3)]
    assert [verdict["isValid"] for verdict in verdicts] == [True] * 3
    assert [verdict.get("extra") for verdict in verdicts] == [None, None, {"reserved": False}]


def test_nothing_is_held_where_holds_are_off(run: Callable[..., Running]) -> None:
    """A settlement keeps its inputs all the same."""
    running = run(settlement__wait_seconds=0, reservation__ttl_seconds=0)
    first, second = Payer(running).rivals(HERE, ELSEWHERE)
    assert running.verify(first)["isValid"]
    assert running.verify(second) == running.verify(first)
    assert running.settle(first)["errorReason"] == PENDING
    assert running.settle(second)["errorReason"] == INPUT_NOT_AVAILABLE


# --- /cancel ----------------------------------------------------------------------------------


def test_a_verified_payment_is_given_up_at_once(running: Running, payer: Payer) -> None:
    first, second = payer.rivals(HERE, ELSEWHERE)
    running.verify(first)
    assert cancelled(running, first)
    assert not cancelled(running, first)
    assert "extra" not in running.verify(second)


def test_a_settlement_is_not_given_up(running: Running, payer: Payer) -> None:
    first, second = payer.rivals(HERE, HERE)
    assert running.settle(first)["errorReason"] == PENDING
    assert not cancelled(running, first)
    assert running.verify(second)["invalidReason"] == INPUT_NOT_AVAILABLE
    assert not cancelled(running, second)


def test_what_cannot_be_read_cannot_be_given_up(running: Running, payer: Payer) -> None:
    body = payer.body()
    body["paymentPayload"]["payload"]["transaction"] = "AAAA"
    status, answer = running.call("POST", "/cancel", body)
    assert (status, answer["cancelled"]) == (200, False)
    assert answer["errorReason"] == "invalid_exact_cardano_payload_transaction_decode_failed"


# --- Facts ------------------------------------------------------------------------------------


def test_a_settlement_keeps_its_inputs(running: Running, payer: Payer) -> None:
    """No rival is valid, at any shop, until the settlement is decided."""
    first, second, third = payer.rivals(HERE, HERE, ELSEWHERE)
    assert running.settle(first)["errorReason"] == PENDING
    for rival in (second, third):
        for answer in (running.verify(rival), running.settle(rival)):
            reason = answer.get("invalidReason") or answer.get("errorReason")
            assert reason == INPUT_NOT_AVAILABLE


def test_a_shop_learns_of_a_hold_that_took_its_own(running: Running, payer: Payer) -> None:
    """After a newer payment of its own payer has ended that, and was given up."""
    first, newer, elsewhere = payer.rivals(HERE, HERE, ELSEWHERE)
    assert running.verify(first) == running.verify(newer)
    assert cancelled(running, newer)
    assert "extra" not in running.verify(elsewhere)
    assert running.verify(first)["extra"]["heldFor"] == transaction_id(elsewhere)


def test_a_settlement_keeps_the_account_that_it_registers(running: Running) -> None:
    """Of two registrations one lands, whatever pays for each."""
    first, second = (registering(running, number) for number in range(2))
    assert running.verify(first)["isValid"]
    assert running.verify(second)["isValid"]
    assert running.settle(first)["errorReason"] == PENDING
    for answer in (running.verify(second), running.settle(second)):
        reason = answer.get("invalidReason") or answer.get("errorReason")
        assert reason == INPUT_NOT_AVAILABLE


def test_a_hold_without_its_claim_is_stale(running: Running, payer: Payer) -> None:
    """Its process died before it submitted anything, perhaps with a clock that was ahead."""
    first, second = payer.rivals(HERE, ELSEWHERE)
    assert running.settle(first)["errorReason"] == PENDING
    storage = running.facilitator.storage
    claim = storage.claim(transaction_id(first))
    assert claim is not None
    assert storage.remove_claim(claim)
    running.facilitator.service._trackers["cardano:preprod"]._pending.remove(claim.transaction_id)
    assert running.settle(second)["errorReason"] == PENDING


# --- A pending payment's verdict ----------------------------------------------------------------


def test_a_pending_payment_is_valid_until_its_time_is_over(running: Running, payer: Payer) -> None:
    body = payer.body(seconds=60)
    running.devnet.faults.lose_submissions()
    assert running.settle(body)["errorReason"] == PENDING
    assert running.verify(body)["isValid"]
    assert running.clock is not None
    running.clock.advance(61)
    verdict = running.verify(body)
    assert (verdict["isValid"], verdict["invalidReason"]) == (
        False,
        "invalid_exact_cardano_payload_ttl_expired",
    )


def test_a_pending_payment_is_not_valid_once_another_has_spent_its_input(
    running: Running, payer: Payer
) -> None:
    first, rival = payer.rivals(HERE, ELSEWHERE)
    running.devnet.faults.lose_submissions()
    assert running.settle(first)["errorReason"] == PENDING
    running.devnet.submit(_raw(rival))
    running.next_block()
    running.next_block()
    verdict = running.verify(first)
    assert (verdict["isValid"], verdict["invalidReason"]) == (
        False,
        "invalid_exact_cardano_payload_nonce_not_on_chain",
    )


def test_a_payment_in_a_block_is_valid_until_it_is_delivered(
    running: Running, payer: Payer
) -> None:
    """A paid retry resumes it."""
    body = payer.body()
    assert running.settle(body)["errorReason"] == PENDING
    running.next_block()
    running.settle_until(body, lambda answer: "confirmations" in answer["extra"])
    assert running.verify(body)["isValid"]
    running.next_block()
    assert running.verify(body)["isValid"]
    running.settle_until(body, lambda answer: answer["success"])
    assert running.verify(body)["invalidReason"] == "duplicate_settlement"


def _raw(body: dict[str, Any]) -> bytes:
    return base64.b64decode(body["paymentPayload"]["payload"]["transaction"])
