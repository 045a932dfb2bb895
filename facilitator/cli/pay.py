"""The command ``facilitator pay``."""

import argparse
import json
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from facilitator.cardano.amounts import amount_in_words
from facilitator.cli.offered_devnet import configure_with_devnet
from facilitator.cli.output import add_json_option, print_json, without_secrets
from facilitator.cli.progress import Progress
from facilitator.client.errors import CannotPay
from facilitator.client.http import Client
from facilitator.client.memory import PaymentMemory, memory_path
from facilitator.client.purchase import NetworkSigner, Purchase, buy
from facilitator.client.requirements import Limits
from facilitator.client.seed_wallet import SeedWallet
from facilitator.client.signer import Signer
from facilitator.clock import SystemClock
from facilitator.plugin.context import Context
from facilitator.plugin.manager import Plugins
from facilitator.roles.wallet import Wallet
from facilitator.runtime.chains import ordered_chain_providers, wallet_chain
from facilitator.settings import Settings
from facilitator.x402.networks import cardano_network

_TIMEOUT_SECONDS = 120.0


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
    parser.add_argument(
        "--wallet", metavar="NAME",
        help="wallet of a plugin, such as the devnet's alice (default: the first there is)",
    )  # fmt: skip
    parser.add_argument(
        "--seed-file", metavar="FILE",
        help="pay from the first address of the seed phrase in the file; - reads standard input",
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
    limits = Limits(settings.networks, arguments.asset, arguments.max)
    with without_secrets(settings), ExitStack() as stack:
        stack.callback(plugins.shutdown)
        signer_on = partial(_signer_on, arguments, settings, plugins, stack)
        progress = Progress(sys.stderr)
        try:
            with progress.counting():
                purchase = buy(_client(arguments), limits, signer_on, progress.report)
        except OSError as error:
            raise CannotPay(f"{arguments.url} cannot be reached: {error}") from error
    _print(purchase, as_json=arguments.json)
    return 0 if 200 <= purchase.answer.status < 300 else 1


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


def _signer_on(
    arguments: argparse.Namespace,
    settings: Settings,
    plugins: Plugins,
    stack: ExitStack,
    network: str,
) -> NetworkSigner:
    context = Context(settings, SystemClock(), hooks=plugins)
    wallet = _wallet(arguments, plugins, context, network)
    providers = ordered_chain_providers(plugins, context, network)
    for _, provider in providers:
        stack.callback(provider.close)
    chain = wallet_chain(providers)
    if not chain.is_devnet:
        return NetworkSigner(Signer(network, wallet, chain, context.clock), None)
    memory = PaymentMemory(memory_path(), network, wallet.address, chain)
    return NetworkSigner(Signer(network, wallet, memory, context.clock), memory)


def _wallet(
    arguments: argparse.Namespace, plugins: Plugins, context: Context, network: str
) -> Wallet:
    if arguments.seed_file is not None:
        try:
            return SeedWallet(_read(arguments.seed_file), cardano_network(network).network_id)
        except ValueError as error:
            raise CannotPay(f"--seed-file {arguments.seed_file}: {error}") from None
    wallets = plugins.wallets(context, network)
    name = arguments.wallet or next(iter(wallets), None)
    if name in wallets:
        return wallets[name]
    if arguments.wallet:
        raise CannotPay(f"no wallet {arguments.wallet!r}; there are {', '.join(wallets) or 'none'}")
    raise CannotPay(f"there is no wallet for {network}: name a seed phrase's file by --seed-file")


def _read(path: str) -> str:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(errors="replace")
    except OSError as error:
        raise CannotPay(f"--seed-file {path} cannot be read: {error.strerror}") from None
    return " ".join(text.split())  # some write a word on each line


def _outcome(purchase: Purchase) -> str:
    """Return the receipt in words, else the server's reason as JSON, which a terminal can show."""
    receipt, terms = purchase.receipt, purchase.requirements
    if terms and receipt and receipt.get("success") is True:
        paid = amount_in_words(int(terms["amount"]), terms["asset"])
        return f": paid {paid} in the transaction {purchase.transaction_id}"
    outcome = receipt or purchase.refusal
    return f": {json.dumps(outcome)}" if outcome else ""


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
    print(f"{answer.status}{_outcome(purchase)}", file=sys.stderr)
    sys.stdout.buffer.write(answer.body)
    sys.stdout.buffer.flush()
