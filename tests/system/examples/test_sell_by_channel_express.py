"""``examples/sell-by-channel-express`` as its README runs it, and bought from by channel."""

import base64
import copy
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from facilitator.client.http import Client
from facilitator.client.presenting import SENT
from facilitator.clock import SystemClock
from facilitator.plugin import OutcomeNotKnown, Paid, PayOrder, Presented
from facilitator.testing.payments import ALICE, BOB, CAROL
from facilitator.testing.running import NETWORK, Running
from facilitator.testing.waiting import eventually
from facilitator_channels.paying.payer import ChannelPayer
from facilitator_channels.seller.store import Records
from facilitator_channels.seller.stores.sqlite import SqliteStore
from facilitator_devnet.wallet import Wallet
from support.channel_shop import PAGE, PRICE
from support.npm import install_or_skip

EXAMPLE = Path(__file__).parents[3] / "examples" / "sell-by-channel-express"
ENVIRON = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
DEPOSIT = 5_000_000
API_KEY = "key-of-the-shop-at-this-facilitator"


def commands() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", (EXAMPLE / "README.md").read_text(), re.M | re.S)
    return [line for block in blocks for line in block.splitlines()]


SERVE, SIDECAR, INSTALL, SHOP = commands()


class Shop:
    """The shop with its sidecar, and the facilitator that they use."""

    def __init__(self, running: Running, folder: Path, stack: ExitStack) -> None:
        self.running = running
        self.folder = folder
        self._stack = stack
        secret, python, *words = shlex.split(SIDECAR)
        assert python == "python"
        words += ["--facilitator", running.url, "--key-file", "api.key"]
        line = self._start([sys.executable, *words], dict([secret.split("=")]))
        assert line.startswith("listening at seller.sock, receiverAuthorizer ")
        command = shlex.split(SHOP)
        assert command[-1] == line.split()[-1]
        self.url = self._start([*command, "0"], {}).split()[-1]

    def _start(self, command: list[str], environ: Mapping[str, str]) -> str:
        """Start a process; the first line that it prints."""
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={**ENVIRON, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        self._stack.callback(process.communicate)
        self._stack.callback(process.send_signal, signal.SIGTERM)
        return process.stdout.readline()

    def charged(self, channel_id: str) -> int:
        """What the seller has counted."""
        with closing(SqliteStore(str(self.folder / "channels.db"))) as store:
            record = Records(store).read(channel_id)
        return 0 if record is None else record.charged

    def forget(self, channel_id: str) -> None:
        """Lose the seller's record."""
        with closing(SqliteStore(str(self.folder / "channels.db"))) as store:
            found = store.read(channel_id)
            assert found is not None
            assert store.replace(channel_id, found, None, durable=False)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Shop]:
    """One for all tests, of which each opens a channel of its own."""
    cache = pytestconfig.rootpath / ".pytest_cache" / "npm"
    cache.mkdir(parents=True, exist_ok=True)
    folder = tmp_path_factory.mktemp("express")
    (folder / "node_modules").symlink_to(install_or_skip(EXAMPLE, cache))
    for script in EXAMPLE.glob("*.mjs"):
        shutil.copy(script, folder)
    (folder / "api.key").write_text(f"{API_KEY}\n")
    settings = {
        "FACILITATOR_PLUGINS": shlex.split(SERVE)[0].partition("=")[2].replace("sqlite", "memory"),
        "FACILITATOR_AUTH__API_KEYS__SHOP": API_KEY,
    }
    with ExitStack() as stack:
        running = Running(folder, settings=settings, real_time=True)
        stack.callback(running.close)
        yield Shop(running, folder, stack)
    assert not (folder / "seller.sock").exists()


def encode(message: object) -> str:
    return base64.b64encode(json.dumps(message).encode()).decode()


class Customer:
    """A payer with a wallet and records of its own."""

    def __init__(self, shop: Shop, wallet: Wallet, folder: Path) -> None:
        self._shop = shop
        self._wallet = wallet
        self._folder = folder
        self._chain = copy.copy(shop.running.devnet)
        self._chain.is_devnet = False  # the payer takes it for a network
        self.header = ""
        """The payment that was shown last."""
        self.show: Callable[[str], Presented] = self.get

    def get(self, header: str | None = None, query: str = "") -> Presented:
        """The answer to a request with this payment."""
        further = {} if header is None else {SENT: header}
        answer = Client(self._shop.url + query, {}, None, 90).send(further)

        def read(name: str) -> Mapping[str, Any] | None:
            value = answer.headers.get(name)
            return None if value is None else json.loads(base64.b64decode(value))

        return Presented(answer, read("PAYMENT-RESPONSE"), read("PAYMENT-REQUIRED"))

    def pay(self) -> Paid:
        """Ask for the page, and pay for it."""
        required = self.get().required
        assert required is not None
        (offer,) = required["accepts"]

        def present(payload: Mapping[str, Any]) -> Presented:
            self.header = encode({"x402Version": 2, "accepted": offer, "payload": payload})
            return self.show(self.header)

        order = PayOrder(
            self._shop.url.removesuffix("/forecast"), NETWORK, offer, self._wallet, self._chain,
            SystemClock(), present, lambda _: None, self._folder, DEPOSIT,
        )  # fmt: skip
        return ChannelPayer(durable=False).pay(order)

    def open(self, meanwhile: Callable[[], object]) -> Paid:
        """Open a channel, which pays for a page.

        ``meanwhile`` is called while the shop waits for the deposit to be settled.
        """
        bought: list[Paid] = []
        thread = Thread(target=lambda: bought.append(self.pay()))
        thread.start()
        eventually(lambda: self._is_waiting() or not thread.is_alive())
        meanwhile()
        while thread.is_alive():
            self._shop.running.devnet.produce_block()
            thread.join(0.05)
        (paid,) = bought
        return paid

    @property
    def channel(self) -> str:
        """The id of the channel that was paid by last."""
        payment = json.loads(base64.b64decode(self.header))
        return str(payment["payload"]["voucher"]["channelId"])

    def _is_waiting(self) -> bool:
        with self._shop.running.devnet.chain() as chain:
            return bool(chain.waiting)


def charge(presented: Presented) -> tuple[int, int]:
    """What was charged for the page that the shop has sent, and all so far."""
    assert presented.answer.status == 200, presented.required
    assert json.loads(presented.answer.body) == PAGE
    assert presented.receipt is not None
    extra = presented.receipt["extra"]
    total = extra["channelState"]["chargedCumulativeAmount"]
    return int(extra["chargedAmount"]), int(total)


def test_pages_are_bought_and_a_repeat_costs_nothing(shop: Shop, tmp_path: Path) -> None:
    customer = Customer(shop, ALICE, tmp_path)
    offered = customer.get()
    assert offered.answer.status == 402
    assert offered.required is not None
    assert offered.required["error"] == "PAYMENT-SIGNATURE header is required"
    assert offered.required["resource"]["url"] == shop.url

    assert charge(customer.open(lambda: None).presented) == (PRICE, PRICE)
    assert charge(customer.pay().presented) == (PRICE, 2 * PRICE)
    third = customer.pay().presented
    assert charge(third) == (PRICE, 3 * PRICE)

    again = customer.get(customer.header)
    assert (again.answer.body, again.receipt) == (third.answer.body, third.receipt)
    assert shop.charged(customer.channel) == 3 * PRICE

    for header in ("no base64!", "A" * 40_000):
        refused = customer.get(header)
        assert refused.answer.status == 402
        assert refused.receipt is None


def test_of_two_at_once_the_second_waits(shop: Shop, tmp_path: Path) -> None:
    customer = Customer(shop, BOB, tmp_path)
    refused: list[Presented] = []
    first = customer.open(lambda: refused.append(customer.get(customer.header)))
    assert charge(first.presented) == (PRICE, PRICE)
    (second,) = refused
    assert second.answer.status == 402
    assert str(second.refusal).endswith("channel_busy")
    assert b"sunny" not in second.answer.body
    assert charge(customer.pay().presented) == (PRICE, 2 * PRICE)


def test_failures_charge_nothing_and_lost_answers_are_repeated(shop: Shop, tmp_path: Path) -> None:
    customer = Customer(shop, CAROL, tmp_path)
    customer.open(lambda: None)
    channel = customer.channel

    def ask_for_nothing(header: str) -> Presented:
        return customer.get(header, "?day=someday")

    customer.show = ask_for_nothing
    failed = customer.pay().presented
    assert (failed.answer.status, failed.receipt) == (404, None)
    assert shop.charged(channel) == PRICE

    def hang_up(header: str) -> Presented:
        host, _, port = urlsplit(shop.url).netloc.partition(":")
        with socket.create_connection((host, int(port))) as connection:
            request = f"GET /forecast HTTP/1.1\r\nHost: {host}\r\n{SENT}: {header}\r\n\r\n"
            connection.sendall(request.encode())
            eventually(lambda: shop.charged(channel) == 2 * PRICE)
        raise OutcomeNotKnown("the answer is lost")

    customer.show = hang_up
    with pytest.raises(OutcomeNotKnown):
        customer.pay()
    customer.show = customer.get
    assert charge(customer.pay().presented) == (PRICE, 2 * PRICE)
    assert shop.charged(channel) == 2 * PRICE
    assert charge(customer.pay().presented) == (PRICE, 3 * PRICE)


def test_a_page_that_is_not_charged_does_not_leave(shop: Shop, tmp_path: Path) -> None:
    wallet = Wallet("customer of a seller without a record")
    shop.running.devnet.fund(wallet.address, 50_000_000)
    customer = Customer(shop, wallet, tmp_path)
    refused = customer.open(lambda: shop.forget(customer.channel)).presented
    assert refused.answer.status == 402
    assert str(refused.refusal).endswith("missing_channel")
    assert b"sunny" not in refused.answer.body

    path = shop.folder / "seller.sock"
    away = path.rename(shop.folder / "away")
    failed = customer.get(customer.header)
    away.rename(path)
    assert (failed.answer.status, failed.receipt) == (500, None)
    assert b"<pre>Internal Server Error</pre>" in failed.answer.body


def test_its_readme_installs_what_the_lock_says() -> None:
    assert INSTALL == "npm ci --ignore-scripts"
