"""Killed in an outage with a submission of unknown outcome: started anew, it settles once."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from http.client import HTTPException
from pathlib import Path
from threading import Thread

import pytest

from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.clock import SystemClock
from facilitator.roles.chain import InMempool
from facilitator.testing.http import call
from facilitator.testing.payments import (
    ALICE,
    MERCHANT,
    genesis_utxos,
    request_body,
    requirements,
    transaction_id,
)
from facilitator.testing.running import NETWORK
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import pay
from support.drills import DUPLICATE, PENDING, PROJECT_ID, SUBMIT, Body, Provider
from support.process import ServeProcess


@pytest.fixture
def devnet() -> Iterator[Devnet]:
    with closing(Devnet(NETWORK, SystemClock())) as devnet:
        yield devnet


@pytest.fixture
def provider(devnet: Devnet) -> Iterator[Provider]:
    with closing(Provider(devnet)) as provider:
        yield provider


@pytest.fixture
def serve(tmp_path: Path, provider: Provider) -> Iterator[Callable[[], ServeProcess]]:
    """Start the facilitator (again) over the same storage."""
    environ = {
        "FACILITATOR_PLUGINS": "blockfrost,sqlite",
        "FACILITATOR_BLOCKFROST__BASE_URL": f"{provider.url}/api/v0",
        "FACILITATOR_BLOCKFROST__PROJECT_ID": PROJECT_ID,
        "FACILITATOR_BLOCKFROST__POLL_SECONDS": "1",
        "FACILITATOR_SETTLEMENT__LEASE_SECONDS": "1",
        "FACILITATOR_SETTLEMENT__WAIT_SECONDS": "1",
    }
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(ServeProcess(tmp_path, environ)))


def payment(number: int) -> Body:
    slot = KNOWN_ERAS[NETWORK].slot_at(int(time.time() * 1000))
    ref, output = list(genesis_utxos(ALICE).items())[number]
    to = MERCHANT.address
    raw = pay(ALICE, {ref: output}, to, 2_000_000, parameters=PARAMETERS, ttl=slot + 300)
    return request_body(raw, requirements())


def settle(port: int, body: Body) -> Body:
    status, answer = call(port, "POST", "/settle", body)
    assert status == 200, answer
    return dict(answer)


def test_killed_in_an_outage(
    serve: Callable[[], ServeProcess], devnet: Devnet, provider: Provider
) -> None:
    """Of three submissions one was lost, one taken but not answered, one not answered yet."""
    lost, taken, open_still = bodies = [payment(number) for number in range(3)]
    told: list[Body] = []
    first = serve()
    provider.faults.cut_before(SUBMIT, 1)
    told.append(settle(first.port, lost))
    provider.faults.cut_after(SUBMIT, 1)
    told.append(settle(first.port, taken))
    assert [answer["errorReason"] for answer in told] == [PENDING] * 2
    provider.faults.latency(2000, SUBMIT, 1)

    def settle_and_be_cut_off() -> None:
        with suppress(OSError, HTTPException):
            told.append(settle(first.port, open_still))

    caller = Thread(target=settle_and_be_cut_off)
    caller.start()
    eventually(lambda: provider.count(SUBMIT) == 3)
    provider.faults.answer(503)
    first.process.kill()
    first.wait()
    caller.join()

    provider.heal()
    again = serve()
    told += [settle(again.port, body) for body in bodies]
    assert not any(answer["success"] for answer in told)
    for body in bodies:
        eventually(lambda body=body: is_waiting(devnet, body))  # type: ignore[misc]
    devnet.produce_block()
    devnet.produce_block()
    for body in bodies:

        def is_settled(body: Body = body) -> bool:
            told.append(settle(again.port, body))
            return bool(told[-1]["success"])

        eventually(is_settled)
        assert settle(again.port, body)["errorReason"] == DUPLICATE
    successes = [answer["transaction"] for answer in told if answer["success"]]
    assert sorted(successes) == sorted(map(transaction_id, bodies))
    with devnet.chain() as chain:
        held = [each for made in chain.blocks[1:] for each in made.block.transactions]
    assert sorted(held) == sorted(successes)


def is_waiting(devnet: Devnet, body: Body) -> bool:
    return isinstance(devnet.transaction(transaction_id(body)), InMempool)
