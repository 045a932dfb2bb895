"""Spenders of outputs, by what Blockfrost says of both transactions.

Each is one question to ``/txs/{hash}/utxos``. A third is asked only where the answer does not show
whether the spender's scripts failed, and one more where an output has a reference script.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.dijkstra.any_era import decode_from_chain
from facilitator.cardano.effects import produced_by
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.plugin import OutputStatus, Spender, Spent, SpentBy, Unknown
from facilitator_blockfrost.client import Client, Missing
from facilitator_blockfrost.fields import flag, raw_bytes, rows, table, whole
from facilitator_blockfrost.outputs import take_question
from facilitator_blockfrost.transactions import read_ref, read_transaction, scripts_succeeded
from facilitator_blockfrost.values import read_output

_NEVER_MADE = Unknown("its transaction did not make an output of that index")
_NOT_INDEXED = Unknown("Blockfrost names a spender that it does not have, or not yet")
_DISAGREES = Unknown("Blockfrost names a spender that did not spend it: its chain just changed")


def find_spender(client: Client, ref: OutputRef, status: OutputStatus) -> Spender:
    """Return who spent the output of that status. Raises :class:`ChainUnavailable`."""
    if not isinstance(status, Spent):
        return status
    if status.by is None:
        return _NEVER_MADE
    try:
        take_question()
        answer = read_transaction(client, "/txs/{hash}/utxos", status.by)
    except Missing:
        return _NOT_INDEXED
    inputs = rows(answer.get("inputs"), "inputs")
    forfeits = _forfeits(client, ref, status.by, inputs)
    taken = tuple(
        read_ref(row)
        for row in inputs
        if not flag(row, "reference") and flag(row, "collateral") == forfeits
    )
    if ref not in taken:
        return _DISAGREES
    made = [
        row for row in rows(answer.get("outputs"), "outputs") if flag(row, "collateral") == forfeits
    ]
    outputs = _outputs(client, status.by, made, succeeded=not forfeits)
    if outputs is None:
        return Unknown("Blockfrost does not have the bytes of the spender, which has a script")
    return SpentBy(status.by, None, taken, outputs)


def _forfeits(
    client: Client, ref: OutputRef, spender: str, inputs: Sequence[Mapping[str, Any]]
) -> bool:
    """Return True if the spender took the output as collateral, since its scripts failed."""
    kinds = {
        flag(row, "collateral")
        for row in inputs
        if not flag(row, "reference") and read_ref(row) == ref
    }
    if len(kinds) == 1:
        return kinds.pop()
    take_question()
    return not scripts_succeeded(client, spender)


def _outputs(
    client: Client, transaction_id: str, made: Sequence[Mapping[str, Any]], *, succeeded: bool
) -> tuple[tuple[OutputRef, Output], ...] | None:
    """Return the outputs by index; ``None`` if the bytes of their scripts cannot be had."""
    if any(row.get("reference_script_hash") is not None for row in made):
        return _outputs_by_bytes(client, transaction_id, succeeded=succeeded)
    name = bytes.fromhex(transaction_id)
    found = {OutputRef(name, whole(row, "output_index")): read_output(row) for row in made}
    return tuple(sorted(found.items(), key=lambda item: item[0]))


def _outputs_by_bytes(
    client: Client, transaction_id: str, *, succeeded: bool
) -> tuple[tuple[OutputRef, Output], ...] | None:
    try:
        take_question()
        answer = table(client.get("/txs/{hash}/cbor", hash=transaction_id), "cbor")
        transaction = decode_from_chain(raw_bytes(answer, "cbor"))
    except (Missing, DecodeError):
        return None
    if transaction.id.hex() != transaction_id:
        return None
    return produced_by(transaction, succeeded=succeeded)
