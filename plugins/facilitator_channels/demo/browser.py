"""The demo's client: it asks over one connection, and pays by its channel."""

import json
from base64 import b64decode
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Any

from facilitator.plugin import HttpAnswer, Paid, PayOrder, Presented
from facilitator_channels.demo.shop import PATH, pack
from facilitator_channels.paying.means import Means
from facilitator_channels.paying.payer import ChannelPayer

_TIMEOUT_SECONDS = 90


class Browser:
    """A client that buys the page of one server again and again."""

    def __init__(self, address: tuple[str, int], means: Means, deposit: int, folder: Path) -> None:
        """Keep records in the folder, which goes with the demo: they need not outlast it."""
        self._connection = HTTPConnection(*address, timeout=_TIMEOUT_SECONDS)
        self._server = f"http://{address[0]}:{address[1]}"
        self._means = means
        self._deposit = deposit
        self._folder = folder
        self._payer = ChannelPayer(durable=False)
        self._requirements: Mapping[str, Any] = {}
        self.transactions: list[bytes] = []
        """The transactions that it has sent, in their order."""

    def ask(self) -> Presented:
        """Ask without a payment, and remember what is offered."""
        presented = self._get({})
        self._requirements = (presented.required or {})["accepts"][0]
        return presented

    def buy(self) -> Paid:
        """Buy the page."""
        return self._payer.pay(self._order())

    def take_back(self) -> Paid:
        """Ask for the rest."""
        return self._payer.take_back(self._order())

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _order(self) -> PayOrder:
        means = self._means
        return PayOrder(
            self._server, means.network, self._requirements, means.wallet, means.chain,
            means.clock, self._present, _say_nothing, self._folder, self._deposit,
        )  # fmt: skip

    def _present(self, payload: Mapping[str, Any]) -> Presented:
        carried = payload.get("deposit", payload).get("transaction")
        if carried is not None:
            self.transactions.append(b64decode(carried))
        message = {"x402Version": 2, "accepted": self._requirements, "payload": payload}
        return self._get({"PAYMENT-SIGNATURE": pack(message)})

    def _get(self, headers: Mapping[str, str]) -> Presented:
        self._connection.request("GET", PATH, headers=dict(headers))
        response = self._connection.getresponse()
        answer = HttpAnswer(response.status, response.headers, response.read())
        found = {name: _unpack(response.headers, name) for name in ("RESPONSE", "REQUIRED")}
        return Presented(answer, found["RESPONSE"], found["REQUIRED"])


def _unpack(headers: HTTPMessage, name: str) -> Mapping[str, Any] | None:
    value = headers.get(f"PAYMENT-{name}")
    return None if value is None else json.loads(b64decode(value))


def _say_nothing(_: str) -> None:
    """Leave it to the demo to say what happens."""
