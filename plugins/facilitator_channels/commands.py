"""The command ``facilitator channels``: a payer's channels, without their sellers."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from facilitator.plugin import CannotPay, ChainUnavailable, FacilitatorError

if TYPE_CHECKING:
    from facilitator_channels.paying.book import Book
    from facilitator_channels.paying.means import Means

Run: TypeAlias = Callable[[argparse.Namespace], int]
_NETWORK, _BUYER, _SELLER = "cardano:preprod", "alice", "merchant"


def prepare_channels(parser: argparse.ArgumentParser) -> Run:
    """Describe ``facilitator channels``; return its function."""
    parser.description = "Look at the channels of a wallet, and take back what is in them."
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    listing = actions.add_parser("list", help="list channels: the records, and what the chain has")
    listing.description = (
        "List the channels that this wallet pays by, from its records, and those that are on the"
        " chain and in no record."
    )
    _add_wallet(listing)
    listing.add_argument("--json", action="store_true", help="print JSON, for scripts")
    taking = actions.add_parser("withdraw", help="take back what is in a channel")
    taking.description = (
        "Take back what is in a channel without its seller: close it first, and take what is left"
        " once the seller has settled it, or its time is over. Each call makes the next step."
    )
    taking.add_argument("channel", metavar="ID", help="the channel's id, or a beginning of it")
    taking.add_argument(
        "--reference", metavar="TXID#N", help="output that has the validator, if it is another's"
    )
    _add_wallet(taking)
    demo = actions.add_parser("demo", help="the story of facilitator demo --channel")
    demo.description = (
        "Buy pages by one channel, over a facilitator that runs, with the wallets of a"
        " devnet. The command facilitator demo --channel starts all that it needs."
    )
    demo.add_argument("facilitator", metavar="URL", help="the facilitator's URL")
    demo.add_argument(
        "--requests", type=int, default=1_000, help="how many pages (default %(default)s)"
    )
    demo.add_argument("--json", action="store_true", help="print one JSON object a line")
    return lambda arguments: _ACTIONS[arguments.action](arguments)


def _add_wallet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--wallet", metavar="NAME", help="wallet of a plugin (default: the first)")
    parser.add_argument(
        "--seed-file", metavar="FILE", help="the seed phrase's file; - reads standard input"
    )


@contextmanager
def _opened(arguments: argparse.Namespace) -> "Iterator[tuple[Means, Book]]":
    """Yield the wallet and its records, which are locked. Raises :class:`CannotPay`."""
    from facilitator_channels.paying.book import Book

    with arguments.open_wallet() as opened:
        means = _means(opened)
        book = Book(opened.folder, means.network, means.payer)
        try:
            with book.locked(lambda line: print(line, file=sys.stderr)):
                yield means, book
        except ChainUnavailable as error:
            raise CannotPay(f"the chain could not be asked, try again: {error.detail}") from None


def _means(opened: Any) -> "Means":
    from facilitator_channels.paying.means import Means

    return Means(opened.network, opened.wallet, opened.chain, opened.context.clock)


def _list(arguments: argparse.Namespace) -> int:
    from facilitator_channels.paying.listing import list_all, table

    with _opened(arguments) as (means, book):
        rows = list_all(book, means)
    print(json.dumps(rows, indent=2) if arguments.json else "\n".join(table(rows)))
    return 0


def _withdraw(arguments: argparse.Namespace) -> int:
    from facilitator.cardano.output_ref import parse_output_ref
    from facilitator_channels.paying.withdrawing import withdraw

    try:
        given = arguments.reference
        reference = parse_output_ref(given, is_lax=True) if given else None
    except ValueError:
        raise CannotPay(f"--reference {arguments.reference!r} is not TXID#N") from None
    with _opened(arguments) as (means, book):
        done = withdraw(book, means, arguments.channel, reference)
    print(f"submitted {done.transaction_id}: {done.sentence}")
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    from facilitator_channels.demo.narrator import Narrator
    from facilitator_channels.demo.story import run_demo

    narrator = Narrator(as_json=arguments.json)
    try:
        with (
            arguments.open_wallet(_NETWORK, _BUYER) as buyer,
            arguments.open_wallet(_NETWORK, _SELLER) as seller,
        ):
            parties = _means(buyer), _means(seller)
            run_demo(narrator, arguments.facilitator, *parties, arguments.requests)
    except (FacilitatorError, OSError) as error:
        narrator.failed(str(error))
        return 1
    return 0


_ACTIONS: dict[str, Run] = {"list": _list, "withdraw": _withdraw, "demo": _demo}
