"""The command ``facilitator inspect``."""

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.dijkstra.any_era import decode_from_chain
from facilitator.cli.asked import ask_running, whom_was_asked
from facilitator.cli.output import add_json_option, print_json, without_secrets
from facilitator.cli.running import RunningFacilitator
from facilitator.clock import SystemClock
from facilitator.exact.built_in import BUILT_IN_METHODS
from facilitator.inspection.render import render
from facilitator.inspection.report import Inspector
from facilitator.inspection.source import MAX_BYTES, read_source
from facilitator.inspection.unreadable import Unreadable
from facilitator.observability.wrapping import fitted
from facilitator.plugin.context import Context
from facilitator.plugin.loading import configure
from facilitator.plugin.manager import Plugins
from facilitator.plugin.scheme_terms import terms_policy
from facilitator.roles.chain import ChainProvider
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.storage import StorageUnavailable
from facilitator.runtime.chains import one_chain_provider
from facilitator.settings import Settings
from facilitator.x402.messages import PaymentRequest
from facilitator.x402.networks import canonical_network

_VALUE = re.compile(r"[A-Za-z0-9+/=]{100,}")
"""A transaction, or the value of ``PAYMENT-SIGNATURE``, in place of the name of a file."""
_KEY = re.compile(r"[!-~]+")
_TRANSACTION_ID = re.compile(r"[0-9a-fA-F]{64}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the source, ``--network``, ``--offline`` and ``--json``."""
    parser.description = (
        "Show what a payment or transaction holds and what every rule says of it, with the "
        "figures. Submits nothing. Exits with 0 when everything passes, with 1 when something "
        "fails or cannot be judged."
    )
    parser.add_argument(
        "source",
        metavar="FILE|-|TXID",
        help="request of /verify (JSON), value of PAYMENT-SIGNATURE, or transaction (base64, hex, "
        "CBOR or cardano-cli's file); - reads it from standard input; a transaction id names one "
        "that was settled here, or at --facilitator",
    )
    parser.add_argument(
        "--network",
        metavar="ID",
        help="network of a transaction without terms (default: the first one served)",
    )
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument(
        "--facilitator", metavar="URL",
        help="ask the facilitator that runs there, which knows its own devnet and settlements",
    )  # fmt: skip
    asked.add_argument("--offline", action="store_true", help="ask no chain")
    parser.add_argument(
        "--key-file", metavar="FILE",
        help="with --facilitator: file with the API key to ask with",
    )  # fmt: skip
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the report; return the exit code.

    Raises :class:`FacilitatorError` for unreadable input.
    """
    settings, plugins = configure(arguments.settings)
    with without_secrets(settings):
        return _run(arguments, settings, plugins)


def _run(arguments: argparse.Namespace, settings: Settings, plugins: Plugins) -> int:
    running = _running(arguments)
    if running is not None and _is_transaction_id(arguments.source):
        return _print_state(running.status(arguments.source.lower()), as_json=arguments.json)
    if _is_transaction_id(arguments.source):
        source: PaymentRequest | bytes = _claimed(settings, plugins, arguments.source.lower())
    else:
        source = read_source(_read(arguments.source))
    named = arguments.network or settings.networks[0]
    network = canonical_network(named)
    if network not in settings.networks:
        raise Unreadable(f"{named} is not served: see the setting network")
    is_offline = arguments.offline or running is not None
    with _inspector(settings, plugins, offline=is_offline) as (inspector, chains):
        try:
            report = (
                _transaction(inspector, source, network)
                if isinstance(source, bytes)
                else inspector.payment(source)
            )
        except ChainUnavailable as error:
            raise Unreadable(f"the slot that it is now is not known: {error.detail}") from error
        chain = chains[report["network"]]
        if running is not None:
            report = ask_running(running, source, report)
        else:
            report |= whom_was_asked(report, chain)
    if arguments.json:
        print_json(report)
    else:
        print(fitted(_text(report), sys.stdout), end="")
    return 0 if report["result"] == "pass" else 1


def _running(arguments: argparse.Namespace) -> RunningFacilitator | None:
    """Return the facilitator to ask; ``None`` where none is named."""
    path = arguments.key_file
    if not arguments.facilitator:
        if path is not None:
            raise Unreadable("--key-file goes with --facilitator")
        return None
    if path is None:
        return RunningFacilitator(arguments.facilitator)
    try:
        key = Path(path).read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        raise Unreadable(f"--key-file {path} cannot be read: {error.strerror}") from None
    if not _KEY.fullmatch(key):
        raise Unreadable(f"--key-file {path} holds no key, which is visible ASCII letters alone")
    return RunningFacilitator(arguments.facilitator, key)


def _text(report: Mapping[str, Any]) -> str:
    """Return the report as text that a terminal can show, also if a server wrote it."""
    try:
        text = render(report)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Unreadable(f"the facilitator's answer is no report: {error!r}") from None
    return _printable(text)


def _printable(text: str) -> str:
    """Return the text with all but printable characters and line ends escaped."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def _print_state(state: Mapping[str, Any], *, as_json: bool) -> int:
    if as_json:
        print_json(state)
    else:
        print(_printable("\n".join(f"{name}: {value}" for name, value in state.items())))
    return 0 if state["status"] == "confirmed" else 1


def _is_transaction_id(source: str) -> bool:
    return _TRANSACTION_ID.fullmatch(source) is not None and not Path(source).exists()


def _claimed(settings: Settings, plugins: Plugins, transaction_id: str) -> bytes:
    """Return the bytes of a transaction that was submitted here, as its claim keeps them."""
    storage = plugins.one_storage(Context(settings, SystemClock()))
    try:
        claim = storage.claim(transaction_id)
    except StorageUnavailable as error:
        raise Unreadable(f"the storage cannot be asked: {error.detail}") from error
    finally:
        storage.close()
    if claim is None:
        raise Unreadable(
            f"the storage knows no transaction {transaction_id}: it was not settled here; name a "
            "file that holds it"
        )
    return claim.transaction


def _read(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    try:
        with Path(source).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        if _VALUE.fullmatch(source):
            return source.encode()
        raise Unreadable(f"{source!r} cannot be read: {error}") from error


def _transaction(inspector: Inspector, raw: bytes, network: str) -> dict[str, Any]:
    try:
        transaction = decode_from_chain(raw)
    except DecodeError as error:
        raise Unreadable(f"the input is not a transaction: {error}") from None
    return inspector.transaction(transaction, network)


@contextmanager
def _inspector(
    settings: Settings, plugins: Plugins, *, offline: bool
) -> Iterator[tuple[Inspector, Mapping[str, ChainProvider | None]]]:
    clock = SystemClock()
    context = Context(settings, clock, hooks=plugins)
    chains = {
        network: None if offline else one_chain_provider(plugins, context, network)
        for network in settings.networks
    }
    context.reader.connect(None, {name: each for name, each in chains.items() if each is not None})
    try:
        methods = {**BUILT_IN_METHODS, **plugins.transfer_methods(context)}
        yield Inspector(chains, methods, clock, policy=terms_policy(settings)), chains
    finally:
        for chain in chains.values():
            if chain is not None:
                chain.close()
        plugins.shutdown()
