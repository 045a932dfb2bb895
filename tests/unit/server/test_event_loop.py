"""Connections that nothing happens to cost nothing."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from waitress.server import TcpWSGIServer

from facilitator.api import application
from facilitator.server import Server
from facilitator.server.connection import HttpConnection
from facilitator.testing.waiting import eventually
from support.web import NETWORK, Client, ScriptedService, payment, read_answer, settings

GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"


def made(folder: Path) -> Server:
    loaded = settings(folder)
    app = application(ScriptedService(), settings=loaded)
    return Server(app, loaded.server, network=NETWORK)


@pytest.mark.parametrize("sent", [b"", GET[:20]], ids=["silent", "half a request"])
def test_idle_connections_are_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    looks: list[HttpConnection] = []
    readable = HttpConnection.readable

    def look(channel: HttpConnection) -> bool:
        looks.append(channel)
        return readable(channel)

    monkeypatch.setattr(HttpConnection, "readable", look)
    with made(tmp_path) as server, ExitStack() as stack:
        client = Client(server.port)
        connections = [stack.enter_context(client.connect()) for _ in range(30)]
        for each in connections:
            each.sendall(sent)
        eventually(lambda: len(server._connections()) == len(connections))
        idle = server._connections()
        eventually(lambda: not sent or all(each.request for each in idle))
        assert client.call("GET", "/").status == 200  # by now each was looked at for what it sent
        looks.clear()
        for _ in range(20):
            assert client.call("POST", "/verify", payment()).status == 200
        # Each once more, where an earlier event of its own was not yet followed by a look.
        assert all(looks.count(each) <= 1 for each in idle)
        assert len(looks) > 20


def test_idle_connections_may_ask_at_any_time(tmp_path: Path) -> None:
    with made(tmp_path) as server, ExitStack() as stack:
        client = Client(server.port)
        connections = [stack.enter_context(client.connect()) for _ in range(30)]
        for _ in range(3):
            for each in connections:
                each.sendall(GET[:10])
            for each in reversed(connections):
                each.sendall(GET[10:])
            for each in connections:
                assert read_answer(each).status == 200


def test_many_are_accepted_at_once(tmp_path: Path) -> None:
    server = made(tmp_path)
    with ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(Client(server.port).connect())
        server._step(0.0)
        assert len(server._connections()) == 50
    server.close()


def test_answers_do_not_wait_for_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that answers sends, and the loop is woken by the next request alone."""
    written: list[HttpConnection] = []
    pulled: list[TcpWSGIServer] = []
    monkeypatch.setattr(HttpConnection, "handle_write", written.append)
    monkeypatch.setattr(TcpWSGIServer, "pull_trigger", pulled.append)
    with made(tmp_path) as server, Client(server.port).connect() as connection:
        for _ in range(20):
            connection.sendall(GET)
            assert read_answer(connection).status == 200
        assert not written
        assert not pulled
        monkeypatch.undo()  # closing the server pulls it
