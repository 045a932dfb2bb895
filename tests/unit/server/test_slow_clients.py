"""Clients that take their time, take nothing, or are gone in the middle."""

import json
import logging
import select
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from facilitator.api import application
from facilitator.server import Server, http_server, tasks
from facilitator.server import connection as http_connection
from facilitator.server.connection import HttpConnection
from facilitator.testing.waiting import eventually
from facilitator.x402.messages import PaymentRequest, VerifyResponse
from support.web import NETWORK, Client, ScriptedService, payment, read_answer, serving, settings

GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"


@contextmanager
def listening(folder: Path) -> Iterator[tuple[Server, Client]]:
    loaded = settings(folder)
    app = application(ScriptedService(), settings=loaded)
    with Server(app, loaded.server, network=NETWORK) as running:
        yield running, Client(running.port)


def only_channel(running: Server) -> HttpConnection:
    eventually(lambda: len(running._connections()) == 1)
    return running._connections()[0]


def is_writable(connection: Any) -> bool:
    return bool(select.select([], [connection], [], 0)[1])


# --- Slow ones --------------------------------------------------------------------------------


def test_who_does_not_take_the_answers_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the system takes nothing more for it, so that no event would say so."""
    monkeypatch.setattr(http_server, "CLEANUP_SECONDS", 0)
    with listening(tmp_path) as (running, client), socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", client.port))
        deaf.settimeout(0.2)
        with pytest.raises(TimeoutError):  # it reads no more
            deaf.sendall(b"GET /verify HTTP/1.1\r\nHost: x\r\n\r\n" * 1_000_000)
        channel = only_channel(running)
        eventually(lambda: channel.total_outbufs_len and not is_writable(channel.socket))
        monkeypatch.setattr(http_connection, "ANSWER_SECONDS", 0)
        eventually(lambda: not running._connections())
        assert client.call("GET", "/health").status == 200


def test_a_request_that_followed_another_has_its_own_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000.0]
    clock = SimpleNamespace(monotonic=lambda: now[0], time=time.time)
    monkeypatch.setattr(http_connection, "time", clock)
    with listening(tmp_path) as (running, client), client.connect() as connection:
        connection.sendall(GET[:10])
        channel = only_channel(running)
        eventually(lambda: channel.request is not None)
        now[0] += http_connection.REQUEST_SECONDS - 1
        connection.sendall(GET[10:] + GET[:10])
        assert read_answer(connection).status == 200
        eventually(lambda: not (channel.requests or channel.total_outbufs_len))
        now[0] += 2
        assert not channel.is_overdue
        now[0] += http_connection.REQUEST_SECONDS
        assert channel.is_overdue


# --- Many of them -----------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [b"", GET[:20], b"\r\n", GET], ids=["none", "half", "line", "all"])
def test_connections_that_ask_for_nothing_keep_no_caller_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(http_server, "connection_limit", lambda: 40)
    with serving(tmp_path) as client, ExitStack() as stack:
        for _ in range(120):
            connection = stack.enter_context(client.connect())
            connection.sendall(sent)
        assert client.call("POST", "/verify", payment()).status == 200


def test_who_waits_for_an_answer_is_not_closed_to_make_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "connection_limit", lambda: 40)
    entered, released = threading.Event(), threading.Event()

    def verify(_: PaymentRequest) -> VerifyResponse:
        entered.set()
        assert released.wait(60)
        return VerifyResponse(True)

    with (
        serving(tmp_path, ScriptedService(on_verify=verify)) as client,
        ThreadPoolExecutor(1) as pool,
        ExitStack() as stack,
    ):
        waiting = pool.submit(client.call, "POST", "/verify", payment())
        assert entered.wait(60)
        for _ in range(120):
            stack.enter_context(client.connect())
        assert client.call("GET", "/health/live").status == 200
        released.set()
        assert waiting.result(60).status == 200


# --- Gone ones --------------------------------------------------------------------------------


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR]


def test_a_refusal_of_a_client_that_is_gone_is_no_fault(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = threading.Event()
    with listening(tmp_path) as (running, client):
        connection = client.connect()

        def gone_meanwhile(**_: Any) -> None:
            channel = only_channel(running)
            connection.close()
            eventually(channel.check_client_disconnected)
            refused.set()

        monkeypatch.setattr(tasks, "log_request", gone_meanwhile)
        connection.sendall(b"NONSENSE\r\n\r\n")
        assert refused.wait(60)
        monkeypatch.undo()
        assert client.call("GET", "/").status == 200
    assert errors(caplog) == []


def test_sending_to_who_is_gone_is_an_error_of_the_connection(tmp_path: Path) -> None:
    """Waitress expects those from the thread that answers, and takes others for faults."""
    with listening(tmp_path) as (running, client):
        with client.connect() as connection:
            connection.sendall(GET[:10])
            channel = only_channel(running)
        eventually(lambda: channel.socket is None)
        with pytest.raises(OSError, match="closed"):
            channel.send(b"an answer")


@pytest.mark.parametrize("part", [1, 20, 60])
def test_requests_that_are_cut_off_leave_nothing(tmp_path: Path, part: int) -> None:
    body = json.dumps(payment()).encode()
    whole = b"POST /verify HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with listening(tmp_path) as (running, client):
        for _ in range(20):
            with client.connect() as connection:
                connection.sendall(whole[: len(whole) * part // 61])
        eventually(lambda: not running._connections())
        assert client.call("POST", "/verify", payment()).status == 200
