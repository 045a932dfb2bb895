"""Requests that end in time and in size, whatever the server does with its bytes."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from facilitator.client.http import Client
from facilitator.client.timed_http import HttpBounds, TimedHttp
from facilitator.testing.redis_server import free_port
from support.certificates import make_certificate
from support.proxies import Proxy
from support.upstream import CUT, Drip, Raw, Reply, Silence, reply, serving

BODY = b'{"long": "' + bytes(400).replace(b"\0", b".") + b'"}'
HEAD = b"HTTP/1.1 200 OK\r\n"
SOON = HttpBounds(0.3, 1 << 20)
PATIENT = HttpBounds(60, 1 << 20)
Over = threading.Event
DRIPPED = {
    "head": HEAD + b"X-Slow: " + BODY + b"\r\nContent-Length: 0\r\n\r\n",
    "a head after another": b"HTTP/1.1 100 Continue\r\n\r\n" * 20 + HEAD + b"\r\n",
    "body": HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY,
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n.\r\n" * 80 + b"0\r\n\r\n",
    "until it closes": HEAD + b"\r\n" + BODY,
}
"""Whole answers, which take four seconds."""


@pytest.fixture
def over() -> Iterator[Over]:
    """Set once nobody waits for the server any more."""
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.parametrize("dripped", DRIPPED.values(), ids=DRIPPED)
def test_an_answer_that_drips_ends_with_its_time(dripped: bytes, over: Over) -> None:
    """Each byte comes in time."""
    with serving(lambda _: Drip(dripped, over)) as server, pytest.raises(TimeoutError):
        TimedHttp().ask(server.url, SOON)


def test_so_it_does_over_tls(over: Over, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    answers: list[Reply] = [reply(200, BODY), Drip(DRIPPED["body"], over)]
    with serving(lambda _: answers.pop(0)) as server, closing(Proxy(server.port, tls)) as proxy:
        http, url = TimedHttp(), f"https://localhost:{proxy.port}/"
        assert http.ask(url, PATIENT).body == BODY
        with pytest.raises(TimeoutError):
            http.ask(url, SOON)


def test_silence_ends_too(over: Over) -> None:
    with serving(lambda _: Silence(over)) as server, pytest.raises(TimeoutError):
        TimedHttp().ask(server.url, SOON)


def test_a_page_has_bounds_of_its_own(over: Over) -> None:
    """It was paid for, and may be long."""
    offer = b"HTTP/1.1 402 Payment Required\r\nContent-Length: 2\r\n\r\n{}"
    answers: list[Reply] = [reply(200, BODY), Drip(offer, over), Drip(DRIPPED["body"], over)]
    with serving(lambda _: answers.pop(0)) as server:
        http = TimedHttp()
        assert http.ask(server.url, PATIENT, page=HttpBounds(60, 5)).body == BODY[:5]
        assert http.ask(server.url, PATIENT, page=HttpBounds(0, 0)).body == b"{}"
        with pytest.raises(TimeoutError):
            http.ask(server.url, PATIENT, page=SOON)


def test_what_is_longer_is_left() -> None:
    with serving(lambda _: reply(200, BODY)) as server:
        http = TimedHttp()
        for most in (0, 7, len(BODY)):
            assert http.ask(server.url, HttpBounds(60, most)).body == BODY[:most]


def test_a_page_that_is_too_long_is_none() -> None:
    """Its beginning is not taken for the page."""
    with serving(lambda _: reply(200, BODY)) as server:
        for most, is_taken in ((len(BODY), True), (len(BODY) - 1, False)):
            client = Client(server.url, {}, None, 60, HttpBounds(60, most))
            if is_taken:
                assert client.send({}).body == BODY
            else:
                with pytest.raises(OSError, match="the page is longer than"):
                    client.send({})


@pytest.mark.parametrize(
    "cut",
    [
        CUT,
        Raw(b"ICY 200 OK\r\n\r\n", then_close=True),
        Raw(HEAD + b"Content-Length: 9\r\n\r\nhalf", then_close=True),
        Raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\nhalf", then_close=True),
    ],
)
def test_half_an_answer_is_none(cut: Raw) -> None:
    with (
        serving(lambda _: cut) as server,
        pytest.raises(OSError, match=r"answer|closed"),
    ):
        TimedHttp().ask(server.url, PATIENT)


def test_every_status_is_an_answer_and_no_redirection_is_followed() -> None:
    answers: dict[str, Callable[[], Raw]] = {
        "/302": lambda: reply(302, b"elsewhere", Location="/200"),
        "/401": lambda: reply(401, b"no", WWW_Authenticate="Basic"),
        "/500": lambda: reply(500, b"broken"),
    }
    with serving(lambda asked: answers[asked.path]()) as server:
        for path in answers:
            assert TimedHttp().ask(server.url + path, PATIENT).status == int(path[1:])
        assert [asked.path for asked in server.asked] == list(answers)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "data:,x", "ftp://127.0.0.1/"])
def test_no_other_protocol_is_spoken(url: str) -> None:
    with pytest.raises(OSError, match="unknown url type"):
        TimedHttp(uses_proxy=False).ask(url, PATIENT)


@pytest.mark.parametrize(
    ("url", "headers"),
    [("example.org", {}), ("http://127.0.0.1:9/a b", {}), ("http://127.0.0.1:9/", {"X": "a\nb"})],
)
def test_a_request_that_cannot_be_made(url: str, headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        TimedHttp().ask(url, PATIENT, headers=headers)


def test_no_server_at_all() -> None:
    with pytest.raises(OSError, match="refused"):
        TimedHttp().ask(f"http://127.0.0.1:{free_port()}/", PATIENT)
