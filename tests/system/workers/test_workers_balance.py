"""Connections that are kept are divided evenly, however quick one of the processes is."""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from facilitator.api import application
from facilitator.server import Server, listen, load_balancing, port_of
from facilitator.server.load_balancing import ABSENT, MAX_YIELDS, YIELD_SECONDS, Balance
from facilitator.testing.waiting import eventually
from facilitator.x402.messages import PaymentRequest, VerifyResponse
from support.web import NETWORK, Client, ScriptedService, payment, read_answer, settings


def test_who_has_more_lets_others_be_first() -> None:
    all_of_them = Balance(3)
    one, other = all_of_them.share(0), all_of_them.share(1)
    one.set_count(2)
    assert one.yield_seconds == 0  # nobody else is there
    other.set_count(2)
    assert one.yield_seconds == 0
    one.set_count(3)
    assert (one.yield_seconds, other.yield_seconds) == (YIELD_SECONDS, 0)
    one.set_count(1000)
    assert one.yield_seconds == MAX_YIELDS * YIELD_SECONDS
    other.withdraw()
    assert one.yield_seconds == 0


def test_connections_are_divided_evenly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_balancing, "YIELD_SECONDS", 0.5)  # a busy machine is slow to be first
    answered: Counter[int] = Counter()

    def counting(index: int) -> Callable[[PaymentRequest], VerifyResponse]:
        def verify(_: PaymentRequest) -> VerifyResponse:
            answered[index] += 1
            return VerifyResponse(True)

        return verify

    loaded = settings(tmp_path)
    sockets = listen(loaded.server)
    port, both = port_of(sockets[0]), Balance(2)
    with ExitStack() as stack:
        for index in range(2):
            service = ScriptedService(on_verify=counting(index))
            stack.enter_context(
                Server(
                    application(service, settings=loaded),
                    loaded.server,
                    network=NETWORK,
                    sockets=[each.dup() for each in sockets],
                    share=both.share(index),
                )
            )
        for each in sockets:
            each.close()
        eventually(lambda: ABSENT not in list(both._counts))
        for _ in range(8):
            connection = stack.enter_context(Client(port).connect())
            connection.sendall(request())
            assert read_answer(connection).status == 200
    assert answered == {0: 4, 1: 4}


def request() -> bytes:
    body = json.dumps(payment()).encode()
    return b"POST /verify HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )
