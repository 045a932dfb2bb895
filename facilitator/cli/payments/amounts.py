"""Amounts with decimals, and assets by names that a person reads.

A token's decimals are in no transaction and in no payment. They are known where ``--decimals`` says
them, and never guessed.
"""

import argparse
import re
from collections.abc import Mapping

from facilitator.cardano.amounts import readable_name

LOVELACE = "lovelace"
ADA_DECIMALS = 6
MAX_DECIMALS = 255
"""The greatest number that CIP-26 allows."""
_MAX_NAME = 10
_PART = re.compile(rf"({LOVELACE}|[0-9a-f]{{56}}\.[0-9a-f]{{0,64}})=(\d{{1,3}})", re.ASCII)

Decimals = Mapping[str, int]
"""Number of decimals by asset."""


def parse_decimals(text: str) -> tuple[str, int]:
    """Return asset and decimals of ``POLICY.NAME=N``.

    Raises :class:`argparse.ArgumentTypeError`.
    """
    match = _PART.fullmatch(text)
    if match is None or int(match[2]) > MAX_DECIMALS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not POLICY.NAME=N: policy id and asset name in hex, and 0 to 255 decimals"
        )
    return match[1], int(match[2])


def add_decimals_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--decimals``."""
    parser.add_argument(
        "--decimals", type=parse_decimals, action="append", metavar="POLICY.NAME=N",
        help="a token has N decimals; may be repeated (ada has 6, others are not known)",
    )  # fmt: skip


def decimals_of(arguments: argparse.Namespace) -> Decimals:
    """Return the decimals that are known: of ada, and those that the options say."""
    return {LOVELACE: ADA_DECIMALS, **dict(arguments.decimals or ())}


def with_decimals(amount: int | str, asset: str, decimals: Decimals) -> str | None:
    """Return the amount of atomic units with all its decimals; ``None`` if they are not known."""
    if asset not in decimals:
        return None
    places = decimals[asset]
    digits = str(int(amount)).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits


def short_asset(asset: str) -> str:
    """Return a name for a table: ``ada``, the token's own if it is printable, else its hex."""
    if asset == LOVELACE:
        return "ada"
    policy, _, name = asset.partition(".")
    try:
        readable = readable_name(bytes.fromhex(name))
    except ValueError:
        readable = None
    return (readable or name or policy)[:_MAX_NAME]


def amount_text(amount: int | str, asset: str, decimals: Decimals) -> str:
    """Return the amount and its asset for a person; tokens of unknown decimals in atomic units."""
    known = with_decimals(amount, asset, decimals)
    if known is None:
        return f"{int(amount):,} units {short_asset(asset)}"
    whole, point, rest = known.partition(".")
    return f"{int(whole):,}{point}{rest} {short_asset(asset)}"
