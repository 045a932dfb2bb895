"""The command ``facilitator channels``: a payer's channels, without their sellers."""

import argparse
from collections.abc import Callable
from typing import Any, TypeAlias

from facilitator.plugin import FacilitatorError

Run: TypeAlias = Callable[[argparse.Namespace], int]
_NETWORK, _BUYER, _SELLER = "cardano:preprod", "alice", "merchant"


def prepare_channels(parser: argparse.ArgumentParser) -> Run:
    """Describe ``facilitator channels``; return its function."""
    parser.description = "Look at the channels that this wallet pays by."
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    demo = actions.add_parser(
        "demo",
        help="the story of facilitator demo --channel",
        description="Buy a thousand pages by one channel, over a facilitator that runs. On a devnet"
        " alone: its wallets pay. The command facilitator demo --channel starts all that it needs.",
    )
    demo.add_argument("facilitator", metavar="URL", help="the facilitator's URL")
    demo.add_argument("--json", action="store_true", help="print one JSON object a line")
    return lambda arguments: _ACTIONS[arguments.action](arguments)


def _demo(arguments: argparse.Namespace) -> int:
    from facilitator_channels.demo.narrator import Narrator
    from facilitator_channels.demo.story import run_demo
    from facilitator_channels.paying.means import Means

    narrator = Narrator(as_json=arguments.json)

    def means(opened: Any) -> Means:
        return Means(opened.network, opened.wallet, opened.chain, opened.context.clock)

    try:
        with (
            arguments.open_wallet(_NETWORK, _BUYER) as buyer,
            arguments.open_wallet(_NETWORK, _SELLER) as seller,
        ):
            run_demo(narrator, arguments.facilitator, means(buyer), means(seller))
    except (FacilitatorError, OSError) as error:
        narrator.failed(str(error))
        return 1
    return 0


_ACTIONS: dict[str, Run] = {"demo": _demo}
