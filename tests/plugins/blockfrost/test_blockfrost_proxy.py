"""The proxy that the environment names: what goes through it, in which form, and what is logged."""

import base64
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from facilitator.errors import PluginError
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.testing.clock import ManualClock
from facilitator_blockfrost import client as client_module
from facilitator_blockfrost.client import Client
from facilitator_blockfrost.connection import Origin, ProtocolError
from facilitator_blockfrost.proxy import Proxy, proxy_for
from support.certificates import make_certificate
from support.upstream import Asked, Reply, Upstream, reply

Start = Callable[[Callable[[Asked], Reply]], Upstream]
API = "http://bf.internal.example/api"
LOGIN = "Basic " + base64.b64encode(b"me:p@ss").decode()


@pytest.fixture(autouse=True)
def no_other_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name.upper()}_PROXY", raising=False)


@pytest.mark.parametrize(
    ("variables", "url", "found"),
    [
        ({}, API, None),
        ({"HTTP_PROXY": "http://out.example:8080"}, API, ("out.example", 8080, None)),
        ({"http_proxy": "out.example:8080"}, API, ("out.example", 8080, None)),
        ({"HTTP_PROXY": "http://out.example"}, API, ("out.example", 80, None)),
        ({"HTTP_PROXY": "http://me:p%40ss@out.example:8080"}, API, ("out.example", 8080, LOGIN)),
        ({"HTTPS_PROXY": "http://out.example:8080"}, API, None),
        ({"HTTPS_PROXY": "http://out:1"}, "https://bf.example", ("out", 1, None)),
        ({"ALL_PROXY": "http://out:1"}, "https://bf.example", ("out", 1, None)),
        ({"HTTP_PROXY": "http://out:1", "NO_PROXY": "bf.internal.example"}, API, None),
        ({"HTTP_PROXY": "http://out:1", "NO_PROXY": "other, .example"}, API, None),
        ({"HTTP_PROXY": "http://out:1", "no_proxy": "*"}, API, None),
        ({"HTTP_PROXY": "http://out:1", "NO_PROXY": "internal"}, API, ("out", 1, None)),
        ({"HTTP_PROXY": "http://out:1"}, "http://127.0.0.1:3001", None),
        ({"HTTP_PROXY": "http://out:1"}, "http://localhost:3001", None),
        ({"HTTP_PROXY": "http://out:1"}, "http://[::1]:3001", None),
    ],
)
def test_the_environment_says_which_proxy(
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    url: str,
    found: tuple[str, int, str | None] | None,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(urlsplit(url)) == found


@pytest.mark.parametrize(
    "proxy", ["socks5://me:secret@out:1", "https://me:secret@out", "http://:1"]
)
def test_another_kind_of_proxy_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(PluginError, match="HTTP_PROXY") as refused:
        proxy_for(urlsplit(API))
    assert "secret" not in str(refused.value)


def test_requests_over_http_are_forwarded(
    upstream: Start,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    proxy = upstream(lambda _: reply(200, ["forwarded"]))
    monkeypatch.setenv("HTTP_PROXY", f"http://me:p%40ss@{urlsplit(proxy.url).netloc}")
    client = Client(API, None, clock=clock, timeout=5, budget=None)
    assert client.get("/x") == ["forwarded"]
    client.post("/tx/submit", b"\x84", "application/cbor")
    client.close()
    assert [each.path for each in proxy.asked] == [f"{API}/v0/x", f"{API}/v0/tx/submit"]
    for each in proxy.asked:
        assert each.headers["host"] == "bf.internal.example"
        assert each.headers["proxy-authorization"] == LOGIN
    assert "bf.internal.example is asked through the proxy" in caplog.text
    assert "p@ss" not in caplog.text
    assert LOGIN not in caplog.text
    assert "p@ss" not in repr(client)


@contextmanager
def tunnel(answer: bytes, certificate: Path | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """A proxy that answers so, and is the origin too once it has answered."""
    heads: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            heads.append(connection.recv(65536))
            connection.sendall(answer)
            if certificate is not None:
                context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                context.load_cert_chain(certificate)
                with context.wrap_socket(connection, server_side=True) as secure:
                    heads.append(secure.recv(65536))
                    secure.sendall(reply(200, ["secure"]).data)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[1], heads
        thread.join()


def test_requests_over_tls_go_through_a_tunnel(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    tls = ssl.create_default_context(cafile=str(certificate))
    with tunnel(b"HTTP/1.1 200 Connection established\r\n\r\n", certificate) as (port, heads):
        connection = Origin("localhost", 443, tls, Proxy("127.0.0.1", port, LOGIN)).connect(5)
        answer = connection.ask(b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n", 5)
        connection.close()
    assert answer.body == b'["secure"]'
    assert heads[0].startswith(b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n")
    assert f"Proxy-Authorization: {LOGIN}\r\n".encode() in heads[0]
    assert b"Proxy-Authorization" not in heads[1]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            b"HTTP/1.1 407 Proxy Login Required\r\n\r\n",
            r"refuses to connect to it \(407\)",
        ),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", r"refuses to connect to it \(502\)"),
        (b"SSH-2.0", "does not answer in HTTP"),
        (b"", "does not answer in HTTP"),
    ],
)
def test_a_proxy_that_makes_no_tunnel_says_why(answer: bytes, words: str) -> None:
    with (
        tunnel(answer) as (port, _),
        pytest.raises(ProtocolError, match=words),
    ):
        Origin("localhost", 443, ssl.create_default_context(), Proxy("127.0.0.1", port)).connect(5)


def test_a_proxy_that_is_away_is_a_chain_that_cannot_be_asked(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "TRIES", 1)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    client = Client("https://bf.example/api", None, clock=clock, timeout=5, budget=None)
    with pytest.raises(ChainUnavailable, match="cannot connect to Blockfrost"):
        client.get("/x")
    client.close()
