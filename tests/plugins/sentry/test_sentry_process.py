"""``facilitator serve`` reports what goes wrong, and no Sentry that does not work holds it up."""

import json
import os
import signal
import socket
import threading
from collections.abc import Callable

from facilitator import __version__
from facilitator.testing.http import call
from facilitator.testing.payments import request_body, requirements
from facilitator.testing.redis_server import free_port
from facilitator.testing.running import NETWORK
from facilitator.testing.waiting import eventually
from facilitator_devnet.samples import genesis_output, sign_payment
from support.process import ServeProcess
from support.sentry_endpoint import KEY, Json, SentryEndpoint

Serve = Callable[..., ServeProcess]


def a_payment() -> Json:
    terms = requirements()
    return request_body(
        sign_payment(terms, "alice", genesis_output(NETWORK, "alice", 0, None), 300), terms
    )


def settle(port: int) -> None:
    _, settled = call(port, "POST", "/settle", a_payment(), {"Prefer": "wait=60"})
    assert settled["success"] is True


def exception_of(event: Json) -> tuple[str, str]:
    (told,) = event["exception"]["values"]
    return told["type"], told["value"]


def test_what_goes_wrong_in_requests_threads_and_the_follower_is_reported(
    serve: Serve, sentry: SentryEndpoint
) -> None:
    process = serve(FAULTY_TEXT="the shelf")
    status, _ = call(process.port, "GET", "/fault/x?a=1", headers={"X-Request-ID": "mine"})
    assert status == 500
    event = sentry.event(request_id="mine")
    assert exception_of(event) == ("LookupError", "could not use the shelf")
    frames = event["exception"]["values"][0]["stacktrace"]["frames"]
    assert frames[-1]["function"] == "fail"
    url = f"http://127.0.0.1:{process.port}/fault/x"
    assert event["request"] == {"method": "GET", "url": url}
    assert (event["level"], event["tags"]["http.status_code"]) == ("error", "500")
    assert event["environment"] == "development"
    assert event["release"] == f"x402-cardano-facilitator@{__version__}"
    assert event["server_name"] == socket.gethostname()

    assert sentry.events == [event]  # once
    call(process.port, "GET", "/thread")
    assert exception_of(sentry.event(thread="errand")) == exception_of(event)

    settle(process.port)
    assert exception_of(sentry.event(plugin="devnet", hook="blocks_after")) == exception_of(event)
    assert process.terminate() == 0
    assert len(sentry.events) == 3


def test_what_is_queued_is_sent_when_it_stops(serve: Serve, sentry: SentryEndpoint) -> None:
    process = serve(FACILITATOR_SENTRY__TRACES_SAMPLE_RATE="1", FACILITATOR_ENV="preview")
    for number in range(5):
        call(process.port, "GET", "/fault/x", headers={"X-Request-ID": f"number-{number}"})
    assert process.terminate() == 0
    ids = [event["tags"]["request_id"] for event in sentry.events]
    assert ids == [f"number-{number}" for number in range(5)]
    assert len(sentry.transactions) == 5
    assert {each["environment"] for each in (*sentry.events, *sentry.transactions)} == {"preview"}


def test_each_worker_reports(serve: Serve, sentry: SentryEndpoint) -> None:
    process = serve(
        FACILITATOR_PLUGINS="blockfrost,sqlite,sentry,faulty",
        FACILITATOR_BLOCKFROST__BASE_URL="http://127.0.0.1:9",
        FACILITATOR_SERVER__WORKERS="2",
    )
    assert process.port
    ready = [json.loads(line)["msg"].split()[1] for line in process.lines if "is ready" in line]
    assert len(ready) == 2
    for worker in ready:
        other = next(int(each) for each in ready if each != worker)
        os.kill(other, signal.SIGSTOP)
        try:
            call(process.port, "GET", "/fault/x", headers={"X-Request-ID": worker})
        finally:
            os.kill(other, signal.SIGCONT)
    assert process.terminate() == 0
    assert sorted(event["tags"]["request_id"] for event in sentry.events) == sorted(ready)


def test_without_a_dsn_it_is_off_and_says_so(serve: Serve, sentry: SentryEndpoint) -> None:
    process = serve(FACILITATOR_SENTRY__DSN="", SENTRY_DSN=sentry.dsn)
    assert call(process.port, "GET", "/fault/x")[0] == 500
    assert process.terminate() == 0
    assert any("Sentry is off: the setting sentry.dsn is not set" in each for each in process.lines)
    assert sentry.asked == 0


def test_a_sentry_that_never_answers_holds_up_nothing(serve: Serve, sentry: SentryEndpoint) -> None:
    sentry.silent = threading.Event()
    process = serve(FACILITATOR_SENTRY__TRACES_SAMPLE_RATE="1")
    for _ in range(150):  # more than the queue takes
        assert call(process.port, "GET", "/fault/x")[0] == 500
    eventually(lambda: sentry.asked)
    settle(process.port)
    assert process.terminate() == 0
    assert any("Sentry does not get every report" in line for line in process.lines)


def test_a_sentry_that_is_not_there_holds_up_nothing(serve: Serve) -> None:
    port = free_port()
    process = serve(FACILITATOR_SENTRY__DSN=f"http://{KEY}@127.0.0.1:{port}/1")
    assert call(process.port, "GET", "/fault/x")[0] == 500
    eventually(lambda: any("Sentry does not get every report" in each for each in process.lines))
    settle(process.port)
    assert process.terminate() == 0
    assert KEY not in "".join(process.lines)
    assert not any("urllib3" in line for line in process.lines)
