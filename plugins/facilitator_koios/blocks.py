"""Following the chain by an API that many machines answer, which may disagree.

A machine that lags, or that is on another fork, answers like any other. So a block is gone only
when several answers in a row have the same other block in its place, none of them from a machine
that is behind.
"""

import math
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import (
    Block,
    InBlock,
    NotFound,
    Point,
    PointNotFound,
    ProviderBehind,
    ProviderUnusable,
    Tip,
    TransactionStatus,
)
from facilitator.x402.networks import cardano_network
from facilitator_koios.batches import batches
from facilitator_koios.client import Client
from facilitator_koios.consumed import read_consumed
from facilitator_koios.fields import Malformed, Row, digest, optional, rows, whole

BATCH = 20
"""Blocks that one call reads."""
QUESTIONS = 3
"""Answers that must agree before a block is gone; machines that are asked before none has it."""
BETWEEN_SECONDS = 0.5
"""Seconds between such questions: another machine may answer, or the same one have caught up."""

MAX_SPENDERS = 50_000
"""Spent outputs whose spenders are remembered; the oldest go first."""

WITNESS_SECONDS = 120.0
"""Seconds for which a transaction counts as one of the newest blocks."""

_COLUMNS = "hash,abs_slot,block_height,parent_hash,tx_count"
_STATUS_COLUMNS = "tx_hash,block_hash,block_height,absolute_slot"
_MAX_ROWS = 1000
_MOST_TRANSACTIONS = 20_000
"""More than any blocks of one question hold."""
_RECENT = 100
_EXAMINED = 5
_INCOMPLETE = "Koios has a new block, but not yet its transactions"


class _Witness(NamedTuple):
    transaction_id: str | None
    """``None`` if there was no transaction in the newest blocks."""
    seen_at: float
    """Monotonic seconds."""


_NO_WITNESS = _Witness(None, -math.inf)
_ANY_ID = "0" * 64
"""As long as the id for which a question has to leave room."""


class Blocks:
    """The chain of a network as its Koios shows it. For use by many threads at once."""

    def __init__(self, client: Client, network: str) -> None:
        """Know nothing yet of the network."""
        self._client = client
        self._network = cardano_network(network)
        self._lock = threading.Lock()
        self._highest = 0
        """The height of the highest block that was seen to follow another one."""
        self._witness = _NO_WITNESS
        """A transaction in one of the newest blocks: a machine that lacks it is behind."""
        self._spenders: dict[OutputRef, str] = {}
        """The spenders of outputs by the blocks that were read, which Koios does not say."""

    def tip(self) -> Tip:
        """Return the newest block. Raises :class:`ChainUnavailable`.

        The name of a server may lead to another network's while the facilitator runs, which the
        block's slot and time show.
        """
        found = rows(self._client.get("/tip"), "tip")
        if not found:
            raise ProviderBehind("Koios has no block yet")
        slot, time_of_slot = whole(found[0], "abs_slot"), optional(whole, found[0], "block_time")
        if time_of_slot is not None and not self._network.begins_slot_at(slot, time_of_slot):
            public = f"its newest block is of another network than {self._network.id}"
            raise ProviderUnusable(f"{public}: look at koios.base_url", public)
        return Tip(_point(found[0]), whole(found[0], "block_height"))

    def after(self, point: Point) -> Sequence[Block]:
        """Return up to :data:`BATCH` blocks that follow the point, oldest first.

        Raises :class:`PointNotFound`, and :class:`ChainUnavailable` when the first of them cannot
        be read.
        """
        found = list(_linked(self._from(point)))
        following = found[1:]
        blocks: Sequence[Block] = ()
        for tried in range(QUESTIONS):
            if tried:
                self._client.wait(BETWEEN_SECONDS)
            blocks = self._read(following)
            if blocks or not following:
                break
        else:
            raise ProviderBehind(_INCOMPLETE)
        if blocks:
            self._highest = max(self._highest, blocks[-1].height)
            ids = [each for block in blocks for each in block.transactions]
            if ids:
                self._witness = _Witness(ids[-1], time.monotonic())
        return blocks

    def status(self, transaction_id: str) -> TransactionStatus:
        """Return the status of a transaction. Raises :class:`ChainUnavailable`."""
        return self.statuses([transaction_id])[transaction_id]

    def statuses(self, transaction_ids: Collection[str]) -> Mapping[str, TransactionStatus]:
        """Return the status of each transaction. Raises :class:`ChainUnavailable`."""
        found: dict[str, TransactionStatus] = {}
        parts = batches(self._client, "_tx_hashes", list(transaction_ids), _witness=_ANY_ID)
        for part, _ in parts:
            found |= self._statuses(part)
        return found

    def _statuses(self, transaction_ids: Sequence[str]) -> Mapping[str, TransactionStatus]:
        """Return the statuses by one answer, which also has a recent transaction if one is absent.

        Without that, the machine that answered lacks the newest blocks, and says nothing.
        """
        for tried in range(QUESTIONS):
            if tried:
                self._client.wait(BETWEEN_SECONDS)
            witness = self._known_witness()
            asked = list(dict.fromkeys([*transaction_ids, *([witness] if witness else [])]))
            question = {"_tx_hashes": asked}
            answer = self._client.ask("/tx_cbor", question, select=_STATUS_COLUMNS)
            found = {
                digest(row, "tx_hash"): read_place(row) for row in rows(answer, "transactions")
            }
            if witness is None or witness in found or found.keys() >= {*transaction_ids}:
                return {each: found.get(each, NotFound()) for each in transaction_ids}
        self._witness = _NO_WITNESS  # its own block may be gone
        raise ProviderBehind("Koios lags: the machines that answer lack the newest blocks")

    def spender(self, ref: OutputRef) -> str | None:
        """Return the transaction that spent the output in a block that was read, if any did."""
        return self._spenders.get(ref)

    def recent_transactions(self) -> Sequence[Row]:
        """Return transactions with CBOR of the oldest few among the newest hundred blocks.

        Every machine has indexed those. Raises :class:`ChainUnavailable`.
        """
        full = [row for row in self._recent("asc") if whole(row, "tx_count")]
        by_block = self._transactions(full[:_EXAMINED])
        return [row for own in by_block.values() for row in own]

    def _known_witness(self) -> str | None:
        """Return a transaction that was in one of the newest blocks not long ago, if any was."""
        if time.monotonic() - self._witness.seen_at > WITNESS_SECONDS:
            self._witness = _Witness(self._find_witness(), time.monotonic())
        return self._witness.transaction_id

    def _find_witness(self) -> str | None:
        """Return a transaction of the newest block that has any; ``None`` if none has."""
        found = self._recent("desc")
        if not found:
            raise ProviderBehind("Koios lags: the machine that answers has no recent block")
        for row in found:
            if whole(row, "tx_count"):
                question = {"_block_hashes": [digest(row, "hash")]}
                ids = rows(self._client.ask("/block_tx_cbor", question, select="tx_hash"), "ids")
                if not ids:
                    raise ProviderBehind(_INCOMPLETE)
                return digest(ids[-1], "tx_hash")
        return None

    def _recent(self, order: str) -> Sequence[Row]:
        """Return the newest hundred blocks.

        Without that bound the database would sort all blocks that there are.
        """
        since = max(0, self.tip().height - _RECENT)
        found = self._client.get(
            "/blocks",
            block_height=f"gte.{since}",
            order=f"block_height.{order}",
            limit=_RECENT + 1,
            select=_COLUMNS,
        )
        return rows(found, "blocks")

    def _from(self, point: Point) -> Sequence[Row]:
        """Return the rows of the point's own block and of those after it."""
        others: list[str | None] = []
        for tried in range(QUESTIONS):
            if tried:
                self._client.wait(BETWEEN_SECONDS)
            found = rows(
                self._client.get(
                    "/blocks",
                    abs_slot=f"gte.{point.slot}",
                    order="abs_slot.asc",
                    limit=BATCH + 1,
                    select=_COLUMNS,
                ),
                "blocks",
            )
            if found and digest(found[0], "hash") == point.block:
                return found
            others.append(self._in_place(found))
        if others[0] is None or set(others) != {others[0]}:
            raise ProviderBehind(
                f"Koios lags, or its machines disagree: not all have a block at slot {point.slot}"
            )
        self._highest, self._witness = 0, _NO_WITNESS
        with self._lock:
            self._spenders.clear()
        raise PointNotFound(f"block {point.block} at slot {point.slot} is not there")

    def _in_place(self, found: Sequence[Row]) -> str | None:
        """Return the first block; ``None`` if the machine has fewer blocks than were seen."""
        if not found or whole(found[-1], "block_height") < self._highest:
            return None
        return digest(found[0], "hash")

    def _read(self, found: Sequence[Row]) -> Sequence[Block]:
        """Return the blocks up to the first whose transactions are not there."""
        transactions = self._transactions([row for row in found if whole(row, "tx_count")])
        blocks: list[Block] = []
        for row in found:
            point, count = _point(row), whole(row, "tx_count")
            own = transactions.get(point.block, [])
            if len(own) > count or len({digest(each, "tx_hash") for each in own}) != len(own):
                raise Malformed(f"a block of {count} transactions with others")
            if len(own) < count:
                break
            ids = tuple(digest(each, "tx_hash") for each in own)
            spent = dict(read_consumed(self._client, own))
            self._keep(spent)
            parent, height = digest(row, "parent_hash"), whole(row, "block_height")
            blocks.append(Block(point, height, parent, ids, frozenset(spent)))
        return blocks

    def _keep(self, spent: Mapping[OutputRef, str]) -> None:
        with self._lock:
            self._spenders |= spent
            while len(self._spenders) > MAX_SPENDERS:
                del self._spenders[next(iter(self._spenders))]

    def _transactions(self, blocks: Sequence[Row]) -> Mapping[str, list[Row]]:
        """Return the rows of the blocks' transactions by block, in order."""
        counts = {digest(row, "hash"): whole(row, "tx_count") for row in blocks}
        found: dict[str, list[Row]] = {block: [] for block in counts}
        for part, question in batches(self._client, "_block_hashes", [*counts]):
            expected = sum(counts[block] for block in part)
            for offset in range(0, min(expected, _MOST_TRANSACTIONS), _MAX_ROWS):
                more = {"offset": offset} if offset else {}
                answer = rows(self._client.ask("/block_tx_cbor", question, **more), "transactions")
                for row in answer:
                    if (block := digest(row, "block_hash")) not in part:
                        raise Malformed("a transaction of another block")
                    found[block].append(row)
                if len(answer) < _MAX_ROWS:
                    break
        return found


def _linked(found: Sequence[Row]) -> Iterator[Row]:
    """Yield the rows while each block follows the one before."""
    for number, row in enumerate(found):
        if number:
            before = found[number - 1]
            is_next = whole(row, "block_height") == whole(before, "block_height") + 1
            if not is_next or digest(row, "parent_hash") != digest(before, "hash"):
                return
        yield row


def _point(row: Row) -> Point:
    return Point(whole(row, "abs_slot"), digest(row, "hash"))


def read_place(row: Row) -> InBlock:
    """Return the block in which a row has its transaction. Raises :class:`Malformed`."""
    point = Point(whole(row, "absolute_slot"), digest(row, "block_hash"))
    return InBlock(point, whole(row, "block_height"))
