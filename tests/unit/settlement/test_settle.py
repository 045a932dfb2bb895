"""``/settle`` over real HTTP, on a devnet whose blocks come when the test says so."""

import base64
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

import pytest

from facilitator.roles.chain import InBlock, InMempool, NotFound
from facilitator.roles.claim import Claim
from facilitator.testing.payments import (
    Payer,
    identified,
    request_body,
    requirements,
    transaction_id,
)
from facilitator.testing.running import Running
from facilitator.testing.waiting import eventually

Run = Callable[..., Running]
PENDING = "settlement_pending"
DUPLICATE = "duplicate_settlement"


@pytest.fixture
def running(run: Run) -> Running:
    """Nobody waits: every call says at once how the payment stands."""
    return run(settlement__wait_seconds=0)


def settled(running: Running, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    """Settle it through to one confirmation."""
    assert running.settle(body, **headers)["errorReason"] == PENDING
    running.next_block()
    running.next_block()
    return running.settle_until(body, lambda a: a.get("errorReason") != PENDING, **headers)


def test_a_payment_settles_after_its_confirmations(running: Running) -> None:
    body = Payer(running).body()
    first = running.settle(body)
    assert first["success"] is False
    assert first["errorReason"] == PENDING
    assert first["transaction"] == first["extra"]["transactionId"] == transaction_id(body)

    running.next_block()
    included = running.settle_until(body, lambda answer: "confirmations" in answer["extra"])
    assert (included["errorReason"], included["extra"]["confirmations"]) == (PENDING, 0)

    running.next_block()
    answer = running.settle_until(body, lambda answer: answer["success"])
    assert answer["transaction"] == transaction_id(body)
    assert answer["network"] == "cardano:preprod"
    assert answer["amount"] == "2000000"
    assert answer["extra"] == {"status": "confirmed", "confirmations": 1}


def test_what_was_just_written_is_not_read_again_for_a_caller_that_does_not_wait(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = running.facilitator.storage
    read = storage.claim
    readers: list[str] = []

    def claim(transaction_id: str) -> Claim | None:
        readers.append(threading.current_thread().name)
        return read(transaction_id)

    monkeypatch.setattr(storage, "claim", claim)
    assert running.settle(Payer(running).body())["errorReason"] == PENDING
    of_the_call = [name for name in readers if not name.startswith("settlement ")]
    assert len(of_the_call) == 1


def test_what_is_submitted_is_what_was_received(running: Running) -> None:
    """Byte for byte, with what a re-encoding would change: an indefinite array, wide integers."""
    raw = base64.b64decode(Payer(running).body()["paymentPayload"]["payload"]["transaction"])
    unusual = b"\x9f" + raw[1:] + b"\xff"
    submitted = []
    submit = running.devnet.submit

    def record(transaction: bytes) -> str:
        submitted.append(transaction)
        return submit(transaction)

    running.devnet.submit = record  # type: ignore[method-assign]
    body = request_body(unusual, requirements())
    running.settle(body)
    assert submitted == [unusual]
    running.next_block()
    assert isinstance(running.devnet.transaction(transaction_id(body)), InBlock)


@pytest.mark.parametrize("confirmations", [0, 1, 3])
def test_as_many_newer_blocks_as_the_policy_asks_for(running: Running, confirmations: int) -> None:
    body = Payer(running).body(confirmations=confirmations)
    running.settle(body)
    for _ in range(confirmations):
        running.next_block()
        running.settle_until(body, lambda answer: "confirmations" in answer["extra"])
        assert running.settle(body)["errorReason"] == PENDING
    running.next_block()
    answer = running.settle_until(body, lambda answer: answer["success"])
    assert answer["extra"]["confirmations"] == confirmations


def test_mempool_acceptance_is_enough_where_the_operator_opted_in(run: Run) -> None:
    running = run(settlement__accept_mempool="true", settlement__wait_seconds=0)
    body = Payer(running).body(confirmations=-1)
    answer = running.settle(body)
    assert answer["success"] is True
    assert answer["extra"] == {"status": "mempool", "confirmations": -1}
    assert running.settle(body)["errorReason"] == DUPLICATE


def test_mempool_acceptance_is_refused_by_default(running: Running) -> None:
    answer = running.settle(Payer(running).body(confirmations=-1))
    assert answer["errorReason"] == "invalid_exact_cardano_requirements_policy"


def test_the_success_is_delivered_once(running: Running) -> None:
    body = Payer(running).body()
    assert settled(running, body)["success"] is True
    again = running.settle(body)
    assert again["success"] is False
    assert again["errorReason"] == DUPLICATE
    assert again["transaction"] == transaction_id(body)
    assert again["extra"]["status"] == "confirmed"
    verdict = running.verify(body)
    assert (verdict["isValid"], verdict["invalidReason"]) == (False, DUPLICATE)


def test_a_settled_payment_is_no_success_under_other_requirements(running: Running) -> None:
    body = Payer(running).body()
    running.settle(body)
    cheaper = request_body_with(body, amount="1000000")
    assert running.verify(cheaper)["invalidReason"] == DUPLICATE
    assert running.settle(cheaper)["errorReason"] == DUPLICATE
    assert settled_after(running, body)["success"] is True
    assert running.settle(cheaper)["errorReason"] == DUPLICATE


def settled_after(running: Running, body: dict[str, Any]) -> dict[str, Any]:
    running.next_block()
    running.next_block()
    return running.settle_until(body, lambda answer: answer["success"])


def request_body_with(body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    terms = {**body["paymentRequirements"], **changes}
    payload = {**body["paymentPayload"], "accepted": terms}
    return {**body, "paymentPayload": payload, "paymentRequirements": terms}


def test_the_same_idempotency_key_gets_the_same_answer_again(running: Running) -> None:
    body = Payer(running).body()
    key = {"Idempotency-Key": "order-66"}
    first = settled(running, body, **key)
    assert first["success"] is True
    running.next_block()
    assert running.settle(body, **key) == first
    assert running.settle(body)["errorReason"] == DUPLICATE
    assert running.settle(body, **{"Idempotency-Key": "order-67"})["errorReason"] == DUPLICATE


def test_another_body_under_the_same_idempotency_key_is_a_conflict(running: Running) -> None:
    payer = Payer(running)
    key = {"Idempotency-Key": "order-66"}
    running.settle(payer.body(), **key)
    status, answer = running.call("POST", "/settle", payer.body(), key)
    assert status == 409
    assert answer["errorReason"] == "idempotency_conflict"


def test_the_key_of_what_is_no_payment_is_not_kept(running: Running) -> None:
    key = {"Idempotency-Key": "order-68"}
    body = Payer(running).body()
    junk = {**body, "paymentPayload": {**body["paymentPayload"], "payload": {"nonce": "junk"}}}
    assert running.settle(junk, **key)["success"] is False
    assert settled(running, body, **key)["success"] is True


def test_a_payment_identifier_gives_no_success_again(running: Running) -> None:
    """Its payer wrote it, so that it names no caller."""
    body = identified(Payer(running).body(), "pay_7d5d747be160e280")
    assert settled(running, body)["success"] is True
    again = running.settle(body)
    assert (again["success"], again["errorReason"]) == (False, DUPLICATE)
    assert again["transaction"] == again["extra"]["transactionId"] == transaction_id(body)
    assert again["extra"]["status"] == "confirmed"


@pytest.mark.parametrize("identifier", [None, "pay_7d5d747be160e280"])
def test_twenty_requests_of_one_payment_are_served_once(run: Run, identifier: str | None) -> None:
    """Each as an SDK's resource server does it: verify, work, settle."""
    running = run()
    plain = Payer(running).body()
    body = plain if identifier is None else identified(plain, identifier)
    submissions, all_worked = count_submissions(running), threading.Barrier(20)

    def serve() -> bool:
        assert running.verify(body)["isValid"]
        all_worked.wait(60)
        return bool(running.settle(body)["success"])

    with ThreadPoolExecutor(20) as pool:
        served = [pool.submit(serve) for _ in range(20)]
        submissions.happened.wait(60)
        running.next_block()
        running.next_block()
        assert sum(each.result() for each in served) == 1
    assert submissions.count == 1


def test_two_hundred_callers_and_one_success(run: Run) -> None:
    running = run(server__threads=256, settlement__max_waiting=210)
    body = Payer(running).body()
    submissions = count_submissions(running)
    with ThreadPoolExecutor(200) as pool:
        answers = [pool.submit(running.settle, body) for _ in range(200)]
        submissions.happened.wait(60)
        running.next_block()
        running.next_block()
        outcomes = Counter(
            "success" if answer.result()["success"] else answer.result()["errorReason"]
            for answer in answers
        )
    # Only some of them may wait for one payment; the others are answered at once.
    assert outcomes["success"] == 1
    assert outcomes[DUPLICATE] + outcomes[PENDING] == 199
    assert submissions.count == 1


class Submissions:
    def __init__(self) -> None:
        self.count = 0
        self.happened = threading.Event()


def count_submissions(running: Running) -> Submissions:
    submissions = Submissions()
    submit = running.devnet.submit

    def counted(transaction: bytes) -> str:
        submissions.count += 1
        try:
            return submit(transaction)
        finally:
            submissions.happened.set()

    running.devnet.submit = counted  # type: ignore[method-assign]
    return submissions


def test_waiting_callers_beyond_the_limit_are_answered_at_once(run: Run) -> None:
    running = run(settlement__max_waiting=1)
    body = Payer(running).body()
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(running.settle, body) for _ in range(2)]
        first, _ = wait(answers, return_when=FIRST_COMPLETED)
        assert [answer.result()["errorReason"] for answer in first] == [PENDING]
        eventually(lambda: isinstance(running.devnet.transaction(transaction_id(body)), InMempool))
        running.next_block()
        running.next_block()
        assert sorted(answer.result()["success"] for answer in answers) == [False, True]


def test_an_invalid_payment_is_not_submitted_and_may_be_mended(running: Running) -> None:
    body = Payer(running).body(amount=2_000_000)
    dearer = request_body_with(body, amount="2000001")
    refused = running.settle(dearer)
    assert refused["errorReason"] == "invalid_exact_cardano_payload_amount_insufficient"
    assert refused["transaction"] == transaction_id(body)
    assert isinstance(running.devnet.transaction(transaction_id(body)), NotFound)
    assert settled(running, body)["success"] is True


def test_verifying_twice_and_then_settling_works(running: Running) -> None:
    body = Payer(running).body()
    assert running.verify(body) == running.verify(body)
    assert running.verify(body)["isValid"] is True
    assert settled(running, body)["success"] is True


def test_health_and_supported_say_that_it_is_a_devnet(running: Running) -> None:
    _, health = running.call("GET", "/health")
    assert health["status"] == "healthy"
    assert set(health["dependencies"]) == {
        "storage",
        "clock",
        "protocol",
        "cardano:preprod (devnet)",
    }
    _, supported = running.call("GET", "/supported")
    assert [kind["extra"]["devnet"] for kind in supported["kinds"]] == [True]
