"""Clients of the facilitators, over real HTTP: they behave as the x402 SDKs do."""

import http.client
import json
import random
import select
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, NamedTuple

from chaos.history import LOOKUP_FAILED, Call, Offer
from chaos.plan import Line, Patience

ANSWER_SECONDS = 12.0
"""How long a caller waits for an answer before it takes the connection for dead."""
PAUSE_SECONDS = 0.3
VERIFICATIONS = 4


class Tenant(NamedTuple):
    """A client with an API key."""

    name: str
    api_key: str


TENANTS = (Tenant("shopa", "the-key-of-the-shop-a"), Tenant("shopb", "the-key-of-the-shop-b"))


@dataclass(frozen=True, slots=True)
class Asks:
    """What one caller asks for, and how."""

    offer: Offer
    patience: Patience
    key: str | None = None
    """The ``Idempotency-Key``."""
    place: int | None = None
    """The facilitator to ask; any of them if it does not matter."""

    @property
    def tenant(self) -> Tenant:
        return TENANTS[self.patience.tenant]


class Caller:
    """Settles one payment, until it knows how it ended."""

    def __init__(
        self,
        asks: Asks,
        port: Callable[[int | None], int],
        calls: list[Call],
        verdicts: list[Call],
    ) -> None:
        """``port`` is asked for each call; every call goes into one of the lists."""
        self._asks = asks
        self._port = port
        self._calls = calls
        self._verdicts = verdicts
        patience = asks.patience
        self._lines = chain(patience.lines, repeat(Line.HOLDS))
        self._questions = 1 + patience.replays
        self._gives_up = patience.gives_up

    def verifies(self) -> bool:
        """Whether the payment is worth settling."""
        for _ in range(VERIFICATIONS if self._asks.patience.verifies else 0):
            call = self._call("/verify", {}, Line.HOLDS)
            self._verdicts.append(call)
            if call.status == 200 and call.reason != LOOKUP_FAILED:
                return bool(call.answer["isValid"])
            time.sleep(PAUSE_SECONDS)
        return True

    def settles(self, until: float) -> bool:
        """Ask until the end is known or it is so late (monotonic); whether it is known.

        One that gives up asks only once before it is asked to go on, as another would do then.
        """
        while self._questions:
            if time.monotonic() > until:
                self._gives_up = False
                return False
            call = self._settle(next(self._lines))
            if call.is_conclusive:
                self._questions -= 1
            elif self._gives_up:
                self._gives_up = False
                return False
            else:
                time.sleep(PAUSE_SECONDS if call.status == 200 else 2 * PAUSE_SECONDS)
        return True

    def leaves(self) -> None:
        """Ask once, hang up unless the answer comes soon, and never ask again."""
        self._settle(Line.HANGS_UP, is_last=True)

    def _settle(self, line: Line, *, is_last: bool = False) -> Call:
        headers = {"Prefer": f"wait={self._asks.patience.wait_seconds}"}
        if self._asks.key is not None:
            headers["Idempotency-Key"] = self._asks.key
        call = self._call("/settle", headers, line, is_last=is_last)
        self._calls.append(call)
        return call

    def _call(
        self, path: str, headers: Mapping[str, str], line: Line, *, is_last: bool = False
    ) -> Call:
        asks, sent = self._asks, time.monotonic()
        status, answer = self._send(path, {"X-API-Key": asks.tenant.api_key, **headers}, line)
        return Call(
            offer=asks.offer,
            key=asks.key,
            sent=sent,
            ended=time.monotonic(),
            status=status,
            answer=answer,
            caller=asks.tenant.name,
            place=asks.place or 0,
            wait_seconds=asks.patience.wait_seconds,
            is_last=is_last,
        )

    def _send(
        self, path: str, headers: Mapping[str, str], line: Line
    ) -> tuple[int | None, dict[str, Any]]:
        """The answer, if all of it came."""
        port = self._port(self._asks.place)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
        headers = {"Content-Type": "application/json", **headers}
        try:
            connection.request("POST", path, self._asks.offer.body, headers)
            if not _arrives(connection, line):
                return None, {}
            response = connection.getresponse()
            return response.status, dict(json.loads(response.read()))
        except (OSError, http.client.HTTPException, ValueError):
            return None, {}
        finally:
            connection.close()


def _arrives(connection: http.client.HTTPConnection, line: Line) -> bool:
    """Whether the connection lasts until the answer can be read."""
    match line:
        case Line.HANGS_UP:
            is_there, _, _ = select.select([connection.sock], [], [], random.uniform(0.0, 2.0))
            return bool(is_there)
        case Line.LOSES:
            select.select([connection.sock], [], [], ANSWER_SECONDS)
            return False
        case Line.HOLDS:
            return True
