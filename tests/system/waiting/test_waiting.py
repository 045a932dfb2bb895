"""Crowds of callers who settle at once and wait, in one process.

A thousand are what an operator is promised, and are shown once. Elsewhere, a crowd is enough that
is larger than the slots or the threads that the point is about.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

import pytest

from facilitator.roles.chain import InMempool
from facilitator.settlement import write_places
from facilitator.settlement.waiting_slots import PER_PAYMENT
from facilitator.testing.http import call
from facilitator.testing.payments import ALICE, BOB, CAROL, Payer, transaction_id
from facilitator.testing.running import Running
from facilitator.testing.waiting import eventually
from waiting.crowd import LONGEST, Facilitator, Response, Start, all_but, outcomes, settle_at_once

THOUSAND = 1000
CALLERS = 250
WRITERS = 8
"""As many callers write claims at once where few must do."""
PENDING = "settlement_pending"
DUPLICATE = "duplicate_settlement"


async def all_wait(facilitator: Facilitator, calls: list[asyncio.Task[Response]]) -> None:
    """Return once every caller's payment is submitted; none must have been answered by then."""

    def submitted() -> bool:
        return facilitator.pending() == len(calls) or any(each.done() for each in calls)

    await asyncio.to_thread(eventually, submitted)
    assert [each.result() for each in calls if each.done()] == []


@pytest.mark.parametrize(("storage", "callers"), [("sqlite", THOUSAND), ("memory", CALLERS)])
def test_a_crowd_waits_while_others_are_served(start: Start, storage: str, callers: int) -> None:
    """With as few open files as most systems begin with, and default settings otherwise."""
    facilitator = start(plugins=f"devnet,{storage}")
    *bodies, other = facilitator.fund(callers + 1)

    async def crowd() -> list[Response]:
        calls = settle_at_once(facilitator.port, bodies, wait=LONGEST)
        await all_wait(facilitator, calls)
        for method, path, body in (("POST", "/verify", other), ("GET", "/health", None)):
            status, answer = await asyncio.to_thread(call, facilitator.port, method, path, body)
            assert status == 200, answer
        assert not any(each.done() for each in calls)
        await asyncio.to_thread(facilitator.mine, bodies)
        return await asyncio.gather(*calls)

    assert outcomes(asyncio.run(crowd())) == {"success": callers}


def test_each_of_a_crowd_is_answered_when_its_own_wait_is_over(start: Start) -> None:
    """The short waits end while the long ones go on, which nothing but a block ends."""
    facilitator = start(settlement__wait_seconds=3600)
    bodies = facilitator.fund(CALLERS)

    async def crowd() -> tuple[list[Response], list[Response]]:
        patient = settle_at_once(facilitator.port, bodies[::2], wait=3600)
        hasty = await asyncio.gather(*settle_at_once(facilitator.port, bodies[1::2], wait=5))
        assert not any(each.done() for each in patient)
        await asyncio.to_thread(facilitator.mine, bodies)
        return hasty, await asyncio.gather(*patient)

    hasty, patient = asyncio.run(crowd())
    assert outcomes(hasty) == {PENDING: CALLERS // 2}
    assert outcomes(patient) == {"success": CALLERS // 2}


def test_of_a_crowd_for_one_payment_a_few_wait_and_one_succeeds(start: Start) -> None:
    facilitator = start()
    (body,) = facilitator.fund(1)

    async def crowd() -> tuple[list[Response], list[Response]]:
        calls = settle_at_once(facilitator.port, [body] * CALLERS, wait=LONGEST)
        excess, waiting = await all_but(PER_PAYMENT, calls)
        await asyncio.to_thread(facilitator.mine, [body])
        return excess, await asyncio.gather(*waiting)

    excess, waited = asyncio.run(crowd())
    assert outcomes(excess) == {PENDING: CALLERS - PER_PAYMENT}
    assert outcomes(waited) == {"success": 1, DUPLICATE: PER_PAYMENT - 1}


def test_callers_without_a_slot_are_answered_at_once(start: Start) -> None:
    facilitator = start(server__threads=48, settlement__max_waiting=32)
    bodies = facilitator.fund(CALLERS)

    async def crowd() -> tuple[list[Response], list[Response]]:
        calls = settle_at_once(facilitator.port, bodies, wait=LONGEST)
        excess, waiting = await all_but(32, calls)
        await asyncio.to_thread(facilitator.mine, bodies)
        return excess, await asyncio.gather(*waiting)

    excess, waited = asyncio.run(crowd())
    assert outcomes(excess) == {PENDING: CALLERS - 32}
    assert outcomes(waited) == {"success": 32}


def test_sigterm_amid_a_crowd_answers_all_and_loses_nothing(start: Start) -> None:
    facilitator = start()
    bodies = facilitator.fund(CALLERS)

    async def stopped() -> list[Response]:
        calls = settle_at_once(facilitator.port, bodies, wait=LONGEST)
        await all_wait(facilitator, calls)
        assert await asyncio.to_thread(facilitator.process.terminate) == 0
        return await asyncio.gather(*calls)

    assert outcomes(asyncio.run(stopped())) == {PENDING: CALLERS}
    again = start()

    async def resumed() -> list[Response]:
        calls = settle_at_once(again.port, bodies, wait=LONGEST)
        await asyncio.to_thread(again.mine, bodies)
        return await asyncio.gather(*calls)

    assert outcomes(asyncio.run(resumed())) == {"success": CALLERS}


def test_who_waits_for_another_callers_verification_takes_a_slot(
    run: Callable[..., Running],
) -> None:
    """So that it leaves threads to others: here more callers than there are threads."""
    running = run(server__threads=8, settlement__max_waiting=4)
    body = Payer(running).body()
    verifying = _hold(running.devnet, "outputs")
    with ThreadPoolExecutor(16) as pool:
        calls = [pool.submit(running.settle, body) for _ in range(16)]
        try:
            eventually(lambda: verifying.count)
            excess = _first(calls, 16 - 1 - 2)  # one payment has half of the slots
            assert running.call("GET", "/health/live")[0] == 200
        finally:
            verifying.go_on.set()
        eventually(lambda: is_submitted(running, body))
        running.next_block()
        running.next_block()
        others = Counter(_outcome(each) for each in calls if each not in excess)
    assert {_outcome(each) for each in excess} == {PENDING}
    assert others["success"] == 1
    assert others.keys() <= {"success", DUPLICATE, PENDING}  # the submitter needs a slot as well


def test_who_cannot_have_its_payment_claimed_in_time_may_come_again(
    run: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The storage is stuck with others' claims."""
    monkeypatch.setattr(write_places, "PLACES", WRITERS)
    running = run(server__threads=32)
    payers = (Payer(running, ALICE), Payer(running, BOB), Payer(running, CAROL))
    bodies = [payer.body() for payer in payers for _ in range(3)]
    assert len(bodies) == WRITERS + 1
    claiming = _hold(running.facilitator.storage, "add_claim")
    with ThreadPoolExecutor(WRITERS + 1) as pool:
        calls = [pool.submit(running.settle, body) for body in bodies[:WRITERS]]
        try:
            eventually(lambda: claiming.count == WRITERS)
            assert running.settle(bodies[-1], Prefer="wait=0")["errorReason"] == PENDING
        finally:
            claiming.go_on.set()
        calls.append(pool.submit(running.settle, bodies[-1]))
        eventually(lambda: all(is_submitted(running, body) for body in bodies))
        running.next_block()
        running.next_block()
        assert {_outcome(each) for each in calls} == {"success"}


def is_submitted(running: Running, body: dict[str, Any]) -> bool:
    return isinstance(running.devnet.transaction(transaction_id(body)), InMempool)


class _Held:
    """A method that answers only when it may go on."""

    def __init__(self) -> None:
        self.count = 0
        """How many calls have begun."""
        self.go_on = threading.Event()


def _hold(owner: object, method: str) -> _Held:
    held = _Held()
    original = getattr(owner, method)

    def holding(*arguments: Any) -> Any:
        held.count += 1
        assert held.go_on.wait(60)
        return original(*arguments)

    setattr(owner, method, holding)
    return held


def _first(calls: list[Future[dict[str, Any]]], count: int) -> set[Future[dict[str, Any]]]:
    """The first so many that are answered; there must be as many."""
    done: set[Future[dict[str, Any]]] = set()
    while len(done) < count:
        waiting = set(calls) - done
        finished, _ = wait(waiting, timeout=60, return_when=FIRST_COMPLETED)
        assert finished, f"only {len(done)} were answered"
        done |= finished
    return done


def _outcome(call: Future[dict[str, Any]]) -> str:
    answer = call.result()
    return "success" if answer["success"] else str(answer["errorReason"])
