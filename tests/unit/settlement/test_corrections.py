"""A settlement that was given up is corrected when the chain shows its transaction."""

import base64
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from facilitator.cardano.refusals import Proof
from facilitator.roles.chain import InMempool, NotFound
from facilitator.roles.chain_errors import SubmissionRejected
from facilitator.roles.claim import Claim, ClaimState
from facilitator.settlement.tracking import correction, given_up
from facilitator.settlement.tracking.given_up import GivenUp
from facilitator.settlement.tracking.tracker import Tracker
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import (
    Payer,
    identified,
    request_body,
    requirements,
    transaction_id,
)
from facilitator.testing.running import NETWORK, NOW, Running
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet
from facilitator_memory.storage import MemoryStorage
from support.exposition import scrape
from support.tracked import VALID_SECONDS, claim_on, state_of

Run = Callable[..., Running]
IDENTIFIER = "pay_0123456789abcdef"
REJECTED = "exact_cardano_settlement_definitively_rejected"


def refuse_though_taken(devnet: Devnet, *, proves: Proof = Proof.PARAMETERS) -> None:
    """Take the next submission, out of sight, and refuse it."""
    submit, status_of = devnet.submit, devnet.transaction

    def take_and_refuse(transaction: bytes) -> str:
        devnet.submit = submit  # type: ignore[method-assign]
        submit(transaction)
        raise SubmissionRejected("FeeTooSmallUTxO: it is too small", proves=proves)

    def hide(transaction_id: str) -> Any:
        status = status_of(transaction_id)
        return NotFound() if isinstance(status, InMempool) else status

    devnet.submit = take_and_refuse  # type: ignore[method-assign]
    devnet.transaction = hide  # type: ignore[method-assign]


class Asked:
    """Counts the questions by id."""

    def __init__(self, devnet: Devnet) -> None:
        self.times = 0
        self._transaction = devnet.transaction
        devnet.transaction = self._ask  # type: ignore[method-assign]

    def _ask(self, transaction_id: str) -> Any:
        self.times += 1
        return self._transaction(transaction_id)


# --- The whole service ----------------------------------------------------------------------------


@pytest.fixture
def running(run: Run) -> Running:
    return run(settlement__wait_seconds=0)


def rejected(running: Running) -> dict[str, Any]:
    """A payment that was rejected and waits in a mempool."""
    body = Payer(running).body(confirmations=1)
    refuse_though_taken(running.devnet)
    assert running.settle(body)["errorReason"] == REJECTED
    return body


def test_a_rejection_is_final_until_the_chain_shows_the_payment(running: Running) -> None:
    body = rejected(running)
    for _ in range(3):
        assert running.settle(body)["errorReason"] == REJECTED
        assert running.verify(body)["invalidReason"] == REJECTED


def test_a_repeated_settle_gets_the_success_once(running: Running) -> None:
    body = rejected(running)
    running.next_block()
    running.next_block()
    answer = running.settle_until(body, lambda answer: bool(answer["success"]))
    assert answer["transaction"] == transaction_id(body)
    assert answer["extra"]["status"] == "confirmed"
    assert running.settle(body)["errorReason"] == "duplicate_settlement"


def test_a_paid_retry_is_valid_again(running: Running) -> None:
    """As an SDK repeats it: /verify comes before /settle."""
    body = rejected(running)
    running.next_block()
    running.next_block()
    eventually(lambda: running.verify(body)["isValid"])
    running.settle_until(body, lambda answer: bool(answer["success"]))  # it waits for nothing


def test_status_shows_the_payment(running: Running) -> None:
    body = rejected(running)
    path = f"/status/{transaction_id(body)}"
    _, status = running.call("GET", path)
    assert (status["status"], status["settled"]) == ("rejected", False)
    assert "FeeTooSmallUTxO" in status["message"]
    running.next_block()
    running.next_block()
    eventually(lambda: running.call("GET", path)[1]["status"] == "confirmed")
    _, status = running.call("GET", path)
    assert status["settled"] is True
    assert "message" not in status


def test_another_payment_under_its_identifier_is_refused(running: Running) -> None:
    """The client was asked to sign again: it must not pay twice."""
    payer = Payer(running)
    first = identified(payer.body(confirmations=1), IDENTIFIER)
    refuse_though_taken(running.devnet)
    assert running.settle(first)["errorReason"] == REJECTED
    second = identified(payer.body(confirmations=1), IDENTIFIER)
    running.next_block()
    eventually(lambda: not running.verify(second)["isValid"])
    answer = running.verify(second)
    assert answer["invalidReason"] == "duplicate_settlement"
    assert answer["extra"]["transactionId"] == transaction_id(first)


def test_other_requirements_get_no_success(running: Running) -> None:
    body = rejected(running)
    running.next_block()
    running.next_block()
    terms = requirements(amount=1_500_000)
    raw = base64.b64decode(body["paymentPayload"]["payload"]["transaction"])
    other = request_body(raw, terms)
    eventually(lambda: running.settle(other)["errorReason"] == "duplicate_settlement")
    # The follower may have seen the first block alone so far.
    assert running.settle_until(body, lambda answer: bool(answer["success"]))


def test_it_is_said_once_and_counted(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    running = run(settlement__wait_seconds=0, plugins="devnet,memory,prometheus")

    def corrected() -> float:
        found = scrape(running.server.port)
        return found.value(
            "facilitator_corrected_settlements_total", network=NETWORK, state="rejected"
        )

    body = rejected(running)
    assert corrected() == 0
    running.next_block()
    running.next_block()
    running.settle_until(body, lambda answer: bool(answer["success"]))
    for _ in range(3):
        running.settle(body)
    assert corrected() == 1
    (said,) = [record for record in caplog.records if "is corrected" in record.message]
    assert said.levelno == logging.WARNING
    assert said.tx == transaction_id(body)  # type: ignore[attr-defined]
    assert "FeeTooSmallUTxO" in said.message


# --- The tracker ----------------------------------------------------------------------------------


@pytest.fixture
def claim(storage: MemoryStorage) -> Claim:
    made = replace(claim_on(0, ClaimState.SUBMITTED, NOW + 5), keep_until=NOW + 86_400)
    return storage.add_claim(made)


def give_up(tracker: Tracker, devnet: Devnet, claim: Claim) -> Claim:
    refuse_though_taken(devnet)
    given = tracker.submit(claim).claim
    assert given.state is ClaimState.REJECTED
    return given


def test_a_block_that_is_followed_anyway_corrects_it(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage, claim: Claim
) -> None:
    """Without a question by id; and later blocks settle it, though nothing else is open."""
    give_up(tracker, devnet, claim)
    asked = Asked(devnet)
    devnet.produce_block()
    eventually(lambda: state_of(storage, claim) is ClaimState.INCLUDED)
    devnet.produce_block()
    eventually(lambda: state_of(storage, claim) is ClaimState.SETTLED)
    assert asked.times == 0
    stored = storage.claim(claim.transaction_id)
    assert stored is not None
    assert stored.error is None
    assert stored.is_success


def test_an_earlier_process_rejected_it(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage, clock: ManualClock
) -> None:
    """Nothing is remembered here: the chain is asked when a caller asks."""
    given = claim_on(0, ClaimState.REJECTED, NOW - 1)
    storage.add_claim(given)
    devnet.submit(given.transaction)
    asked = Asked(devnet)
    assert tracker.correct(given) == given
    devnet.produce_block()
    tip = devnet.tip()
    devnet.produce_block()
    for _ in range(5):
        assert tracker.correct(given) == given
    assert asked.times == 1
    clock.advance(correction.ASK_SECONDS)
    corrected = tracker.correct(given)
    assert (corrected.state, corrected.block) == (ClaimState.SETTLED, tip.point.block)
    assert asked.times == 2


def test_after_the_end_of_its_validity_it_is_asked_for_less_often(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage, clock: ManualClock
) -> None:
    """It cannot land any more."""
    given = storage.add_claim(claim_on(0, ClaimState.EXPIRED, NOW - 1))
    asked = Asked(devnet)
    clock.advance(VALID_SECONDS + 121)
    assert tracker.correct(given) == given
    clock.advance(correction.LATE_ASK_SECONDS - 1)
    assert tracker.correct(given) == given
    assert asked.times == 1
    clock.advance(1)
    assert tracker.correct(given) == given
    assert asked.times == 2


def test_what_has_expired_is_corrected_as_well(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage
) -> None:
    given = storage.add_claim(claim_on(0, ClaimState.EXPIRED, NOW - 1))
    devnet.submit(given.transaction)
    devnet.produce_block()
    assert tracker.correct(given).state is ClaimState.INCLUDED
    devnet.produce_block()
    eventually(lambda: state_of(storage, given) is ClaimState.SETTLED)


class TestARollback:
    @pytest.fixture
    def lease_seconds(self) -> float:
        """The one who rejected it has the lease on it."""
        return 1

    def test_a_corrected_one_may_be_rolled_back_and_is_sent_again(
        self,
        tracker: Tracker,
        devnet: Devnet,
        storage: MemoryStorage,
        claim: Claim,
        clock: ManualClock,
    ) -> None:
        give_up(tracker, devnet, claim)
        tracker.start()
        devnet.produce_block()
        eventually(lambda: state_of(storage, claim) is ClaimState.INCLUDED)
        devnet.rollback(1, drop=True)
        devnet.produce_block()
        eventually(lambda: state_of(storage, claim) is ClaimState.SUBMITTED)

        def is_sent_again() -> bool:
            clock.advance(0.05)
            return claim.transaction_id in waiting(devnet)

        eventually(is_sent_again)
        devnet.produce_block()
        devnet.produce_block()
        eventually(lambda: state_of(storage, claim) is ClaimState.SETTLED)


def waiting(devnet: Devnet) -> Any:
    with devnet.chain() as chain:
        return set(chain.waiting)


def test_while_the_chain_cannot_be_asked_it_stays_rejected(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage
) -> None:
    given = storage.add_claim(claim_on(0, ClaimState.REJECTED, NOW - 1))
    devnet.faults.fail("transaction")
    assert tracker.correct(given) == given


def test_other_claims_are_left_alone(tracker: Tracker, devnet: Devnet) -> None:
    asked = Asked(devnet)
    for state in ClaimState:
        if not state.is_given_up:
            claim = claim_on(0, state, NOW)
            assert tracker.correct(claim) is claim
    assert asked.times == 0


# --- What is remembered ---------------------------------------------------------------------------


def test_the_oldest_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given_up, "MAX_REMEMBERED", 2)
    remembered = GivenUp()
    for name in ("one", "two", "one", "three"):
        remembered.add(name)
    assert [name in remembered for name in ("one", "two", "three")] == [True, False, True]
    remembered.remove("one")
    remembered.remove("never there")
    assert len(remembered) == 1


def test_a_turn_comes_once_in_a_pause_even_if_the_clock_is_put_back() -> None:
    remembered = GivenUp()
    times = [(100.0, True), (104.0, False), (105.0, True), (90.0, True), (94.0, False)]
    assert [remembered.take_turn("one", now, 5.0) for now, _ in times] == [due for _, due in times]
    assert remembered.take_turn("two", 94.0, 5.0)
