"""``facilitator serve`` with workers, over Blockfrost's API of a devnet in this process."""

import http.client
import json
import os
import re
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.testing.payments import ALICE, MERCHANT, genesis_utxos, request_body, requirements
from facilitator.testing.running import NETWORK
from facilitator.testing.waiting import eventually
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import pay
from support.process import SERVE, ServeProcess

_LIFE = re.compile(r'"worker (\d+) (is ready|ended|cannot start)')


class Fleet(ServeProcess):
    """Two workers unless set otherwise, and their supervisor."""

    def __init__(
        self,
        folder: Path,
        api: BlockfrostApi,
        environ: Mapping[str, str] | None = None,
        program: Sequence[str] = SERVE,
    ) -> None:
        defaults = {
            "FACILITATOR_PLUGINS": "blockfrost,sqlite",
            "FACILITATOR_BLOCKFROST__BASE_URL": f"{api.url}/api/v0",
            "FACILITATOR_BLOCKFROST__PROJECT_ID": "preprodOfTheWorkers",
            "FACILITATOR_BLOCKFROST__POLL_SECONDS": "1",
            "FACILITATOR_SETTLEMENT__LEASE_SECONDS": "1",
            "FACILITATOR_SERVER__THREADS": "8",
            "FACILITATOR_SERVER__WORKERS": "2",
            "FACILITATOR_SERVER__SHUTDOWN_SECONDS": "30",
        }
        super().__init__(folder, {**defaults, **(environ or {})}, program)

    @property
    def workers(self) -> list[int]:
        """The processes that are ready, in the order in which they became so."""
        pids: list[int] = []
        for line in list(self.lines):
            if life := _LIFE.search(line):
                pid = int(life[1])
                pids = [*pids, pid] if life[2] == "is ready" else [p for p in pids if p != pid]
        return pids

    def said(self, text: str) -> bool:
        """Whether a line of the log holds the text."""
        return any(text in line for line in list(self.lines))

    def count(self, text: str) -> int:
        """How many lines of the log hold the text."""
        return sum(text in line for line in list(self.lines))

    def ended_orderly(self, worker: int) -> bool:
        """Whether the worker has drained."""
        return any(f'"pid":{worker},' in each and '"stopped"' in each for each in list(self.lines))

    def kill(self, worker: int) -> None:
        """Kill a worker, and wait until that has been noticed."""
        os.kill(worker, signal.SIGKILL)
        eventually(lambda: self.said(f"worker {worker} ended by signal 9"))

    @contextmanager
    def connected(self, worker: int) -> Iterator["Connection"]:
        """A connection that this worker has accepted."""
        others = [each for each in self.workers if each != worker]
        for each in others:
            os.kill(each, signal.SIGSTOP)
        try:
            connection = Connection(self.port)
            connection.call("GET", "/health/live")
        finally:
            for each in others:
                os.kill(each, signal.SIGCONT)
        with closing(connection):
            yield connection


class Connection:
    """Several requests to the same worker."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def call(self, method: str, path: str, body: object = None, **headers: str) -> dict[str, Any]:
        """The answer, whose status is 200."""
        status, answer = self._ask(method, path, body, headers)
        assert status == 200, answer
        return dict(answer)

    def status(self, method: str, path: str, body: object = None, **headers: str) -> int:
        """The status of the answer."""
        return self._ask(method, path, body, headers)[0]

    def _ask(
        self, method: str, path: str, body: object, headers: Mapping[str, str]
    ) -> tuple[int, Any]:
        sent = {"Content-Type": "application/json", **headers}
        data = None if body is None else json.dumps(body).encode()
        self._connection.request(method, path, data, sent)
        response = self._connection.getresponse()
        return response.status, json.loads(response.read())

    def close(self) -> None:
        self._connection.close()


def payment(number: int) -> dict[str, Any]:
    """A payment out of one of Alice's first outputs, as a request body."""
    slot = KNOWN_ERAS[NETWORK].slot_at(int(time.time() * 1000))
    ref, output = list(genesis_utxos(ALICE).items())[number]
    to = MERCHANT.address
    raw = pay(ALICE, {ref: output}, to, 2_000_000, parameters=PARAMETERS, ttl=slot + 300)
    return request_body(raw, requirements())
