"""The transport: how answers end, when connections are used again, what a failure leaves known."""

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.testing.clock import ManualClock
from facilitator.testing.threads import together
from facilitator_blockfrost import client as client_module
from facilitator_blockfrost import connection as connection_module
from facilitator_blockfrost.client import Client, Missing, NoRoute, OutcomeUnknown
from support.certificates import make_certificate
from support.upstream import CUT, Asked, Raw, Reply, Silence, Upstream, in_turn, problem, reply

Start = Callable[[Callable[[Asked], Reply]], Upstream]
ClientOf = Callable[..., Client]

HEAD = b"HTTP/1.1 200 OK\r\n"
FRAMINGS = {
    "a length": HEAD + b"Content-Length: 7\r\n\r\n[1,2,3]",
    "a length in another spelling": HEAD + b"content-LENGTH:7\r\n\r\n[1,2,3]",
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n4;x=y\r\n2,3]\r\n0\r\n\r\n",
    "chunks and a trailer": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n7\r\n[1,2,3]\r\n0\r\nA: b\r\n\r\n"
    ),
    "an interim answer first": (
        b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + HEAD + b"Content-Length: 7\r\n\r\n[1,2,3]"
    ),
}


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "FIRST_BACKOFF", 0.001)


@pytest.mark.parametrize("data", FRAMINGS.values(), ids=FRAMINGS.keys())
def test_answers_end_where_they_say_and_the_connection_goes_on(
    upstream: Start, client_of: ClientOf, data: bytes
) -> None:
    server = upstream(lambda _: Raw(data))
    client = client_of(server)
    assert [client.get("/x") for _ in range(3)] == [[1, 2, 3]] * 3
    assert server.connections == 1


@pytest.mark.parametrize(
    "head", [HEAD + b"\r\n", HEAD + b"Connection: close\r\nContent-Length: 7\r\n\r\n"]
)
def test_a_connection_that_ends_with_its_answer_is_not_used_again(
    upstream: Start, client_of: ClientOf, head: bytes
) -> None:
    server = upstream(lambda _: Raw(head + b"[1,2,3]", then_close=True))
    client = client_of(server)
    assert [client.get("/x") for _ in range(3)] == [[1, 2, 3]] * 3
    assert server.connections == len(server.asked) == 3


def test_an_answer_may_come_byte_by_byte(client_of: ClientOf) -> None:
    data = FRAMINGS["chunks"]
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.recv(65536)
                for byte in data:
                    connection.sendall(bytes([byte]))

        thread = threading.Thread(target=serve)
        thread.start()
        upstream = Upstream(lambda _: CUT, port=listener.getsockname()[1])
        assert client_of(upstream).get("/x") == [1, 2, 3]
        thread.join()


BROKEN = {
    "not HTTP": b"SSH-2.0-OpenSSH\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "a length that is none": HEAD + b"Content-Length: x\r\n\r\n",
    "a length that is too great": HEAD + b"Content-Length: 99999999999\r\n\r\n",
    "a length of too many digits": HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "a chunk without a length": HEAD + b"Transfer-Encoding: chunked\r\n\r\nx\r\n",
    "a chunk of another length": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n[]\r\n0\r\n\r\n",
    "a chunk that is too long": HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffffff\r\n",
    "a head without an end": HEAD + b"A: " + b"b" * 70_000,
    "a body cut short": HEAD + b"Content-Length: 7\r\n\r\n[1,",
    "a chunk cut short": HEAD + b"Transfer-Encoding: chunked\r\n\r\n7\r\n[1,",
    "nothing": b"",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_answer_is_tried_again_and_then_told(
    upstream: Start, client_of: ClientOf, data: bytes
) -> None:
    server = upstream(lambda _: Raw(data, then_close=True))
    with pytest.raises(ChainUnavailable, match="the connection to Blockfrost failed"):
        client_of(server).get("/x")
    assert len(server.asked) == client_module.TRIES


def test_an_endless_body_is_given_up(
    upstream: Start, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "MAX_BODY", 1000)
    server = upstream(lambda _: Raw(HEAD + b"\r\n" + b" " * 2000, then_close=True))
    with pytest.raises(ChainUnavailable, match="too large"):
        client_of(server).get("/x")


def test_a_connection_that_was_closed_meanwhile_is_replaced(
    upstream: Start, client_of: ClientOf
) -> None:
    server = upstream(lambda _: Raw(reply(200, [1]).data, then_close=True))
    client = client_of(server)
    assert [client.get("/x") for _ in range(3)] == [[1]] * 3
    assert client.post("/x", b"", "application/cbor").status == 200
    assert len(server.asked) == server.connections == 4


def test_an_old_connection_is_replaced(
    upstream: Start, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = upstream(lambda _: reply(200, [1]))
    client = client_of(server)
    client.get("/x")
    monkeypatch.setattr(connection_module, "LIFETIME_SECONDS", -1.0)
    client.get("/x")
    assert server.connections == 2


@pytest.mark.parametrize("status", [308, 400, 401, 403, 421, 500, 503])
def test_after_a_failover_no_connection_stays_with_the_server_that_refuses(
    upstream: Start, client_of: ClientOf, status: int
) -> None:
    """A server that stands by says so on each connection that is open; a new one avoids it."""
    refuses = threading.Event()

    def answer(asked: Asked) -> Reply:
        if asked.path.endswith("/slow"):
            both.wait()
        return problem(status) if refuses.is_set() else reply(200, [1])

    both = threading.Barrier(2)
    server = upstream(answer)
    client = client_of(server)
    together([lambda: client.get("/slow")] * 2)
    refuses.set()
    with suppress(ChainUnavailable, NoRoute):
        client.get("/x")
    refuses.clear()
    before = server.connections
    together([lambda: client.get("/slow")] * 2)
    assert server.connections == before + 2


def test_a_connection_serves_on_after_what_is_not_there(
    upstream: Start, client_of: ClientOf
) -> None:
    server = upstream(lambda _: problem(404))
    client = client_of(server)
    for _ in range(3):
        with pytest.raises(Missing):
            client.get("/x")
    assert server.connections == 1


def test_a_get_over_a_connection_that_is_cut_is_asked_again_at_once(
    upstream: Start, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "TRIES", 1)
    server = upstream(in_turn(reply(200, [1]), CUT, reply(200, [2])))
    client = client_of(server)
    assert [client.get("/x"), client.get("/x")] == [[1], [2]]
    assert server.connections == 2


def test_a_post_whose_connection_is_cut_is_not_sent_again(
    upstream: Start, client_of: ClientOf
) -> None:
    server = upstream(in_turn(reply(200, [1]), CUT, reply(200, [2])))
    client = client_of(server)
    client.get("/x")
    with pytest.raises(OutcomeUnknown):
        client.post("/x", b"once", "application/cbor")
    assert [asked.body for asked in server.asked] == [b"", b"once"]


def test_nothing_was_sent_when_nobody_listens(client_of: ClientOf) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        upstream = Upstream(lambda _: CUT, port=listener.getsockname()[1])
    client = client_of(upstream)
    with pytest.raises(ChainUnavailable, match="cannot connect to Blockfrost: ConnectionRefused"):
        client.post("/x", b"", "application/cbor")
    with pytest.raises(ChainUnavailable, match="cannot connect to Blockfrost: ConnectionRefused"):
        client.get("/x")


def test_no_answer_in_time_is_no_answer(upstream: Start, client_of: ClientOf) -> None:
    done = threading.Event()
    server = upstream(lambda _: Silence(done))
    client = client_of(server, timeout=0.1)
    with pytest.raises(OutcomeUnknown, match="did not answer in time"):
        client.post("/x", b"", "application/cbor")
    with pytest.raises(ChainUnavailable, match="did not answer in time"):
        client.get("/x")
    done.set()


def test_connections_are_shared_by_threads(upstream: Start, client_of: ClientOf) -> None:
    server = upstream(lambda asked: reply(200, asked.path))
    client = client_of(server)
    paths = [f"/{number}" for number in range(16)]
    for _ in range(5):
        answers = together([lambda path=path: client.get(path) for path in paths])  # type: ignore[misc]
        assert answers == [f"/v0{path}" for path in paths]
    assert server.connections <= 16


def test_a_closed_client_asks_nothing(upstream: Start, client_of: ClientOf) -> None:
    server = upstream(lambda _: reply(200, []))
    client = client_of(server)
    client.get("/x")
    client.close()
    with pytest.raises(ChainUnavailable, match="closed"):
        client.get("/x")
    assert len(server.asked) == 1


# --- TLS --------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return make_certificate(tmp_path)


def serve_tls(listener: socket.socket, certificate: Path, requests: int) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    connection, _ = listener.accept()
    try:
        with context.wrap_socket(connection, server_side=True) as secure:
            for _ in range(requests):
                secure.recv(65536)
                secure.sendall(reply(200, ["secure"]).data)
    except OSError:
        pass


@pytest.mark.parametrize("trusted", [True, False])
def test_certificates_are_verified(
    certificate: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setattr(client_module, "TRIES", 1)
    with socket.create_server(("localhost", 0)) as listener:
        url = f"https://localhost:{listener.getsockname()[1]}"
        client = Client(url, None, clock=clock, timeout=5, budget=None)
        thread = threading.Thread(target=serve_tls, args=(listener, certificate, 2))
        thread.start()
        if trusted:
            assert [client.get("/x"), client.get("/x")] == [["secure"]] * 2
        else:
            with pytest.raises(ChainUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
                client.get("/x")
        client.close()
        thread.join()
