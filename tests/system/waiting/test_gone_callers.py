"""Callers that hang up by the hundred leave their slots, their threads and their successes."""

import json
import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from facilitator.cardano.transaction import Output, Value
from facilitator.roles.chain import InMempool
from facilitator.testing.payments import MERCHANT, request_body, requirements, transaction_id
from facilitator.testing.running import Running
from facilitator.testing.waiting import eventually
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import Wallet, pay
from support.web import Client, read_answer

CALLERS = 200
FUNDS = 100_000_000
FOR_EVER = 3600
"""Seconds: only a hang-up or a block ends the wait."""
SETTINGS = {
    "server__threads": CALLERS + 56,
    "settlement__max_waiting": CALLERS,
    "settlement__wait_seconds": FOR_EVER,
}
PENDING = "settlement_pending"


@pytest.fixture
def running(run: Callable[..., Running]) -> Running:
    return run(**SETTINGS)


def ask(running: Running, body: dict[str, Any], version: str = "1.1") -> socket.socket:
    """A connection that has sent ``/settle``."""
    connection = Client(running.server.port).connect()
    connection.sendall(request(body, version))
    return connection


def ask_half_closed(running: Running, body: dict[str, Any], version: str) -> socket.socket:
    """A connection that has sent ``/settle`` and, in the same segment, its end.

    Behind a segment of its own, the end may come after a success that is there already.
    """
    connection = Client(running.server.port).connect()
    content = request(body, version)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    connection.sendall(content)
    connection.shutdown(socket.SHUT_WR)
    return connection


def request(body: dict[str, Any], version: str) -> bytes:
    content = json.dumps(body).encode()
    return (
        b"POST /settle HTTP/%s\r\nHost: [::1]\r\nPrefer: wait=%d\r\nContent-Length: %d\r\n\r\n%s"
        % (version.encode(), FOR_EVER, len(content), content)
    )


def taken(running: Running) -> int:
    return running.facilitator.service._coordinator.waiting_slots.taken


def bodies_of(running: Running, count: int) -> list[dict[str, Any]]:
    """So many payments that share nothing."""
    payers = [Wallet(f"caller {number}", network_id=0) for number in range(count)]
    refs = [running.devnet.fund(payer.address, FUNDS) for payer in payers]
    running.next_block()
    terms = requirements()
    return [
        request_body(
            pay(
                payer,
                {ref: Output(payer.address, Value(FUNDS, {}), 0)},
                MERCHANT.address,
                int(terms["amount"]),
                parameters=PARAMETERS,
                ttl=running.slot + 500,
            ),
            terms,
        )
        for payer, ref in zip(payers, refs, strict=True)
    ]


def mine(running: Running, bodies: list[dict[str, Any]]) -> None:
    """Have all in blocks, the last of which has one on top."""
    eventually(lambda: all(is_in(running, body, InMempool) for body in bodies))
    while any(is_in(running, body, InMempool) for body in bodies):
        running.next_block()
    running.next_block()


def is_in(running: Running, body: dict[str, Any], kind: type) -> bool:
    return isinstance(running.devnet.transaction(transaction_id(body)), kind)


@pytest.mark.parametrize("after", [b"", b"x" * 100_000], ids=["at once", "behind more"])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_callers_that_hang_up_leave_their_slots_and_their_success(
    running: Running, after: bytes, version: str
) -> None:
    bodies = bodies_of(running, CALLERS)
    callers = [ask(running, body, version) for body in bodies]
    eventually(lambda: taken(running) == CALLERS)
    for caller in callers:
        caller.sendall(after)
        caller.close()
    eventually(lambda: taken(running) == 0)
    mine(running, bodies)
    with ExitStack() as stack:
        again = [stack.enter_context(ask(running, body)) for body in bodies]
        assert all(read_answer(one).json["success"] is True for one in again)


def test_a_half_closed_caller_waits_and_gets_its_success(running: Running) -> None:
    (body,) = bodies = bodies_of(running, 1)
    with ask(running, body) as caller:
        caller.shutdown(socket.SHUT_WR)
        eventually(lambda: taken(running) == 1)
        mine(running, bodies)
        assert read_answer(caller).json["success"] is True
    assert running.settle(body)["errorReason"] == "duplicate_settlement"


def test_a_half_closed_caller_gets_a_success_that_is_there_already(running: Running) -> None:
    (body,) = bodies = bodies_of(running, 1)
    assert running.settle(body, Prefer="wait=0")["errorReason"] == PENDING
    mine(running, bodies)
    with ask(running, body) as caller:
        caller.shutdown(socket.SHUT_WR)
        assert read_answer(caller).json["success"] is True


def test_of_half_closed_callers_of_http_1_0_none_uses_a_success_up(running: Running) -> None:
    """Whether it reads cannot be found out, so the success is kept for another call."""
    (body,) = bodies = bodies_of(running, 1)
    with ask_half_closed(running, body, "1.0") as caller:
        assert read_answer(caller).json["errorReason"] == PENDING
    mine(running, bodies)
    status = f"/status/{transaction_id(body)}"
    eventually(lambda: running.call("GET", status)[1]["status"] == "confirmed")
    with ask_half_closed(running, body, "1.0") as caller:
        assert read_answer(caller).json["errorReason"] == PENDING
    assert running.settle(body)["success"] is True
