"""The limits of a facilitator as its settings have them."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from facilitator import hookimpl
from facilitator.api.rate_limiters import FallbackRateLimiter, MovingWindows, WindowRateLimiter
from facilitator.plugin.discovery import register_plugins
from facilitator.plugin.loading import configure
from facilitator.plugin.manager import Plugins
from facilitator.roles.rate_limit import Limits, RateDecision, RateLimiter
from facilitator.runtime.composition import build_facilitator
from facilitator.server import Server
from facilitator.settings import ConfigInvalidError, RateLimitSettings
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NETWORK, Running
from support.web import Answer, Client, payment, serving

SHOP, KIOSK = "203.0.113.7", "203.0.113.8"
PROXY = {"server__trusted_proxies": "['127.0.0.1']"}


def quota(answer: Answer) -> list[int]:
    return [int(answer.headers[f"ratelimit-{name}"]) for name in ("limit", "remaining", "reset")]


def test_the_default_limits(run: Callable[..., Running]) -> None:
    client = Client(run(**PROXY).server.port)

    def ask(address: str, method: str = "GET", path: str = "/supported") -> Answer:
        return client.call(method, path, X_Forwarded_For=address)

    sensitive = [ask(SHOP, "POST", path) for path in ("/verify", "/settle", "/status") * 7]
    assert [answer.status for answer in sensitive] == [400] * 20 + [429]
    assert [quota(answer)[:2] for answer in sensitive[:20]] == [
        [20, left] for left in range(19, -1, -1)
    ]
    others = [ask(SHOP) for _ in range(81)]
    assert [answer.status for answer in others] == [200] * 80 + [429]
    assert quota(others[0])[:2] == [100, 79]
    assert int(others[-1].headers["retry-after"]) in range(1, 61)
    assert ask(SHOP, path="/health").status == 200
    assert quota(ask(KIOSK))[:2] == [100, 99]


def test_whoever_waits_as_told_is_let_in(tmp_path: Path) -> None:
    clock = ManualClock(5_000.0)
    settings = RateLimitSettings(global_per_minute=3, sensitive_per_minute=2)
    limiter = WindowRateLimiter(MovingWindows(clock.time), settings, clock.time)
    with serving(tmp_path, None, api={"rate_limiter": limiter}, **PROXY) as client:

        def verify() -> Answer:
            return client.call("POST", "/verify", payment(), X_Forwarded_For=SHOP)

        first = verify()
        clock.advance(20)
        second, third = verify(), verify()
        assert [each.status for each in (first, second, third)] == [200, 200, 429]
        assert quota(second) == quota(third) == [2, 0, 40]
        assert third.headers["retry-after"] == "40"
        clock.advance(39)
        assert verify().status == 429
        clock.advance(1)
        assert verify().status == 200
        assert verify().status == 429


def test_this_machine_may_ask_as_often_as_it_likes(run: Callable[..., Running]) -> None:
    limits = {"rate_limit__global_per_minute": 1, "rate_limit__sensitive_per_minute": 1}
    client = Client(run(**limits).server.port)
    answers = [client.call("GET", "/verify") for _ in range(30)]
    assert {answer.status for answer in answers} == {200}


def test_limits_can_be_switched_off(run: Callable[..., Running]) -> None:
    off = {"rate_limit__enabled": "false", "rate_limit__sensitive_per_minute": 1}
    client = Client(run(**PROXY, **off).server.port)
    answers = [client.call("GET", "/verify", X_Forwarded_For=SHOP) for _ in range(30)]
    assert {answer.status for answer in answers} == {200}
    assert not any("ratelimit-limit" in answer.headers for answer in answers)


class One:
    """A plugin's limiter that allows each client a single request."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.closed = False

    def hit(self, client: str, *, sensitive: bool) -> RateDecision:  # noqa: ARG002
        allowed = client not in self.seen
        self.seen.add(client)
        return RateDecision(allowed, limit=1, remaining=0, reset_seconds=5)

    def close(self) -> None:
        self.closed = True


class Broken(One):
    """A plugin's limiter that does not work."""

    def hit(self, client: str, *, sensitive: bool) -> RateDecision:
        raise OSError(f"no counter for {client}, {sensitive}")


class Plugin:
    """Counts how often it is asked for its limiter."""

    def __init__(self, limiter: One | None = None) -> None:
        self.asked = 0
        self.limiter = limiter or One()

    @hookimpl
    def rate_limiter(self) -> RateLimiter:
        self.asked += 1
        return self.limiter


def statuses(folder: Path, plugin: Plugin, **variables: str) -> list[int]:
    """Of three requests to a facilitator with the plugin."""
    environ = {"PLUGINS": "devnet,memory", "SERVER__TRUSTED_PROXIES": "127.0.0.1", **variables}
    environ |= {"SERVER__PORT": "0", "SERVER__THREADS": "8", "DEVNET__BLOCK_SECONDS": "0"}
    prefixed = {f"FACILITATOR_{name}": value for name, value in environ.items()}
    settings, _ = configure(environ=prefixed, cwd=folder)
    manager = register_plugins(settings.plugins)
    manager.register(plugin, name="mine")
    facilitator = build_facilitator(settings, Plugins(manager, [*settings.plugins, "mine"]))
    try:
        with Server(facilitator.app, settings.server, network=NETWORK) as server:
            client = Client(server.port)
            return [client.call("GET", "/supported", X_Forwarded_For=SHOP).status for _ in range(3)]
    finally:
        facilitator.close()


def test_a_plugin_s_limiter_takes_the_place_of_the_core_s(tmp_path: Path) -> None:
    plugin = Plugin()
    assert statuses(tmp_path, plugin) == [200, 429, 429]
    assert plugin.asked == 1
    assert plugin.limiter.closed


def test_requests_are_counted_in_memory_when_a_plugin_s_limiter_fails(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plugin = Plugin(Broken())
    assert statuses(tmp_path, plugin, RATE_LIMIT__GLOBAL_PER_MINUTE="2") == [200, 200, 429]
    (report,) = (each for each in caplog.records if "limiter failed" in each.getMessage())
    assert "plugin mine failed in hit: OSError: no counter" in report.getMessage()


def test_a_limiter_that_fails_is_reported_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock(5_000.0)
    settings = RateLimitSettings()
    in_memory = WindowRateLimiter(MovingWindows(), settings, time.monotonic)
    limiter = FallbackRateLimiter(Broken(), in_memory, settings, clock)
    reported = []
    for seconds in (0, 0, 59, 1, 59, 1):
        clock.advance(seconds)
        assert limiter.hit("a", sensitive=False).allowed
        reported.append(len(caplog.records))
    assert reported == [1, 1, 1, 2, 2, 3]


class Within(Broken):
    """Counts clients with limits of their own, until it fails."""

    fails = False

    def hit_within(self, client: str, limits: Limits, *, sensitive: bool) -> RateDecision:  # noqa: ARG002
        if self.fails:
            raise OSError("no counter")
        return RateDecision(True, limits.global_per_minute, 40, reset_seconds=1)


def test_a_client_with_limits_of_its_own_is_counted_in_memory_where_the_plugin_cannot() -> None:
    settings = RateLimitSettings()
    plugin = Within()
    for limiter, counts in ((Broken(), [1, 0, 0]), (plugin, [40, 40, 40])):
        in_memory = WindowRateLimiter(MovingWindows(), settings, time.monotonic)
        fallback = FallbackRateLimiter(limiter, in_memory, settings, ManualClock(5_000.0))

        def hits(limiter: FallbackRateLimiter = fallback) -> list[RateDecision]:
            within = partial(limiter.hit_within, "key:shop", Limits(2, 2))
            return [within(sensitive=True) for _ in range(3)]

        assert [each.remaining for each in hits()] == counts
    plugin.fails = True
    assert [each.allowed for each in hits()] == [True, True, False]


def test_limits_that_are_switched_off_ask_no_plugin(tmp_path: Path) -> None:
    plugin = Plugin()
    assert statuses(tmp_path, plugin, RATE_LIMIT__ENABLED="false") == [200] * 3
    assert plugin.asked == 0


@pytest.mark.parametrize("key", ["global_per_minute", "sensitive_per_minute"])
def test_a_limit_of_nothing_is_refused(tmp_path: Path, key: str) -> None:
    environ = {f"FACILITATOR_RATE_LIMIT__{key.upper()}": "0"}
    with pytest.raises(ConfigInvalidError, match=f"rate_limit.{key}: must be at least 1"):
        configure(environ=environ, cwd=tmp_path)
