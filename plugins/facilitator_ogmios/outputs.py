"""Look-up of outputs in the node's UTxO set: one question for all of a payment's."""

from collections.abc import Collection, Mapping
from typing import Any

from facilitator.cardano.ogmios.fields import Malformed, rows
from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import NOT_ASKED, OutputStatus, Spent, Unknown, current_allowance
from facilitator_ogmios.blocks import read_ref
from facilitator_ogmios.client import Client
from facilitator_ogmios.index import Index
from facilitator_ogmios.mempool import find_waiting
from facilitator_ogmios.values import read_status

_WAITS = Unknown("the transaction that makes it waits in the node's mempool")
MOST_MAKERS = 8
"""Transactions that the mempool is asked for: those of the outputs that decide first."""
_GREATEST_INDEX = 65_535
"""The greatest index that the ledger can name."""


def read_statuses(
    client: Client, index: Index, refs: Collection[OutputRef]
) -> Mapping[OutputRef, OutputStatus]:
    """Return the status of each output. Raises :class:`ChainUnavailable`.

    ``index`` has the blocks up to the node's tip. What it shows as spent is not asked for.
    """
    found: dict[OutputRef, OutputStatus] = {}
    for ref in refs:
        spender = index.spender(ref)
        if spender is not None or ref.index > _GREATEST_INDEX:
            found[ref] = Spent(spender)
    found |= _unspent(client, [ref for ref in refs if ref not in found])
    absent = [ref for ref in refs if ref not in found]
    if absent:
        # A transaction may go from the mempool into a block between two questions. So outputs are
        # asked for once more after the mempool was seen without it.
        makers = list(dict.fromkeys(ref.transaction_id.hex() for ref in absent))
        asked = makers[:MOST_MAKERS]
        take_question()
        waiting = find_waiting(client, asked)
        found |= {ref: _WAITS for ref in absent if ref.transaction_id.hex() in waiting}
        found |= {ref: NOT_ASKED for ref in absent if ref.transaction_id.hex() not in asked}
        found |= _unspent(client, [ref for ref in absent if ref not in found])
    return {ref: found[ref] if ref in found else Spent(index.spender(ref)) for ref in refs}


def take_question() -> None:
    """Take one question out of the allowance, if there is one. Raises :class:`AllowanceSpent`."""
    allowance = current_allowance()
    if allowance is not None:
        allowance.take()


def _unspent(client: Client, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
    """Return the outputs among these that are in the UTxO set."""
    if not refs:
        return {}
    asked = frozenset(refs)

    def read(result: Any) -> Mapping[OutputRef, OutputStatus]:
        found: dict[OutputRef, OutputStatus] = {}
        for row in rows(result, "outputs"):
            ref = read_ref(row)
            if ref not in asked or ref in found:
                raise Malformed("an output that was not asked for, or twice")
            found[ref] = read_status(row)
        return found

    take_question()
    shown = [{"transaction": {"id": ref.transaction_id.hex()}, "index": ref.index} for ref in refs]
    return client.ask("queryLedgerState/utxo", read, outputReferences=shown)
