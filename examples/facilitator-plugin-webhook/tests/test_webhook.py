"""The webhook in a facilitator that runs."""

import hashlib
import hmac
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from facilitator.testing.examples import example_claim
from facilitator.testing.waiting import eventually
from facilitator_webhook.event import event_of
from facilitator_webhook.outbox import Outbox

SECRET = "a-secret-of-the-tests"


class Receiver:
    """Keeps what it gets, and answers as the test says."""

    def __init__(self):
        self.got = []
        self.answers = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.answers.pop(0) if receiver.answers else 204
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()
                receiver.got.append((dict(self.headers), body))

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/events"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def types(self):
        return [json.loads(body)["type"] for _, body in self.got]

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver():
    with closing(Receiver()) as receiver:
        yield receiver


@pytest.fixture
def outbox(tmp_path):
    with closing(Outbox(str(tmp_path / "outbox.db"), 3)) as outbox:
        yield outbox


def run(run_facilitator, tmp_path, url, **settings):
    return run_facilitator(
        plugins="devnet,memory,webhook",
        webhook__url=url,
        webhook__secret=SECRET,
        webhook__path=str(tmp_path / "webhook.db"),
        **settings,
    )


def is_signed(headers, body):
    time, signature = headers["X-Facilitator-Signature"].split(",")
    signed = time.removeprefix("t=").encode() + b"." + body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    return signature == f"v1={expected}"


def test_each_change_is_sent_once_signed_and_in_order(
    run_facilitator, make_payer, receiver, tmp_path
):
    payer = make_payer(run(run_facilitator, tmp_path, receiver.url))
    answer = payer.pay()
    eventually(lambda: "settlement.settled" in receiver.types)
    assert receiver.types[0] == "settlement.submitted"
    assert receiver.types[-1] == "settlement.settled"
    assert all(is_signed(headers, body) for headers, body in receiver.got)
    events = [json.loads(body) for _, body in receiver.got]
    assert [headers["X-Facilitator-Event"] for headers, _ in receiver.got] == [
        event["id"] for event in events
    ]
    assert len({event["id"] for event in events}) == len(events)
    settlements = [event["settlement"] for event in events]
    assert {each["transaction"] for each in settlements} == {answer["transaction"]}
    versions = [each["version"] for each in settlements]
    assert versions == sorted(versions)


@pytest.mark.parametrize("failure", [500, 302, 400])
def test_a_failed_delivery_is_repeated(run_facilitator, make_payer, receiver, tmp_path, failure):
    receiver.answers = [failure, failure]
    running = run(run_facilitator, tmp_path, receiver.url, webhook__retry_seconds=1)
    assert make_payer(running).pay()["success"]
    eventually(lambda: receiver.got)

    def is_settled():
        running.clock.advance(2)
        return "settlement.settled" in receiver.types

    eventually(is_settled)
    first = receiver.types.index("settlement.settled")
    assert receiver.types[:3] == ["settlement.submitted"] * 3
    assert len(receiver.types) == first + 1


def test_a_receiver_that_is_away_keeps_no_payment_and_no_end(run_facilitator, make_payer, tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        running = run(run_facilitator, tmp_path, url)
        assert make_payer(running).pay()["success"]
        running.close()
    with closing(Outbox(str(tmp_path / "webhook.db"), 10)) as outbox:
        waiting = outbox.first(running.clock.time() + 3_600)
        assert waiting is not None
        assert json.loads(waiting.body)["type"] == "settlement.submitted"


def test_events_carry_no_transaction_and_no_answer():
    claim = example_claim(transaction=b"money", answer=b"receipt", answer_key="key")
    text = event_of(claim, 1.0).body.decode()
    assert claim.transaction_id in text
    for secret in ("money", b"money".hex(), "receipt", "answer", "owner", "nonce"):
        assert secret not in text


def test_only_the_oldest_event_of_a_payment_is_due(outbox):
    claim = example_claim()
    later = claim.changed(error="a reason")
    assert outbox.add(event_of(later, 1.0), 1.0)
    assert outbox.add(event_of(claim, 2.0), 2.0)  # another process saw the older change later
    first = outbox.first(5.0)
    assert first.id == event_of(claim, 0.0).id
    outbox.postpone(first.number, 10.0)
    assert outbox.first(5.0) is None
    outbox.remove(first.number)
    assert outbox.first(10.0).id == event_of(later, 0.0).id


def test_several_processes_may_make_the_file_at_once(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        for number in range(10):
            path = str(tmp_path / f"{number}.db")
            for outbox in pool.map(lambda path: Outbox(path, 1), [path] * 4):
                outbox.close()


def test_an_outbox_has_bounds_and_keeps_an_event_once(outbox):
    claim = example_claim()
    for _ in range(2):
        assert outbox.add(event_of(claim, 1.0), 1.0)
    for number in range(2):
        assert outbox.add(event_of(claim.changed(error=f"{number}"), 1.0), 1.0)
    assert not outbox.add(event_of(claim.changed(error="4"), 1.0), 1.0)


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/",
        "https://user:word@shop.example/",
        "https://",
        "https://shop.example:port/",
        "ftp://127.0.0.1/",
    ],
)
def test_a_url_that_is_not_safe_stops_the_start(run_facilitator, tmp_path, url):
    with pytest.raises(Exception, match=r"webhook\.url"):
        run(run_facilitator, tmp_path, url)


def test_url_and_secret_are_required(run_facilitator):
    with pytest.raises(Exception, match=r"webhook\.url: must be set(.|\n)*webhook\.secret"):
        run_facilitator(plugins="devnet,memory,webhook")
