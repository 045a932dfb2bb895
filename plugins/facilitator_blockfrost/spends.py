"""The self-test of what is shown as spent: without it, silence would look like unspent."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import Block, ChainUnavailable, ServerLacks, Spent, Unspent
from facilitator_blockfrost.client import Client, Missing
from facilitator_blockfrost.fields import Malformed, digest, rows, table, whole
from facilitator_blockfrost.outputs import Outputs, SaysNothingOfSpends
from facilitator_blockfrost.transactions import read_consumed

BLOCKS = 100
"""Blocks in which a transaction is looked for, oldest first: every machine has indexed those."""

_TRIED = 5
_TXS = "/blocks/{hash_or_number}/txs"
_NOT_RECORDED = (
    "have its database record who spends, in cardano-db-sync by the value consumed of the option"
    " tx_out, or use another one"
)
_LAGS = f"it lags behind its own blocks; if that lasts, {_NOT_RECORDED}"


class _Witness(NamedTuple):
    """An output that a followed block spent, and the hash of the block."""

    ref: OutputRef
    block: str


class SpendsCheck:
    """The check that an output that is known to be spent is shown so. For many threads at once."""

    def __init__(self, client: Client, outputs: Outputs) -> None:
        """Know nothing yet; the questions go by ``client`` and ``outputs``."""
        self._client = client
        self._outputs = outputs
        self._witness: _Witness | None = None
        """Kept until it was asked for."""
        self.has_passed = False

    def run(self) -> None:
        """Look for a transaction of a recent block, and for what it spent.

        A young chain may have none. Raises :class:`ServerLacks`, :class:`ChainUnavailable`.
        """
        for transaction_id in _recent_transactions(self._client):
            spent = read_consumed(self._client, transaction_id)
            if spent and self._shows(spent[0], _NOT_RECORDED):
                self.has_passed = True
                return

    def note(self, blocks: Sequence[Block]) -> None:
        """Keep an output that the blocks show as spent, if there is none to ask for yet."""
        if not self.has_passed and self._witness is None:
            found = (_Witness(ref, block.point.block) for block in blocks for ref in block.spent)
            self._witness = next(found, None)

    @property
    def has_question(self) -> bool:
        """True if :meth:`finish` would ask for an output."""
        return not self.has_passed and self._witness is not None

    def finish(self) -> None:
        """Ask for the output that blocks showed as spent, where no transaction was found before.

        Raises :class:`ServerLacks`, :class:`ChainUnavailable`.
        """
        witness = self._witness
        if self.has_passed or witness is None:
            return
        try:
            self.has_passed = self._shows(witness.ref, _LAGS)
        except ServerLacks:
            if self._has_block(witness.block):
                raise
            self._witness = None

    def _has_block(self, block: str) -> bool:
        """Return False if the block was rolled back."""
        try:
            self._client.get("/blocks/{hash_or_number}", hash_or_number=block)
        except Missing:
            return False
        return True

    def _shows(self, ref: OutputRef, why: str) -> bool:
        """Return True if it is shown as spent, False if Blockfrost does not have it."""
        try:
            status = self._outputs.statuses([ref])[ref]
        except SaysNothingOfSpends:
            raise ServerLacks(
                "it does not say of an output whether it is spent (no consumed_by_tx in"
                " /txs/{hash}/utxos): upgrade it, or use another one"
            ) from None
        if isinstance(status, Unspent):
            raise ServerLacks(
                f"it shows {ref} as unspent, which a transaction on the chain spent (consumed_by_tx"
                f" is null): {why}"
            )
        return isinstance(status, Spent)


def _recent_transactions(client: Client) -> Iterator[str]:
    """Yield the first transactions of a few recent blocks that have any."""
    tried = 0
    for row in _recent_blocks(client):
        if not whole(row, "tx_count"):
            continue
        try:
            ids = client.get(f"{_TXS}?count=1", hash_or_number=digest(row, "hash"))
        except Missing:
            raise ChainUnavailable(f"Blockfrost has a recent block, but not its {_TXS}") from None
        if not isinstance(ids, list) or not ids:
            raise Malformed("transactions of a block are no list, or none")
        yield digest({"id": ids[0]}, "id")
        tried += 1
        if tried == _TRIED:
            return


def _recent_blocks(client: Client) -> Sequence[Mapping[str, Any]]:
    height = whole(table(client.get("/blocks/latest"), "a block"), "height")
    path = "/blocks/{hash_or_number}/next?count={count}"
    try:
        found = client.get(path, hash_or_number=max(0, height - BLOCKS), count=BLOCKS)
    except Missing:
        return []
    return rows(found, "blocks")
