"""Scripts run in a process of their own, for as long as their client may have them run."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from facilitator.exact.methods import DefaultTransfer
from facilitator.exact.verification import Verifier
from facilitator.inspection.report import Inspector
from facilitator.roles.payment import Origin
from facilitator.roles.refused import Refused
from facilitator.scripts import pool as pool_module
from facilitator.scripts import process as process_module
from facilitator.scripts.pool import ScriptPool
from facilitator.scripts.rotation import Rotation
from facilitator.scripts.time_budget import TimeBudget
from facilitator.settings import ScriptSettings
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE, request_body, requirements
from facilitator.testing.running import NETWORK
from facilitator.testing.waiting import eventually
from facilitator.x402.messages import parse_payment_request
from facilitator.x402.reasons import Reason
from support.extras import needs_plutus
from support.minting import BAD, ENDLESS, GOOD, NOW, Chain, minting_payment

pytestmark = needs_plutus

SETTINGS = ScriptSettings(workers=1, verdict_seconds=0.5, client_seconds=1.0)
TOO_LONG = "cannot be evaluated (they take too long)"


@pytest.fixture(autouse=True, scope="module")
def _patience() -> Iterator[None]:
    """A busy machine leaves next to nothing to processes of a low priority."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool_module, "TURN_SECONDS", 600.0)
        patch.setattr(process_module, "START_SECONDS", 600.0)
        patch.setattr(process_module, "LEAST_WALL_SECONDS", 600.0)
        yield


@pytest.fixture(scope="module")
def process() -> Iterator[ScriptPool]:
    """A pool whose process is ready."""
    with closing(ScriptPool(replace(SETTINGS, client_seconds=1000))) as pool:
        judge(pool, GOOD, "warm up")
        yield pool


@pytest.fixture
def pool(process: ScriptPool, monkeypatch: pytest.MonkeyPatch) -> ScriptPool:
    """A pool with nothing remembered, and no client's time used; over the same process."""
    monkeypatch.setattr(pool_module, "HELD_SECONDS", 0.01)
    pool = ScriptPool(SETTINGS)
    pool._processes, pool._turns = process._processes, process._turns
    pool._budget = lasting_budget(pool)
    return pool


def lasting_budget(pool: ScriptPool) -> TimeBudget:
    """A full one, of which nothing is earned again, however long scripts wait for a processor."""
    return TimeBudget(pool._seconds_of, lambda: 0.0)


def judge(
    pool: ScriptPool, code: bytes, client: str = "", fee: int = 400_000, at: float = NOW
) -> str:
    methods = {"default": DefaultTransfer()}
    verifier = Verifier({NETWORK: Chain()}, methods, ManualClock(at), scripts=pool.evaluator)
    body = request_body(minting_payment(code, fee), requirements())
    payment = verifier.parse(parse_payment_request(body), Origin(client))
    verifier.check_static(payment)
    return verifier.check_ledger(payment).payer


def refusal(pool: ScriptPool, code: bytes, client: str = "", fee: int = 400_000) -> tuple[str, str]:
    with pytest.raises(Refused) as refused:
        judge(pool, code, client, fee)
    return refused.value.reason, refused.value.message


def test_the_verdicts_are_those_of_the_evaluator(pool: ScriptPool) -> None:
    assert judge(pool, GOOD) == ALICE.bech32
    reason, message = refusal(pool, BAD)
    assert reason is Reason.PHASE2_INVALID
    assert "minting 0: it ends in an error" in message


def test_the_time_is_not_that_of_the_process_that_serves(pool: ScriptPool) -> None:
    """The scripts have half a second of CPU, of which nothing is spent here."""
    before = time.process_time()
    reason, message = refusal(pool, ENDLESS)
    assert TOO_LONG in message
    assert reason is Reason.PHASE1_INVALID
    assert time.process_time() - before < 0.4


def test_a_repeated_question_is_not_run_again(pool: ScriptPool) -> None:
    """Another second changes nothing of what a script sees."""
    judge(pool, GOOD, "one")
    pool._processes, pool._turns = [], Rotation([])
    for number in range(100):
        assert judge(pool, GOOD, "other", at=NOW + number) == ALICE.bech32
    assert pool._budget.left("other") == SETTINGS.client_seconds


def test_a_repeated_verdict_against_a_payment_costs_its_client_time(pool: ScriptPool) -> None:
    """An attack can repeat it no more often than new ones."""
    answers = [refusal(pool, ENDLESS, "one")[0] for _ in range(4)]
    assert answers[0] is Reason.PHASE1_INVALID
    assert answers[3] is Reason.CHAIN_LOOKUP_FAILED
    assert pool._budget.left("one") < 0.1


def test_a_client_whose_time_is_used_up_is_to_try_again(pool: ScriptPool) -> None:
    """With any number of transactions; others go on, and what it was cut short of is not kept."""
    answers = [refusal(pool, ENDLESS, "one", 400_000 + n) for n in range(4)]
    assert answers[0] == (Reason.PHASE1_INVALID, answers[0][1])
    assert TOO_LONG in answers[0][1]
    assert {reason for reason, _ in answers[2:]} == {Reason.CHAIN_LOOKUP_FAILED}
    assert "try again in a minute" in answers[3][1]
    assert judge(pool, GOOD, "other") == ALICE.bech32
    assert TOO_LONG in refusal(pool, ENDLESS, "other", 400_003)[1]
    assert TOO_LONG in refusal(pool, ENDLESS, "key:shop", 400_010)[1]
    assert pool._budget.left("key:shop") > 9


def test_one_with_many_calls_costs_no_more_than_its_time(pool: ScriptPool) -> None:
    with ThreadPoolExecutor(8) as callers:
        list(callers.map(lambda n: refusal(pool, ENDLESS, "many", 400_000 + n), range(16)))
    assert -0.2 < pool._budget.left("many") < 0.2


def test_a_process_that_was_killed_starts_again(
    pool: ScriptPool, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says so, once: what ended it is not run again."""
    judge(pool, GOOD)
    running = pool._processes[0]._running
    assert running is not None
    os.kill(running._process.pid, signal.SIGKILL)
    running._process.wait()
    reason, message = refusal(pool, BAD)
    assert reason is Reason.PHASE1_INVALID
    assert "the process that ran them ended" in message
    assert caplog.text.count("could not be run: the process that ran them ended") == 1
    pool._verdicts.clear()
    pool._budget = lasting_budget(pool)
    assert refusal(pool, BAD)[0] is Reason.PHASE2_INVALID


def test_its_environment_has_nothing_secret_and_no_checks_of_types(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FACILITATOR_AUTH__API_KEYS__SHOP", "very-secret")
    with closing(ScriptPool(SETTINGS)) as pool:
        pool._processes[0].start()
        running = pool._processes[0]._running
        assert running is not None
        running._line.poll(60)
        with open(f"/proc/{running._process.pid}/environ") as file:
            environ = file.read()
        assert "FACILITATOR" not in environ
        assert "PYCARDANO_NO_TYPE_CHECK=true" in environ


def test_inspections_share_a_time_of_their_own(pool: ScriptPool) -> None:
    """A report says that scripts were not run, and why."""
    chain: Any = Chain()
    inspector = Inspector(
        {NETWORK: chain},
        {"default": DefaultTransfer()},
        ManualClock(NOW),
        scripts=pool.evaluator,
    )
    reports = []
    for number in range(3):
        body = request_body(minting_payment(ENDLESS, 400_000 + number), requirements())
        reports.append(inspector.payment(parse_payment_request(body)))
    (verdict,) = (each for each in reports[2]["checks"] if "Plutus" in str(each.get("detail")))
    assert verdict["result"] == "not judged"
    assert "try again in a minute" in verdict["detail"]
    assert pool._budget.left("") == SETTINGS.client_seconds


def test_the_processes_are_ready_before_the_first_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "WARM_UP_SECONDS", 0)
    with closing(ScriptPool(replace(SETTINGS, workers=2))) as pool:
        pool.start()
        eventually(lambda: all(each._running for each in pool._processes))
        assert judge(pool, GOOD) == ALICE.bech32
