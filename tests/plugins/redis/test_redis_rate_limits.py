"""Rate limits that a fleet has together, on servers of every form, and while Redis is away."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from facilitator.clock import Clock
from facilitator.roles.storage import StorageUnavailable
from facilitator.settings import RateLimitSettings
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import Payer
from facilitator.testing.rate_limiter import START, Make, RateLimiterContract, allowed
from facilitator.testing.running import Running
from facilitator.testing.waiting import eventually
from facilitator_redis.address import parse_address
from facilitator_redis.names import Names
from facilitator_redis.rate_limits import RedisRateLimiter
from facilitator_redis.server import Server
from support.process import ServeProcess
from support.redis_servers import (
    Cluster,
    RedisServer,
    Replicated,
    free_port,
    needs_redis,
    running,
)
from support.redis_storages import ServerAtTime
from support.web import Answer, Client

pytestmark = needs_redis

SHOP = "203.0.113.7"
FEW = RateLimitSettings(global_per_minute=9, sensitive_per_minute=4)
BEHIND_PROXY = {"server__trusted_proxies": "['127.0.0.1']", "settlement__wait_seconds": 0}


def limiter(
    url: str, prefix: str, limits: RateLimitSettings, clock: Clock | None = None
) -> RedisRateLimiter:
    """A limiter by the server's clock, or by another one in its place."""
    address = parse_address(url)
    server = (
        Server(address, timeout_seconds=10.0) if clock is None else ServerAtTime(address, clock)
    )
    return RedisRateLimiter(server, Names(prefix), limits)


class Contract(RateLimiterContract):
    EXAMPLES = 20

    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError("define the fixture url")

    @pytest.fixture
    def make(self, url: str, prefix: str) -> Iterator[Make]:
        with ExitStack() as stack:
            yield lambda limits, clock: stack.enter_context(
                closing(limiter(url, prefix, limits, clock))
            )

    def test_all_who_share_the_prefix_count_together(self, make: Make) -> None:
        clock = ManualClock(START)
        one, other = make(FEW, clock), make(FEW, clock)
        decisions = [each.hit("a", sensitive=True) for each in (one, other, other, one, one)]
        assert [(each.allowed, each.remaining) for each in decisions] == [
            (True, 3),
            (True, 2),
            (True, 1),
            (True, 0),
            (False, 0),
        ]


class TestOneServer(Contract):
    @pytest.fixture
    def url(self, redis_server: RedisServer) -> str:
        return redis_server.url

    @pytest.fixture
    def cut(self, redis_server: RedisServer) -> Iterator[Callable[[], None]]:
        yield redis_server.kill
        if redis_server.process.poll() is not None:
            redis_server.start()


class TestBehindSentinel(Contract):
    @pytest.fixture
    def url(self, redis_replicated: Replicated) -> str:
        return redis_replicated.url


class TestCluster(Contract):
    @pytest.fixture
    def url(self, redis_cluster: Cluster) -> str:
        return redis_cluster.url


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with running(tmp_path / "server") as server:
        yield server


def test_who_has_another_prefix_counts_apart(redis_server: RedisServer, prefix: str) -> None:
    with (
        closing(limiter(redis_server.url, prefix, FEW)) as one,
        closing(limiter(redis_server.url, f"{prefix}-other", FEW)) as other,
    ):
        assert [allowed(each.hit, 9) for each in (one, other)] == [4, 4]


def test_nothing_stays_of_clients_that_stay_away(server: RedisServer) -> None:
    with closing(limiter(server.url, "x402", FEW)) as one:
        allowed(one.hit, 9)
    keys = [Names("x402").window(name, "a") for name in ("global", "sensitive")]
    for key in keys:
        assert server.command("LLEN", key) == ":4"
        assert 0 < int(server.command("PTTL", key).removeprefix(":")) <= 60_000
    assert server.command("DBSIZE") == f":{len(keys)}"


def test_a_window_that_another_clock_has_written_ends_in_a_minute(server: RedisServer) -> None:
    """The former version wrote the times of its processes, of which one was an hour ahead."""
    ahead = str(int(server.command("EVAL", "return redis.call('TIME')[1]", "0")) + 3_600)
    for name in ("global", "sensitive"):
        for _ in range(9):
            server.command("RPUSH", Names("x402").window(name, "a"), ahead)
    with closing(limiter(server.url, "x402", FEW)) as one:
        assert allowed(one.hit, 9) == 4
        refused = one.hit("a", sensitive=True)
        assert not refused.allowed
        assert refused.reset_seconds <= 60


def test_a_request_costs_one_call(server: RedisServer) -> None:
    with closing(limiter(server.url, "x402", FEW)) as one:
        one.hit("a", sensitive=True)
        before = calls(server)
        assert allowed(one.hit, 7) == 3
        assert calls(server) - before == 7


def calls(server: RedisServer) -> int:
    """How many scripts the server was asked to run."""
    lines = server.command("INFO", "commandstats").splitlines()
    (line,) = (line for line in lines if line.startswith("cmdstat_evalsha:"))
    return int(line.partition("calls=")[2].partition(",")[0])


def test_a_redis_that_is_away_is_reported() -> None:
    url = f"redis://127.0.0.1:{free_port()}"
    with (
        closing(limiter(url, "x402", FEW)) as one,
        pytest.raises(StorageUnavailable, match="cannot be reached"),
    ):
        one.hit("a", sensitive=True)


# --- A facilitator ------------------------------------------------------------------------------


def ask(port: int, path: str = "/status/0") -> Answer:
    return Client(port).call("GET", path, X_Forwarded_For=SHOP)


def test_facilitators_on_one_redis_share_the_limits(
    tmp_path: Path, redis_server: RedisServer, prefix: str
) -> None:
    """Two processes, asked at the same time; a refusal says what the whole fleet counted."""
    environ = {
        "FACILITATOR_PLUGINS": "devnet,redis",
        "FACILITATOR_REDIS__URL": redis_server.url,
        "FACILITATOR_REDIS__PREFIX": prefix,
        "FACILITATOR_SERVER__TRUSTED_PROXIES": "127.0.0.1",
        "FACILITATOR_SERVER__THREADS": "16",
        "FACILITATOR_RATE_LIMIT__SENSITIVE_PER_MINUTE": "15",
    }
    with (
        closing(ServeProcess(tmp_path, environ)) as one,
        closing(ServeProcess(tmp_path, environ)) as other,
        ThreadPoolExecutor(8) as pool,
    ):
        answers = list(pool.map(ask, [one.port, other.port] * 20))
    statuses = [answer.status for answer in answers]
    assert (statuses.count(400), statuses.count(429)) == (15, 25)
    left = [answer.headers["ratelimit-remaining"] for answer in answers if answer.status == 400]
    assert sorted(map(int, left)) == list(range(15))


def test_while_redis_is_away_each_process_counts_in_memory(
    run: Callable[..., Running], server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    facilitator = run(
        plugins="devnet,redis",
        redis__url=server.url,
        rate_limit__sensitive_per_minute=4,
        **BEHIND_PROXY,
    )
    port = facilitator.server.port
    assert [ask(port).status for _ in range(2)] == [400] * 2
    server.kill()
    assert [ask(port).status for _ in range(5)] == [400] * 4 + [429]
    warnings = [each for each in caplog.records if "the rate limiter failed" in each.getMessage()]
    assert len(warnings) == 1
    assert "cannot be reached" in warnings[0].getMessage()
    server.start()
    key = Names("x402").window("sensitive", SHOP)

    def is_counted_there() -> bool:
        ask(port)
        return server.command("EXISTS", key) == ":1"

    eventually(is_counted_there)


def test_a_redis_that_does_not_answer_holds_up_few_requests(server: RedisServer) -> None:
    """The first ones, and one now and then that tries whether it is back."""
    hasty = Server(parse_address(server.url), timeout_seconds=0.1)
    with closing(RedisRateLimiter(hasty, Names("x402"), FEW)) as one:
        one.hit("a", sensitive=True)
        server.pause()
        with pytest.raises(StorageUnavailable, match="does not answer in time"):
            one.hit("a", sensitive=True)
        assert one._server._circuit.complaint() is not None
        server.resume()


def test_counting_together_can_be_switched_off(
    run: Callable[..., Running], redis_server: RedisServer, prefix: str
) -> None:
    facilitator = run(
        plugins="devnet,redis",
        redis__url=redis_server.url,
        redis__prefix=prefix,
        redis__rate_limits="false",
        **BEHIND_PROXY,
    )
    assert ask(facilitator.server.port).status == 400
    key = Names(prefix).window("sensitive", SHOP)
    assert redis_server.command("EXISTS", key) == ":0"


@pytest.mark.parametrize(
    "settings", [{}, {"reservation__ttl_seconds": 0}, {"reservation__max_concurrent": 1}]
)
def test_what_one_process_has_verified_another_settles_beyond_the_limit(
    run: Callable[..., Running], redis_server: RedisServer, prefix: str, settings: dict[str, int]
) -> None:
    """Also a payment that holds no inputs, which alone would show it."""
    one, other = (
        run(
            plugins="devnet,redis",
            redis__url=redis_server.url,
            redis__prefix=prefix,
            server__trusted_proxies="['127.0.0.1']",
            settlement__wait_seconds=0,
            rate_limit__sensitive_per_minute=2,
            **settings,
        )
        for _ in range(2)
    )
    payer, address = Payer(one), {"X-Forwarded-For": "203.0.113.7"}
    bodies = [payer.body() for _ in range(2)]
    for body in bodies:
        assert one.call("POST", "/verify", body, address)[1]["isValid"]
    assert one.call("POST", "/verify", payer.body(), address)[0] == 429
    for each in (one, other):
        assert each.clock is not None
        each.clock.advance(5)
    assert [other.call("POST", "/settle", body, address)[0] for body in bodies] == [200, 200]
    assert other.call("POST", "/settle", payer.body(), address)[0] == 429
