"""A payer of one channel, by the rules of the client, and what it has received."""

import base64
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from http.client import HTTPConnection, HTTPException
from json import dumps, loads
from typing import Any

from facilitator.testing.running import NETWORK
from facilitator_channels.client import channel as client
from facilitator_channels.client.channel import ClientChannel, Status
from facilitator_channels.client.keys import iou_signer
from facilitator_channels.datum import Constants
from facilitator_channels.messages import ChannelConfig
from facilitator_channels.values import config_json
from facilitator_devnet.wallet import key_hash
from support.channel_play import PERIOD_SECONDS, PROVIDER, iou_key

PRICE = 1_000
Shop = Callable[[], int]
"""Returns the port of a shop that was up."""


def requirements(script_hash: bytes) -> dict[str, Any]:
    return {
        "scheme": "batch-settlement",
        "network": NETWORK,
        "amount": str(PRICE),
        "asset": "lovelace",
        "payTo": PROVIDER.bech32,
        "maxTimeoutSeconds": 20,
        "extra": {
            "scriptHash": script_hash.hex(),
            "receiverAuthorizer": key_hash(PROVIDER.payment_key).hex(),
            "withdrawDelay": PERIOD_SECONDS,
        },
    }


class Shops:
    """Connections to shops, one for each thread and port."""

    def __init__(self, port: Shop) -> None:
        self._port = port
        self._kept = threading.local()
        self._all: list[HTTPConnection] = []

    def ask(self, payment: Mapping[str, Any], saved: int) -> dict[str, Any] | None:
        """The answer; ``None`` if it was lost."""
        port = self._port()
        kept = vars(self._kept).setdefault("connections", {})
        if port not in kept:
            kept[port] = HTTPConnection("127.0.0.1", port, timeout=60)
            self._all.append(kept[port])
        connection = kept[port]
        try:
            connection.request("POST", "/", dumps({"payment": payment, "saved": saved}))
            answer: dict[str, Any] = loads(connection.getresponse().read())
        except (OSError, HTTPException, ValueError):
            connection.close()
            return None
        return answer

    def close(self) -> None:
        for each in self._all:
            each.close()


class Payer:
    """One channel. For one thread at a time."""

    def __init__(
        self, constants: Constants, script_hash: bytes, opening: bytes, ref: str, put_in: int
    ) -> None:
        self.tag = constants.tag
        self._accepted = requirements(script_hash)
        self.put_in = put_in
        self._sign = iou_signer(iou_key(constants.tag), constants.tag)
        config = ChannelConfig(
            constants.consumer,
            constants.iou_key,
            PROVIDER.bech32,
            constants.provider,
            "lovelace",
            constants.close_period // 1000,
        )
        self.known = ClientChannel(constants.tag, NETWORK, script_hash.hex(), config, (ref,))
        self.opening = opening
        self.pages: dict[str, int] = {}
        """What was charged for each page that came, by its name."""
        self.unanswered: dict[str, Any] | None = None
        """The payment whose answer is not known."""
        self.last: dict[str, Any] | None = None
        self.highest = 0
        """The greatest amount that was signed."""
        self.is_closed = False

    @property
    def served(self) -> int:
        return sum(self.pages.values())

    def deposit(self, price: int) -> dict[str, Any]:
        transaction = base64.b64encode(self.opening).decode()
        fields = {"deposit": {"amount": str(self.put_in), "transaction": transaction}}
        return self._payment("deposit", price, "", **fields)

    def voucher(self, price: int) -> dict[str, Any]:
        """The next payment, or the one whose answer is not known."""
        amount = client.next_amount(self.known, price)
        return self.unanswered or self._payment("voucher", amount, self.known.channel_ref)

    def take(self, payment: dict[str, Any], answer: Mapping[str, Any] | None, price: int) -> str:
        """Learn from the answer; return why there is none of use."""
        self.unanswered = payment
        if answer is None:
            return "lost"
        if "page" not in answer:
            return self._refused(answer)
        self.unanswered, self.last = None, payment
        extra = answer["settlement"]["extra"]
        if answer["page"] not in self.pages:
            self.pages[answer["page"]] = int(extra["chargedAmount"])
            self.known = client.settled(self.known, price, extra)
        return ""

    def take_again(self, answer: Mapping[str, Any] | None) -> None:
        """Learn from the answer to a voucher that was answered before."""
        if answer is not None and "page" in answer:
            extra = answer["settlement"]["extra"]
            self.pages.setdefault(answer["page"], int(extra["chargedAmount"]))

    def _refused(self, answer: Mapping[str, Any]) -> str:
        error = str(answer["error"])
        if error.endswith(("channel_closed", "channel_not_found")):
            self.unanswered = None  # a charge would have been answered from what is kept
            self.is_closed = True
        elif error.endswith("cumulative_amount_mismatch"):
            extra = answer["extra"]
            self.known = client.corrected(self.known, extra["channelState"], extra["voucherState"])
            self.unanswered = None
        return error

    def _payment(self, kind: str, amount: int, ref: str, **fields: Any) -> dict[str, Any]:
        self.highest = max(self.highest, amount)
        voucher = {
            "channelId": self.tag.hex(),
            "maxClaimableAmount": str(amount),
            "signature": self._sign(amount).signature.hex(),
            **({"channelRef": ref} if ref else {}),
        }
        config = config_json(self.known.config)
        payload = {"type": kind, "channelConfig": config, "voucher": voucher, **fields}
        return {"x402Version": 2, "accepted": self._accepted, "payload": payload}

    def opened(self, capacity: int) -> None:
        self.known = replace(self.known, capacity=capacity, status=Status.OPEN)
