"""Clients that hang up, and clients that only end their sending side."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from facilitator.api import application
from facilitator.server import Server
from facilitator.server import connection as http_connection
from facilitator.testing.waiting import eventually
from facilitator.x402.messages import PaymentRequest, SettleResponse, VerifyResponse
from support.web import NETWORK, Client, ScriptedService, payment, read_answer, serving, settings

GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def post(path: str, version: str = "1.1") -> bytes:
    body = json.dumps(payment()).encode()
    head = f"POST {path} HTTP/{version}\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def all_of(connection: socket.socket) -> bytes:
    """All that the server answers until it closes the connection."""
    found = b""
    while part := connection.recv(65536):
        found += part
    return found.replace(CONTINUE, b"")  # where a busy machine made a request wait


class Waiting:
    """A service whose ``/settle`` waits until it is let go, or its caller is gone."""

    def __init__(self) -> None:
        self.entered, self.released, self.gone = (threading.Event() for _ in range(3))
        self.asked = 0
        self.service = ScriptedService(on_settle=self._settle)

    def _settle(
        self, _: PaymentRequest, client_disconnected: Callable[[], bool], **__: Any
    ) -> SettleResponse:
        self.entered.set()
        while not self.released.wait(0.005):
            if client_disconnected():
                self.gone.set()
                break
            self.asked += 1
        return SettleResponse(not client_disconnected(), NETWORK)


@contextmanager
def waiting(folder: Path) -> Iterator[tuple[Waiting, Client]]:
    held = Waiting()
    with serving(folder, held.service) as client:
        try:
            yield held, client
        finally:
            held.released.set()


# --- Those that only send no more ---------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_half_closed_client_is_answered(tmp_path: Path, version: str) -> None:
    with serving(tmp_path) as client, client.connect() as connection:
        connection.sendall(post("/verify", version))
        connection.shutdown(socket.SHUT_WR)
        found = all_of(connection)
    assert found.count(b"HTTP/1.1 ") + found.count(b"HTTP/1.0 ") == 1
    assert b" 200 OK\r\n" in found
    assert b'"isValid":true' in found


def test_all_requests_of_a_half_closed_client_are_answered_in_order(tmp_path: Path) -> None:
    with serving(tmp_path) as client, client.connect() as connection:
        connection.sendall(GET * 30 + GET.replace(b"/live", b"/none"))
        connection.shutdown(socket.SHUT_WR)
        found = all_of(connection)
    assert [part[:3] for part in found.split(b"HTTP/1.1 ")[1:]] == [b"200"] * 30 + [b"404"]


def test_a_half_closed_client_that_waits_is_there(tmp_path: Path) -> None:
    with waiting(tmp_path) as (held, client), client.connect() as connection:
        connection.sendall(post("/settle"))
        connection.shutdown(socket.SHUT_WR)
        assert held.entered.wait(60)
        assert connection.recv(len(CONTINUE)) == CONTINUE  # it was asked whether it is there
        asked = held.asked
        eventually(lambda: held.asked > asked + 2)
        held.released.set()
        assert read_answer(connection).json["success"] is True
        assert connection.recv(1) == b""


def test_a_client_that_sends_on_is_asked_nothing(tmp_path: Path) -> None:
    with waiting(tmp_path) as (held, client), client.connect() as connection:
        connection.sendall(post("/settle"))
        eventually(lambda: held.asked > 2)
        held.released.set()
        assert connection.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_half_closed_client_of_http_1_0_counts_as_gone(tmp_path: Path) -> None:
    """It may not be sent ``100 Continue``, and proxies that speak HTTP/1.0 close to hang up."""
    with waiting(tmp_path) as (held, client), client.connect() as connection:
        connection.sendall(post("/settle", "1.0"))
        connection.shutdown(socket.SHUT_WR)
        assert held.gone.wait(60)
        found = all_of(connection)
    assert found.startswith(b"HTTP/1.0 200 OK\r\n")
    assert b'"success":false' in found


@pytest.mark.parametrize("part", [1, 30, 200])
def test_a_request_that_ends_in_its_middle_is_not_answered(tmp_path: Path, part: int) -> None:
    with serving(tmp_path) as client, client.connect() as connection:
        connection.sendall(GET + post("/verify")[:part])
        connection.shutdown(socket.SHUT_WR)
        assert all_of(connection).count(b"HTTP/1.1 ") == 1


def test_a_refusal_reaches_a_half_closed_client(tmp_path: Path) -> None:
    with serving(tmp_path) as client, client.connect() as connection:
        connection.sendall(b"NONSENSE\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        assert b" 400 " in all_of(connection)


# --- Those that are gone --------------------------------------------------------------------------


def close(connection: socket.socket) -> None:
    connection.close()


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("hang_up", [close, reset])
@pytest.mark.parametrize("after", [b"", GET, GET * 200, GET * 200 + b"x" * 300_000])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_client_that_hung_up_is_noticed(
    tmp_path: Path, hang_up: Callable[[socket.socket], None], after: bytes, version: str
) -> None:
    """Also behind requests that are not read yet."""
    with waiting(tmp_path) as (held, client):
        connection = client.connect()
        connection.sendall(post("/settle", version) + after)
        assert held.entered.wait(60)
        hang_up(connection)
        assert held.gone.wait(60)


def test_one_that_hangs_up_behind_earlier_answers_is_noticed(tmp_path: Path) -> None:
    """They are not sent before it is asked whether it is there."""
    with waiting(tmp_path) as (held, client):
        connection = client.connect()
        connection.sendall(GET * 3 + post("/settle"))
        assert held.entered.wait(60)
        connection.close()
        assert held.gone.wait(60)


def test_a_half_closed_client_that_hangs_up_later_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "ASK_AGAIN_SECONDS", 0.01)
    with waiting(tmp_path) as (held, client):
        connection = client.connect()
        connection.sendall(post("/settle"))
        connection.shutdown(socket.SHUT_WR)
        eventually(lambda: held.asked)
        connection.close()
        assert held.gone.wait(60)


def test_a_request_whose_client_is_gone_before_its_turn_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a crowd which asks again and again is not served what it does not wait for."""
    monkeypatch.setattr(http_connection, "QUEUED_SECONDS", 0.0)
    held, served, released = threading.Semaphore(0), [], threading.Event()

    def verify(_: PaymentRequest) -> VerifyResponse:
        served.append(1)
        held.release()
        assert released.wait(60)
        return VerifyResponse(True)

    with (
        serving(tmp_path, ScriptedService(on_verify=verify), server__threads=4) as client,
        ExitStack() as stack,
    ):
        for _ in range(4):
            stack.enter_context(client.connect()).sendall(post("/verify"))
            assert held.acquire(timeout=60)
        for _ in range(20):
            with client.connect() as gone:
                gone.sendall(post("/verify"))
        released.set()
        assert client.call("GET", "/health/live").status == 200
        assert client.call("POST", "/verify", payment()).status == 200
        assert len(served) == 5


def test_a_client_that_is_gone_without_a_word_is_asked_for_by_the_system(tmp_path: Path) -> None:
    """Every connection inherits that from the socket that listens."""
    loaded = settings(tmp_path)
    with Server(
        application(ScriptedService(), settings=loaded), loaded.server, network=NETWORK
    ) as running:
        with Client(running.port).connect() as connection:
            connection.sendall(GET)
            assert read_answer(connection).status == 200
            [channel] = running._connections()
            options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            client = channel.socket
            assert client is not None
            assert client.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            silent, pause, times = (client.getsockopt(socket.IPPROTO_TCP, one) for one in options)
        assert silent + pause * times == 30
