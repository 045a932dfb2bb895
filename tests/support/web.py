"""The HTTP interface over a real socket, in front of a service that the test scripts."""

import contextlib
import http.client
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facilitator.api import application
from facilitator.api.service import Count
from facilitator.roles.health import HealthCheck
from facilitator.server import Server
from facilitator.settings import Settings, load_settings
from facilitator.x402.messages import PaymentRequest, SettleResponse, VerifyResponse

NETWORK = "cardano:preprod"
TRANSACTION = "ab" * 32


def requirements(**changes: Any) -> dict[str, Any]:
    return {
        "scheme": "exact",
        "network": NETWORK,
        "amount": "2000000",
        "asset": "lovelace",
        "payTo": "addr_test1",
        "maxTimeoutSeconds": 300,
        "extra": {},
        **changes,
    }


def payment(**changes: Any) -> dict[str, Any]:
    """A body of ``/verify`` and ``/settle`` that can be parsed."""
    return {
        "x402Version": 2,
        "paymentPayload": {
            "x402Version": 2,
            "accepted": requirements(),
            "payload": {"transaction": "AAAA", "nonce": f"{TRANSACTION}#0"},
        },
        "paymentRequirements": requirements(),
        **changes,
    }


@dataclass
class ScriptedService:
    """A :class:`~facilitator.api.PaymentService` that does what the test says."""

    on_verify: Callable[[PaymentRequest], VerifyResponse] = lambda _: VerifyResponse(True, "addr")
    on_settle: Callable[..., SettleResponse] = lambda _, **__: SettleResponse(
        True, NETWORK, TRANSACTION
    )
    on_status: Callable[[str], Mapping[str, Any]] = lambda transaction: {
        "transaction": transaction,
        "status": "not_found",
        "settled": False,
    }
    on_cancel: Callable[[PaymentRequest], Mapping[str, Any]] = lambda _: {
        "cancelled": False,
        "transaction": TRANSACTION,
    }
    checks: Mapping[str, HealthCheck] = field(default_factory=dict)

    def verify(self, request: PaymentRequest, **context: Any) -> VerifyResponse:  # noqa: ARG002
        return self.on_verify(request)

    def cancel(self, request: PaymentRequest) -> Mapping[str, Any]:
        return self.on_cancel(request)

    def settle(
        self, request: PaymentRequest, *, count: Count = lambda _: None, **context: Any
    ) -> SettleResponse:
        count(lambda: False)
        return self.on_settle(request, **context)

    def status(self, transaction_id: str) -> Mapping[str, Any]:
        return self.on_status(transaction_id)

    def supported(self) -> Mapping[str, Any]:
        return {"kinds": [], "extensions": [], "signers": {}}

    def health(self) -> Mapping[str, HealthCheck]:
        return self.checks


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Talks to a server on the loopback."""

    def __init__(self, port: int) -> None:
        self.port = port

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Send a request; ``body`` is bytes or becomes JSON; ``_`` in header names means ``-``."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, data, sent)
            return _answer(connection.getresponse())

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def raw(self, data: bytes, method: str = "GET") -> Answer:
        """Send bytes as they are and read one response."""
        with self.connect() as connection:
            connection.sendall(data)
            return read_answer(connection, method)


def read_answer(connection: socket.socket, method: str = "GET") -> Answer:
    """One response from the connection."""
    response = http.client.HTTPResponse(connection, method=method)
    with contextlib.closing(response):
        response.begin()
        return _answer(response)


def _answer(response: http.client.HTTPResponse) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())


def settings(folder: Path, **variables: object) -> Settings:
    """Settings with overrides such as ``server__threads=4``."""
    environ = {f"FACILITATOR_{name.upper()}": str(value) for name, value in variables.items()}
    defaults = {"FACILITATOR_SERVER__PORT": "0", "FACILITATOR_SERVER__THREADS": "8"}
    return load_settings(environ={**defaults, **environ}, cwd=folder)


@contextlib.contextmanager
def serving(
    folder: Path,
    service: ScriptedService | None = None,
    *,
    api: Mapping[str, Any] | None = None,
    **variables: object,
) -> Iterator[Client]:
    """A server for the service; ``api`` goes to :func:`application`, the rest are settings."""
    loaded = settings(folder, **variables)
    app = application(service or ScriptedService(), settings=loaded, **(api or {}))
    with Server(app, loaded.server, network=NETWORK) as server:
        yield Client(server.port)
