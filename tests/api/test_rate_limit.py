"""A plugin's rate limiter is asked about every request, and can break none."""

from pathlib import Path

from facilitator.roles.rate_limit import RateDecision
from support.web import payment, serving


class Scripted:
    """Allows the first request of each client and notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool]] = []

    def hit(self, client: str, *, sensitive: bool) -> RateDecision:
        self.asked.append((client, sensitive))
        first = len(self.asked) == 1
        return RateDecision(allowed=first, limit=1, remaining=0, reset_seconds=7)


class Broken:
    def hit(self, client: str, *, sensitive: bool) -> RateDecision:
        raise OSError(f"no counter for {client}, {sensitive}")


def test_beyond_the_limit_is_429(tmp_path: Path) -> None:
    limiter = Scripted()
    with serving(tmp_path, api={"rate_limiter": limiter}) as client:
        allowed = client.call("POST", "/verify", payment())
        refused = client.call("POST", "/verify", payment())
        other = client.call("GET", "/supported")
    assert allowed.status == 200
    assert allowed.headers["ratelimit-limit"] == "1"
    assert allowed.headers["ratelimit-reset"] == "7"
    assert refused.status == 429
    assert refused.headers["retry-after"] == "7"
    assert refused.headers["ratelimit-remaining"] == "0"
    assert refused.json["invalidReason"] == "rate_limited"
    assert other.json["error"] == "rate_limited"
    assert limiter.asked == [("127.0.0.1", True), ("127.0.0.1", True), ("127.0.0.1", False)]


def test_health_is_never_limited(tmp_path: Path) -> None:
    limiter = Scripted()
    with serving(tmp_path, api={"rate_limiter": limiter}) as client:
        assert [client.call("GET", f"/health{path}").status for path in ("", "/live")] == [200] * 2
    assert limiter.asked == []


def test_the_client_is_the_one_behind_a_trusted_proxy(tmp_path: Path) -> None:
    limiter = Scripted()
    proxies = "['127.0.0.1']"
    with serving(
        tmp_path, api={"rate_limiter": limiter}, server__trusted_proxies=proxies
    ) as client:
        client.call("GET", "/supported", X_Forwarded_For="203.0.113.7")
    assert limiter.asked == [("203.0.113.7", False)]


def test_a_failing_limiter_lets_requests_pass(tmp_path: Path) -> None:
    with serving(tmp_path, api={"rate_limiter": Broken()}) as client:
        assert client.call("POST", "/verify", payment()).status == 200
