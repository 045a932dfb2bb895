"""The example plugin ``webhook``, installed as a third party's and run by a real facilitator."""

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from facilitator.plugin import ClaimState
from facilitator.testing.payments import transaction_id
from facilitator.testing.waiting import eventually
from facilitator_sqlite.database import Database
from facilitator_sqlite.ledger import SqliteLedger
from support.example_plugins import Installed, payment, post
from support.process import ServeProcess

SECRET = "a-secret-of-the-tests"
SETTINGS = """\
[default]
plugins = ["devnet", "sqlite", "webhook"]
[default.devnet]
block_seconds = 0.2
[default.webhook]
timeout_seconds = 60
longest_retry_seconds = 1
"""


class Receiver:
    """Keeps the events that it gets, and checks their signatures."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                is_genuine = _is_signed(self.headers["X-Facilitator-Signature"], body)
                if is_genuine:
                    receiver.events.append(json.loads(body))
                receiver.may_answer.wait()
                self.send_response(204 if is_genuine else 403)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.url = f"http://127.0.0.1:{self._server.server_port}/settlements"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def types(self, body: dict[str, Any]) -> list[str]:
        """The types of the events of this payment, in the order in which they came."""
        transaction = transaction_id(body)
        events = [each for each in self.events if each["settlement"]["transaction"] == transaction]
        return [event["type"].removeprefix("settlement.") for event in events]

    def has_settled(self, body: dict[str, Any]) -> bool:
        return "settled" in self.types(body)

    def close(self) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _is_signed(header: str, body: bytes) -> bool:
    time, signature = header.split(",")
    signed = time.removeprefix("t=").encode() + b"." + body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    return signature == f"v1={expected}"


@pytest.fixture(scope="module")
def webhook(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed("webhook", tmp_path_factory.mktemp("webhook"))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with closing(Receiver()) as receiver:
        yield receiver


@pytest.fixture
def silent_url() -> Iterator[str]:
    """The URL of a receiver that is away."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/settlements"


def test_it_passes_its_own_tests(webhook: Installed) -> None:
    webhook.run_tests()


def start(webhook: Installed, folder: Path, url: str) -> ServeProcess:
    names = {"FACILITATOR_WEBHOOK__URL": url, "FACILITATOR_WEBHOOK__SECRET": SECRET}
    return webhook.serve(folder, SETTINGS, **names)


def waiting(folder: Path) -> list[ClaimState]:
    """The states of the events in the ledger that are not done with."""
    database = Database(str(folder / "facilitator.db"), busy_seconds=5, is_trial=True)
    with closing(SqliteLedger(database)) as ledger:
        done = ledger.cursor("webhook").number
        return [each.state for each in ledger.events_after(done, 1_000)]


def test_events_survive_a_kill_and_hold_up_no_end(
    webhook: Installed, tmp_path: Path, receiver: Receiver, silent_url: str
) -> None:
    before, after, last = (payment("alice", number) for number in range(3))
    with closing(start(webhook, tmp_path, silent_url)) as process:
        assert post(process, "/settle", before)["success"] is True
        eventually(lambda: ClaimState.SETTLED in waiting(tmp_path))
        process.process.kill()
        process.wait()
    assert receiver.events == []

    with closing(start(webhook, tmp_path, receiver.url)) as process:
        assert post(process, "/settle", after)["success"] is True
        for body in (before, after):
            eventually(partial(receiver.has_settled, body))
            assert receiver.types(body)[0] == "submitted"
        assert SECRET not in "".join(process.lines)

        eventually(lambda: not waiting(tmp_path))
        receiver.may_answer.clear()
        assert post(process, "/settle", last)["success"] is True
        eventually(lambda: receiver.types(last))
        assert process.terminate() == 0  # though the receiver has not answered
    assert waiting(tmp_path)[0] is ClaimState.SUBMITTED
