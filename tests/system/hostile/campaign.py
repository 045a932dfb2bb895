"""Many callers at once, most of them hostile, and some who only want to be served."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from hostile.client import BadAnswer, Connection, exchange
from hostile.judge import Judge
from hostile.messages import Message, Messages
from hostile.target import KEY, Target

CALLERS = 48
"""Connections on which one wrong request follows the other."""
PATIENT_SECONDS = (0.2, 3.0)
FINDINGS = 20
"""After so many it is enough."""

HEAD = (
    b"POST /%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-API-Key: %s\r\n"
    b"Prefer: wait=60\r\nContent-Length: %d\r\n\r\n"
)


@dataclass
class Tally:
    """What came of it."""

    sent: Counter[str] = field(default_factory=Counter)
    """Requests, by kind."""
    findings: list[str] = field(default_factory=list)
    served: dict[str, list[float]] = field(default_factory=dict)
    """Seconds that each valid request took, by what it asked."""

    @property
    def requests(self) -> int:
        """How many wrong requests were sent."""
        return self.sent.total()

    def finds(self, what: str) -> None:
        """Note something that must not be."""
        self.findings.append(what)


class Campaign:
    """Sends until a number of requests is reached."""

    def __init__(
        self, target: Target, judge: Judge, *, seed: int, slow: int, seconds: float
    ) -> None:
        """Have ``slow`` connections of each slow kind besides those that hurry.

        After so many seconds it ends, however many requests were sent.
        """
        self._target = target
        self._judge = judge
        self._chance = Random(seed)
        self._slow = slow
        self._deadline = time.monotonic() + seconds
        self._goal = 0
        self.tally = Tally()

    async def run(self, requests: int) -> None:
        """Send so many more; every connection is closed afterwards."""
        self._goal = self.tally.requests + requests
        valid = json.loads(await asyncio.to_thread(self._target.payment))
        async with asyncio.TaskGroup() as group:
            group.create_task(self._served())
            for _ in range(CALLERS):
                group.create_task(self._hurry(self._messages(valid)))
            for _ in range(self._slow):
                for each in (self._dribble, self._deaf, self._silent):
                    group.create_task(self._again(each, self._messages(valid)))

    def _messages(self, valid: Mapping[str, Any]) -> Messages:
        return Messages(Random(self._chance.random()), valid, KEY)

    @property
    def _goes_on(self) -> bool:
        return (
            self.tally.requests < self._goal
            and len(self.tally.findings) < FINDINGS
            and time.monotonic() < self._deadline
        )

    async def _hurry(self, messages: Messages) -> None:
        connection: Connection | None = None
        while self._goes_on:
            message = messages.next()
            if connection is None or connection.is_closed:
                connection = await Connection.to(self._target.port, messages.chance)
            self.tally.sent[message.kind] += message.requests
            try:
                answers = await exchange(connection, message)
            except BadAnswer as error:
                self._find(str(error), message)
                connection.close()
                continue
            for answer in answers:
                for fault in self._judge.faults(answer, is_head=message.is_head):
                    self._find(f"{fault}: {answer}", message)
        if connection is not None:
            connection.close()

    def _find(self, what: str, message: Message) -> None:
        self.tally.finds(f"{message.kind}: {what:.1500}\n  sent: {message.data[:1500]!r}")

    # --- Slow ones ----------------------------------------------------------------------------

    async def _again(self, act: Callable[[Connection, Messages], Any], messages: Messages) -> None:
        while self._goes_on:
            self.tally.sent[act.__name__.strip("_")] += 1
            connection = await Connection.to(self._target.port, messages.chance)
            await act(connection, messages)
            connection.close(reset=messages.chance.random() < 0.5)

    async def _dribble(self, connection: Connection, messages: Messages) -> None:
        """Send a request byte by byte, and mostly give up in the middle."""
        data = messages.wrong_body().data[:2_000]
        pause = messages.chance.uniform(0.001, 0.5)
        for at in range(messages.chance.randrange(1, len(data) + 1)):
            if connection.is_closed or not self._goes_on:
                break
            connection.send(data[at : at + 1])
            await asyncio.sleep(pause)

    async def _deaf(self, connection: Connection, messages: Messages) -> None:
        """Ask a lot and read nothing."""
        connection.stop_reading()
        connection.send(b"GET /settle HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200)
        await self._idle(messages)

    async def _silent(self, connection: Connection, messages: Messages) -> None:
        """Say nothing, or nothing but the beginning."""
        connection.send(messages.cut().data[: messages.chance.choice((0, 0, 10, 300))])
        await self._idle(messages)

    async def _idle(self, messages: Messages) -> None:
        until = time.monotonic() + messages.chance.choice((1, 20, 140))
        while self._goes_on and time.monotonic() < until:
            await asyncio.sleep(0.1)

    # --- Valid ones ---------------------------------------------------------------------------

    async def _served(self) -> None:
        """Verify and settle payments, one after the other, each with its success."""
        for number in count():
            if number and not self._goes_on:
                break
            body = await asyncio.to_thread(self._target.payment)
            for _ in range(5):
                await self._valid("verify", body, "isValid")
                await asyncio.sleep(0.1)
            await self._valid("settle", body, "success")

    async def _valid(self, what: str, body: bytes, success: str) -> None:
        data = HEAD % (what.encode(), KEY.encode(), len(body)) + body
        begun = time.monotonic()
        connection = await Connection.to(self._target.port, self._chance)
        try:
            (answer,) = await exchange(connection, Message(f"valid {what}", data))
        except BadAnswer as error:
            self.tally.finds(f"valid {what}: {error}")
        else:
            self.tally.served.setdefault(what, []).append(time.monotonic() - begun)
            if answer.status != 200 or json.loads(answer.body).get(success) is not True:
                self.tally.finds(f"valid {what}: {answer}")
        connection.close()
