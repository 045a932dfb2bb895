"""The outputs that transactions took out of the UTxO set, by their CBOR."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import cbor2

from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import ProviderBehind
from facilitator_koios.batches import batches
from facilitator_koios.client import Client
from facilitator_koios.fields import Row, digest, flag, rows
from facilitator_koios.values import read_ref

_INPUTS, _COLLATERAL, _SUB_TRANSACTIONS = 0, 13, 23
_PARTS_OF_DIJKSTRA = 3

_log = logging.getLogger(__name__)


def read_consumed(client: Client, transactions: Sequence[Row]) -> Iterator[tuple[OutputRef, str]]:
    """Yield what each transaction consumed, its inputs or its collateral, with its id.

    Further calls read it where the CBOR is missing or unreadable, since no transaction on the chain
    may stop the follower. Raises :class:`ChainUnavailable`.
    """
    unread: list[str] = []
    for row in transactions:
        transaction_id = digest(row, "tx_hash")
        try:
            refs = _by_cbor(row)
        except Exception:  # cbor2 raises more than it says of itself
            _log.debug("the CBOR of %s cannot be read", transaction_id)
            unread.append(transaction_id)
        else:
            yield from ((ref, transaction_id) for ref in refs)
    for part, question in batches(client, "_tx_hashes", unread, _inputs=True):
        found = rows(client.ask("/tx_info", question), "transactions")
        if {digest(row, "tx_hash") for row in found} != set(part):
            raise ProviderBehind("Koios has a new block, but not yet its transactions")
        for row in found:
            name = "inputs" if flag(row, "valid_contract") else "collateral_inputs"
            yield from (
                (read_ref(each), digest(row, "tx_hash")) for each in rows(row.get(name), name)
            )


def _by_cbor(row: Row) -> Sequence[OutputRef]:
    parts = cbor2.loads(bytes.fromhex(row["cbor"]))
    body = parts[0]
    if len(parts) == _PARTS_OF_DIJKSTRA:
        # Its block says whether its scripts succeeded.
        is_valid = not body.get(_COLLATERAL) or flag(row, "valid_contract")
    else:
        _, _, is_valid, _ = parts
    if not is_valid:
        return _refs(body[_COLLATERAL])
    subs = _items(body.get(_SUB_TRANSACTIONS, ()))
    return _refs(
        [*_items(body[_INPUTS]), *(each for sub in subs for each in _items(sub[0][_INPUTS]))]
    )


def _items(tagged: Any) -> Sequence[Any]:
    """Return the items of a list that may be tagged as a set."""
    items: Sequence[Any] = tagged.value if isinstance(tagged, cbor2.CBORTag) else tagged
    return items


def _refs(inputs: Any) -> Sequence[OutputRef]:
    refs = [OutputRef(output_id, index) for output_id, index in _items(inputs)]
    if not all(type(ref.transaction_id) is bytes and type(ref.index) is int for ref in refs):
        raise ValueError("an input is no reference")
    return refs
