"""``facilitator devnet``: the devnet without a facilitator."""

import json
import signal
from queue import SimpleQueue

from facilitator.plugin import ChainUnavailable, FacilitatorError, SystemClock
from facilitator_devnet.blockfrost.serving import serve, serve_koios, serve_ogmios
from facilitator_devnet.devnet import Devnet

MAX_BLOCK_SECONDS = 86_400


class CannotStartError(FacilitatorError):
    """The devnet cannot run with these options."""


def run_devnet(
    network: str,
    listen: str,
    *,
    block_seconds: float,
    path: str | None,
    as_json: bool,
    listen_koios: str | None = None,
    listen_ogmios: str | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT and return the exit code 0; for the main thread.

    Prints its URL once it listens. Raises
    :class:`~facilitator.errors.FacilitatorError` when it cannot start.
    """
    if not 0 <= block_seconds <= MAX_BLOCK_SECONDS:
        raise CannotStartError(f"--block-seconds must be between 0 and {MAX_BLOCK_SECONDS}")
    stopped: SimpleQueue[None] = SimpleQueue()  # a handler may put into it at any moment
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.put(None))
    try:
        devnet = Devnet(network, SystemClock(), block_seconds=block_seconds, path=path)
    except ChainUnavailable as error:
        raise CannotStartError(f"the devnet cannot start: {error}") from error
    try:
        url = serve(devnet, listen).url
        koios = None if listen_koios is None else serve_koios(devnet, listen_koios).url
        ogmios = None if listen_ogmios is None else serve_ogmios(devnet, listen_ogmios).url
        if as_json:
            shown = {"url": url, "network": network, "koios_url": koios, "ogmios_url": ogmios}
            print(json.dumps({name: each for name, each in shown.items() if each}), flush=True)
        else:
            faces = {"a Koios": koios, "an Ogmios": ogmios}
            also = "".join(f", as {name} on {each}" for name, each in faces.items() if each)
            print(f"the devnet for {network} listens on {url}{also}", flush=True)
        stopped.get()
    finally:
        devnet.close()
    return 0
