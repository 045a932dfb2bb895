"""The facilitator over real HTTP, and the thread that renews reservations."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from facilitator.testing.waiting import eventually
from facilitator_channels.seller.facilitator import FacilitatorUnavailable, HttpFacilitator
from facilitator_channels.seller.renewing import Renewals
from support.upstream import Drip, serving

PENDING = (200, b'{"success":false,"errorReason":"settlement_pending"}')
SUCCESS = (200, b'{"success":true}')
HANG_UP = (0, b"")


class Server:
    """Gives the next answers in turn, and keeps what it was asked."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, Any, Message]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"null"
                outer.asked.append((self.path, json.loads(body), self.headers))
                status, answer = outer.answers.pop(0)
                if not status:
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(answer)

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    with closing(Server()) as server:
        yield server


class TestTheFacilitator:
    def test_it_is_asked_by_the_protocol(self, server: Server) -> None:
        server.answers = [(200, b'{"isValid":true}')]
        facilitator = HttpFacilitator(server.url, api_key="secret")
        assert facilitator.verify({"payload": 1}, {"amount": "1"}) == {"isValid": True}
        ((path, body, headers),) = server.asked
        assert path == "/verify"
        assert body == {
            "x402Version": 2,
            "paymentPayload": {"payload": 1},
            "paymentRequirements": {"amount": "1"},
        }
        assert headers["X-API-Key"] == "secret"

    def test_a_settlement_is_asked_for_again_under_one_key(self, server: Server) -> None:
        server.answers = [HANG_UP, PENDING, SUCCESS]
        assert HttpFacilitator(server.url).settle({}, {}, "one") == {"success": True}
        assert [headers["Idempotency-Key"] for _, _, headers in server.asked] == ["one"] * 3

    def test_one_that_stays_pending_says_so(self, server: Server) -> None:
        server.answers = [PENDING] * 3
        answer = HttpFacilitator(server.url).settle({}, {}, "one")
        assert answer["errorReason"] == "settlement_pending"

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_no_redirection_gets_the_key(self, server: Server, status: int) -> None:
        server.answers = [(status, b""), (200, b'{"isValid":true}')]
        with pytest.raises(FacilitatorUnavailable, match=f"was answered {status}"):
            HttpFacilitator(server.url, api_key="secret").verify({}, {})
        assert len(server.asked) == 1

    @pytest.mark.parametrize("sent", [b"X-Slow: ", b"Content-Length: 416\r\n\r\n"])
    def test_one_that_drips_does_not_hold_the_seller(self, sent: bytes) -> None:
        """Each byte comes in time, and the answer would be whole after four seconds."""
        over = threading.Event()
        answer = b"HTTP/1.1 200 OK\r\n" + sent + b" " * 400 + b'{"isValid":true}\r\n\r\n{}'
        with serving(lambda _: Drip(answer, over)) as slow:
            with pytest.raises(FacilitatorUnavailable, match="timed out"):
                HttpFacilitator(slow.url, timeout_seconds=0.3).verify({}, {})
            over.set()

    @pytest.mark.parametrize("body", [b" " * (1 << 20) + b"{}", b"[" * 100_000])
    def test_an_answer_that_is_too_much_is_none(self, server: Server, body: bytes) -> None:
        server.answers = [(200, body)]
        with pytest.raises(FacilitatorUnavailable, match="no JSON object"):
            HttpFacilitator(server.url).verify({}, {})

    def test_a_refusal_is_an_answer(self, server: Server) -> None:
        server.answers = [(400, b'{"isValid":false,"invalidReason":"x"}')]
        assert HttpFacilitator(server.url).verify({}, {})["invalidReason"] == "x"

    @pytest.mark.parametrize("answer", [(500, b"{}"), (200, b"[]"), (200, b"no"), HANG_UP])
    def test_anything_else_is_no_answer(self, server: Server, answer: tuple[int, bytes]) -> None:
        server.answers = [answer] * 4
        with pytest.raises(FacilitatorUnavailable):
            HttpFacilitator(server.url).verify({}, {})
        with pytest.raises(FacilitatorUnavailable):
            HttpFacilitator(server.url).settle({}, {}, "one")

    def test_another_kind_of_url_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="begins with http"):
            HttpFacilitator("file:///etc/passwd")


class TestRenewals:
    def test_a_request_is_renewed_until_it_is_done(self) -> None:
        calls: list[str] = []
        with closing(Renewals()) as renewals:
            renewals.add("one", 30, lambda: calls.append("one"))
            eventually(lambda: len(calls) >= 3)
            renewals.remove("one")
            renewals.add("two", 30, lambda: calls.append("two"))
            eventually(lambda: calls.count("two") >= 2)
            before = calls.count("one")
            eventually(lambda: calls.count("two") >= 4)
            assert calls.count("one") == before

    def test_an_error_does_not_end_them(self) -> None:
        calls: list[int] = []

        def fails() -> None:
            calls.append(1)
            raise OSError("the store is away")

        with closing(Renewals()) as renewals:
            renewals.add("one", 30, fails)
            eventually(lambda: len(calls) >= 2)

    def test_they_end_with_the_seller(self) -> None:
        before = set(threading.enumerate())
        renewals = Renewals()
        renewals.add("one", 30, lambda: None)
        renewals.close()
        renewals.add("two", 30, lambda: None)
        assert set(threading.enumerate()) <= before
