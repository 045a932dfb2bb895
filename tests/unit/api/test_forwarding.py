"""Which requests are from this machine, whoever brings them: proxies, tunnels, web pages."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.api.clients import client_of
from facilitator.api.forwarding import forwarding_headers, is_local
from facilitator.settings.hosts import is_own_host
from support.web import TRANSACTION, Client, payment, serving

FORWARDING = [
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded",
    "X-Original-Forwarded-For",
    "X-Real-IP",
    "X-Client-IP",
    "Client-IP",
    "X-Cluster-Client-IP",
    "True-Client-IP",
    "Fastly-Client-IP",
    "Fly-Client-IP",
    "CF-Connecting-IP",
    "CF-Ray",
    "DO-Connecting-IP",
    "X-Envoy-External-Address",
    "X-Azure-ClientIP",
    "X-ProxyUser-IP",
    "CDN-Loop",
    "Via",
]
OWN = [
    "localhost",
    "LOCALHOST:3000",
    "127.0.0.1",
    "127.8.9.1:80",
    "[::1]",
    "[::1]:3000",
    "x.home:1",
]
OTHERS = [
    "evil.example",
    "evil.example:3000",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "10.0.0.1",
    "[::2]:3000",
    "::1",
    "evil:1:2",
    "",
]
PAGES = [
    {"Origin": "http://evil.example"},
    {"Origin": "https://localhost.evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
]


class Whence:
    """A route that shows what a plugin's route sees."""

    def on_get(self, req: Any, resp: Any) -> None:
        context = req.context
        resp.media = [context.is_local, context.is_relayed, client_of(req, None), req.remote_addr]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    api = {"routes": {"/whence": Whence()}}
    with serving(tmp_path_factory.mktemp("whence"), api=api) as client:
        yield client


LOCAL = [True, False, None, "127.0.0.1"]
NOT_LOCAL = [False, False, "127.0.0.1", "127.0.0.1"]
RELAYED = [False, True, "127.0.0.1", "127.0.0.1"]


@pytest.mark.parametrize("header", FORWARDING)
def test_what_a_proxy_here_forwards_is_not_from_here(client: Client, header: str) -> None:
    assert client.call("GET", "/whence", **{header: "203.0.113.7"}).json == RELAYED
    assert client.call("GET", "/whence", **{header.lower(): ""}).json == RELAYED


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"User-Agent": "curl/8", "X-Request-ID": "a", "Traceparent": "00-1", "X-API-Key": "k"},
        {"Origin": "http://localhost:5173"},
        {"Origin": "http://127.0.0.1:3000", "Sec-Fetch-Site": "same-origin"},
        *({"Host": host} for host in OWN[:-1]),
    ],
)
def test_this_machines_own_programs_are_local(client: Client, headers: dict[str, str]) -> None:
    assert client.call("GET", "/whence", **headers).json == LOCAL


def test_so_are_programs_that_name_no_host(client: Client) -> None:
    assert client.raw(b"GET /whence HTTP/1.0\r\n\r\n").json == LOCAL


@pytest.mark.parametrize("headers", PAGES)
def test_a_page_of_others_is_not_local(client: Client, headers: dict[str, str]) -> None:
    assert client.call("GET", "/whence", **headers).json == NOT_LOCAL


@pytest.mark.parametrize("host", ["evil.example:3000", "", "10.0.0.1"])
def test_who_calls_it_by_another_name_is_not_local(client: Client, host: str) -> None:
    assert client.call("GET", "/whence", Host=host).json == NOT_LOCAL
    request = f"GET http://{host or 'a'}/whence HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert client.raw(request.encode()).json == NOT_LOCAL


@pytest.mark.parametrize(
    ("headers", "seen"),
    [
        ({}, LOCAL),
        ({"X-Forwarded-For": "203.0.113.7"}, [False, False, "203.0.113.7", "203.0.113.7"]),
        ({"X-Forwarded-For": "127.0.0.1"}, NOT_LOCAL),
        ({"X-Forwarded-For": " , "}, RELAYED),
        ({"X-Real-IP": "203.0.113.7"}, RELAYED),
        ({"Via": "1.1 cache"}, RELAYED),
    ],
)
def test_behind_a_trusted_proxy(tmp_path: Path, headers: dict[str, str], seen: list[str]) -> None:
    api = {"routes": {"/whence": Whence()}}
    with serving(tmp_path, api=api, server__trusted_proxies="127.0.0.1") as client:
        assert client.call("GET", "/whence", **headers).json == seen


@pytest.mark.parametrize(("trusted", "word"), [("", "trusted_proxies"), ("127.0.0.1", "without")])
def test_a_proxy_that_is_not_set_up_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, trusted: str, word: str
) -> None:
    with (
        caplog.at_level(logging.WARNING),
        serving(tmp_path, server__trusted_proxies=trusted) as client,
    ):
        for _ in range(3):
            client.call("GET", "/", X_Real_IP="203.0.113.7")
    (line,) = [each.getMessage() for each in caplog.records if "forward" in each.getMessage()]
    assert word in line
    assert "127.0.0.1" in line
    assert "X-Real-Ip" in line
    assert "203.0.113.7" not in line


@pytest.mark.parametrize("host", ["evil.example", "evil.example:3000", ""])
def test_a_page_that_has_its_name_resolve_here_reads_no_status(client: Client, host: str) -> None:
    posted = client.call("POST", "/status", {"transaction": TRANSACTION}, Host=host)
    got = client.call("GET", f"/status/{TRANSACTION}", Host=host)
    for answer in (posted, got):
        assert (answer.status, answer.json["error"]) == (403, "forbidden")
    assert client.call("POST", "/verify", payment(), Host=host).status == 200


def test_a_proxy_may_pass_the_name_on(client: Client) -> None:
    headers = {"Host": "pay.example", "X-Forwarded-For": "203.0.113.7"}
    assert client.call("GET", f"/status/{TRANSACTION}", **headers).status == 200


def test_a_server_for_others_has_names_that_it_does_not_know(tmp_path: Path) -> None:
    with serving(tmp_path, server__host="0.0.0.0") as client:
        assert client.call("GET", f"/status/{TRANSACTION}", Host="pay.example").status == 200


@pytest.mark.parametrize("host", OWN)
def test_own_hosts(host: str) -> None:
    assert is_own_host(host, "x.home")


@pytest.mark.parametrize("host", OTHERS)
def test_hosts_of_others(host: str) -> None:
    assert not is_own_host(host, "x.home")


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_by_either_family(peer: str) -> None:
    assert is_local({"HTTP_HOST": "127.0.0.1:3000"}, peer, "::")
    assert is_local({"HTTP_HOST": "[::]:3000"}, peer, "::")
    assert not is_local({"HTTP_HOST": "evil.example"}, peer, "::")
    assert not is_local({"HTTP_HOST": "a" * 30_000}, peer, "::")
    assert not is_local({"HTTP_HOST": "localhost"}, "::ffff:10.0.0.1", "::")


@given(st.text(max_size=40))
def test_any_text_is_some_host(text: str) -> None:
    assert is_own_host(f"{text}.example", "localhost") is False


def test_headers_that_programs_send_themselves_are_none_of_forwarding() -> None:
    names = "HOST ACCEPT USER_AGENT X_REQUEST_ID X_API_KEY IDEMPOTENCY_KEY TRACEPARENT PREFER"
    assert forwarding_headers({f"HTTP_{name}": "" for name in names.split()}) == []
    assert forwarding_headers({"REMOTE_ADDR": "127.0.0.1", "SERVER_NAME": "via"}) == []
