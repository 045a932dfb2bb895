"""An endpoint that speaks Sentry's protocol: it takes envelopes apart and keeps what was in them.

The form is that of https://develop.sentry.dev/sdk/data-model/envelopes/.
"""

import gzip
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from facilitator.testing.waiting import eventually
from support.upstream import Asked, Reply, Silence, Upstream, reply, serving

Json = dict[str, Any]

KEY = "0123456789abcdef0123456789abcdef"
PROJECT = 42


class Item(NamedTuple):
    """Part of an envelope."""

    headers: Json
    payload: bytes


def parse_envelope(body: bytes) -> tuple[Json, list[Item]]:
    """The envelope's headers and items. Raises :class:`ValueError` when it is none."""
    line, _, rest = body.partition(b"\n")
    headers = _json_object(line)
    items = []
    while rest:
        line, _, rest = rest.partition(b"\n")
        if not line:
            continue
        item = _json_object(line)
        length = item.get("length")
        if length is None:
            payload, _, rest = rest.partition(b"\n")
        else:
            payload, rest = rest[:length], rest[length:]
            if len(payload) != length or rest[:1] not in (b"", b"\n"):
                raise ValueError("an item is not as long as it says")
        items.append(Item(item, payload))
    return headers, items


def _json_object(line: bytes) -> Json:
    found = json.loads(line)
    if not isinstance(found, dict):
        raise ValueError("headers must be an object")
    return found


class SentryEndpoint:
    """What arrived, in the order in which it did."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        """Everything as it came, headers included, without the compression."""
        self.problems: list[str] = []
        self.silent: threading.Event | None = None
        """While there is one: accept reports and answer nothing until it is set."""
        self._items: list[Item] = []
        self._upstream: Upstream | None = None

    @property
    def dsn(self) -> str:
        assert self._upstream is not None
        return f"http://{KEY}@127.0.0.1:{self._upstream.port}/{PROJECT}"

    @property
    def asked(self) -> int:
        """How many requests came, silent ones included."""
        assert self._upstream is not None
        return len(self._upstream.asked)

    @property
    def events(self) -> list[Json]:
        return self._payloads("event")

    @property
    def transactions(self) -> list[Json]:
        return self._payloads("transaction")

    def event(self, **tags: str) -> Json:
        """The first event with these tags, once it is there."""
        return self._first(lambda: self.events, tags)

    def transaction(self, name: str) -> Json:
        """The first transaction of the name, once it is there."""
        return self._first(
            lambda: [each for each in self.transactions if each["transaction"] == name], {}
        )

    def text(self) -> str:
        """All that was received, to look for what must not be in it."""
        return b"\n".join(self.received).decode()

    def _first(self, found: Callable[[], list[Json]], tags: Mapping[str, str]) -> Json:
        def matching() -> list[Json]:
            return [each for each in found() if tags.items() <= each.get("tags", {}).items()]

        eventually(matching)
        return matching()[0]

    def _payloads(self, kind: str) -> list[Json]:
        return [
            json.loads(each.payload) for each in list(self._items) if each.headers["type"] == kind
        ]

    def _answer(self, asked: Asked) -> Reply:
        if asked.method == "HEAD":
            return reply(405, b"")
        if self.silent is not None:
            return Silence(self.silent)
        try:
            self._take(asked)
        except ValueError as problem:
            self.problems.append(str(problem))
            return reply(400, {"detail": str(problem)})
        return reply(200, {"id": "0" * 32})

    def _take(self, asked: Asked) -> None:
        if (asked.method, asked.path) != ("POST", f"/api/{PROJECT}/envelope/"):
            raise ValueError(f"nothing is taken by {asked.method} {asked.path}")
        if asked.headers["content-type"] != "application/x-sentry-envelope":
            raise ValueError("not an envelope")
        if f"sentry_key={KEY}" not in re.split(r",\s*|\s", asked.headers["x-sentry-auth"]):
            raise ValueError("another project's key")
        encoding = asked.headers.get("content-encoding")
        body = gzip.decompress(asked.body) if encoding == "gzip" else asked.body
        headers, items = parse_envelope(body)
        if any(item.headers["type"] in ("event", "transaction") for item in items):
            assert re.fullmatch(r"[0-9a-f]{32}", headers["event_id"])
        self.received.append(body)
        self._items += items


@contextmanager
def sentry_endpoint() -> Iterator[SentryEndpoint]:
    """The endpoint while it runs; at the end it makes sure that it could read everything."""
    endpoint = SentryEndpoint()
    with serving(endpoint._answer) as upstream:
        endpoint._upstream = upstream
        yield endpoint
        if endpoint.silent is not None:
            endpoint.silent.set()
    assert endpoint.problems == []
