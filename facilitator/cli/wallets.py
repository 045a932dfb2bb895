"""A wallet and the chain that it pays on, for commands that spend."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from facilitator.cli.output import without_secrets
from facilitator.client.errors import CannotPay
from facilitator.client.memory import state_folder
from facilitator.client.seed_wallet import SeedWallet
from facilitator.clock import SystemClock
from facilitator.plugin.context import Context
from facilitator.plugin.loading import configure
from facilitator.plugin.manager import Plugins
from facilitator.roles.wallet import FundedChain, Wallet
from facilitator.runtime.chains import open_chain_providers, wallet_chain
from facilitator.x402.networks import cardano_network


@dataclass(frozen=True, slots=True)
class OpenedWallet:
    """A wallet on its network."""

    network: str
    """The canonical id."""
    wallet: Wallet
    chain: FundedChain
    context: Context

    @property
    def folder(self) -> Path:
        """The user's folder for what a payer must remember. Raises :class:`CannotPay`."""
        folder = state_folder()
        if folder is None:
            raise CannotPay("there is no home folder: name a folder in XDG_STATE_HOME")
        return folder


def add_wallet_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--wallet`` and ``--seed-file``."""
    parser.add_argument(
        "--wallet", metavar="NAME",
        help="wallet of a plugin, such as the devnet's alice (default: the first there is)",
    )  # fmt: skip
    parser.add_argument(
        "--seed-file", metavar="FILE",
        help="pay from the first address of the seed phrase in the file; - reads standard input",
    )  # fmt: skip


@contextmanager
def open_wallet(
    arguments: argparse.Namespace, network: str | None = None, wallet: str | None = None
) -> Iterator[OpenedWallet]:
    """Yield the wallet of a plugin with that name, or else the one of the command's options.

    It is on the network with that canonical id, by default on the first one of the settings. Raises
    :class:`CannotPay` if there is no such wallet, and other
    :class:`~facilitator.errors.FacilitatorError`.
    """
    settings, plugins = configure(arguments.settings)
    with without_secrets(settings), ExitStack() as stack:
        stack.callback(plugins.shutdown)
        context = Context(settings, SystemClock(), hooks=plugins)
        if wallet is not None:
            arguments = argparse.Namespace(wallet=wallet)
        yield wallet_on(arguments, plugins, context, stack, network or settings.networks[0])


def wallet_on(
    arguments: argparse.Namespace,
    plugins: Plugins,
    context: Context,
    stack: ExitStack,
    network: str,
) -> OpenedWallet:
    """Return the wallet; the ``stack`` closes its chain. Raises as :func:`open_wallet` does."""
    wallet = _wallet(arguments, plugins, context, network)
    chain = wallet_chain(open_chain_providers(plugins, context, network, stack))
    return OpenedWallet(network, wallet, chain, context)


def _wallet(
    arguments: argparse.Namespace, plugins: Plugins, context: Context, network: str
) -> Wallet:
    seeds: str | None = getattr(arguments, "seed_file", None)
    wanted: str | None = getattr(arguments, "wallet", None)
    if seeds is not None:
        try:
            return SeedWallet(_read(seeds), cardano_network(network).network_id)
        except ValueError as error:
            raise CannotPay(f"--seed-file {seeds}: {error}") from None
    wallets = plugins.wallets(context, network)
    name = wanted or next(iter(wallets), None)
    if name in wallets:
        return wallets[name]
    if wanted:
        raise CannotPay(f"no wallet {wanted!r}; there are {', '.join(wallets) or 'none'}")
    raise CannotPay(f"there is no wallet for {network}: name a seed phrase's file by --seed-file")


def _read(path: str) -> str:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(errors="replace")
    except OSError as error:
        raise CannotPay(f"--seed-file {path} cannot be read: {error.strerror}") from None
    return " ".join(text.split())  # some write a word on each line
