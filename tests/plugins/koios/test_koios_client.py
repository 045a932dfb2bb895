"""The client: its token, its errors, its retries and its limits."""

import math
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from facilitator.plugin import (
    Allowance,
    AllowanceSpent,
    ChainUnavailable,
    ProviderUnusable,
    allowing,
)
from facilitator.testing.clock import ManualClock
from facilitator_koios import wire as wire_module
from facilitator_koios.budget import BURST, KEPT_BURST, Budget
from facilitator_koios.client import Client, NoRoute, OutcomeUnknown
from support.upstream import CUT, Asked, Raw, Reply, Upstream, in_turn, reply

Start = Callable[[Callable[[Asked], Reply]], Upstream]
Make = Callable[..., Client]

TRUNCATED = Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[", then_close=True)


def test_the_token_is_sent_and_shown_nowhere(upstream: Start, client_of: Make) -> None:
    server = upstream(lambda _: reply(200, []))
    client = client_of(server)
    client.get("/blocks", abs_slot="gte.7", select="hash,abs_slot")
    (asked,) = server.asked
    assert asked.headers["authorization"] == "Bearer thisIsNotToBeShown0123456"
    assert asked.path == "/blocks?abs_slot=gte.7&select=hash,abs_slot"
    assert repr(client) == "Client()"


@pytest.mark.parametrize(
    "failure",
    [reply(500, {}), reply(504, b"<html>"), CUT, TRUNCATED],
    ids=["500", "504", "cut", "truncated"],
)
def test_a_failure_is_asked_again(upstream: Start, client_of: Make, failure: Reply) -> None:
    server = upstream(in_turn(failure, failure, reply(200, [7])))
    assert client_of(server).ask("/utxo_info", {}) == [7]
    assert len(server.asked) == 3


@pytest.mark.parametrize("status", [308, 400, 404, 421, 429, 503])
def test_after_a_failover_no_connection_stays_with_the_server_that_refuses(
    upstream: Start, client_of: Make, status: int
) -> None:
    server = upstream(in_turn(reply(200, [7]), *[reply(status, {})] * 3, reply(200, [8])))
    client = client_of(server)
    assert client.get("/blocks") == [7]
    with suppress(ChainUnavailable):
        client.get("/tip")
    before = server.connections
    with suppress(ChainUnavailable):
        client.get("/blocks")
    assert server.connections > before


def test_an_old_connection_is_replaced(
    upstream: Start, client_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = upstream(lambda _: reply(200, [7]))
    client = client_of(server)
    assert [client.get("/tip"), client.get("/tip")] == [[7], [7]]
    assert server.connections == 1
    monkeypatch.setattr(wire_module, "LIFETIME_SECONDS", -1.0)
    client.get("/tip")
    assert server.connections == 2


def test_chunks_are_put_together(upstream: Start, client_of: Make) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server = upstream(
        in_turn(
            Raw(head + b"2\r\n[7\r\n", then_close=True),
            Raw(head + b"2\r\n[7\r\n1\r\n]\r\n0\r\n\r\n"),
        )
    )
    assert client_of(server).get("/tip") == [7]
    assert len(server.asked) == 2


@pytest.mark.parametrize("sent", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n\r\n["])
def test_an_answer_that_drips_ends_with_its_time(client_of: Make, sent: bytes) -> None:
    """Each byte comes in time, and the answer never ends."""
    stopped = threading.Event()

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, suppress(OSError):
            connection.sendall(sent)
            while not stopped.wait(0.02):
                connection.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        client = client_of(Upstream(lambda _: CUT, server.getsockname()[1]), timeout=0.3)
        try:
            with pytest.raises(OutcomeUnknown, match="did not answer in time"):
                client.send("/submittx", b"bytes", "application/cbor")
        finally:
            stopped.set()
            thread.join()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (reply(200, b"<html>"), "something else than JSON"),
        (reply(413, {"message": "Payload too large"}), "too large for the tier"),
        (reply(302, b"", Location="http://127.0.0.1:1/"), "HTTP status 302"),
        (reply(400, {"message": "secret of the server"}), "HTTP status 400"),
        (reply(503, {}), "HTTP status 503"),
        (CUT, "the connection to Koios failed"),
    ],
)
def test_other_answers_are_errors_in_words(
    upstream: Start, client_of: Make, answer: Reply, words: str
) -> None:
    with pytest.raises(ChainUnavailable, match=words) as error:
        client_of(upstream(lambda _: answer)).get("/tip")
    assert "secret" not in error.value.detail


def test_a_refused_token_and_a_missing_path_say_what_to_change(
    upstream: Start, client_of: Make
) -> None:
    with pytest.raises(ProviderUnusable) as refused:
        client_of(upstream(lambda _: reply(401, {}))).get("/tip")
    assert "koios.token" in refused.value.detail
    with pytest.raises(NoRoute) as missing:
        client_of(upstream(lambda _: reply(404, {}))).get("/tip")
    assert "koios.base_url" in missing.value.detail
    assert "base_url" not in str(missing.value)


def test_a_server_that_is_not_there_is_named_to_the_operator_only(clock: ManualClock) -> None:
    client = Client("http://127.0.0.1:9", None, clock=clock, timeout=60)
    for call in (lambda: client.get("/tip"), lambda: client.send("/submittx", b"", "x/y")):
        with pytest.raises(ChainUnavailable) as error:
            call()
        assert str(error.value) == "cannot connect to Koios"
        assert "127.0.0.1" in error.value.detail
    client.close()


def test_too_many_requests_leave_one_endpoint_alone_for_a_minute(
    upstream: Start, client_of: Make, clock: ManualClock
) -> None:
    server = upstream(lambda asked: reply(429 if asked.path == "/tip" else 200, []))
    client = client_of(server)
    for _ in range(3):
        with pytest.raises(ChainUnavailable, match="too many requests to Koios"):
            client.get("/tip")
    assert server.count("/tip") == 1
    assert client.get("/genesis") == []
    clock.advance(61)
    with pytest.raises(ChainUnavailable):
        client.get("/tip")
    assert server.count("/tip") == 2


def test_an_endpoint_is_asked_again_when_the_clock_is_set_back(
    upstream: Start, client_of: Make, clock: ManualClock
) -> None:
    client = client_of(upstream(in_turn(reply(429, []), reply(200, [7]))))
    with pytest.raises(ChainUnavailable):
        client.get("/tip")
    clock.set_back(3600)
    assert client.get("/tip") == [7]


def test_a_token_that_was_accepted_is_not_what_one_path_refuses(
    upstream: Start, client_of: Make
) -> None:
    """A gateway may forbid a path. That is no reason to end the start."""
    server = upstream(lambda asked: reply(403 if asked.path == "/blocks" else 200, []))
    client = client_of(server)
    client.get("/genesis")
    with pytest.raises(ChainUnavailable) as error:
        client.get("/blocks")
    assert not isinstance(error.value, ProviderUnusable)


def test_what_is_sent_once_is_never_sent_again(upstream: Start, client_of: Make) -> None:
    server = upstream(lambda asked: CUT if asked.method == "POST" else reply(200, []))
    client = client_of(server)
    client.get("/tip")
    with pytest.raises(OutcomeUnknown):
        client.send("/submittx", b"bytes", "application/cbor")
    assert server.count("/submittx") == 1
    assert server.connections == 2


def test_after_closing_nothing_is_asked(upstream: Start, client_of: Make) -> None:
    server = upstream(lambda _: reply(200, []))
    client = client_of(server)
    client.close()
    with pytest.raises(ChainUnavailable, match="closed"):
        client.get("/tip")
    assert server.asked == []


def test_a_proxy_of_the_environment_is_used(
    upstream: Start, monkeypatch: pytest.MonkeyPatch, clock: ManualClock
) -> None:
    server = upstream(lambda _: reply(200, [5]))
    monkeypatch.setenv("http_proxy", f"http://me:secret@127.0.0.1:{server.port}")
    client = Client("http://koios.example/api/v1", None, clock=clock, timeout=60)
    assert client.get("/tip") == [5]
    (asked,) = server.asked
    assert asked.path == "http://koios.example/api/v1/tip"
    assert asked.headers["proxy-authorization"].startswith("Basic ")
    client.close()


# --- Limits ---------------------------------------------------------------------------------------


def test_settlements_go_on_when_verdicts_have_used_up_the_burst(clock: ManualClock) -> None:
    budget = Budget(math.inf, clock)
    stranger = Allowance("stranger", questions=1000, most=1000, seconds=3600)
    for _ in range(int(BURST - KEPT_BURST)):
        assert budget.spend(stranger) == 0
    for _ in range(9):
        assert 0 < budget.spend(stranger) <= 1
    with pytest.raises(AllowanceSpent, match="room again"):
        budget.spend(stranger)
    assert budget.spend() == 0
    clock.advance(10)
    assert budget.spend(stranger) == 0


def test_a_day_that_is_used_up_begins_again_at_midnight(clock: ManualClock) -> None:
    budget = Budget(100, clock)
    for _ in range(100):
        clock.advance(1)
        budget.spend()
    assert budget.left == 0
    with pytest.raises(ChainUnavailable, match="at midnight UTC"):
        budget.spend()
    clock.advance(86_400)
    assert budget.spend() == 0
    assert budget.left == 99


def test_one_client_that_wastes_cannot_use_up_the_day(clock: ManualClock) -> None:
    budget = Budget(100, clock)
    for _ in range(48):
        clock.advance(1)
        allowance = Allowance("stranger", questions=10, most=10, seconds=3600)
        budget.spend(allowance)
        allowance.end()
    with pytest.raises(AllowanceSpent, match="kept for others"):
        budget.spend(Allowance("stranger", questions=10, most=10, seconds=3600))
    assert budget.spend(Allowance("other", questions=10, most=10, seconds=3600)) == 0


def test_no_request_is_made_beyond_the_budget(
    upstream: Start, client_of: Make, clock: ManualClock
) -> None:
    server = upstream(lambda _: reply(200, []))
    client = client_of(server, budget=Budget(3, clock))
    for _ in range(3):
        client.get("/tip")
    with pytest.raises(ChainUnavailable, match="of a day are used up"):
        client.get("/tip")
    assert len(server.asked) == 3


def test_a_payment_whose_time_is_over_asks_nothing(upstream: Start, client_of: Make) -> None:
    server = upstream(lambda _: reply(200, []))
    client = client_of(server)
    with allowing(Allowance("", questions=9, most=9, seconds=0)), pytest.raises(AllowanceSpent):
        client.get("/tip")
    assert server.asked == []
