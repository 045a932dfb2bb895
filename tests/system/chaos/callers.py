"""Clients of the facilitators, over real HTTP: they behave as the x402 SDKs do."""

import http.client
import json
import random
import select
import time
from collections.abc import Callable, Mapping
from itertools import chain, repeat
from typing import Any, NamedTuple

from chaos.history import LOOKUP_FAILED, Call
from chaos.plan import Line, Patience

ANSWER_SECONDS = 12.0
"""How long a caller waits for an answer before it takes the connection for dead."""
PAUSE_SECONDS = 0.3
VERIFICATIONS = 4


class Offer(NamedTuple):
    """A payment as it is sent, and what it promises."""

    transaction: str
    confirmations: int
    body: bytes


class SettleRequest:
    """Settles one payment, until it knows how it ended."""

    def __init__(
        self,
        offer: Offer,
        patience: Patience,
        key: str | None,
        port: Callable[[], int],
        record: Callable[[Call], None],
    ) -> None:
        """``port`` is asked anew for each call; ``record`` gets every call of ``/settle``."""
        self._offer = offer
        self._patience = patience
        self._key = key
        self._port = port
        self._record = record
        self._lines = chain(patience.lines, repeat(Line.HOLDS))
        self._asks = 1 + patience.replays
        self._gives_up = patience.gives_up

    def verifies(self) -> bool:
        """Whether the payment is worth settling."""
        for _ in range(VERIFICATIONS if self._patience.verifies else 0):
            status, answer = self._send("/verify", {}, Line.HOLDS)
            if status == 200 and answer.get("invalidReason") != LOOKUP_FAILED:
                return bool(answer["isValid"])
            time.sleep(PAUSE_SECONDS)
        return True

    def settles(self, until: float) -> bool:
        """Ask until the end is known or it is so late (monotonic); whether it is known.

        One that gives up asks only once before it is asked to go on, as another would do then.
        """
        while self._asks:
            if time.monotonic() > until:
                return False
            call = self._settle(next(self._lines))
            if call.is_conclusive:
                self._asks -= 1
            elif self._gives_up:
                self._gives_up = False
                return False
            else:
                time.sleep(PAUSE_SECONDS if call.status == 200 else 2 * PAUSE_SECONDS)
        return True

    def _settle(self, line: Line) -> Call:
        headers = {"Prefer": f"wait={self._patience.wait_seconds}"}
        if self._key is not None:
            headers["Idempotency-Key"] = self._key
        sent = time.monotonic()
        status, answer = self._send("/settle", headers, line)
        call = Call(
            self._offer.transaction,
            self._offer.confirmations,
            self._key,
            sent,
            time.monotonic(),
            status,
            answer,
        )
        self._record(call)
        return call

    def _send(
        self, path: str, headers: Mapping[str, str], line: Line
    ) -> tuple[int | None, dict[str, Any]]:
        """The answer, if all of it came."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port(), timeout=ANSWER_SECONDS)
        try:
            connection.request(
                "POST", path, self._offer.body, {"Content-Type": "application/json", **headers}
            )
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
