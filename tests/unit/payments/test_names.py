"""Idempotency keys and payment identifiers: whose they are, and what they are good for."""

from collections.abc import Callable
from typing import Any

import pytest

from facilitator.testing.border import unguarded
from facilitator.testing.payments import BOB, Payer, identified, requirements, transaction_id
from facilitator.testing.running import Running
from facilitator_memory.storage import MemoryStorage

PENDING = "settlement_pending"
DUPLICATE = "duplicate_settlement"
IDENTIFIER = "chosen-by-the-payer-0001"
SHOP_A, SHOP_B = {"X-API-Key": "key-of-shop-a"}, {"X-API-Key": "key-of-shop-b"}


@pytest.fixture
def running(run: Callable[..., Running]) -> Running:
    return run(
        settlement__wait_seconds=0,
        auth__api_keys__a="key-of-shop-a",
        auth__api_keys__b="key-of-shop-b",
    )


@pytest.fixture
def payer(running: Running) -> Payer:
    return Payer(running)


def keys_of(running: Running) -> dict[str, Any]:
    """The names that the storage has bound."""
    storage = running.facilitator.storage
    while not isinstance(storage, MemoryStorage):
        storage = unguarded(vars(storage).get("_storage", storage))
    return dict(storage._keys)


def post(
    running: Running, path: str, body: object, shop: dict[str, str], key: str = ""
) -> tuple[int, dict[str, Any]]:
    headers = {**shop, **({"Idempotency-Key": key} if key else {})}
    status, answer = running.call("POST", path, body, headers)
    return status, dict(answer)


def settled(running: Running, body: object, shop: dict[str, str], key: str = "") -> dict[str, Any]:
    """Settle it through to one confirmation."""
    assert post(running, "/settle", body, shop, key)[1]["errorReason"] == PENDING
    running.next_block()
    running.next_block()
    headers = {**shop, **({"Idempotency-Key": key} if key else {})}
    return running.settle_until(body, lambda a: a.get("errorReason") != PENDING, **headers)


def reason(answer: dict[str, Any]) -> str | None:
    return answer.get("errorReason") or answer.get("invalidReason")


# --- The payer's identifier -------------------------------------------------------------------


def test_an_identifier_gives_no_second_success(running: Running, payer: Payer) -> None:
    body = identified(payer.body(), IDENTIFIER)
    assert settled(running, body, SHOP_A)["success"]
    for shop in (SHOP_A, SHOP_B):
        _, again = post(running, "/settle", body, shop)
        assert (again["success"], reason(again)) == (False, DUPLICATE)
        assert again["transaction"] == transaction_id(body)
        assert again["extra"]["status"] == "confirmed"


def test_another_payment_under_the_identifier_is_refused_before_the_work(
    running: Running, payer: Payer
) -> None:
    """It names the first transaction and how that stands, at each step of the first."""
    first, second = (identified(payer.body(), IDENTIFIER) for _ in range(2))
    assert reason(post(running, "/settle", first, SHOP_A)[1]) == PENDING
    for status in ("pending", "confirmed"):
        for path in ("/verify", "/settle"):
            _, refused = post(running, path, second, SHOP_A)
            assert reason(refused) == DUPLICATE
            assert refused["extra"] == {"status": status, "transactionId": transaction_id(first)}
        running.next_block()
        running.next_block()
        running.settle_until(first, lambda answer: answer.get("errorReason") != PENDING, **SHOP_A)


def test_an_identifier_is_free_again_when_its_payment_has_failed(
    running: Running, payer: Payer
) -> None:
    first, second = (identified(payer.body(seconds=60), IDENTIFIER) for _ in range(2))
    running.devnet.faults.lose_submissions()
    post(running, "/settle", first, SHOP_A)
    assert reason(post(running, "/verify", second, SHOP_A)[1]) == DUPLICATE
    assert running.clock is not None
    running.clock.advance(185)
    running.devnet.produce_block()

    def is_expired(answer: dict[str, Any]) -> bool:
        assert running.clock is not None
        running.clock.advance(10)
        return bool(answer["errorReason"] != PENDING)

    ended = running.settle_until(first, is_expired, **SHOP_A)
    assert (ended["errorReason"], ended["extra"]["status"]) == (
        "exact_cardano_settlement_failed",
        "expired",
    )
    third = identified(payer.body(), IDENTIFIER)
    assert post(running, "/verify", third, SHOP_A)[1]["isValid"]
    assert settled(running, third, SHOP_A)["success"]


@pytest.mark.parametrize("other", ["caller", "recipient", "payer"])
def test_an_identifier_belongs_to_payer_caller_and_recipient(
    running: Running, payer: Payer, other: str
) -> None:
    """The same text in another name space is another identifier."""
    first = identified(payer.body(), IDENTIFIER)
    second = {
        "caller": payer.body,
        "recipient": lambda: payer.body(pay_to=BOB.address),
        "payer": Payer(running, BOB).body,
    }[other]()
    assert settled(running, first, SHOP_A)["success"]
    shop = SHOP_B if other == "caller" else SHOP_A
    assert settled(running, identified(second, IDENTIFIER), shop)["success"]


def test_an_identifier_counts_for_each_caller_that_shows_it(running: Running, payer: Payer) -> None:
    """Another one submitted the payment; this one waits for it, and can be told of its success."""
    first, second = (identified(payer.body(), IDENTIFIER) for _ in range(2))
    assert reason(post(running, "/settle", first, SHOP_A)[1]) == PENDING
    assert reason(post(running, "/settle", first, SHOP_B)[1]) == PENDING
    for path in ("/verify", "/settle"):
        _, refused = post(running, path, second, SHOP_B)
        assert reason(refused) == DUPLICATE
        assert refused["extra"]["transactionId"] == transaction_id(first)


def test_a_caller_is_refused_what_another_submitted_under_an_identifier_that_is_taken(
    running: Running, payer: Payer
) -> None:
    first, second = (identified(payer.body(), IDENTIFIER) for _ in range(2))
    assert reason(post(running, "/settle", first, SHOP_A)[1]) == PENDING
    assert reason(post(running, "/settle", second, SHOP_B)[1]) == PENDING
    for path in ("/verify", "/settle"):
        _, refused = post(running, path, second, SHOP_A)
        assert reason(refused) == DUPLICATE
        assert refused["extra"]["transactionId"] == transaction_id(first)


# --- The caller's key -------------------------------------------------------------------------


def test_only_the_caller_that_had_the_success_gets_it_again(running: Running, payer: Payer) -> None:
    body = payer.body()
    success = settled(running, body, SHOP_A, "order-1001")
    assert success["success"]
    assert post(running, "/settle", body, SHOP_A, "order-1001") == (200, success)
    for shop, key in ((SHOP_B, "order-1001"), (SHOP_A, "order-1002"), (SHOP_A, "")):
        _, refused = post(running, "/settle", body, shop, key)
        assert (refused["success"], reason(refused)) == (False, DUPLICATE)


def test_callers_choose_keys_for_themselves(running: Running, payer: Payer) -> None:
    """The number of one shop's order is free for the other, and for another recipient."""
    assert settled(running, payer.body(), SHOP_A, "order-1001")["success"]
    assert settled(running, payer.body(), SHOP_B, "order-1001")["success"]
    assert settled(running, payer.body(pay_to=BOB.address), SHOP_A, "order-1001")["success"]


def test_another_request_under_a_key_is_a_conflict(running: Running, payer: Payer) -> None:
    first, second = payer.body(), payer.body()
    assert settled(running, first, SHOP_A, "order-1001")["success"]
    status, refused = post(running, "/settle", second, SHOP_A, "order-1001")
    assert (status, reason(refused)) == (409, "idempotency_conflict")
    assert settled(running, second, SHOP_A, "order-1002")["success"]


# --- Junk -------------------------------------------------------------------------------------


def test_a_payment_that_is_not_valid_binds_nothing(running: Running, payer: Payer) -> None:
    """Neither one whose inputs cannot be looked up, nor a rival of a settlement."""
    unknown, (first, rival) = payer.body(), payer.rivals(requirements(), requirements())
    post(running, "/settle", first, SHOP_A)
    before = keys_of(running)
    for body in (unknown, rival):
        if body is unknown:
            running.devnet.faults.fail("outputs")
        status, answer = post(
            running, "/settle", identified(body, IDENTIFIER), SHOP_A, "order-1001"
        )
        assert (status, answer["success"]) == (200, False)
        assert reason(answer) != PENDING
    assert keys_of(running) == before
    good = identified(payer.body(), IDENTIFIER)
    assert settled(running, good, SHOP_A, "order-1001")["success"]


def test_what_was_bound_is_freed_when_the_payment_is_not_submitted(
    running: Running, payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chain is away in the moment between judgement and submission."""
    tracker = running.facilitator.service._trackers["cardano:preprod"]
    follow = tracker.follow

    def fail() -> None:
        running.devnet.faults.fail("tip", times=1)
        monkeypatch.setattr(tracker, "follow", follow)
        follow()

    body = identified(payer.body(), IDENTIFIER)
    other = identified(payer.body(), IDENTIFIER)
    monkeypatch.setattr(tracker, "follow", fail)
    _, refused = post(running, "/settle", body, SHOP_A, "order-1001")
    assert reason(refused) == "exact_cardano_facilitator_chain_lookup_failed"
    assert keys_of(running) == {}
    assert settled(running, other, SHOP_A, "order-1001")["success"]


def test_a_submitted_payment_is_pending_while_the_chain_cannot_say_whose_a_name_is(
    running: Running, payer: Payer
) -> None:
    """The name's payment has no record any more. SDKs take every other answer as the end."""
    lost, body = identified(payer.body(), IDENTIFIER), payer.body()
    assert reason(post(running, "/settle", lost, SHOP_A)[1]) == PENDING
    storage = running.facilitator.storage
    claim = storage.claim(transaction_id(lost))
    assert claim is not None
    assert storage.remove_claim(claim)
    running.facilitator.service._trackers["cardano:preprod"]._pending.remove(claim.transaction_id)
    assert reason(post(running, "/settle", body, SHOP_A)[1]) == PENDING
    running.devnet.faults.fail("transaction", times=10)
    status, answer = post(running, "/settle", identified(body, IDENTIFIER), SHOP_A)
    assert (status, reason(answer)) == (200, PENDING)
