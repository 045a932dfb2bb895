"""Serving of devnets at a configured address."""

import logging

from facilitator.plugin import FacilitatorError
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.settings import is_address

log = logging.getLogger(__name__)


class CannotListenError(FacilitatorError):
    """The address is malformed, taken, or not this machine's."""


def serve(devnet: Devnet, listen: str, dress: str = "blockfrost") -> BlockfrostApi:
    """Serve the devnet at ``host:port`` until it closes. Raises :class:`CannotListenError`."""
    if not is_address(listen):
        raise CannotListenError(f"the devnet cannot listen on {listen!r}: it must be host:port")
    host, _, port = listen.rpartition(":")
    try:
        api = BlockfrostApi(devnet, host.strip("[]"), int(port), dress=dress)
    except OSError as error:
        why = error.strerror or error
        raise CannotListenError(f"the devnet cannot listen on {listen}: {why}") from error
    devnet.also_close(api.close)
    log.warning(
        "the devnet for %s is a Blockfrost API at %s/api/v0 and, without project ids, at %s",
        devnet.network,
        api.url,
        api.url,
    )
    return api
