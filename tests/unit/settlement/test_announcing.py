"""A settlement that binds no name holds its inputs in the write that announces its submission."""

from collections.abc import Callable
from typing import Any

import pytest

from facilitator.roles.chain import NotFound
from facilitator.roles.storage import StorageUnavailable
from facilitator.testing.examples import example_reservation
from facilitator.testing.payments import Payer, requirements, transaction_id
from facilitator.testing.running import NOW, Running

PENDING = "settlement_pending"
INPUT_NOT_AVAILABLE = "invalid_exact_cardano_payload_input_not_available"


@pytest.fixture
def running(run: Callable[..., Running]) -> Running:
    return run(settlement__wait_seconds=0)


@pytest.fixture
def payer(running: Running) -> Payer:
    return Payer(running)


def fail(*_: Any, **__: Any) -> Any:
    raise StorageUnavailable("the disk is full")


def is_pending(running: Running, body: dict[str, Any], **headers: str) -> bool:
    return bool(running.settle(body, **headers)["errorReason"] == PENDING)


def settles(running: Running, body: dict[str, Any]) -> bool:
    running.next_block()
    running.next_block()
    return bool(running.settle_until(body, lambda answer: answer["success"]))


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "order-1001"}])
def test_the_inputs_are_held(
    running: Running, payer: Payer, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a write of their own where a name is bound after that."""
    storage = running.facilitator.storage
    monkeypatch.setattr(storage, "change_claim_and_hold" if headers else "reserve", fail)
    body = payer.body()
    assert is_pending(running, body, **headers)
    assert storage.is_reserved(transaction_id(body), NOW)
    assert not isinstance(running.devnet.transaction(transaction_id(body)), NotFound)


def test_a_rival_is_refused_and_leaves_nothing(running: Running, payer: Payer) -> None:
    first, second = payer.rivals(requirements(), requirements())
    assert is_pending(running, first)
    refused = running.settle(second)
    assert refused["errorReason"] == INPUT_NOT_AVAILABLE
    assert transaction_id(first) in refused["errorMessage"]
    assert running.facilitator.storage.claim(transaction_id(second)) is None
    assert isinstance(running.devnet.transaction(transaction_id(second)), NotFound)
    assert settles(running, first)


def test_a_hold_without_a_claim_gives_way(running: Running, payer: Payer) -> None:
    """One that a process left which ended between its hold and its claim's next change."""
    first, second = payer.rivals(requirements(), requirements())
    (nonce,) = {each["paymentPayload"]["payload"]["nonce"] for each in (first, second)}
    storage = running.facilitator.storage
    left = example_reservation(transaction_id(first), [nonce], expires_at=NOW + 1e6)
    assert storage.reserve(left, NOW, 1) is None
    assert is_pending(running, second)
    assert storage.is_reserved(transaction_id(second), NOW)
    assert not storage.is_reserved(transaction_id(first), NOW)
