"""The options that choose payments, as a query of the ledger."""

import argparse

from facilitator.api import payment_search
from facilitator.api.payment_search import STATES, BadSearch
from facilitator.roles.claim import ClaimState
from facilitator.roles.payment_ledger import PaymentQuery
from facilitator.x402.networks import canonical_network


def parse_time(text: str) -> float:
    """Return the Unix seconds of a day or a time. Raises :class:`argparse.ArgumentTypeError`."""
    try:
        return payment_search.parse_time("it", text)
    except BadSearch as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None


def parse_states(text: str) -> frozenset[ClaimState] | None:
    """Return the states named with commas between. Raises :class:`argparse.ArgumentTypeError`."""
    try:
        return payment_search.parse_query({"state": text}).states
    except BadSearch as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None


def parse_count(text: str) -> int:
    """Return a whole number from 1. Raises :class:`argparse.ArgumentTypeError`."""
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)


def parse_network(text: str) -> str:
    """Return the canonical id. Raises :class:`argparse.ArgumentTypeError` for an unknown network.

    Networks that settings or plugins register are known by their canonical ids alone.
    """
    network = canonical_network(text)
    if network is None and not text.startswith("cardano:"):
        raise argparse.ArgumentTypeError(f"{text!r} is no network")
    return network or text


def add_filter_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of :func:`query_of`."""
    add = parser.add_argument
    states = ", ".join(STATES)
    add("--state", type=parse_states, metavar="STATES", help=f"of these states: {states}")
    add("--payer", metavar="ADDRESS", help="paid by this address")
    add("--pay-to", metavar="ADDRESS", help="paid to this address")
    add("--asset", metavar="POLICY.NAME", help="in this asset; lovelace is ada")
    add("--caller", metavar="NAME", help="settled under this API key; '' for those without a key")
    add("--resource", metavar="URL", help="for resources whose URL begins so")
    add("--network", type=parse_network, metavar="ID", help="on this network")
    add_time_options(parser)


def add_time_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--since`` and ``--until``."""
    add = parser.add_argument
    add("--since", type=parse_time, metavar="TIME", help="claimed at this date or time, or later")
    add("--until", type=parse_time, metavar="TIME", help="claimed before this date or time")


def query_of(arguments: argparse.Namespace) -> PaymentQuery:
    """Return the payments that the options choose."""
    return PaymentQuery(
        states=arguments.state,
        network=arguments.network,
        payer=arguments.payer,
        pay_to=arguments.pay_to,
        asset=arguments.asset,
        caller=arguments.caller,
        resource=arguments.resource,
        since=arguments.since,
        until=arguments.until,
    )
