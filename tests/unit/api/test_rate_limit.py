"""Who is limited, who is counted as one client, and what a client is told of its quota."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from facilitator.roles.rate_limit import RateDecision, RateLimiter
from support.web import Client, payment, serving

SHOP, KIOSK = "203.0.113.7", "203.0.113.8"


class Scripted:
    """Allows the first request and notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool]] = []

    def hit(self, client: str, *, sensitive: bool) -> RateDecision:
        self.asked.append((client, sensitive))
        first = len(self.asked) == 1
        return RateDecision(allowed=first, limit=5, remaining=3 if first else 0, reset_seconds=7)

    def close(self) -> None:
        pass

    @property
    def clients(self) -> list[str]:
        return [client for client, _ in self.asked]


@contextlib.contextmanager
def behind_proxy(folder: Path, limiter: RateLimiter, **variables: str) -> Iterator[Client]:
    """A server that trusts the forwarding of its callers."""
    api = {"rate_limiter": limiter}
    variables["server__trusted_proxies"] = "['127.0.0.1']"
    with serving(folder, None, api=api, **variables) as client:
        yield client


def test_beyond_the_limit_is_429(tmp_path: Path) -> None:
    limiter = Scripted()
    with behind_proxy(tmp_path, limiter) as client:
        allowed = client.call("POST", "/verify", payment(), X_Forwarded_For=SHOP)
        verify = client.call("POST", "/verify", payment(), X_Forwarded_For=SHOP)
        settle = client.call("POST", "/settle", payment(), X_Forwarded_For=SHOP)
        other = client.call("GET", "/supported", X_Forwarded_For=SHOP)
    assert allowed.status == 200
    quota = [allowed.headers[f"ratelimit-{name}"] for name in ("limit", "remaining", "reset")]
    assert quota == ["5", "3", "7"]
    assert "retry-after" not in allowed.headers
    for refused in (verify, settle, other):
        assert refused.status == 429
        assert refused.headers["retry-after"] == "7"
        quota = [refused.headers[f"ratelimit-{name}"] for name in ("limit", "remaining", "reset")]
        assert quota == ["5", "0", "7"]
    assert (verify.json["isValid"], verify.json["invalidReason"]) == (False, "rate_limited")
    assert (settle.json["success"], settle.json["errorReason"]) == (False, "rate_limited")
    assert other.json["error"] == "rate_limited"
    assert "7 seconds" in other.json["message"]
    assert limiter.asked == [(SHOP, True), (SHOP, True), (SHOP, True), (SHOP, False)]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("PUT", "/verify", 405), ("POST", "/verify", 400)],
)
def test_an_error_shows_the_quota_too(tmp_path: Path, method: str, path: str, status: int) -> None:
    with behind_proxy(tmp_path, Scripted()) as client:
        answer = client.call(method, path, {}, X_Forwarded_For=SHOP)
    assert answer.status == status
    assert answer.headers["ratelimit-remaining"] == "3"


@pytest.mark.parametrize(
    ("method", "path", "sensitive"),
    [
        ("POST", "/verify", True),
        ("POST", "/settle/", True),
        ("GET", f"/status/{'ab' * 32}", True),
        ("POST", "/status", True),
        ("POST", "/inspect", True),
        ("POST", "/%76erify", True),
        ("POST", "/cancel", False),
        ("GET", "/supported", False),
        ("GET", "/", False),
        ("GET", "/nowhere", False),
        ("OPTIONS", "/verify", False),
    ],
)
def test_what_costs_work_is_sensitive(
    tmp_path: Path, method: str, path: str, sensitive: bool
) -> None:
    limiter = Scripted()
    with behind_proxy(tmp_path, limiter) as client:
        client.call(method, path, X_Forwarded_For=SHOP)
    assert limiter.asked == [(SHOP, sensitive)]


def test_a_request_for_the_server_itself_is_answered(tmp_path: Path) -> None:
    """``OPTIONS *`` has no path (RFC 9110 §9.3.7)."""
    with behind_proxy(tmp_path, Scripted()) as client:
        head = f"OPTIONS * HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {SHOP}\r\n\r\n"
        assert client.raw(head.encode()).status < 500


def test_health_is_never_limited(tmp_path: Path) -> None:
    limiter = Scripted()
    with behind_proxy(tmp_path, limiter) as client:
        for path in ("/health", "/health/live", "/health/ready"):
            answers = [client.call("GET", path, X_Forwarded_For=SHOP) for _ in range(3)]
            assert [answer.status for answer in answers] == [200] * 3
            assert "ratelimit-limit" not in answers[0].headers
    assert limiter.asked == []


def test_this_machine_itself_is_not_limited(tmp_path: Path) -> None:
    limiter = Scripted()
    with serving(tmp_path, api={"rate_limiter": limiter}) as client:
        plain = client.call("POST", "/verify", payment())
    with behind_proxy(tmp_path, limiter) as client:
        not_forwarded = client.call("POST", "/verify", payment())
    assert limiter.asked == []
    for answer in (plain, not_forwarded):
        assert answer.status == 200
        assert "ratelimit-limit" not in answer.headers


@pytest.mark.parametrize("trusted", ["", "10.0.0.1"])
def test_whom_a_proxy_here_brings_is_limited(tmp_path: Path, trusted: str) -> None:
    limiter = Scripted()
    api = {"rate_limiter": limiter}
    with serving(tmp_path, api=api, server__trusted_proxies=trusted) as client:
        first = client.call("POST", "/verify", payment(), X_Forwarded_For=SHOP)
        other = client.call("POST", "/verify", payment(), X_Real_IP=KIOSK)
    assert (first.status, other.status) == (200, 429)
    assert limiter.clients == ["127.0.0.1"] * 2


def test_a_proxy_s_own_machine_is_limited(tmp_path: Path) -> None:
    """Who forwards an address of the loopback means its own loopback, not ours."""
    limiter = Scripted()
    with behind_proxy(tmp_path, limiter) as client:
        for address in ("127.0.0.1", "127.8.8.8", "::1"):
            client.call("GET", "/", X_Forwarded_For=address)
    assert limiter.clients == ["127.0.0.1", "127.8.8.8", "::/64"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.7", "203.0.113.8", False),
        ("203.0.113.7", "::ffff:203.0.113.7", True),
        ("::ffff:203.0.113.7", "::ffff:203.0.113.8", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("unknown", "unknown", True),
        ("unknown", "_hidden", False),
    ],
)
def test_a_client_is_an_address_or_a_network_of_ipv6(
    tmp_path: Path, one: str, other: str, same: bool
) -> None:
    limiter = Scripted()
    with behind_proxy(tmp_path, limiter) as client:
        client.call("GET", "/", X_Forwarded_For=one)
        client.call("GET", "/", X_Forwarded_For=other)
    assert len(limiter.asked) == 2
    assert (len(set(limiter.clients)) == 1) is same


def test_a_client_with_a_key_is_that_key_wherever_it_calls_from(tmp_path: Path) -> None:
    limiter = Scripted()
    keys = {"auth__api_keys__shop": "s3cret-shop", "auth__api_keys__kiosk": "s3cret-kiosk"}
    with behind_proxy(tmp_path, limiter, **keys) as client:
        client.call("POST", "/verify", payment(), X_Forwarded_For=SHOP, X_API_Key="s3cret-shop")
        client.call("GET", "/status/0", X_Forwarded_For=KIOSK, Authorization="Bearer s3cret-shop")
        client.call("GET", "/supported", X_Forwarded_For=SHOP, X_API_Key="s3cret-kiosk")
        client.call("POST", "/verify", payment(), X_Forwarded_For=SHOP, X_API_Key="guessed")
        client.call("POST", "/verify", payment(), X_Forwarded_For=KIOSK)
    assert limiter.clients == ["key:shop", "key:shop", "key:kiosk", SHOP, KIOSK]


def test_a_key_means_nothing_where_none_is_set(tmp_path: Path) -> None:
    limiter = Scripted()
    with behind_proxy(tmp_path, limiter) as client:
        client.call("POST", "/verify", payment(), X_Forwarded_For=SHOP, X_API_Key="any")
    assert limiter.clients == [SHOP]


def test_browsers_may_read_the_quota(tmp_path: Path) -> None:
    origin = "https://shop.example"
    with behind_proxy(tmp_path, Scripted(), server__cors_origins=origin) as client:
        allowed = client.call("GET", "/supported", X_Forwarded_For=SHOP, Origin=origin)
        refused = client.call("GET", "/supported", X_Forwarded_For=SHOP, Origin=origin)
    assert (allowed.status, refused.status) == (200, 429)
    for answer in (allowed, refused):
        exposed = answer.headers["access-control-expose-headers"].lower().split(", ")
        shown = {name for name in answer.headers if name.startswith("ratelimit-")}
        assert shown == {f"ratelimit-{name}" for name in ("limit", "remaining", "reset", "policy")}
        assert shown <= set(exposed)
