"""Look-up of outputs at Blockfrost, in as few calls as possible.

``/txs/{hash}/utxos`` has every output of a transaction and the transaction that spent it. A 404
does not distinguish a transaction that never was from one that is not indexed yet. The list of an
address decides nothing: it may lag behind, and then shows as unspent what is not.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.dijkstra.any_era import decode_from_chain
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.plugin import (
    NOT_ASKED,
    Allowance,
    AllowanceLate,
    AllowanceUsedUp,
    OutputStatus,
    Spent,
    Unknown,
    Unspent,
    current_allowance,
)
from facilitator_blockfrost.client import Client, Missing
from facilitator_blockfrost.fields import (
    Malformed,
    digest,
    flag,
    optional,
    raw_bytes,
    rows,
    table,
    whole,
)
from facilitator_blockfrost.helper_threads import HelperThreads
from facilitator_blockfrost.transactions import read_transaction, scripts_succeeded
from facilitator_blockfrost.values import read_output

_PARALLEL = 8
_GREATEST_INDEX = 65_535
"""The greatest index that the ledger can name."""

_NOT_SHOWN = Unknown("Blockfrost does not show that output of its transaction, or its spender")
NOT_INDEXED = Unknown("no transaction of that id is known to Blockfrost, or not yet")


class SaysNothingOfSpends(Malformed):
    """The answer lacks what would say that the output is spent. That is no sign that it is not."""


class Outputs:
    """A look-up of outputs, for many threads at once."""

    def __init__(self, client: Client) -> None:
        """Look outputs up by ``client``, which asks the network's Blockfrost."""
        self._client = client
        self._threads = HelperThreads(_PARALLEL, "blockfrost")

    def statuses(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        """Return the status of each output asked for. Raises :class:`ChainUnavailable`."""
        wanted: dict[bytes, list[OutputRef]] = {}
        for ref in refs:
            wanted.setdefault(ref.transaction_id, []).append(ref)
        allowance = current_allowance()
        if allowance is None:
            return self._of_transactions([*wanted.values()])
        found = self._within(allowance, [*wanted.values()])
        return {ref: found.get(ref, NOT_ASKED) for ref in refs}

    def _within(
        self, allowance: Allowance, groups: Sequence[Collection[OutputRef]]
    ) -> Mapping[OutputRef, OutputStatus]:
        """Return the statuses of the first outputs, up to one that decides.

        First the output that counts most is asked for. Then come more and more at once. Those found
        in time are returned. Raises :class:`AllowanceLate` if there are none.
        """
        found: dict[OutputRef, OutputStatus] = {}
        width = 1
        while groups and allowance.left:
            width = min(width, allowance.left)
            part = self._of_transactions(groups[:width])
            found |= part
            if not allowance.goes_on(part):
                break
            groups, width = groups[width:], 2 * width
        if all(status is NOT_ASKED for status in found.values()):
            allowance.check_time()
        return found

    def at(self, address: bytes) -> Mapping[OutputRef, Output]:
        """Return the newest hundred unspent outputs at the address, without those with a script.

        Raises :class:`ChainUnavailable`.
        """
        return {
            ref: read_output(row)
            for ref, row in self._rows_at(address).items()
            if row.get("reference_script_hash") is None
        }

    def close(self) -> None:
        """End the threads."""
        self._threads.close()

    def _of_transactions(
        self, groups: Sequence[Collection[OutputRef]]
    ) -> Mapping[OutputRef, OutputStatus]:
        """Return the statuses of outputs of several transactions, asked for in parallel."""
        found: dict[OutputRef, OutputStatus] = {}
        for part in self._threads.map(self._of_transaction, groups):
            found.update(part)
        return found

    def _of_transaction(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        """Return the statuses of outputs of one transaction, as far as the allowance lasts."""
        found: dict[OutputRef, OutputStatus] = dict.fromkeys(refs, NOT_ASKED)
        try:
            self._add(found, refs)
        except (AllowanceUsedUp, AllowanceLate):
            return found
        return found

    def _add(self, found: dict[OutputRef, OutputStatus], refs: Collection[OutputRef]) -> None:
        """Replace in ``found`` the statuses of outputs of one transaction."""
        transaction_id = next(iter(refs)).transaction_id.hex()
        try:
            take_question()
            answer = read_transaction(self._client, "/txs/{hash}/utxos", transaction_id)
        except Missing:
            found.update(dict.fromkeys(refs, NOT_INDEXED))
            return
        made = self._made(transaction_id, rows(answer.get("outputs"), "outputs"))
        for ref in refs:
            found[ref] = self._status(ref, made)

    def _made(
        self, transaction_id: str, outputs: Sequence[Mapping[str, Any]]
    ) -> Mapping[int, Mapping[str, Any] | None]:
        """Return by index the outputs that the transaction made; ``None`` where unknown.

        Outputs with ``collateral`` are made only when the transaction's scripts fail; the others
        are then not made. The spender of a collateral output is unknown, unless Blockfrost lists
        that output a second time without ``collateral``.
        """
        listed = [row for row in outputs if not flag(row, "collateral")]
        made = {whole(row, "output_index"): row for row in listed}
        if len(made) < len(listed):
            raise Malformed("an output that is listed twice")
        returned = {whole(row, "output_index") for row in outputs if flag(row, "collateral")}
        # Outputs are numbered without gaps: one between others was made, listed or not.
        last = max(made, default=-1)
        if last > _GREATEST_INDEX:
            raise Malformed("an output with an index that cannot be")
        whole_list = {index: made.get(index) for index in range(last + 1)}
        if not returned:
            return whole_list
        take_question()
        if scripts_succeeded(self._client, transaction_id):
            return whole_list
        return {index: made.get(index) for index in returned}

    def _status(self, ref: OutputRef, made: Mapping[int, Mapping[str, Any] | None]) -> OutputStatus:
        if not made:
            return _NOT_SHOWN
        if ref.index not in made:
            return Spent()
        row = made[ref.index]
        if row is None:
            return _NOT_SHOWN
        if "consumed_by_tx" not in row:
            raise SaysNothingOfSpends("an output without consumed_by_tx")
        spender = optional(digest, row, "consumed_by_tx")
        return Spent(spender) if spender is not None else self._unspent(ref, row)

    def _unspent(self, ref: OutputRef, row: Mapping[str, Any]) -> OutputStatus:
        output = read_output(row)
        if "reference_script_hash" not in row:
            raise Malformed("an output without reference_script_hash")
        if row["reference_script_hash"] is None:
            return Unspent(output)
        return self._with_script(ref, output)

    def _with_script(self, ref: OutputRef, output: Output) -> OutputStatus:
        """Return the output from its transaction, which alone has the script's original bytes."""
        take_question()
        try:
            answer = table(
                self._client.get("/txs/{hash}/cbor", hash=ref.transaction_id.hex()), "cbor"
            )
        except Missing:
            return NOT_INDEXED
        try:
            transaction = decode_from_chain(raw_bytes(answer, "cbor"))
        except DecodeError as error:
            return Unknown(f"its transaction cannot be decoded: {error}")
        if transaction.id != ref.transaction_id:
            raise Malformed("the bytes of another transaction than the one asked for")
        body = transaction.body
        outputs = [*body.outputs, *([body.collateral_return] if body.collateral_return else [])]
        if ref.index >= len(outputs):
            raise Malformed(f"the transaction has no output {ref.index}")
        made = outputs[ref.index]
        if replace(output, script=made.script) != replace(
            made, size=0, value_size=0, script_size=0
        ):
            raise Malformed(f"the output {ref} differs from that in its transaction")
        return Unspent(made)

    def _rows_at(self, address: bytes) -> Mapping[OutputRef, Mapping[str, Any]]:
        """Return the newest unspent outputs at the address."""
        try:
            answer = self._client.get(
                "/addresses/{address}/utxos?count=100&order=desc", address=format_address(address)
            )
        except Missing:  # the address has never held an output
            return {}
        return {
            OutputRef(raw_bytes(row, "tx_hash", 32), whole(row, "output_index")): row
            for row in rows(answer, "utxos")
        }


def take_question() -> None:
    """Take one question out of the allowance, if there is one. Raises :class:`AllowanceSpent`."""
    allowance = current_allowance()
    if allowance is not None:
        allowance.take()
