"""A Blockfrost that costs little: answers of the devnet's API, kept and given after a delay.

    python benchmarks/upstream.py http://127.0.0.1:PORT

The devnet's API takes more CPU for an answer than a facilitator for a verdict, so that on two cores
it would be what is measured. This server asks it once for each transaction, and once a second for
anything else that is read, such as a transaction whose outputs are being spent. A request for
``POST /delay/20`` has each answer take 20 ms from then on.
"""

import asyncio
import http.client
import json
import sys
import time
from contextlib import closing
from typing import NamedTuple
from urllib.parse import urlsplit

from facilitator.cardano.codec.transaction_decoder import decode_transaction

KEPT_FOR_EVER = "/api/v0/txs/"
KEPT_SECONDS = 1.0
PARAMETERS, SUBMIT = "/parameters", "/tx/submit"


class Answer(NamedTuple):
    """An answer of the devnet's API, and until when it may be given again."""

    raw: bytes
    until: float


def raw_answer(status: int, body: bytes) -> bytes:
    """An answer as it is sent."""
    return b"HTTP/1.1 %d -\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        status,
        len(body),
        body,
    )


class Upstream:
    """What was asked, and what the devnet's API answered."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc
        self._kept: dict[str, Answer] = {}
        self._being_spent: set[str] = set()
        self.delay = 0.0

    async def answer(self, method: str, target: str, head: bytes, body: bytes) -> bytes:
        """The answer to a request, from here or from the devnet."""
        if target.startswith("/delay/"):
            self.delay = float(target.removeprefix("/delay/")) / 1000
            return raw_answer(200, b"{}")
        due = time.monotonic() + self.delay
        kept = self._kept.get(target) if method == "GET" else None
        if kept is None or kept.until < time.monotonic():
            kept = await asyncio.to_thread(self._ask, method, target, head, body)
            if method == "GET":
                self._kept[target] = kept
            elif target.endswith(SUBMIT):
                self._spend(body)
        if self.delay:
            await asyncio.sleep(due - time.monotonic())
        return kept.raw

    def _spend(self, raw: bytes) -> None:
        """Keep no more what the transaction changes: the outputs of those that it spends from."""
        for ref in decode_transaction(raw).body.inputs:
            target = f"{KEPT_FOR_EVER}{ref.transaction_id.hex()}/utxos"
            self._being_spent.add(target)
            self._kept.pop(target, None)

    def _ask(self, method: str, target: str, head: bytes, body: bytes) -> Answer:
        kind = "application/cbor" if b"application/cbor" in head.lower() else "application/json"
        headers = {"Content-Type": kind, "project_id": "preprodbenchmark"}
        with closing(http.client.HTTPConnection(self._address)) as connection:
            connection.request(method, target, body or None, headers)
            response = connection.getresponse()
            content = response.read()
        if target.endswith(PARAMETERS):
            # a name by which other facilitators ask for coins_per_utxo_size
            table = json.loads(content)
            content = json.dumps(
                {**table, "coins_per_utxo_byte": table["coins_per_utxo_size"]}
            ).encode()
        for_ever = target.startswith(KEPT_FOR_EVER) and response.status == 200
        for_ever = for_ever and target not in self._being_spent
        until = float("inf") if for_ever else time.monotonic() + KEPT_SECONDS
        return Answer(raw_answer(response.status, content), until)


class Connection:
    """Reads requests from a client, and answers each."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, target, _ = head.split(b" ", 2)
                _, found, length = head.lower().partition(b"content-length:")
                number = int(length.split(b"\r\n")[0]) if found else 0
                body = await reader.readexactly(number)
                answer = await self._upstream.answer(method.decode(), target.decode(), head, body)
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def serve(url: str) -> None:
    """Serve until the process ends."""
    server = await asyncio.start_server(Connection(Upstream(url)), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
