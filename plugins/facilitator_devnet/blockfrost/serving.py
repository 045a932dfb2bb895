"""Serving of devnets at a configured address."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from facilitator.plugin import FacilitatorError
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.koios.api import ROOT, KoiosApi
from facilitator_devnet.settings import is_address

if TYPE_CHECKING:
    from facilitator_devnet.ogmios.api import OgmiosApi


class Closable(Protocol):
    """A server."""

    def close(self) -> None:
        """Stop serving."""
        ...


AnyFace = TypeVar("AnyFace", bound=Closable)

log = logging.getLogger(__name__)


class CannotListenError(FacilitatorError):
    """The address is malformed, taken, or not this machine's."""


def serve_koios(devnet: Devnet, listen: str) -> KoiosApi:
    """Serve the devnet as a Koios at ``host:port``. Raises :class:`CannotListenError`."""
    api = _listen(devnet, listen, lambda host, port: KoiosApi(devnet, host, port))
    log.warning("the devnet for %s is a Koios API at %s%s", devnet.network, api.url, ROOT)
    return api


def serve_ogmios(devnet: Devnet, listen: str) -> "OgmiosApi":
    """Serve the devnet as an Ogmios at ``host:port``. Raises :class:`CannotListenError`."""
    try:
        from facilitator_devnet.ogmios.api import OgmiosApi
    except ImportError as error:
        raise CannotListenError(
            f"the devnet cannot be an Ogmios without the extra ogmios: {error}"
        ) from error
    api = _listen(devnet, listen, lambda host, port: OgmiosApi(devnet, host, port))
    log.warning("the devnet for %s is an Ogmios at %s", devnet.network, api.url)
    return api


def serve(devnet: Devnet, listen: str, dress: str = "blockfrost") -> BlockfrostApi:
    """Serve the devnet at ``host:port`` until it closes. Raises :class:`CannotListenError`."""
    api = _listen(devnet, listen, lambda host, port: BlockfrostApi(devnet, host, port, dress=dress))
    log.warning(
        "the devnet for %s is a Blockfrost API at %s/api/v0 and, without project ids, at %s",
        devnet.network,
        api.url,
        api.url,
    )
    return api


def _listen(devnet: Devnet, listen: str, make: Callable[[str, int], AnyFace]) -> AnyFace:
    if not is_address(listen):
        raise CannotListenError(f"the devnet cannot listen on {listen!r}: it must be host:port")
    host, _, port = listen.rpartition(":")
    try:
        face = make(host.strip("[]"), int(port))
    except OSError as error:
        why = error.strerror or error
        raise CannotListenError(f"the devnet cannot listen on {listen}: {why}") from error
    devnet.also_close(face.close)
    return face
