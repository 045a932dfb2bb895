"""The webhook in a facilitator that runs."""

import argparse
import hashlib
import hmac
import json
import socket
import threading
from contextlib import closing, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from facilitator.plugin import StorageUnavailable
from facilitator.testing.payment_ledger import settled, submitted
from facilitator.testing.waiting import eventually
from facilitator_channels.seller.record import KeptNotice
from facilitator_channels.seller.store import Records
from facilitator_channels.seller.stores.opening import open_store
from facilitator_channels.seller.testing import example_record
from facilitator_memory.ledger import MemoryLedger
from facilitator_webhook.commands import prepare
from facilitator_webhook.event import message_of, sample_message
from facilitator_webhook.queue import Queue
from facilitator_webhook.sending import Sender
from facilitator_webhook.settings import WebhookSettings
from facilitator_webhook.turn import LEASE_SECONDS, Turn

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
                receiver.got.append((dict(self.headers), body))
                status = receiver.answers.pop(0) if receiver.answers else 204
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

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


def run(run_facilitator, url, **settings):
    named = {"plugins": "devnet,memory,webhook", "webhook__url": url, "webhook__secret": SECRET}
    return run_facilitator(**{**named, **settings})


def is_signed(headers, body):
    time, signature = headers["X-Facilitator-Signature"].split(",")
    signed = time.removeprefix("t=").encode() + b"." + body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    return signature == f"v1={expected}"


def test_each_change_is_sent_once_signed_and_in_order(run_facilitator, make_payer, receiver):
    payer = make_payer(run(run_facilitator, receiver.url))
    answer = payer.pay()
    eventually(lambda: "settlement.delivered" in receiver.types)
    assert receiver.types[0] == "settlement.submitted"
    assert receiver.types[-2:] == ["settlement.settled", "settlement.delivered"]
    assert all(is_signed(headers, body) for headers, body in receiver.got)
    events = [json.loads(body) for _, body in receiver.got]
    assert [headers["X-Facilitator-Event"] for headers, _ in receiver.got] == [
        event["id"] for event in events
    ]
    assert len({event["id"] for event in events}) == len(events)
    settlements = [event["settlement"] for event in events]
    assert {each["transaction"] for each in settlements} == {answer["transaction"]}
    numbers = [each["number"] for each in settlements]
    assert numbers == sorted(numbers)
    assert {each["amount"] for each in settlements} == {"2000000"}


@pytest.mark.parametrize("failure", [500, 302, 400])
def test_a_failed_delivery_is_repeated(run_facilitator, make_payer, receiver, failure):
    receiver.answers = [failure, failure]
    running = run(run_facilitator, receiver.url, webhook__retry_seconds=0.1)
    assert make_payer(running).pay()["success"]
    eventually(lambda: "settlement.delivered" in receiver.types)
    assert receiver.types[:3] == ["settlement.submitted"] * 3
    assert receiver.types[-1] == "settlement.delivered"


def test_a_receiver_that_drips_is_given_up():
    """Each byte of its answer comes in time, and all of them would in four seconds."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.wfile.write(b"HTTP/1.1 204 No Content\r\nX-Slow: ")
            for _ in range(400):
                self.wfile.write(b".")
                over.wait(0.01)
            self.wfile.write(b"\r\n\r\n")

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        sender = Sender(WebhookSettings(url, SECRET, timeout_seconds=0.3), lambda: 0)
        failure = sender.send(sample_message("now"))
        over.set()
        server.shutdown()
    assert failure == "TimeoutError"


def test_a_receiver_that_is_away_keeps_no_payment_and_no_end(run_facilitator, make_payer, tmp_path):
    """After the next start it gets what it missed, from the ledger."""
    kept = {"plugins": "devnet,sqlite,webhook", "sqlite__path": str(tmp_path / "facilitator.db")}
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        running = run(run_facilitator, url, **kept)
        assert make_payer(running).pay()["success"]
        running.close()
    with closing(Receiver()) as receiver:
        run(run_facilitator, receiver.url, **kept)
        eventually(lambda: "settlement.delivered" in receiver.types)
        assert receiver.types[0] == "settlement.submitted"


def test_a_notice_about_a_channel_comes_until_it_arrives(run_facilitator, receiver, tmp_path):
    """It waits in the seller's record, and is signed like any event."""
    channel = replace(example_record("11" * 32, 700), notices=(KeptNotice("closed", 7),))
    url = f"sqlite://{tmp_path}/channels.db"
    with closing(open_store(url)) as store:
        Records(store).change(channel.channel_id, lambda _: (channel, None))
        receiver.answers = [500]
        running = run(
            run_facilitator,
            receiver.url,
            plugins="devnet,memory,channels_watcher,webhook",
            channels_watcher__store=url,
            channels_watcher__interval_seconds=1,
        )

        def has_arrived():
            running.clock.advance(1)
            return not Records(store).read(channel.channel_id).notices

        eventually(has_arrived)
    assert receiver.types == ["channel.closed"] * 2
    assert all(is_signed(headers, body) for headers, body in receiver.got)
    first, second = [json.loads(body) for _, body in receiver.got]
    assert first["id"] == second["id"] == f"7-{channel.channel_id}"
    assert first["channel"]["channelId"] == channel.channel_id
    assert first["channel"]["unredeemed"] == "700"


def test_a_message_carries_no_transaction_and_no_answer():
    claim = replace(settled(submitted()), transaction=b"money", answer=b"receipt", answer_key="key")
    ledger = MemoryLedger()
    ledger.record([claim])
    (event,) = ledger.events_after(0, 1)
    text = message_of(event, ledger.payment(claim.transaction_id)).body.decode()
    assert claim.transaction_id in text
    for secret in ("money", b"money".hex(), "receipt", "owner", "nonce"):
        assert secret not in text


def test_only_the_oldest_event_of_a_payment_is_due():
    ledger = MemoryLedger()
    one, other = submitted(1), submitted(2)
    ledger.record([one, settled(one), other])
    queue = Queue(0)
    for event in ledger.events_after(0, 10):
        queue.add(event, 0.0)
    first = queue.next(0.0)
    assert first.event.number == 1
    first.due = 5.0
    assert queue.next(0.0).event.transaction_id == other.transaction_id
    queue.remove(queue.next(0.0))
    assert (queue.next(0.0), queue.done) == (None, 0)
    queue.remove(first)
    assert queue.done == 1
    queue.remove(queue.next(0.0))
    assert (queue.done, len(queue)) == (3, 0)


class Seconds:
    now = 0.0

    def __call__(self):
        return self.now


def test_one_process_delivers_until_it_is_gone():
    """The other takes over by its own clock, and the first notices."""
    ledger, clock = MemoryLedger(), Seconds()
    ledger.record([submitted()])
    one, other = Turn(ledger, "webhook", clock), Turn(ledger, "webhook", clock)
    assert (one.take(), other.take()) == (1, None)
    assert one.move(7) == 7
    clock.now += LEASE_SECONDS - 1
    assert other.take() is None
    assert one.take() == 7  # which moves the cursor
    clock.now += 1
    assert other.take() is None
    clock.now += LEASE_SECONDS
    assert other.take() == 7
    assert one.move(8) is None
    assert (one.take(), other.take()) == (None, 7)
    other.give_up()
    assert one.take() == 7


def test_a_failed_ledger_is_asked_again(run_facilitator, make_payer, receiver, monkeypatch):
    running = run(run_facilitator, receiver.url)
    ledger = running.facilitator.ledger
    broken = threading.Event()

    def fail(*_):
        broken.set()
        raise StorageUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "events_after", fail)
        assert make_payer(running).pay()["success"]
        assert broken.wait(30)
    eventually(lambda: "settlement.delivered" in receiver.types)


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
def test_a_url_that_is_not_safe_stops_the_start(run_facilitator, url):
    with pytest.raises(Exception, match=r"webhook\.url"):
        run(run_facilitator, url)


def test_url_and_secret_are_required(run_facilitator):
    with pytest.raises(Exception, match=r"webhook\.url: must be set(.|\n)*webhook\.secret"):
        run_facilitator(plugins="devnet,memory,webhook")


@contextmanager
def opened(ledger, url):
    """Stand in for what a command opens: the ledger and the settings."""
    settings = SimpleNamespace(section=lambda kind: kind(url=url, secret=SECRET))
    yield SimpleNamespace(ledger=ledger, context=SimpleNamespace(settings=settings))


def command(ledger, url, *words):
    parser = argparse.ArgumentParser()
    act = prepare(parser)
    arguments = parser.parse_args(words)
    arguments.open_ledger = lambda: opened(ledger, url)
    return act(arguments)


def test_a_message_can_be_tried_and_events_be_sent_again(receiver, capsys):
    ledger = MemoryLedger()
    claim = submitted()
    ledger.record([claim, settled(claim)])
    assert command(ledger, receiver.url, "test") == 0
    assert command(ledger, receiver.url, "redeliver", claim.transaction_id) == 0
    assert receiver.types == ["test", "settlement.submitted", "settlement.settled"]
    receiver.answers = [500]
    assert command(ledger, receiver.url, "test") == 1
    assert command(ledger, receiver.url, "redeliver", "f" * 64) == 1
    assert "status 500" in capsys.readouterr().out
