"""A facilitator in this process, listening on a free port of the loopback."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.plugin.loading import configure
from facilitator.runtime.composition import build_facilitator
from facilitator.server import Server
from facilitator.testing.border import unguarded
from facilitator.testing.clock import ManualClock
from facilitator.testing.faults import Faults, inject
from facilitator.testing.http import call
from facilitator_devnet.devnet import Devnet

NOW = 1_765_000_000.0
NETWORK = "cardano:preprod"


class Running:
    """The facilitator, its devnet and its clock, and a client for its API.

    The clock stands still until it is moved, and the devnet makes blocks only when asked to.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, str],
        clock: ManualClock | None = None,
        real_time: bool = False,
        faults: Mapping[str, Faults] = MappingProxyType({}),
    ) -> None:
        """Start it with settings as environment variables; relative paths begin in ``folder``.

        ``faults`` are those of the parts that the hooks ``storage`` and ``chain_provider`` return.
        """
        environ = {
            "FACILITATOR_PLUGINS": "devnet,memory",
            "FACILITATOR_DEVNET__BLOCK_SECONDS": "0",
            "FACILITATOR_SERVER__PORT": "0",
            "FACILITATOR_SERVER__THREADS": "32",
            **settings,
        }
        self.clock = None if real_time else clock or ManualClock(NOW)
        loaded, plugins = configure(environ=environ, cwd=folder)
        inject(plugins, faults)
        self.facilitator = build_facilitator(loaded, plugins, self.clock)
        self.facilitator.start()
        self.server = Server(
            self.facilitator.app,
            loaded.server,
            network=NETWORK,
            on_drain=self.facilitator.service.drain,
            meter=self.facilitator.meter,
        )
        self.server.start()

    @property
    def devnet(self) -> Devnet:
        """The devnet that stands in for the network."""
        return self.devnet_of(NETWORK)

    def devnet_of(self, network: str) -> Devnet:
        """Return the devnet that stands in for a network, by its canonical id."""
        chain = unguarded(self.facilitator.chains[network])
        assert isinstance(chain, Devnet)
        return chain

    @property
    def slot(self) -> int:
        """The present slot."""
        now = time.time() if self.clock is None else self.clock.time()
        return KNOWN_ERAS[NETWORK].slot_at(int(now * 1000))

    @property
    def url(self) -> str:
        """The root of its API."""
        return f"http://127.0.0.1:{self.server.port}"

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Make a request; return the status and the decoded answer."""
        return call(self.server.port, method, path, body, headers)

    def verify(self, body: object) -> dict[str, Any]:
        """Return the answer of ``/verify``, whose status is 200."""
        status, answer = self.call("POST", "/verify", body)
        assert status == 200, answer
        return dict(answer)

    def settle(self, body: object, **headers: str) -> dict[str, Any]:
        """Return the answer of ``/settle``, whose status is 200."""
        status, answer = self.call("POST", "/settle", body, headers)
        assert status == 200, answer
        return dict(answer)

    def settle_until(
        self, body: object, done: Callable[[dict[str, Any]], bool], **headers: str
    ) -> dict[str, Any]:
        """Settle again and again, which resumes, until the answer will do: threads are at work."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            answer = self.settle(body, **{"Prefer": "wait=1", **headers})
            if done(answer):
                return answer
        raise AssertionError(answer)

    def next_block(self) -> None:
        """Make a block one second later."""
        if self.clock is not None:
            self.clock.advance(1)
        self.devnet.produce_block()

    def close(self) -> None:
        """Stop it."""
        self.server.close()
        self.facilitator.close()
