"""Processes whose clocks are an hour apart: what one has left, the other goes on with in time."""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from http.client import HTTPException
from pathlib import Path
from threading import Thread

import pytest

from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.clock import SystemClock
from facilitator.testing.clock import ManualClock
from facilitator.testing.http import call
from facilitator.testing.payments import ALICE, MERCHANT, genesis_utxos, request_body, requirements
from facilitator.testing.running import NETWORK, NOW
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import pay
from support import skewed
from support.drills import DUPLICATE, OUTPUTS, PROJECT_ID, Body, Drill, Provider
from support.process import ServeProcess
from support.shared_storages import POSTGRES, REDIS, shared_storage

HOUR = 3600.0
DIFFERENCE = re.compile(
    r"this clock is 3(600|5\d\d) s behind that of another process that shares the storage"
)


@pytest.fixture
def real_devnet() -> Iterator[Devnet]:
    """The network by the clock of this machine, with a block every second."""
    with closing(Devnet(NETWORK, SystemClock(), block_seconds=1.0)) as devnet:
        yield devnet


@pytest.fixture
def provider(real_devnet: Devnet) -> Iterator[Provider]:
    with closing(Provider(real_devnet)) as provider:
        yield provider


@pytest.fixture(params=["sqlite", REDIS, POSTGRES])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The settings of what the processes share."""
    with shared_storage(request.param, tmp_path) as settings:
        yield {"FACILITATOR_PLUGINS": f"blockfrost,{request.param}", **settings}


@pytest.fixture
def serve(
    tmp_path: Path, provider: Provider, storage: dict[str, str]
) -> Iterator[Callable[[float], ServeProcess]]:
    """Start a process whose clock is so many seconds ahead."""
    environ = {
        "FACILITATOR_BLOCKFROST__BASE_URL": f"{provider.url}/api/v0",
        "FACILITATOR_BLOCKFROST__PROJECT_ID": PROJECT_ID,
        "FACILITATOR_BLOCKFROST__POLL_SECONDS": "1",
        "FACILITATOR_SETTLEMENT__LEASE_SECONDS": "2",
        **storage,
    }
    with ExitStack() as stack:

        def start(ahead: float) -> ServeProcess:
            program = (skewed.__file__, str(ahead))
            return stack.enter_context(closing(ServeProcess(tmp_path, environ, program)))

        yield start


def payment(number: int) -> Body:
    """One that is valid for two hours, so by clocks an hour apart."""
    slot = KNOWN_ERAS[NETWORK].slot_at(int(time.time() * 1000))
    ref, output = list(genesis_utxos(ALICE).items())[number]
    to, ttl = MERCHANT.address, slot + 7_000
    raw = pay(ALICE, {ref: output}, to, 2_000_000, parameters=PARAMETERS, ttl=ttl)
    terms = requirements()
    terms["maxTimeoutSeconds"] = 20_000
    return request_body(raw, terms)


def settle(process: ServeProcess, body: Body, **headers: str) -> Body:
    status, answer = call(process.port, "POST", "/settle", body, headers)
    assert status == 200, answer
    return dict(answer)


def succeeds(process: ServeProcess, body: Body) -> None:
    """Settle it, as often as it takes, to the one success."""
    answers: list[Body] = []

    def is_settled() -> bool:
        answers.append(settle(process, body, Prefer="wait=5"))
        return bool(answers[-1]["success"])

    eventually(is_settled)
    assert settle(process, body)["errorReason"] == DUPLICATE


@pytest.mark.parametrize("storage", ["sqlite", REDIS], indirect=True)
@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_a_leader_of_another_hour_is_killed(
    serve: Callable[[float], ServeProcess], ahead: float
) -> None:
    first = serve(ahead)
    opened = payment(0)
    settle(first, opened, Prefer="wait=0")
    eventually(lambda: any("this process follows" in line for line in list(first.lines)))
    first.process.kill()
    first.wait()
    second = serve(0)
    succeeds(second, payment(1))
    succeeds(second, opened)


@pytest.mark.parametrize("storage", ["sqlite", REDIS], indirect=True)
@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_who_verified_in_another_hour_is_killed(
    serve: Callable[[float], ServeProcess], provider: Provider, ahead: float
) -> None:
    first = serve(ahead)
    body = payment(0)
    provider.faults.latency(20_000, OUTPUTS, 1)

    def settle_and_be_cut_off() -> None:
        with suppress(OSError, HTTPException):
            settle(first, body)

    caller = Thread(target=settle_and_be_cut_off)
    caller.start()
    eventually(lambda: provider.count(OUTPUTS))
    first.process.kill()
    first.wait()
    caller.join()
    provider.heal()
    succeeds(serve(0), body)


def test_a_fleet_of_two_hours_settles_and_says_so(serve: Callable[[float], ServeProcess]) -> None:
    """Who leads is the one ahead; the other follows what it publishes, and sees the difference."""
    ahead = serve(HOUR)
    succeeds(ahead, payment(0))
    right = serve(0)

    def is_seen() -> object:
        settle(right, payment(1), Prefer="wait=0")
        health = call(right.port, "GET", "/health")[1]
        clock = health["dependencies"]["clock"]
        return health["status"] == "degraded" and DIFFERENCE.fullmatch(clock.get("error", ""))

    eventually(is_seen)
    assert call(right.port, "GET", "/health/ready")[0] == 200
    (said,) = [json.loads(line) for line in list(right.lines) if "clocks differ: " in line]
    assert said["level"] == 40
    assert DIFFERENCE.fullmatch(said["msg"].removeprefix("clocks differ: "))
    succeeds(right, payment(2))
    succeeds(ahead, payment(3))


def test_a_clock_that_is_behind_the_chain_is_seen(
    tmp_path: Path, devnet: Devnet, clock: ManualClock
) -> None:
    """By the slots of its blocks, which are yet to come."""
    behind = ManualClock(NOW - 60)
    with (
        closing(Provider(devnet)) as provider,
        closing(Drill(tmp_path, devnet, [provider], behind)) as drill,
    ):
        clock.advance(1)
        drill.verify(drill.payment())
        drill.next_block()

        def is_seen() -> bool:
            drill.verify(drill.payment())
            return "behind the slots of cardano:preprod" in clock_of(drill).get("error", "")

        eventually(is_seen)
        behind.advance(70)
        eventually(lambda: clock_of(drill)["status"] == "up")


def clock_of(drill: Drill) -> Body:
    """What the health says of the clock."""
    return dict(drill.call("GET", "/health")[1]["dependencies"]["clock"])
