"""The command ``python -m facilitator_channels.seller.sidecar``."""

import argparse
import os
import signal
import sys
from contextlib import closing
from pathlib import Path

from facilitator_channels.seller.facilitator import HttpFacilitator
from facilitator_channels.seller.refunds import ProviderKey
from facilitator_channels.seller.seller import Seller
from facilitator_channels.seller.sidecar.calls import SellerCalls
from facilitator_channels.seller.sidecar.server import SidecarServer
from facilitator_channels.seller.store import StoreUnavailable
from facilitator_channels.seller.stores.opening import open_store

_SEED = "PROVIDER_SEED"


def main() -> None:
    """Answer calls until SIGTERM or SIGINT. A request that is worked for then is not charged."""
    given = _parser().parse_args()
    try:
        _serve(given)
    except KeyboardInterrupt:
        return
    except (OSError, StoreUnavailable, ValueError) as error:
        sys.exit(f"the sidecar cannot run: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m facilitator_channels.seller.sidecar",
        description="Keep a seller's channels, for a web server that asks over a Unix socket."
        f" The variable {_SEED} may hold the provider's key, 64 hexadecimal digits: without it"
        " refunds are refused.",
    )
    parser.add_argument("--store", default=f"sqlite://{Path('channels.db').absolute()}")
    parser.add_argument("--socket", type=Path, default=Path("seller.sock"))
    parser.add_argument("--facilitator", default="http://127.0.0.1:3000", metavar="URL")
    parser.add_argument("--key-file", type=Path, metavar="FILE", help="file with an API key for it")
    return parser


def _serve(given: argparse.Namespace) -> None:
    key = _key(os.environ.get(_SEED))
    api_key = given.key_file.read_text().strip() if given.key_file is not None else None
    facilitator = HttpFacilitator(given.facilitator, api_key=api_key)
    with (
        closing(open_store(given.store)) as store,
        closing(Seller(store, facilitator, key=key)) as seller,
        SidecarServer(given.socket, SellerCalls(seller)) as server,
    ):
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        signs = "signs no refunds" if key is None else f"receiverAuthorizer {key.key_hash.hex()}"
        print(f"listening at {given.socket}, {signs}", flush=True)
        server.serve_forever()


def _key(seed: str | None) -> ProviderKey | None:
    if seed is None:
        return None
    try:
        return ProviderKey.from_seed(bytes.fromhex(seed))
    except ValueError:
        raise ValueError(f"{_SEED} is not 64 hexadecimal digits") from None


if __name__ == "__main__":
    main()
