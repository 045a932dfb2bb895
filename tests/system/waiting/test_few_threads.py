"""Where the system gives fewer threads than ``server.threads``, others are still served."""

import asyncio
from collections.abc import Sequence
from functools import partial

import pytest

from facilitator.testing.http import call
from facilitator.testing.waiting import eventually
from waiting.crowd import LONGEST, Facilitator, Response, Start, outcomes, settle_at_once

CALLERS = 300
PENDING = "settlement_pending"
LEARNT = "no further thread can start"

WITHIN_MEMORY = """
import resource, runpy
resource.setrlimit(resource.RLIMIT_AS, ({megabytes} << 20,) * 2)
runpy.run_module("facilitator", run_name="__main__", alter_sys=True)
"""
WITHIN_THREADS = """
import _thread, runpy, threading
NAMES = ("_start_new_thread", "_start_joinable_thread")  # of Python to 3.12, and from 3.13 on
name = next(each for each in reversed(NAMES) if hasattr(threading, each))
start = getattr(threading, name)

def start_thread(*arguments, **named):
    if _thread._count() >= {threads}:
        raise RuntimeError("can't start new thread")
    return start(*arguments, **named)

setattr(threading, name, start_thread)
runpy.run_module("facilitator", run_name="__main__", alter_sys=True)
"""
"""A container's limit of processes does not bind the user root, by which tests may run."""


def within(program: str, **limits: int) -> Sequence[str]:
    return ("-c", program.format(**limits), "serve")


PROGRAMS = {
    "400 MB": within(WITHIN_MEMORY, megabytes=400),
    "900 MB": within(WITHIN_MEMORY, megabytes=900),
    "24 threads": within(WITHIN_THREADS, threads=24),
    "60 threads": within(WITHIN_THREADS, threads=60),
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
@pytest.mark.parametrize("payments", [1, CALLERS])
def test_callers_that_wait_leave_threads_to_others(
    start: Start, program: Sequence[str], payments: int
) -> None:
    facilitator = start(plugins="devnet,memory", program=program)
    *bodies, other = facilitator.fund(payments + 1)

    async def crowd() -> list[Response]:
        repeated = bodies * (CALLERS // payments)
        calls = settle_at_once(facilitator.port, repeated, wait=LONGEST)
        is_full = has_learnt if payments > 1 else partial(have_left, calls)
        await asyncio.to_thread(eventually, lambda: is_full(facilitator))
        for _ in range(3):
            await asyncio.to_thread(others_are_served, facilitator, other)
        assert not all(each.done() for each in calls)
        await asyncio.to_thread(facilitator.mine, bodies)
        return await asyncio.gather(*calls)

    found = outcomes(asyncio.run(crowd()))
    assert found.keys() <= {"success", PENDING, "duplicate_settlement"}
    assert 1 <= found["success"] <= payments
    assert found[PENDING] > CALLERS // 3


def have_left(calls: Sequence[asyncio.Task[Response]], _: Facilitator) -> bool:
    """Return True once callers of one payment were answered: few of them wait, and few threads."""
    return sum(each.done() for each in calls) > CALLERS // 3


def has_learnt(facilitator: Facilitator) -> bool:
    return any(LEARNT in line for line in facilitator.process.lines)


def others_are_served(facilitator: Facilitator, body: bytes) -> None:
    for path in ("/health/live", "/health", "/health/ready", "/supported", "/status/" + "ab" * 32):
        status, answer = call(facilitator.port, "GET", path)
        assert status == 200, answer
    status, answer = call(facilitator.port, "POST", "/verify", body)
    assert (status, answer["isValid"]) == (200, True), answer
