"""The clients of the benchmarks: requests over some connections, one after the other on each."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from processes import Running, cpu_seconds

VERIFY = b"POST /verify HTTP/1.1\r\n"
SETTLE = b"POST /settle HTTP/1.1\r\nPrefer: wait=0\r\n"
PENDING = "settlement_pending"


def is_accepted(answer: dict[str, Any]) -> bool:
    """Return True for a valid payment, and for one that waits for its block."""
    return bool(answer.get("isValid")) or answer.get("errorReason") == PENDING


def is_refused(answer: dict[str, Any]) -> bool:
    """Return True for a payment that is not valid."""
    return answer.get("isValid") is False


class Measured(NamedTuple):
    """What a server did under load."""

    cpu_seconds: float
    """Of all its processes that were named."""
    seconds: float
    times: list[float]
    """Seconds of each answer, in order of size."""

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of CPU for each request."""
        return self.cpu_seconds / len(self.times) * 1000

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.times) / self.seconds

    def quantile_ms(self, share: float) -> float:
        """The milliseconds within which that share of the answers came."""
        return self.times[min(len(self.times) - 1, int(len(self.times) * share))] * 1000


def joined(parts: Sequence[Measured]) -> Measured:
    """Several turns as one."""
    times = sorted(each for part in parts for each in part.times)
    return Measured(
        sum(part.cpu_seconds for part in parts), sum(part.seconds for part in parts), times
    )


async def _client(
    url: str,
    requests: list[bytes],
    times: list[float],
    is_good: Callable[[dict[str, Any]], bool],
) -> None:
    """Send requests over one connection, one after the other, until none is left."""
    host, port = url.removeprefix("http://").split("/")[0].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    while requests:
        started = time.perf_counter()
        writer.write(requests.pop())
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        answer = json.loads(await reader.readexactly(length))
        times.append(time.perf_counter() - started)
        assert is_good(answer), answer
    writer.close()


def request(body: bytes, head: bytes = VERIFY) -> bytes:
    """The bytes of a request with the body."""
    return (
        b"%sHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        % (head, len(body), body)
    )


async def load(
    url: str,
    bodies: Sequence[bytes],
    connections: int,
    head: bytes,
    is_good: Callable[[dict[str, Any]], bool] = is_accepted,
) -> list[float]:
    """Post every body; seconds that each answer took."""
    requests = [request(body, head) for body in reversed(bodies)]
    times: list[float] = []
    await asyncio.gather(*(_client(url, requests, times, is_good) for _ in range(connections)))
    return sorted(times)


def measure(
    server: Running,
    bodies: Sequence[bytes],
    connections: int,
    head: bytes = VERIFY,
    is_good: Callable[[dict[str, Any]], bool] = is_accepted,
) -> Measured:
    """Post every body to the server, and see what it took."""
    before = cpu_seconds(server.pid)
    started = time.perf_counter()
    times = asyncio.run(load(server.url, bodies, connections, head, is_good))
    seconds = time.perf_counter() - started
    return Measured(cpu_seconds(server.pid) - before, seconds, times)
