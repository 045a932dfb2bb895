"""The server in this process: starting, stopping, many clients, slow ones and gone ones."""

import json
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from facilitator.api import application
from facilitator.server import ListenError, Server, http_server
from facilitator.server import connection as http_connection
from facilitator.server.http_server import PIPELINED_REQUESTS
from facilitator.x402.messages import PaymentRequest, SettleResponse, VerifyResponse
from support.web import (
    NETWORK,
    Client,
    ScriptedService,
    payment,
    read_answer,
    serving,
    settings,
)

GET = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Held:
    """A service whose ``/verify`` waits until it is let go."""

    def __init__(self) -> None:
        self.entered, self.released = threading.Semaphore(0), threading.Event()
        self.service = ScriptedService(on_verify=self._verify)

    def _verify(self, _: PaymentRequest) -> VerifyResponse:
        self.entered.release()
        assert self.released.wait(60)
        return VerifyResponse(True)


def made(
    folder: Path,
    service: ScriptedService | None = None,
    on_drain: Callable[[], None] | None = None,
    **variables: object,
) -> Server:
    loaded = settings(folder, **variables)
    app = application(service or ScriptedService(), settings=loaded)
    return Server(app, loaded.server, network=NETWORK, on_drain=on_drain)


def test_it_listens_from_the_start_and_tells_where(tmp_path: Path) -> None:
    server = made(tmp_path)
    assert server.url == f"http://127.0.0.1:{server.port}"
    with Client(server.port).connect() as connection:
        connection.sendall(GET)
        with server:
            assert read_answer(connection).status == 200


def test_an_address_that_is_taken_is_told_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ListenError, match=rf"^cannot listen on 127.0.0.1:{port}: .*in use; stop"
        ):
            made(tmp_path, server__port=port)


def test_a_host_that_is_not_this_machine_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ListenError, match=r"^cannot listen on 192\.0\.2\.1:.* set server.host"):
        made(tmp_path, server__host="192.0.2.1")


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
def test_an_ipv6_address_is_written_as_in_urls(tmp_path: Path) -> None:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("needs the IPv6 loopback")
    server = made(tmp_path, server__host="::1")
    assert server.url == f"http://[::1]:{server.port}"
    server.close()


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6 beside IPv4")
def test_all_of_ipv6_has_ipv4_too(tmp_path: Path) -> None:
    """A client's IPv4 address is what it is, for limits and for this machine."""
    with serving(tmp_path, server__host="::") as client:
        ask = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for address in ("127.0.0.1", "::1"):
            with socket.create_connection((address, client.port), timeout=60) as connection:
                connection.sendall(ask)
                assert read_answer(connection).status == 200


def test_stopping_twice_or_without_a_start_is_harmless(tmp_path: Path) -> None:
    unstarted = made(tmp_path)
    unstarted.close()
    unstarted.stop()
    with made(tmp_path) as started:
        started.stop()
        started.stop()
    started.stop()
    started.close()


def test_many_clients_over_few_threads(tmp_path: Path) -> None:
    with serving(tmp_path, server__threads=4) as client, ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: client.call("POST", "/verify", payment()), range(240)))
    assert [answer.status for answer in answers] == [200] * 240
    assert len({answer.headers["x-request-id"] for answer in answers}) == 240


def test_waiting_requests_leave_room_for_others(tmp_path: Path) -> None:
    held = Held()
    with (
        serving(tmp_path, held.service, server__threads=8) as client,
        ThreadPoolExecutor(6) as pool,
    ):
        waiting = [pool.submit(client.call, "POST", "/verify", payment()) for _ in range(6)]
        for _ in waiting:
            assert held.entered.acquire(timeout=60)
        assert client.call("GET", "/health").status == 200
        held.released.set()
        assert [one.result(60).status for one in waiting] == [200] * 6


@pytest.mark.parametrize("stops", [False, True], ids=["served", "stopping"])
def test_of_many_requests_in_one_packet_few_are_read_ahead(tmp_path: Path, *, stops: bool) -> None:
    held = Held()
    body = json.dumps(payment()).encode()
    first = b"POST /verify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    first += b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    with made(tmp_path, held.service, server__shutdown_seconds=20) as server:
        with Client(server.port).connect() as connection:
            connection.sendall(first + GET * 120)
            assert held.entered.acquire(timeout=60)
            # By then the packet was looked at.
            assert Client(server.port).call("GET", "/health/live").status == 200
            waiting = max(server._connections(), key=lambda each: len(each.requests))
            assert len(waiting.requests) <= 1 + PIPELINED_REQUESTS + 1
            if stops:
                server.stop()
            held.released.set()
            received = b""
            while received.count(b"HTTP/1.1 200 OK") < 121:
                data = connection.recv(65536)
                assert data, "closed early"
                received += data
        assert received.count(b"HTTP/1.1 ") == 121


def test_idle_connections_do_not_take_threads(tmp_path: Path) -> None:
    with serving(tmp_path, server__threads=4) as client:
        idle = [client.connect() for _ in range(40)]
        try:
            for connection in idle[:20]:
                connection.sendall(GET[:10])
            assert client.call("GET", "/health").status == 200
            for connection in idle[:20]:
                connection.sendall(GET[10:])
                assert read_answer(connection).status == 200
        finally:
            for connection in idle:
                connection.close()


def test_a_request_that_takes_for_ever_to_arrive_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "REQUEST_SECONDS", 0)
    monkeypatch.setattr(http_server, "CLEANUP_SECONDS", 0)
    with serving(tmp_path) as client, client.connect() as slow, client.connect() as patient:
        slow.sendall(GET[:10])
        assert slow.recv(100) == b""
        patient.sendall(GET)
        assert read_answer(patient).status == 200


def test_a_refused_client_cannot_go_on_sending_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "LINGER_SECONDS", 0)
    with serving(tmp_path) as client, client.connect() as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n"
        )
        assert read_answer(connection).status == 413
        with pytest.raises(ConnectionError):
            connection.sendall(bytes(1 << 30))


def test_what_a_refused_client_sends_afterwards_is_no_request(tmp_path: Path) -> None:
    seen: list[str] = []

    def status(transaction: str) -> dict[str, Any]:
        seen.append(transaction)
        return {}

    with serving(tmp_path, ScriptedService(on_status=status)) as client:
        smuggled = b"GET /status/" + b"a" * 64 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with client.connect() as connection:
            connection.sendall(
                b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n"
            )
            assert read_answer(connection).status == 413
            connection.sendall(smuggled)
            assert connection.recv(100) == b""
            assert client.call("GET", "/").status == 200
    assert seen == []


def test_a_service_learns_that_its_caller_hung_up(tmp_path: Path) -> None:
    entered, noticed = threading.Event(), threading.Event()

    def settle(
        _: PaymentRequest, client_disconnected: Callable[[], bool], **__: Any
    ) -> SettleResponse:
        assert not client_disconnected()
        entered.set()
        for _attempt in range(2000):
            if client_disconnected():
                noticed.set()
                break
            threading.Event().wait(0.005)
        return SettleResponse(False, NETWORK)

    with serving(tmp_path, ScriptedService(on_settle=settle)) as client:
        with ThreadPoolExecutor(1) as pool, client.connect() as connection:
            _send_payment(connection, "/settle")
            assert pool.submit(entered.wait, 20).result()
        assert noticed.wait(60)


def _send_payment(connection: socket.socket, path: str) -> None:
    body = json.dumps(payment()).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    )
    connection.sendall(head + body)


# --- Draining ------------------------------------------------------------------------------------


def test_connections_that_wait_to_be_accepted_are_answered(tmp_path: Path) -> None:
    server = made(tmp_path)
    clients = [Client(server.port).connect() for _ in range(20)]
    try:
        for connection in clients:
            connection.sendall(GET)
        server.stop()
        server.run()
        for connection in clients:
            answer = read_answer(connection)
            assert (answer.status, answer.headers["connection"]) == (200, "close")
    finally:
        for connection in clients:
            connection.close()
    with pytest.raises(ConnectionRefusedError):
        Client(server.port).connect()


def test_a_request_that_is_arriving_may_arrive(tmp_path: Path) -> None:
    draining = threading.Event()
    server = made(tmp_path, on_drain=draining.set)
    with Client(server.port).connect() as connection:
        connection.sendall(GET[:20])
        server.stop()
        server.start()
        assert draining.wait(60)
        connection.sendall(GET[20:])
        assert read_answer(connection).status == 200
        server.close()


def test_a_server_that_stops_is_not_ready(tmp_path: Path) -> None:
    held, draining = Held(), threading.Event()
    server = made(tmp_path, held.service, on_drain=draining.set)
    with server, Client(server.port).connect() as connection:
        _send_payment(connection, "/verify")
        assert held.entered.acquire(timeout=60)
        # The first look ahead happens while the first request is being answered.
        connection.sendall(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.sendall(GET)
        server.stop()
        assert draining.wait(60)
        held.released.set()
        received = b""
        while data := connection.recv(65536):
            received += data
    assert received.count(b"HTTP/1.1 200 OK") == 2
    assert received.count(b"HTTP/1.1 503 ") == 1
    assert b'{"status":"stopping"}' in received
    assert received.lower().count(b"connection: close") == 1


def test_idle_connections_are_closed_while_others_are_answered(tmp_path: Path) -> None:
    held = Held()
    server = made(tmp_path, held.service)
    client = Client(server.port)
    with server, client.connect() as busy, client.connect() as idle:
        _send_payment(busy, "/verify")
        assert held.entered.acquire(timeout=60)
        idle.sendall(GET)
        assert read_answer(idle).status == 200
        server.stop()
        assert idle.recv(100) == b""
        held.released.set()
        assert read_answer(busy).status == 200


def test_a_drain_hook_that_fails_does_not_keep_the_server(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ValueError("no")

    with made(tmp_path, on_drain=fail) as server:
        assert Client(server.port).call("GET", "/").status == 200
    assert "could not be notified" in caplog.text
    with pytest.raises(ConnectionRefusedError):
        Client(server.port).connect()


def test_requests_that_do_not_end_are_given_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    held = Held()
    caplog.set_level(logging.WARNING)
    try:
        with made(tmp_path, held.service, server__shutdown_seconds=0.1) as server:
            connection = Client(server.port).connect()
            _send_payment(connection, "/verify")
            assert held.entered.acquire(timeout=60)
        with connection:
            assert connection.recv(100) == b""
    finally:
        held.released.set()
    assert "stopped before every request was answered" in caplog.text


def test_what_the_app_fails_to_answer_is_told_and_what_waitress_refuses_is_not(
    tmp_path: Path,
) -> None:
    told: list[tuple[BaseException, Mapping[str, str]]] = []
    fault = RuntimeError("a bug")

    def app(*_: object) -> Any:
        raise fault

    server = Server(
        app,
        settings(tmp_path).server,
        network=NETWORK,
        on_failure=lambda error, context: told.append((error, context)),
    )
    head = "POST /settle?a=1 HTTP/1.1\r\nHost: x\r\nX-Request-ID: mine\r\nContent-Length: 0\r\n"
    with server:
        client = Client(server.port)
        failed = client.raw(f"{head}\r\n".encode())
        refused = client.raw(f"{head}Transfer-Encoding: gzip\r\n\r\n".encode())
        client.raw(b"GARBAGE\r\n\r\n")
    assert (failed.status, failed.json["errorReason"]) == (500, "internal_error")
    assert (refused.status, refused.json["errorReason"]) == (400, "bad_request")
    where = {"requestId": "mine", "method": "POST", "url": "/settle", "path": "/settle"}
    assert told == [(fault, {**where, "status": "500"})]


@pytest.mark.parametrize("fault", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()], ids=repr)
def test_what_would_end_a_thread_is_answered(tmp_path: Path, fault: BaseException) -> None:
    def app(*_: object) -> Any:
        raise fault

    with Server(app, settings(tmp_path).server, network=NETWORK) as server:
        answer = Client(server.port).call("GET", "/mine")
    assert (answer.status, answer.json["error"]) == (500, "internal_error")
