"""Redeems what the shop has earned by channel, and settles what its customers close.

Run it beside the shop, as ``python redeem.py``, with the provider's key in the variable
``PROVIDER_SEED``, and in the file ``wallet.seed`` the seed phrase of a wallet that pays the fees.
The settings of the package name the chain's plugin, as for ``facilitator serve``. The facilitator
has none of these keys.
"""

import argparse
import os
import threading
from collections.abc import Callable
from pathlib import Path

from facilitator.cardano.output_ref import parse_output_ref
from facilitator.cardano.transaction import OutputRef
from facilitator.client.seed_wallet import SeedWallet
from facilitator.roles.wallet import FundedChain, Wallet
from facilitator.runtime.funds import open_funds
from facilitator.x402.networks import cardano_network
from facilitator_channels.seller import (
    ChannelStore,
    ClaimBuilder,
    ClaimPolicy,
    Facilitator,
    HttpFacilitator,
    ProviderKey,
    Records,
    Redeemer,
)
from facilitator_channels.seller.notices import Notice, NoticeKind
from facilitator_channels.seller.stores.opening import open_store
from facilitator_channels.seller.watcher import Watcher

POLICIES = {"lovelace": ClaimPolicy()}  # ten times the fee; for a token, set limits in its units


def redeem(
    store: ChannelStore,
    chain: FundedChain,
    wallet: Wallet,
    key: ProviderKey,
    facilitator: Facilitator,
    references: dict[str, OutputRef],
) -> Callable[[], None]:
    """Watch the channels and redeem them, until the function that is returned is called."""
    builder = ClaimBuilder(chain, wallet, key, references)
    redeemer = Redeemer(store, chain.network, facilitator, builder, POLICIES)

    def notify(notice: Notice) -> None:
        if notice.kind is NoticeKind.CLOSED:
            redeemer.wake()

    watcher = Watcher(Records(store), chain, notify)
    watcher.start()
    redeemer.start()

    def close() -> None:
        watcher.close()
        redeemer.close()

    return close


def main() -> None:
    """Redeem until interrupted."""
    parser = argparse.ArgumentParser(description="Redeem the shop's channels.")
    records = os.environ.get("CHANNEL_STORE", f"sqlite://{Path('channels.db').absolute()}")
    parser.add_argument("--store", default=records)
    parser.add_argument("--network", default="cardano:preprod")
    parser.add_argument("--facilitator", default="http://127.0.0.1:3000")
    parser.add_argument(
        "--wallet", help="wallet of a plugin, as on a devnet (default: wallet.seed)"
    )
    parser.add_argument(
        "--reference", nargs=2, metavar=("SCRIPT_HASH", "TXID#INDEX"), help="output with the script"
    )
    given = parser.parse_args()
    wallet = given.wallet
    if wallet is None:
        words = " ".join(Path("wallet.seed").read_text().split())
        wallet = SeedWallet(words, cardano_network(given.network).network_id)
    references = {}
    if given.reference is not None:
        script_hash, output = given.reference
        references[script_hash] = parse_output_ref(output, is_lax=True)
    key = ProviderKey.from_seed(bytes.fromhex(os.environ["PROVIDER_SEED"]))
    store, facilitator = open_store(given.store), HttpFacilitator(given.facilitator)
    with open_funds(given.network, wallet) as (owner, chain):
        close = redeem(store, chain, owner, key, facilitator, references)
        print("redeeming", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            close()


if __name__ == "__main__":
    main()
