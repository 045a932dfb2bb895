"""Blockfrost's errors and limits: what is asked again, what is not, and what is said of it."""

import logging
import ssl
from collections.abc import Callable

import pytest

from facilitator.plugin import NotSent
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.testing.clock import ManualClock
from facilitator_blockfrost import client as client_module
from facilitator_blockfrost.budget import BURST, DAY, LONGEST_WAIT, REQUESTS_PER_DAY, Budget
from facilitator_blockfrost.client import Client, Missing, _unavailable
from facilitator_blockfrost.quota_pause import BAN_SECONDS, PROBE_SECONDS
from support.upstream import Asked, Reply, Upstream, in_turn, problem, reply

Start = Callable[[Callable[[Asked], Reply]], Upstream]
ClientOf = Callable[..., Client]
NOW = 1_790_000_000.0


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "FIRST_BACKOFF", 0.001)


@pytest.mark.parametrize("status", [425, 429, 500, 502, 503, 504])
def test_a_passing_failure_is_tried_again(
    upstream: Start, client_of: ClientOf, status: int
) -> None:
    server = upstream(in_turn(problem(status), problem(status), reply(200, [1])))
    assert client_of(server).get("/x") == [1]
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (429, "too many requests a second"),
        (500, "HTTP status 500"),
        (425, "mempool .* is full"),
    ],
)
def test_a_lasting_failure_is_told(
    upstream: Start, client_of: ClientOf, status: int, said: str
) -> None:
    server = upstream(lambda _: problem(status))
    with pytest.raises(ChainUnavailable, match=said):
        client_of(server).get("/x")
    assert len(server.asked) == client_module.TRIES


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "did not understand"),
        (402, "has a day are used up"),
        (403, "refuses the project ID"),
        (418, "banned"),
        (451, "HTTP status 451"),
        (301, "HTTP status 301"),
    ],
)
def test_what_another_try_cannot_change_is_asked_once(
    upstream: Start, client_of: ClientOf, status: int, said: str
) -> None:
    server = upstream(lambda _: problem(status))
    with pytest.raises(ChainUnavailable, match=said):
        client_of(server).get("/x")
    assert len(server.asked) == 1


def test_what_is_not_there_is_missing(upstream: Start, client_of: ClientOf) -> None:
    server = upstream(lambda _: problem(404))
    with pytest.raises(Missing):
        client_of(server).get("/x")
    assert len(server.asked) == 1


def test_a_long_retry_after_is_not_waited_for(upstream: Start, client_of: ClientOf) -> None:
    server = upstream(lambda _: problem(429, Retry_After="60"))
    with pytest.raises(ChainUnavailable, match="too many"):
        client_of(server).get("/x")
    assert len(server.asked) == 1


@pytest.mark.parametrize("value", ["0", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "²"])
def test_a_short_or_strange_retry_after_is_tried_again(
    upstream: Start, client_of: ClientOf, value: str
) -> None:
    head = f"HTTP/1.1 429 X\r\nRetry-After: {value}\r\nContent-Length: 0\r\n\r\n"
    busy = problem(429)._replace(data=head.encode("latin-1"))
    assert client_of(upstream(in_turn(busy, reply(200, [1])))).get("/x") == [1]


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"NaN", b"[" * 5000])
def test_what_is_no_json_is_told(upstream: Start, client_of: ClientOf, body: bytes) -> None:
    with pytest.raises(ChainUnavailable, match="something else than JSON"):
        client_of(upstream(lambda _: reply(200, body))).get("/x")


# --- The project ID ---------------------------------------------------------------------------


def test_the_project_id_goes_upstream_and_nowhere_else(
    upstream: Start, client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = upstream(in_turn(*[problem(status, "no") for status in (400, 403, 404, 418, 402)]))
    shown = []
    for _ in range(5):
        client = client_of(server)
        with pytest.raises((ChainUnavailable, Missing)) as error:
            client.get("/x")
        shown += [repr(client), str(error.value), repr(error.value), repr(vars(client)["_pool"])]
    secret = server.asked[0].headers["project_id"]
    assert secret
    assert not any(secret in text for text in [*shown, caplog.text])


# --- Quota and ban ----------------------------------------------------------------------------


def test_a_used_up_quota_pauses_until_midnight(
    upstream: Start, client_of: ClientOf, clock: ManualClock
) -> None:
    server = upstream(in_turn(problem(402), reply(200, [1])))
    client = client_of(server)
    for _ in range(3):
        with pytest.raises(ChainUnavailable, match=r"used up .*at midnight UTC, in \d+ h \d\d min"):
            client.get("/x")
    assert len(server.asked) == 1
    clock.advance(DAY - NOW % DAY)
    assert client.get("/x") == [1]


def test_a_used_up_quota_is_probed_so_that_a_raised_plan_is_noticed(
    upstream: Start, client_of: ClientOf, clock: ManualClock
) -> None:
    server = upstream(in_turn(problem(402), problem(402), reply(200, [1])))
    client = client_of(server)
    for asked in (1, 2):
        for _ in range(3):
            with pytest.raises(ChainUnavailable, match="used up"):
                client.get("/x")
        assert len(server.asked) == asked
        clock.advance(PROBE_SECONDS)
    assert [client.get("/x"), client.get("/x")] == [[1], [1]]


def test_a_probe_that_fails_otherwise_does_not_end_the_pause(
    upstream: Start, client_of: ClientOf, clock: ManualClock
) -> None:
    server = upstream(in_turn(problem(402), problem(403), reply(200, [1])))
    client = client_of(server)
    with pytest.raises(ChainUnavailable, match="used up"):
        client.get("/x")
    clock.advance(PROBE_SECONDS)
    with pytest.raises(ChainUnavailable, match="refuses"):
        client.get("/x")
    with pytest.raises(ChainUnavailable, match="used up"):
        client.get("/x")
    assert len(server.asked) == 2


def test_a_ban_pauses_for_minutes(upstream: Start, client_of: ClientOf, clock: ManualClock) -> None:
    server = upstream(in_turn(problem(418), reply(200, [1])))
    client = client_of(server)
    for _ in range(3):
        with pytest.raises(ChainUnavailable, match="banned"):
            client.get("/x")
    assert len(server.asked) == 1
    clock.advance(BAN_SECONDS)
    assert client.get("/x") == [1]


@pytest.mark.parametrize("status", [402, 418])
def test_a_pause_ends_when_the_clock_is_set_back(
    upstream: Start, client_of: ClientOf, clock: ManualClock, status: int
) -> None:
    """It was days ahead: the midnight that was meant is days away now."""
    client = client_of(upstream(in_turn(problem(status), reply(200, [1]))))
    with pytest.raises(ChainUnavailable):
        client.get("/x")
    clock.set_back(3 * DAY)
    assert client.get("/x") == [1]


def test_a_pause_holds_back_posts_too(upstream: Start, client_of: ClientOf) -> None:
    server = upstream(lambda _: problem(402))
    client = client_of(server)
    with pytest.raises(ChainUnavailable, match="used up"):
        client.get("/x")
    with pytest.raises(ChainUnavailable, match="used up"):
        client.post("/tx/submit", b"", "application/cbor")
    assert len(server.asked) == 1


# --- The budget -------------------------------------------------------------------------------


def test_a_burst_is_free_and_refills(clock: ManualClock) -> None:
    budget = Budget("enterprise", clock)
    assert [budget.spend() for _ in range(int(BURST))] == [0.0] * int(BURST)
    assert budget.spend() == pytest.approx(0.1)
    assert budget.spend() == pytest.approx(0.2)
    clock.advance(0.2 + 3)
    assert [budget.spend() for _ in range(30)] == [pytest.approx(0, abs=1e-6)] * 30
    assert budget.spend() == pytest.approx(0.1)


def test_nobody_waits_longer_than_a_second(clock: ManualClock) -> None:
    budget = Budget("enterprise", clock)
    waits = [budget.spend() for _ in range(int(BURST + 10))]
    assert max(waits) == pytest.approx(LONGEST_WAIT)
    with pytest.raises(ChainUnavailable, match=r"10 requests a second .* in 1 s"):
        budget.spend()
    clock.advance(10)
    assert budget.spend() == 0.0


def test_the_day_of_the_plan_ends_at_midnight_utc(clock: ManualClock) -> None:
    budget = Budget("free", clock)
    left = DAY - NOW % DAY
    for _ in range(int(REQUESTS_PER_DAY["free"])):
        clock.advance(0.1)
        left -= 0.1
        budget.spend()
    with pytest.raises(ChainUnavailable, match=r"50,000 .*at midnight UTC, in \d+ h \d\d min"):
        budget.spend()
    clock.advance(left + 1)
    assert budget.spend() == 0.0


def test_every_try_counts(upstream: Start, client_of: ClientOf, clock: ManualClock) -> None:
    budget = Budget("free", clock)
    server = upstream(lambda _: problem(500))
    with pytest.raises(ChainUnavailable):
        client_of(server, budget=budget).get("/x")
    assert [budget.spend() for _ in range(int(BURST) - 3)] == [0.0] * (int(BURST) - 3)
    assert budget.spend() > 0


def test_without_budget_nothing_is_asked(
    upstream: Start, client_of: ClientOf, clock: ManualClock
) -> None:
    budget = Budget("enterprise", clock)
    for _ in range(int(BURST + 10)):
        budget.spend()
    server = upstream(lambda _: reply(200, [1]))
    with pytest.raises(ChainUnavailable, match="10 requests a second"):
        client_of(server, budget=budget).get("/x")
    assert server.asked == []


def test_an_error_of_tls_names_its_host_to_the_operator_alone() -> None:
    error = NotSent()
    error.__cause__ = ssl.SSLCertVerificationError(1, "not valid for 'bf.internal.example'")
    told = _unavailable(error)
    assert str(told) == "cannot connect to Blockfrost: TLS failed"
    assert "bf.internal.example" in told.detail
