"""Crowds of callers: a facilitator in a process of its own, and one asyncio client."""

import asyncio
import json
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.cardano.transaction import Output, OutputRef, Value
from facilitator.testing.http import call
from facilitator.testing.payments import MERCHANT, request_body, requirements
from facilitator.testing.running import NETWORK
from facilitator.testing.waiting import eventually
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import Wallet, pay
from support.process import SERVE, ServeProcess

FUNDS = 100_000_000
USUAL_FILES = 1024
"""How many files a process may have open on most systems, unless it asks for more."""
LONGEST = 600
"""Seconds that a caller waits who is to wait until the block, however slow the machine is."""


class Response(NamedTuple):
    """The response to a caller."""

    status: int
    answer: dict[str, Any]

    @property
    def outcome(self) -> str:
        """``success``, or the reason why not."""
        return "success" if self.answer.get("success") else str(self.answer.get("errorReason"))


class Facilitator:
    """``facilitator serve`` on a devnet that makes blocks on demand and keeps its chain."""

    def __init__(self, folder: Path, program: Sequence[str] = SERVE, **settings: object) -> None:
        environ = {
            "FACILITATOR_DEVNET__BLOCK_SECONDS": "0",
            "FACILITATOR_DEVNET__PATH": "chain.db",
            "FACILITATOR_DEVNET__LISTEN": "127.0.0.1:0",
            "FACILITATOR_SETTLEMENT__LEASE_SECONDS": "1",
            **{f"FACILITATOR_{key.upper()}": str(value) for key, value in settings.items()},
        }
        with _few_files():
            self.process = ServeProcess(folder, environ, program)
        self.port = self.process.port
        line = next(line for line in self.process.lines if "/api/v0" in line)
        self._api = int(json.loads(line)["msg"].split("/api/v0")[0].rsplit(":", 1)[1])

    def fund(self, count: int) -> list[bytes]:
        """So many payments that share nothing, as bodies of ``/settle``."""
        bodies = [self._payment(Wallet(f"caller {number}")) for number in range(count)]
        self._control("block")
        return bodies

    def mine(self, bodies: Sequence[bytes]) -> None:
        """Have all of them submitted, then in blocks, the last of which has one on top."""
        eventually(lambda: self.pending() >= len(bodies))
        while self.pending():
            self._control("block")
        self._control("block")

    def pending(self) -> int:
        """How many transactions are in the mempool."""
        found = 0
        for page in range(1, 100):
            path, headers = f"/api/v0/mempool?page={page}", {"project_id": "preprod"}
            status, ids = _persistently(partial(call, self._api, "GET", path, headers=headers))
            assert status == 200, ids
            found += len(ids)
            if len(ids) < 100:
                break
        return found

    def _payment(self, wallet: Wallet) -> bytes:
        funded = self._control("faucet", address=wallet.bech32, lovelace=FUNDS)
        ref = OutputRef(bytes.fromhex(funded["tx_hash"]), funded["output_index"])
        terms = requirements()
        transaction = pay(
            wallet,
            {ref: Output(wallet.address, Value(FUNDS, {}), 0)},
            MERCHANT.address,
            int(terms["amount"]),
            parameters=PARAMETERS,
            ttl=KNOWN_ERAS[NETWORK].slot_at(int(time.time() * 1000)) + 500,
        )
        return json.dumps(request_body(transaction, terms)).encode()

    def _control(self, what: str, **arguments: object) -> Any:
        path = f"/devnet/{what}"
        status, answer = _persistently(partial(call, self._api, "POST", path, arguments))
        assert status == 200, answer
        return answer


def _persistently(ask: Callable[[], tuple[int, Any]]) -> tuple[int, Any]:
    """Ask until there is an answer.

    The devnet needs a thread for each connection, and takes them from the facilitator's process.
    """
    answers: list[tuple[int, Any]] = []

    def is_answered() -> bool:
        with suppress(ConnectionError):
            answers.append(ask())
        return bool(answers)

    eventually(is_answered)
    return answers[0]


@contextmanager
def _few_files() -> Iterator[None]:
    """Processes that are started meanwhile begin with no more files than is usual."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(files[0], USUAL_FILES), files[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, files)


@contextmanager
def many_files() -> Iterator[None]:
    """The client needs a file for each of its connections."""
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))


Start = Callable[..., Facilitator]
"""Starts a facilitator, with settings such as ``server__threads=8``."""


def outcomes(responses: Sequence[Response]) -> Counter[str]:
    """Count the outcomes."""
    assert {one.status for one in responses} == {200}
    return Counter(one.outcome for one in responses)


async def all_but(
    number: int, calls: list[asyncio.Task[Response]]
) -> tuple[list[Response], set[asyncio.Task[Response]]]:
    """Return the answers once only so many calls wait, and those calls."""
    waiting = set(calls)
    while len(waiting) > number:
        _, waiting = await asyncio.wait(waiting, return_when=FIRST_COMPLETED)
    return [each.result() for each in calls if each not in waiting], waiting


def settle_at_once(
    port: int, bodies: Sequence[bytes], wait: float
) -> "list[asyncio.Task[Response]]":
    """One caller for each body, on a connection of its own; in the running event loop."""
    return [asyncio.create_task(_settle(port, body, wait)) for body in bodies]


async def _settle(port: int, body: bytes, wait: float) -> Response:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with closing(writer):
        writer.write(
            b"POST /settle HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nPrefer: wait=%d\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (wait, len(body), body)
        )
        answer = await reader.read()
    head, _, content = answer.partition(b"\r\n\r\n")
    return Response(int(head.split()[1]), json.loads(content))
