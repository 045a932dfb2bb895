"""The devnet's commands: ``demo``, ``devnet`` and ``sample-payment``.

They belong to the plugin, not to the core, since they need a chain whose private keys are known.
"""

import argparse
import json
import sys
from collections.abc import Callable
from typing import TypeAlias

from facilitator.cardano.addresses.address import parse_address
from facilitator.plugin import FacilitatorError
from facilitator.x402.networks import cardano_networks
from facilitator_devnet.genesis import TEST_TOKEN, WALLETS, wallets
from facilitator_devnet.samples import (
    MAX_TIMEOUT_SECONDS,
    genesis_output,
    payload,
    requirements,
    sign_payment,
)

LONGEST_SECONDS = 2_592_000
"""The greatest ``settlement.max_timeout_seconds`` that a facilitator can have."""

Run: TypeAlias = Callable[[argparse.Namespace], int]


class CannotPay(FacilitatorError):
    """The requested sample payment cannot be made."""


def prepare_demo(parser: argparse.ArgumentParser) -> Run:
    """Describe ``facilitator demo``; return its function."""
    parser.description = (
        "Show one x402 payment on an embedded devnet: 402, a signed transaction, /verify, the "
        "resource server's work, /settle, its confirmation, and the refusal of its reuse. Needs "
        "no settings, no key and no network; takes a few seconds; leaves nothing behind. Exits "
        "with 0 only if the payment was confirmed and its second use refused."
    )
    parser.add_argument(
        "--channel", action="store_true",
        help="show 1,000 requests at 0.001 ada by one payment channel instead; needs the extra"
        " plutus",
    )  # fmt: skip
    parser.add_argument(
        "--requests", type=int, default=1_000,
        help="with --channel: how many requests (default %(default)s)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.add_argument("--verbose", action="store_true", help="show the facilitator's log too")
    return _demo


def _demo(arguments: argparse.Namespace) -> int:
    from facilitator_devnet.demo.by_channel import run_channel_demo
    from facilitator_devnet.demo.narrator import Narrator
    from facilitator_devnet.demo.run import DemoFailed, run_demo

    narrator = Narrator(as_json=arguments.json)
    try:
        if arguments.channel:
            return run_channel_demo(
                arguments.requests, as_json=arguments.json, verbose=arguments.verbose
            )
        run_demo(narrator, verbose=arguments.verbose)
    except (DemoFailed, FacilitatorError, OSError) as error:
        narrator.failed(str(error))
        return 1
    return 0


def prepare_devnet(parser: argparse.ArgumentParser) -> Run:
    """Describe ``facilitator devnet``; return its function."""
    parser.description = (
        "Run the devnet alone: a test ledger with a faucet, served as a Blockfrost-compatible API "
        "until SIGTERM or SIGINT. Prints where it listens once it does."
    )
    parser.add_argument(
        "--network",
        default="cardano:preprod",
        choices=[each.id for each in cardano_networks()],
        help="(default %(default)s)",
    )
    parser.add_argument(
        "--listen", default="127.0.0.1:3001", metavar="HOST:PORT",
        help="where to listen; the port 0 takes a free one (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--listen-koios", metavar="HOST:PORT", help="where to be a Koios as well (default: nowhere)"
    )
    parser.add_argument(
        "--listen-ogmios",
        metavar="HOST:PORT",
        help="where to be an Ogmios as well (default: nowhere)",
    )
    parser.add_argument(
        "--block-seconds", type=float, default=2.0,
        help="seconds between blocks; 0 makes them only on request (default %(default)s)",
    )  # fmt: skip
    parser.add_argument("--path", help="SQLite file that keeps the chain (default: in memory)")
    parser.add_argument("--json", action="store_true", help="print a JSON object instead of text")
    return _devnet


def _devnet(arguments: argparse.Namespace) -> int:
    from facilitator_devnet.standalone import run_devnet

    return run_devnet(
        arguments.network,
        arguments.listen,
        block_seconds=arguments.block_seconds,
        path=arguments.path,
        as_json=arguments.json,
        listen_koios=arguments.listen_koios,
        listen_ogmios=arguments.listen_ogmios,
    )


def prepare_sample_payment(parser: argparse.ArgumentParser) -> Run:
    """Describe ``facilitator sample-payment``; return its function."""
    parser.description = (
        "Print a signed payment by one of the devnet's genesis wallets as the JSON body of "
        "/verify and /settle. Each genesis output can be spent once on a devnet: choose another "
        "with --input."
    )
    parser.add_argument(
        "--network",
        default="cardano:preprod",
        choices=[each.id for each in cardano_networks()],
        help="(default %(default)s)",
    )
    parser.add_argument(
        "--wallet", default="alice", choices=WALLETS, help="who pays (default %(default)s)"
    )
    parser.add_argument(
        "--input", type=int, default=0, help="which of its outputs to spend (default %(default)s)"
    )
    parser.add_argument("--pay-to", help="address to pay (default: the genesis wallet merchant)")
    parser.add_argument(
        "--amount",
        type=int,
        default=2_000_000,
        help="lovelace or units (default %(default)s)",
    )
    parser.add_argument(
        "--asset", choices=("lovelace", "tusdm"), default="lovelace", help="(default %(default)s)"
    )
    parser.add_argument(
        "--confirmations", type=int, default=1, help="newer blocks needed (default %(default)s)"
    )
    parser.add_argument(
        "--ttl",
        type=int,
        default=MAX_TIMEOUT_SECONDS // 2,
        help="seconds that it stays valid, at most 2592000 (default %(default)s); for more than "
        "86400 the facilitator needs settlement.max_timeout_seconds",
    )
    return _sample_payment


def _check_range(option: str, value: int, least: int, most: int) -> None:
    """Raise :class:`ValueError` for a value by which no payment is valid anywhere."""
    if not least <= value <= most:
        raise ValueError(f"{option} must be from {least} to {most}")


def _sample_payment(arguments: argparse.Namespace) -> int:
    asset = TEST_TOKEN if arguments.asset == "tusdm" else None
    network = arguments.network
    try:
        _check_range("--ttl", arguments.ttl, 1, LONGEST_SECONDS)
        _check_range("--amount", arguments.amount, 1, 2**63 - 1)
        _check_range("--confirmations", arguments.confirmations, -1, 20)
        pay_to = arguments.pay_to or wallets(network)["merchant"].bech32
        parse_address(pay_to)
        ref = genesis_output(network, arguments.wallet, arguments.input, asset)
        terms = requirements(
            network,
            pay_to,
            arguments.amount,
            asset=asset,
            confirmations=arguments.confirmations,
            seconds=max(arguments.ttl, MAX_TIMEOUT_SECONDS),
        )
        transaction = sign_payment(terms, arguments.wallet, ref, arguments.ttl)
    except ValueError as error:
        raise CannotPay(f"no such payment can be made: {error}") from error
    body = {
        "x402Version": 2,
        "paymentPayload": payload(terms, transaction, ref),
        "paymentRequirements": terms,
    }
    json.dump(body, sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0
