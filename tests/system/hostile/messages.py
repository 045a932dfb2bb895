"""Requests that are wrong in their line, headers or framing, or that carry wrong bodies."""

from collections.abc import Callable, Mapping
from enum import Enum, auto
from random import Random
from typing import Any, NamedTuple

from hostile.bodies import Bodies
from hostile.pieces import (
    CHUNKS,
    FORWARDED,
    FRAMING,
    HEADERS,
    METHODS,
    OPENINGS,
    TARGETS,
    VERSIONS,
)

LARGE = 60_000
"""Bodies of more bytes may end a connection."""


class Pace(Enum):
    """How the bytes of a message are sent, and what comes after them."""

    WHOLE = auto()
    """At once; then the answers are read."""
    CUT = auto()
    """At once; then the connection is closed."""
    RESET = auto()
    """At once; then the connection is reset."""


class Message(NamedTuple):
    """What is sent over a connection."""

    kind: str
    data: bytes
    answers: int | None = 1
    """How many answers there must be; ``None`` when that is up to the server."""
    pace: Pace = Pace.WHOLE
    requests: int = 1
    is_head: bool = False


class Messages:
    """Makes one wrong request after another. The same chances give the same requests."""

    def __init__(self, chance: Random, valid: Mapping[str, Any], key: str) -> None:
        """Start from a valid body of ``/verify`` and the API key that most requests show."""
        self.chance = chance
        self._bodies = Bodies(chance, valid)
        self._key = key.encode()
        self._cuts = 0
        self._makers: dict[Callable[[], Message], int] = {
            self.wrong_body: 60,
            self.wrong_header: 11,
            self.wrong_line: 7,
            self.wrong_framing: 5,
            self.pipelined: 3,
            self.cut: 5,
            self.flipped: 2,
            self.opening: 1,
            self.forwarded: 3,
            self.head: 1,
        }

    def next(self) -> Message:
        """Some request."""
        (make,) = self.chance.choices(list(self._makers), list(self._makers.values()))
        return make()

    def wrong_body(self) -> Message:
        """A request that is well-formed HTTP; its connection lives on unless the body is large."""
        target, body = self._target_and_body()
        return Message("body", self._post(target, body))

    def wrong_header(self) -> Message:
        target, body = self._target_and_body()
        headers = self.chance.sample(HEADERS, self.chance.choice((1, 1, 2, 3)))
        return Message("header", self._post(target, body, *headers))

    def wrong_line(self) -> Message:
        method, version = self.chance.choice(METHODS), self.chance.choice(VERSIONS)
        line = b" ".join((method, self.chance.choice(TARGETS), version))
        return Message(
            "line", line + b"\r\nHost: localhost\r\nX-API-Key: " + self._key + b"\r\n\r\n"
        )

    def wrong_framing(self) -> Message:
        target, _ = self._target_and_body()
        head = self._head(target, self.chance.choice(FRAMING))
        body = self.chance.choice(CHUNKS)
        if self.chance.random() < 0.3:
            body += b"GET /health/live HTTP/1.1\r\nHost: smuggled\r\n\r\n"
        return Message("framing", head + body, None)

    def pipelined(self) -> Message:
        count = self.chance.randrange(2, 9)
        parts = [self._post(*self._target_and_body(LARGE)) for _ in range(count)]
        return Message("pipelined", b"".join(parts), count, requests=count)

    def cut(self) -> Message:
        """A request up to one of its bytes, each in turn."""
        whole = self._post(*self._target_and_body())
        self._cuts += 1
        pace = Pace.RESET if self._cuts % 2 else Pace.CUT
        return Message("cut", whole[: self._cuts % len(whole)], None, pace)

    def flipped(self) -> Message:
        """A request of which some bytes are others."""
        data = bytearray(self._post(*self._target_and_body(LARGE)))
        end = data.index(b"\r\n\r\n")
        for _ in range(self.chance.choice((1, 1, 2, 8))):
            place = self.chance.randrange(end)
            data[place : place + 1] = self.chance.choice(
                (self.chance.randbytes(1), b"", b"\r", b"\n", b"\x00", b": ", b"\r\n", b"\r\n\r\n")
            )
        return Message("flipped", bytes(data), None)

    def opening(self) -> Message:
        return Message("opening", self.chance.choice(OPENINGS), None)

    def forwarded(self) -> Message:
        """As if a proxy had sent it, for one of many clients."""
        target, body = self._target_and_body(LARGE)
        clients = self.chance.choice(FORWARDED) or f"10.{self.chance.randrange(2**16)}"
        header = f"X-Forwarded-For: {clients}".encode("latin-1")
        keyed = self.chance.random() < 0.5
        return Message("forwarded", self._post(target, body, header, keyed=keyed))

    def head(self) -> Message:
        data = b"HEAD %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n"
        header = self.chance.choice((b"A: b", b"Content-Length: x", b"X: \x00", b"Prefer: wait"))
        return Message("head", data % (self.chance.choice(TARGETS), header), is_head=True)

    def _target_and_body(self, most: int = 10**9) -> tuple[bytes, bytes]:
        target = self.chance.choices(
            (b"/verify", b"/settle", b"/status", b"/inspect"), (6, 3, 1, 1)
        )[0]
        make = self._bodies.status if target == b"/status" else self._bodies.payment
        while len(body := make()) > most:
            pass
        return target, body

    def _post(self, target: bytes, body: bytes, *headers: bytes, keyed: bool = True) -> bytes:
        length = b"Content-Length: %d" % len(body)
        return self._head(target, length, *headers, keyed=keyed) + body

    def _head(self, target: bytes, *headers: bytes, keyed: bool = True) -> bytes:
        lines = [
            b"POST %s HTTP/1.1" % target,
            b"Host: localhost",
            b"Content-Type: application/json",
            b"Prefer: wait=0",
            *([b"X-API-Key: " + self._key] if keyed else []),
            *headers,
        ]
        return b"\r\n".join(lines) + b"\r\n\r\n"
