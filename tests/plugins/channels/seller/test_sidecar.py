"""The seller's calls over a Unix socket, as a web server in another language makes them."""

import base64
import json
import socket
import stat
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from facilitator.testing.clock import ManualClock
from facilitator_channels.seller import Seller, StoreUnavailable
from facilitator_channels.seller.sidecar.__main__ import main
from facilitator_channels.seller.sidecar.calls import SellerCalls
from facilitator_channels.seller.sidecar.server import SidecarServer
from facilitator_channels.seller.stores.memory import MemoryStore
from support.modelled_channels import (
    PROVIDER,
    Consumer,
    ModelChain,
    ModelFacilitator,
    open_tx,
    requirements,
)

PRICE = 1_000
PAGE = b'{"forecast": "sunny"}'
SOCKET = Path("seller.sock")
Answer = tuple[int, dict[str, Any]]


class UnixConnection(HTTPConnection):
    def __init__(self) -> None:
        super().__init__("localhost")

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(SOCKET))


def post(name: str, body: bytes) -> Answer:
    with closing(UnixConnection()) as connection:
        connection.request("POST", f"/{name}", body)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def call(name: str, **fields: Any) -> Answer:
    return post(name, json.dumps(fields).encode())


def result(name: str, **fields: Any) -> dict[str, Any]:
    """The answer of a call that is answered by a result."""
    status, answer = call(name, **fields)
    assert status == 200, answer
    return answer


def pack(payment: object) -> str:
    return base64.b64encode(json.dumps(payment).encode()).decode()


class FailingStore(MemoryStore):
    fails = False

    def replace(self, *given: Any, **further: Any) -> bool:
        if self.fails:
            raise StoreUnavailable("the store is away")
        return super().replace(*given, **further)


class Customer:
    """A payer with an open channel, of which 1,000 are charged."""

    def __init__(self, facilitator: ModelFacilitator) -> None:
        self.consumer = Consumer(1)
        tx = open_tx(facilitator.chain, self.consumer, 100_000)
        facilitator.txs[tx.id] = tx
        self.opening = self.consumer.deposit(tx, 100_000, PRICE)
        self.ref = f"{tx.id}#0"

    def voucher(self, pages: int) -> Mapping[str, Any]:
        return self.consumer.payment("voucher", pages * PRICE, self.ref)


@pytest.fixture
def facilitator() -> ModelFacilitator:
    return ModelFacilitator(ModelChain(ManualClock(1_800_000_000)))


@pytest.fixture
def store() -> FailingStore:
    return FailingStore()


@contextmanager
def listening(calls: SellerCalls) -> Iterator[SidecarServer]:
    with SidecarServer(SOCKET, calls) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def sidecar(
    facilitator: ModelFacilitator,
    store: FailingStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[SidecarServer]:
    monkeypatch.chdir(tmp_path)  # the path of a Unix socket must be short
    clock = facilitator.chain.clock
    with (
        closing(Seller(store, facilitator, key=PROVIDER, clock=clock)) as seller,
        listening(SellerCalls(seller, clock)) as server,
    ):
        yield server


def before(payment: object) -> dict[str, Any]:
    return result("before", payment=pack(payment), requirements=requirements(PRICE))


def after(found: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    assert found["result"] == "serve", found
    return result("after", id=found["id"], response=base64.b64encode(PAGE).decode(), **fields)


@pytest.fixture
def customer(facilitator: ModelFacilitator) -> Customer:
    customer = Customer(facilitator)
    paid = after(before(customer.opening))
    assert paid["settlement"]["extra"]["channelState"]["channelRef"] == customer.ref
    return customer


def charged(paid: Mapping[str, Any]) -> str:
    assert paid["result"] == "paid", paid
    return str(paid["settlement"]["extra"]["channelState"]["chargedCumulativeAmount"])


def test_a_request_is_charged_after_the_work_and_repeated(customer: Customer) -> None:
    paid = after(before(customer.voucher(2)))
    assert charged(paid) == "2000"
    again = before(customer.voucher(2))
    assert again == {
        "result": "answer",
        "settlement": paid["settlement"],
        "response": base64.b64encode(PAGE).decode(),
    }


def test_a_lower_charge_counts(customer: Customer) -> None:
    found = before(customer.voucher(2))
    assert call("after", id=found["id"], response="", charge="1001")[0] == 400
    assert charged(after(found, charge="300")) == "1300"


def test_a_cancelled_request_is_not_charged(customer: Customer) -> None:
    found = before(customer.voucher(2))
    assert result("cancel", id=found["id"]) == {"result": "cancelled"}
    status, answer = call("after", id=found["id"], response="")
    assert (status, answer["error"]) == (404, "unknown_request")
    assert charged(after(before(customer.voucher(2)))) == "2000"


def test_a_channel_has_one_request_at_a_time(customer: Customer) -> None:
    first = before(customer.voucher(2))
    second = before(customer.voucher(2))
    assert second["result"] == "refuse"
    assert second["reason"].endswith("channel_busy")
    assert charged(after(first)) == "2000"
    assert charged(after(before(customer.voucher(3)))) == "3000"


def test_a_wrong_count_is_corrected(customer: Customer) -> None:
    refusal = before(customer.voucher(7))
    assert refusal["reason"].endswith("cumulative_amount_mismatch")
    assert refusal["message"] == "maxClaimableAmount must be 2000 in this channel"
    offer = refusal["requirements"]
    assert offer["extra"]["voucherState"]["signedMaxClaimable"] == "1000"
    assert offer["amount"] == str(PRICE)


def test_a_refund_is_signed(customer: Customer, facilitator: ModelFacilitator) -> None:
    tag = customer.consumer.tag.hex()
    spot = facilitator.chain.spot(tag)
    assert spot is not None
    found = before(customer.consumer.refund(spot, PRICE))
    assert (found["result"], found["response"]) == ("answer", "")
    ended = facilitator.chain.spot(tag)
    assert ended is not None
    assert (ended.stage, ended.seller) == ("gone", PRICE)


def test_a_deposit_that_is_not_settled_is_not_served(facilitator: ModelFacilitator) -> None:
    found = before(Customer(facilitator).opening)
    facilitator.is_pending = True
    refusal = after(found)
    assert refusal["reason"] == "settlement_pending"
    assert refusal["requirements"] == requirements(PRICE)


def test_a_request_without_an_end_frees_its_channel(
    customer: Customer, facilitator: ModelFacilitator
) -> None:
    lost = before(customer.voucher(2))
    clock = facilitator.chain.clock
    assert isinstance(clock, ManualClock)
    clock.advance(requirements(PRICE)["maxTimeoutSeconds"] - 1)
    assert before(customer.voucher(2))["result"] == "refuse"
    clock.advance(2)
    assert charged(after(before(customer.voucher(2)))) == "2000"
    assert call("after", id=lost["id"], response="")[0] == 404


def test_nothing_is_served_without_the_store(customer: Customer, store: FailingStore) -> None:
    found = before(customer.voucher(2))
    store.fails = True
    status, answer = call("after", id=found["id"], response="")
    assert (status, answer) == (
        503,
        {"error": "store_unavailable", "message": "the store is away"},
    )
    store.fails = False
    assert charged(after(found)) == "2000"  # it may be called again


@pytest.mark.parametrize("header", ["", "no base64!", pack([]), base64.b64encode(b"[" * 9_000)])
def test_what_is_no_payment_is_refused(header: str | bytes) -> None:
    text = header if isinstance(header, str) else header.decode()
    refusal = result("before", payment=text, requirements=requirements(PRICE))
    assert refusal["result"] == "refuse"
    assert refusal["requirements"] == requirements(PRICE)


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("pay", b"{}", (404, "unknown_call")),
        ("before", b"", (400, "bad_call")),
        ("before", b"[]", (400, "bad_call")),
        ("before", b'{"payment": "", "requirements": {}}', (400, "bad_call")),
        ("before", b'{"payment": "", "requirements": 1}', (400, "bad_call")),
        ("before", b'{"payment": 1, "requirements": {}}', (400, "bad_call")),
        ("after", b'{"id": "other", "response": ""}', (404, "unknown_request")),
        ("after", b'{"id": "other", "response": "?"}', (400, "bad_call")),
        ("after", b'{"id": "other", "response": "", "charge": 1}', (400, "bad_call")),
        ("after", b'{"id": "other", "response": "", "charge": "01"}', (400, "bad_call")),
        ("cancel", b'{"id": "other"}', (404, "unknown_request")),
        ("cancel", b"{}", (400, "bad_call")),
    ],
)
def test_a_bad_call_is_named(name: str, body: bytes, expected: tuple[int, str]) -> None:
    status, answer = post(name, body)
    assert (status, answer["error"]) == expected
    assert answer["message"]


def test_a_call_without_a_length_is_refused() -> None:
    with closing(UnixConnection()) as connection:
        connection.putrequest("POST", "/before")
        connection.endheaders()
        assert connection.getresponse().status == 411


def test_its_owner_alone_can_call() -> None:
    assert stat.S_IMODE(SOCKET.stat().st_mode) == 0o600


def test_many_can_call_at_once(sidecar: SidecarServer) -> None:
    path = Path("busy.sock")
    with SidecarServer(path, sidecar.calls), ExitStack() as stack:
        for _ in range(100):
            caller = stack.enter_context(socket.socket(socket.AF_UNIX))
            caller.setblocking(False)
            caller.connect(str(path))


def test_a_path_that_another_process_listens_at_is_left_to_it(sidecar: SidecarServer) -> None:
    with pytest.raises(OSError, match="in use"):
        SidecarServer(SOCKET, sidecar.calls)
    assert call("pay")[0] == 404


def test_another_file_is_left_alone(sidecar: SidecarServer, tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("mine")
    with pytest.raises(OSError, match="in use"):
        SidecarServer(Path("notes"), sidecar.calls)
    assert path.read_text() == "mine"


def test_the_socket_of_a_process_that_was_killed_is_replaced(sidecar: SidecarServer) -> None:
    path = Path("other.sock")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with SidecarServer(path, sidecar.calls):
        assert path.is_socket()
    assert not path.exists()


def test_a_bad_seed_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["sidecar"])
    monkeypatch.setenv("PROVIDER_SEED", "secret")
    with pytest.raises(SystemExit) as ended:
        main()
    assert str(ended.value) == "the sidecar cannot run: PROVIDER_SEED is not 64 hexadecimal digits"
