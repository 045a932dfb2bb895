"""The other end of the wire: sends messages over bare connections, and takes answers strictly."""

import asyncio
import socket
import struct
from random import Random
from typing import NamedTuple

from hostile.messages import Message, Pace

ANSWER_SECONDS = 60.0
"""How long an answer that must come is waited for; a busy machine is slow."""
QUIET_SECONDS = 0.3
"""How long an answer is waited for that need not come."""
RESET = struct.pack("ii", 1, 0)


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    version: bytes
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def closes(self) -> bool:
        """Whether the connection ends with it."""
        return self.version == b"1.0" or self.headers.get(b"connection", b"").lower() == b"close"


class BadAnswer(Exception):
    """What arrived is no well-formed answer, or none arrived."""


def take_answer(received: bytearray, *, is_head: bool = False) -> Answer | None:
    """Remove an answer from what was received; ``None`` when it is not complete.

    Raises :class:`BadAnswer`.
    """
    end = received.find(b"\r\n\r\n")
    if end < 0:
        if not received.startswith(b"HTTP/1."[: len(received)]):
            raise BadAnswer(f"no answer begins like this: {bytes(received[:200])!r}")
        return None
    line, *lines = bytes(received[:end]).split(b"\r\n")
    version, status = line[5:8], line[9:12]
    if version not in (b"1.0", b"1.1") or not status.isdigit() or line[:5] + line[8:9] != b"HTTP/ ":
        raise BadAnswer(f"no status line: {line!r}")
    headers: dict[bytes, bytes] = {}
    for each in lines:
        name, colon, value = each.partition(b": ")
        if not colon or name.lower() in headers:
            raise BadAnswer(f"a header that is none or comes twice: {each!r}")
        headers[name.lower()] = value
    if status == b"100":
        del received[: end + 4]
        return take_answer(received, is_head=is_head)
    length = headers.get(b"content-length")
    if length is None or not length.isdigit():
        raise BadAnswer(f"an answer without its length: {headers}")
    whole = end + 4 + (0 if is_head else int(length))
    if len(received) < whole:
        return None
    body = bytes(received[end + 4 : whole])
    del received[:whole]
    return Answer(int(status), version, headers, body)


class Connection(asyncio.Protocol):
    """One connection; what arrives is kept until it is taken."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.is_closed = False
        self._arrived = asyncio.Event()
        self._transport: asyncio.Transport

    @classmethod
    async def to(cls, port: int, chance: Random) -> "Connection":
        """A new one, from any of this machine's addresses: a single one has too few ports."""
        source = f"127.0.{chance.randrange(256)}.{chance.randrange(2, 255)}"
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(cls, "127.0.0.1", port, local_addr=(source, 0))
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        self._arrived.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.is_closed = True
        self._arrived.set()

    def send(self, data: bytes) -> None:
        """Without waiting for it to leave."""
        self._transport.write(data)

    def stop_reading(self) -> None:
        """Take nothing more, so that what is sent here backs up."""
        self._transport.pause_reading()

    async def changes(self, seconds: float) -> bool:
        """Wait until something arrives or the connection ends; false when neither comes."""
        self._arrived.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            return False
        return True

    async def answer(self, seconds: float, *, is_head: bool = False) -> Answer | None:
        """The next answer; ``None`` when there is none in time, or no more. Raises as above."""
        while True:
            taken = take_answer(self.received, is_head=is_head)
            if taken is not None:
                return taken
            if self.is_closed:
                if self.received:
                    raise BadAnswer(f"it ends in the middle: {bytes(self.received[:200])!r}")
                return None
            if not await self.changes(seconds):
                return None

    def close(self, *, reset: bool = False) -> None:
        """End it, properly or not."""
        if reset and not self.is_closed:
            sock: socket.socket = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.is_closed = True
        self._transport.abort()


async def exchange(connection: Connection, message: Message) -> list[Answer]:
    """Send a message and take its answers. Raises :class:`BadAnswer` when one is missing.

    Afterwards the connection is closed unless another message may follow.
    """
    connection.send(message.data)
    answers: list[Answer] = []
    if message.pace is Pace.WHOLE:
        wanted = 100 if message.answers is None else message.answers
        seconds = QUIET_SECONDS if message.answers is None else ANSWER_SECONDS
        while len(answers) < wanted:
            taken = await connection.answer(seconds, is_head=message.is_head)
            if taken is None:
                break
            answers.append(taken)
        if message.answers not in (None, len(answers)):
            raise BadAnswer(f"{len(answers)} answers instead of {message.answers}")
    else:
        await asyncio.sleep(0)  # written by now
    if message.answers is None or answers[-1].closes:
        connection.close(reset=message.pace is Pace.RESET)
    return answers
