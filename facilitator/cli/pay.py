"""The command ``facilitator pay``."""

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import TypeAlias

from facilitator.cli.offered_devnet import configure_with_devnet
from facilitator.cli.output import add_json_option, print_json, without_secrets
from facilitator.cli.progress import Progress
from facilitator.cli.wallets import OpenedWallet, add_wallet_options, wallet_on
from facilitator.client.errors import CannotPay
from facilitator.client.http import Client
from facilitator.client.memory import PaymentMemory, memory_path
from facilitator.client.purchase import NetworkSigner, Offered, Purchase, Show, buy, buy_by
from facilitator.client.requirements import CHANNEL, EXACT, Limits
from facilitator.client.signer import Signer
from facilitator.clock import SystemClock
from facilitator.observability.wrapping import fitted
from facilitator.plugin.context import Context
from facilitator.plugin.manager import Plugins
from facilitator.roles.payer import PayOrder

_TIMEOUT_SECONDS = 120.0

WalletOn: TypeAlias = Callable[[str], OpenedWallet]
"""A function that returns the wallet on the network with that canonical id."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the URL and the options that limit and describe the payment."""
    parser.description = (
        "Ask for a URL and pay for it when the answer is 402, as x402 has it: what is offered, the "
        "payment and its outcome go to standard error, the page to standard output. Pays at most "
        "once, and not what a facilitator would refuse. Exits with 0 when the page was had."
    )
    parser.add_argument("url", metavar="URL")
    parser.add_argument(
        "--max", type=int, metavar="N",
        help="pay no more than so many lovelace, or units of --asset; needed except on a devnet",
    )  # fmt: skip
    parser.add_argument(
        "--asset", default="lovelace", metavar="POLICY.NAME",
        help="native asset to pay in, policy id and name in hex (default: lovelace)",
    )  # fmt: skip
    add_wallet_options(parser)
    parser.add_argument(
        "--channel", action="store_true",
        help=f"pay by a payment channel, the scheme {CHANNEL} of the plugin channels",
    )  # fmt: skip
    parser.add_argument(
        "--deposit", type=int, metavar="N",
        help="with --channel: put in so many units when that is needed (default: ten times the"
        " price)",
    )  # fmt: skip
    parser.add_argument(
        "--refund", action="store_true",
        help="with --channel: buy nothing, and ask for what was put in and not spent",
    )  # fmt: skip
    parser.add_argument(
        "--devnet", metavar="URL",
        help="ask the devnet that a facilitator offers there, by its setting devnet.listen",
    )  # fmt: skip
    parser.add_argument("--data", help="send this, by POST, as JSON unless a header says otherwise")
    parser.add_argument("--header", action="append", metavar="NAME:VALUE", help="send this as well")
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the page; return the exit code. Raises :class:`FacilitatorError` when it is not had."""
    settings, plugins = configure_with_devnet(arguments.settings, arguments.devnet)
    scheme = CHANNEL if arguments.channel else EXACT
    limits = Limits(settings.networks, arguments.asset, arguments.max, scheme)
    context = Context(settings, SystemClock(), hooks=plugins)
    with without_secrets(settings), ExitStack() as stack:
        stack.callback(plugins.shutdown)
        wallet = partial(wallet_on, arguments, plugins, context, stack)
        progress = Progress(sys.stderr)
        pay = _pay_exact if scheme == EXACT else partial(_pay_by, plugins)
        try:
            with progress.counting():
                purchase = pay(arguments, wallet, limits, progress.report)
        except OSError as error:
            raise CannotPay(
                f"{arguments.url} cannot be reached: {error}; see that its server runs"
            ) from error
    _print(purchase, as_json=arguments.json)
    return 0 if 200 <= purchase.answer.status < 300 else 1


def _pay_exact(
    arguments: argparse.Namespace, wallet: WalletOn, limits: Limits, report: Callable[[str], None]
) -> Purchase:
    if arguments.refund or arguments.deposit is not None:
        raise CannotPay("--deposit and --refund go with --channel")
    return buy(_client(arguments), limits, lambda network: _signer_on(wallet(network)), report)


def _pay_by(
    plugins: Plugins,
    arguments: argparse.Namespace,
    wallet: WalletOn,
    limits: Limits,
    report: Callable[[str], None],
) -> Purchase:
    """Have a plugin pay by its scheme."""
    client = _client(arguments)
    payer = plugins.payers().get(limits.scheme)
    if payer is None:
        raise CannotPay(
            f"no enabled plugin pays by {limits.scheme}: name one that does, such as channels, in"
            " the setting plugins"
        )

    def order_on(offered: Offered, show: Show) -> PayOrder:
        on = wallet(offered.network)
        return PayOrder(
            client.server, offered.network, offered.requirements, on.wallet, on.chain,
            on.context.clock, show, report, on.folder, arguments.deposit, show,
        )  # fmt: skip

    return buy_by(payer, client, limits, order_on, report, takes_back=arguments.refund)


def _client(arguments: argparse.Namespace) -> Client:
    headers = {}
    data = None
    if arguments.data is not None:
        headers["Content-Type"] = "application/json"
        data = arguments.data.encode()
    for line in arguments.header or ():
        name, colon, value = line.partition(":")
        if not colon:
            raise CannotPay(f"--header {line!r} is not NAME:VALUE")
        headers[name.strip()] = value.strip()
    return Client(arguments.url, headers, data, _TIMEOUT_SECONDS)


def _signer_on(opened: OpenedWallet) -> NetworkSigner:
    network, wallet, chain, clock = (
        opened.network, opened.wallet, opened.chain, opened.context.clock
    )  # fmt: skip
    if not chain.is_devnet:
        return NetworkSigner(Signer(network, wallet, chain, clock), None)
    memory = PaymentMemory(memory_path(), network, wallet.address, chain)
    return NetworkSigner(Signer(network, wallet, memory, clock), memory)


def _outcome(purchase: Purchase) -> str:
    """Return the outcome; what the server wrote as JSON, which a terminal can show."""
    if purchase.requirements is None:
        return ": nothing was to be paid"
    if purchase.summary:
        return f": {purchase.summary}"
    if purchase.receipt:
        return f": {json.dumps(purchase.receipt)}"
    return f": refused, {json.dumps(purchase.refusal)}" if purchase.refusal else ""


def _print(purchase: Purchase, *, as_json: bool) -> None:
    answer, receipt = purchase.answer, purchase.receipt
    if as_json:
        print_json(
            {
                "status": answer.status,
                "transaction": purchase.transaction_id,
                "terms": purchase.requirements,
                "receipt": receipt,
                "refusal": purchase.refusal,
                "body": answer.body.decode(errors="replace"),
            }
        )
        return
    print(fitted(f"{answer.status}{_outcome(purchase)}", sys.stderr), file=sys.stderr)
    sys.stdout.buffer.write(answer.body)
    sys.stdout.buffer.flush()
