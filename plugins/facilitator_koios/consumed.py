"""The outputs that transactions took out of the UTxO set, by their CBOR."""

import logging
from collections.abc import Iterator, Sequence

from facilitator.cardano.codec.consumed import read_consumed_refs
from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import ProviderBehind
from facilitator_koios.batches import batches
from facilitator_koios.client import Client
from facilitator_koios.fields import Malformed, Row, digest, flag, rows
from facilitator_koios.values import read_ref

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
            taken = rows(row.get(name), name)
            if not taken:
                raise Malformed("a transaction that took nothing")
            yield from ((read_ref(each), digest(row, "tx_hash")) for each in taken)


def _by_cbor(row: Row) -> Sequence[OutputRef]:
    raw = bytes.fromhex(row["cbor"])
    # Koios says of each transaction in a block whether its scripts succeeded.
    return read_consumed_refs(raw, lambda: flag(row, "valid_contract"))
