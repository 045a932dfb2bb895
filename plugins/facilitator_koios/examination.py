"""Examination of a Koios by trying: what it shows as spent, and whether it has an Ogmios."""

import logging

from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import ChainUnavailable, ServerLacks, Spent, Unspent
from facilitator_koios.blocks import Blocks
from facilitator_koios.client import Client, NoRoute
from facilitator_koios.consumed import read_consumed
from facilitator_koios.ogmios import PATH, query
from facilitator_koios.outputs import SaysNothingOfSpends, read_statuses

_REMEDY = (
    "have its cardano-db-sync record who spends, by the value consumed of the option tx_out, or use"
    " another one"
)
_log = logging.getLogger(__name__)


def examine(client: Client, blocks: Blocks) -> str:
    """Return what the server can do, in a line. Raises :class:`ServerLacks`."""
    has_shown = _shows_spends(client, blocks)
    shown = "shows what is spent" if has_shown else "no transaction yet that shows what is spent"
    return f"{shown}; {_ogmios(client)}"


def _shows_spends(client: Client, blocks: Blocks) -> bool:
    """Return True if it shows as spent what a transaction of a recent block spent.

    A young chain may have none.
    """
    spent = next(read_consumed(client, blocks.recent_transactions()), None)
    return spent is not None and _shows(client, spent[0])


def _shows(client: Client, ref: OutputRef) -> bool:
    try:
        status = read_statuses(client, [ref])[ref]
    except SaysNothingOfSpends:
        raise ServerLacks(
            "it does not say of an output whether it is spent (no is_spent in /utxo_info): upgrade"
            " it, or use another one"
        ) from None
    if isinstance(status, Unspent):
        raise ServerLacks(
            f"it shows {ref} as unspent, which a transaction on the chain spent: {_REMEDY}"
        )
    return isinstance(status, Spent)


def _ogmios(client: Client) -> str:
    try:
        query(client, "queryNetwork/tip")
    except NoRoute:
        pass
    except ChainUnavailable as error:
        _log.warning("Koios' Ogmios: %s", error.detail)
    else:
        return f"has {PATH}"
    client.lacking.add(PATH)
    return f"lacks {PATH} (refusals come from /submittx, in its words)"
