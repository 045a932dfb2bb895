"""Look-up of outputs at Koios: one question for all of a payment's, as far as a body may hold them.

Many machines answer for Koios. One that lags has no row for an output, and has one for an output
that is spent meanwhile. So a missing row says nothing.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.dijkstra.any_era import decode_from_chain
from facilitator.cardano.transaction import Output, OutputRef, Transaction
from facilitator.plugin import (
    NOT_ASKED,
    AllowanceSpent,
    OutputStatus,
    Spent,
    Unknown,
    Unspent,
    current_allowance,
)
from facilitator_koios.batches import batches
from facilitator_koios.client import Client
from facilitator_koios.fields import Malformed, Row, digest, flag, raw_bytes, rows
from facilitator_koios.values import read_output, read_ref

NOT_INDEXED = Unknown("no output of that reference is known to Koios, or not yet")
_NO_SCRIPT = Unknown("Koios does not have the transaction that made its script, or not yet")
_GREATEST_INDEX = 32_767
"""The greatest index that Koios can be asked for. No transaction makes so many outputs."""
_AT_ADDRESS = 100


class SaysNothingOfSpends(Malformed):
    """The answer lacks what would say that the output is spent. That is no sign that it is not."""


def read_statuses(client: Client, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
    """Return the status of each output asked for. Raises :class:`ChainUnavailable`."""
    found: dict[OutputRef, OutputStatus] = {
        ref: NOT_INDEXED for ref in refs if ref.index > _GREATEST_INDEX
    }
    allowance = current_allowance()
    names = {_name(ref): ref for ref in refs if ref not in found}
    asked = False
    for part, question in batches(client, "_utxo_refs", [*names], _extended=True):
        if allowance is not None and asked and not allowance.goes_on(found):
            break
        try:
            take_question()
            found |= _ask(client, question, {names[name] for name in part})
        except AllowanceSpent:
            if not asked:
                raise
            break
        asked = True
    return {ref: found.get(ref, NOT_ASKED) for ref in refs}


def read_outputs_at(client: Client, address: bytes) -> Mapping[OutputRef, Output]:
    """Return the newest hundred unspent outputs at the address, without those with a script.

    Raises :class:`ChainUnavailable`.
    """
    question = {"_addresses": [format_address(address)], "_extended": True}
    found = client.ask("/address_utxos", question, order="block_height.desc", limit=_AT_ADDRESS)
    return {
        read_ref(row): read_output(row)
        for row in rows(found, "outputs")
        if not _is_spent(row) and row.get("reference_script") is None
    }


def take_question() -> None:
    """Take one question out of the allowance, if there is one. Raises :class:`AllowanceSpent`."""
    allowance = current_allowance()
    if allowance is not None:
        allowance.take()


def _name(ref: OutputRef) -> str:
    return f"{ref.transaction_id.hex()}#{ref.index}"


def _ask(
    client: Client, question: Mapping[str, object], refs: Collection[OutputRef]
) -> Mapping[OutputRef, OutputStatus]:
    found: dict[OutputRef, OutputStatus] = dict.fromkeys(refs, NOT_INDEXED)
    with_script: dict[OutputRef, Output] = {}
    for row in rows(client.ask("/utxo_info", question), "outputs"):
        ref = read_ref(row)
        if found.get(ref) != NOT_INDEXED or ref in with_script:
            raise Malformed("an output that was not asked for, or twice")
        if _is_spent(row):
            found[ref] = Spent()
            continue
        output = read_output(row)
        if row["reference_script"] is None:
            found[ref] = Unspent(output)
        else:
            with_script[ref] = output
    if with_script:
        found |= _with_scripts(client, with_script)
    return found


def _is_spent(row: Row) -> bool:
    if row.get("is_spent") is None:
        raise SaysNothingOfSpends("an output without is_spent")
    return flag(row, "is_spent")


def _with_scripts(
    client: Client, outputs: Mapping[OutputRef, Output]
) -> Mapping[OutputRef, OutputStatus]:
    """Return the outputs from their transactions, which alone have the scripts' original bytes."""
    made = _transactions(client, {ref.transaction_id.hex() for ref in outputs})
    found: dict[OutputRef, OutputStatus] = {}
    for ref, output in outputs.items():
        transaction = made.get(ref.transaction_id.hex())
        found[ref] = _NO_SCRIPT if transaction is None else _compared(ref, output, transaction)
    return found


def _transactions(client: Client, ids: Iterable[str]) -> Mapping[str, Transaction]:
    """Return those of the transactions that Koios has and that can be decoded here, by id."""
    found = {}
    for _, question in batches(client, "_tx_hashes", sorted(ids)):
        take_question()
        for row in rows(client.ask("/tx_cbor", question, select="tx_hash,cbor"), "transactions"):
            if row.get("cbor") is None:
                continue
            try:
                transaction = decode_from_chain(raw_bytes(row, "cbor"))
            except DecodeError:
                continue
            if transaction.id.hex() != digest(row, "tx_hash"):
                raise Malformed("a transaction of another id")
            found[transaction.id.hex()] = transaction
    return found


def _compared(ref: OutputRef, output: Output, transaction: Transaction) -> OutputStatus:
    body = transaction.body
    outputs = [*body.outputs, *([body.collateral_return] if body.collateral_return else [])]
    if ref.index >= len(outputs):
        raise Malformed(f"the transaction has no output {ref.index}")
    made = outputs[ref.index]
    if replace(output, script=made.script) != replace(made, size=0, value_size=0, script_size=0):
        raise Malformed(f"the output {ref} differs from that in its transaction")
    return Unspent(made)
