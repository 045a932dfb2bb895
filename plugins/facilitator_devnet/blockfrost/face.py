"""A face of the devnet: an HTTP API with counters, faults and the tests' control."""

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Protocol
from urllib.parse import urlsplit

from facilitator.plugin import ChainUnavailable
from facilitator_devnet.blockfrost.control import control
from facilitator_devnet.blockfrost.counters import Counters
from facilitator_devnet.blockfrost.errors import ApiError
from facilitator_devnet.blockfrost.faults import Effects, Faults
from facilitator_devnet.blockfrost.paths import CONTROL
from facilitator_devnet.blockfrost.server import Answer, Message, Server
from facilitator_devnet.devnet import Devnet

log = logging.getLogger("facilitator_devnet.blockfrost.face")


class Asked(Protocol):
    """A request whose endpoint is known."""

    @property
    def endpoint(self) -> str:
        """The endpoint under which it is counted."""
        ...


class Face:
    """An API for a devnet. Its kinds say what they answer."""

    def __init__(self, devnet: Devnet, host: str, port: int, faults: Faults) -> None:
        """Serve on the address; the port 0 takes a free one. Raises :class:`OSError`."""
        self.devnet = devnet
        self.host = host
        self.faults = faults
        self.counters = Counters()
        self._server = Server(host, port, self._answer)
        self._server.start()

    @property
    def url(self) -> str:
        """The server's URL, without a path."""
        return self._server.url

    def counts(self) -> Mapping[str, Any]:
        """Return the counts since the last reset.

        Their form is ``{"total": …, "by_endpoint": {"GET /txs/{hash}/utxos": …}}``.
        """
        return self.counters.counts()

    def wear(self, dress: str) -> None:
        """Change the manners. Raises :class:`ValueError` for a name that there is not."""
        raise ValueError(f"there is no dress {dress!r}")

    def close(self) -> None:
        """Stop serving; the devnet continues."""
        self._server.close()

    def __enter__(self) -> "Face":
        """Return the API, which already serves."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def find(self, message: Message) -> Asked:
        """Return the request with its endpoint."""
        raise NotImplementedError

    def respond(self, asked: Any, effects: Effects) -> Answer:
        """Carry out the request. Raises :class:`ApiError`."""
        raise NotImplementedError

    def failed(self, error: ApiError) -> Answer:
        """Return the answer that reports an error."""
        raise NotImplementedError

    def _answer(self, message: Message) -> Answer | None:
        path = urlsplit(message.target).path
        if path.startswith(CONTROL):
            return control(self, message, path)
        asked = self.find(message)
        self.counters.count(asked.endpoint)
        effects = self.faults.effects(asked.endpoint)
        if effects.latency_ms:
            time.sleep(effects.latency_ms / 1000)
        if effects.cut_before:
            return None
        try:
            if effects.status is not None:
                raise ApiError(effects.status)
            answer = self._respond(asked, effects)
            if effects.refusal is not None:
                raise ApiError(400, effects.refusal)
        except ApiError as error:
            answer = self.failed(error)
        if effects.cut_after:
            return None
        later = effects.retry_after
        headers = {} if later is None else {"Retry-After": str(later)}
        return replace(answer, headers=headers, sent=0.5 if effects.truncate else 1.0)

    def _respond(self, asked: Asked, effects: Effects) -> Answer:
        try:
            return self.respond(asked, effects)
        except ChainUnavailable as error:
            raise ApiError(500) from error
        except ApiError:
            raise
        except Exception as error:
            log.exception("the devnet's API failed at %s", asked.endpoint)
            raise ApiError(500) from error
