"""The state of one connection: its place on the chain, an acquired state and mempool."""

from collections.abc import Callable, Mapping
from typing import Any

from facilitator.plugin import Point, Tip
from facilitator_devnet.blockfrost.view import View
from facilitator_devnet.chain import Chain
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.ogmios import ledger_state, network, transactions
from facilitator_devnet.ogmios.shapes import ORIGIN, show_block, show_point, show_tip
from facilitator_devnet.ogmios.transactions import Params, RpcError

PARAMETERS = "queryLedgerState/protocolParameters"
REFERENCE_SCRIPTS = "maxReferenceScriptsSize"
"""A parameter with another name since version 7."""
WAIT_SECONDS = 0.2
"""Seconds after which a wait for a block looks if the connection is still there."""


class Session:
    """A connection's state, for the one thread that serves it."""

    def __init__(self, devnet: Devnet, version: str, is_open: Callable[[], bool]) -> None:
        """Begin at the origin; ``is_open`` ends a wait for a block."""
        self._version = version
        self._devnet = devnet
        self._is_open = is_open
        self._sent: list[str] = []
        """The hashes of the chain up to the client's block, the oldest first."""
        self._goes_back = False
        self._acquired: Point | None = None
        self._mempool: frozenset[str] | None = None
        self._methods: Mapping[str, Callable[[Params], Any]] = {
            "findIntersection": self._find_intersection,
            "nextBlock": self._next_block,
            "acquireLedgerState": self._acquire_state,
            "releaseLedgerState": self._release_state,
            "acquireMempool": self._acquire_mempool,
            "hasTransaction": self._has_transaction,
            "sizeOfMempool": self._size_of_mempool,
            "releaseMempool": self._release_mempool,
        }

    def answer(self, method: str, params: Params, stale_blocks: int = 0) -> Any:
        """Return the result. Raises :class:`RpcError`.

        Queries of outputs are answered from the chain of so many blocks ago.
        """
        if (own := self._methods.get(method)) is not None:
            return own(params)
        if (query := ledger_state.QUERIES.get(method)) is not None:
            with self._devnet.chain() as chain:
                return query(self._view(chain, stale_blocks), params)
        ask = TRANSACTIONS.get(method) or network.QUERIES.get(method)
        if ask is None:
            raise RpcError(-32_600, "Invalid request: unknown method in 'method'.")
        result = ask(self._devnet, params)
        if method == PARAMETERS and self._version.startswith("v7."):
            result[f"{REFERENCE_SCRIPTS}PerTransaction"] = result.pop(REFERENCE_SCRIPTS)
        return result

    # --- Chain synchronisation --------------------------------------------------------------------

    def _find_intersection(self, params: Params) -> Any:
        with self._devnet.chain() as chain:
            tip = _tip(chain)
            for point in params.get("points", []):
                if point == ORIGIN or _is_there(chain, point):
                    count = 0 if point == ORIGIN else chain.heights[point["id"]] + 1
                    self._sent = [each.block.point.block for each in chain.blocks[:count]]
                    self._goes_back = True
                    return {"intersection": point, "tip": tip}
        raise RpcError(1000, "No intersection found.", {"tip": tip})

    def _next_block(self, params: Params) -> Any:  # noqa: ARG002
        while self._is_open():
            with self._devnet.chain() as chain:
                event, newest = self._event(chain), chain.tip.point
            if event is not None:
                return event
            self._devnet.await_block(newest, WAIT_SECONDS)
        raise RpcError(-32_000, "the connection is closed")

    def _event(self, chain: Chain) -> Any:
        """Return the next change for the client; ``None`` if it is at the tip."""
        while self._sent and self._sent[-1] not in chain.heights:
            self._sent.pop()
            self._goes_back = True
        height = len(self._sent)
        if self._goes_back:
            self._goes_back = False
            point = show_point(chain.blocks[height - 1].block.point) if height else ORIGIN
            return {"direction": "backward", "point": point, "tip": _tip(chain)}
        if height == len(chain.blocks):
            return None
        made = chain.blocks[height]
        self._sent.append(made.block.point.block)
        shown = show_block(made, chain.schedule.at(made.block.point.slot))
        return {"direction": "forward", "block": shown, "tip": _tip(chain)}

    # --- Ledger state -----------------------------------------------------------------------------

    def _view(self, chain: Chain, stale_blocks: int) -> View:
        if self._acquired is None:
            return View(chain, max(0, chain.tip.height - stale_blocks))
        height = chain.heights.get(self._acquired.block)
        if height is None:
            raise RpcError(2003, "The acquired ledger state has expired.")
        return View(chain, height)

    def _acquire_state(self, params: Params) -> Any:
        point = params.get("point")
        with self._devnet.chain() as chain:
            if not isinstance(point, dict) or not _is_there(chain, point):
                raise RpcError(2000, "Failed to acquire the requested point.")
            self._acquired = chain.blocks[chain.heights[point["id"]]].block.point
        return {"acquired": "ledgerState", "point": point}

    def _release_state(self, params: Params) -> Any:  # noqa: ARG002
        self._acquired = None
        return {"released": "ledgerState"}

    # --- Mempool ----------------------------------------------------------------------------------

    def _acquire_mempool(self, params: Params) -> Any:  # noqa: ARG002
        """Acquire the mempool; while one is acquired, wait until it has changed."""
        before = self._mempool
        while True:
            with self._devnet.chain() as chain:
                waiting, slot = frozenset(chain.waiting), chain.tip.point.slot
                newest = chain.tip.point
            if waiting != before or not self._is_open():
                self._mempool = waiting
                return {"acquired": "mempool", "slot": slot}
            self._devnet.await_block(newest, WAIT_SECONDS)

    def _has_transaction(self, params: Params) -> Any:
        return params.get("id") in self._acquired_mempool()

    def _size_of_mempool(self, params: Params) -> Any:  # noqa: ARG002
        waiting = len(self._acquired_mempool())
        size = {"bytes": 0}
        return {"maxCapacity": size, "currentSize": size, "transactions": {"count": waiting}}

    def _release_mempool(self, params: Params) -> Any:  # noqa: ARG002
        self._acquired_mempool()
        self._mempool = None
        return {"released": "mempool"}

    def _acquired_mempool(self) -> frozenset[str]:
        if self._mempool is None:
            raise RpcError(4000, "No mempool is acquired.")
        return self._mempool


def _tip(chain: Chain) -> dict[str, Any]:
    return show_tip(Tip(chain.tip.point, chain.tip.height))


def _is_there(chain: Chain, point: Mapping[str, Any]) -> bool:
    height = chain.heights.get(point.get("id", ""))
    return height is not None and chain.blocks[height].block.point.slot == point.get("slot")


TRANSACTIONS: Mapping[str, Callable[[Devnet, Params], Any]] = {
    "submitTransaction": transactions.submit,
    "evaluateTransaction": transactions.evaluate,
}
METHODS = (
    "findIntersection",
    "nextBlock",
    *TRANSACTIONS,
    "acquireLedgerState",
    "releaseLedgerState",
    *ledger_state.QUERIES,
    *network.QUERIES,
    "acquireMempool",
    "hasTransaction",
    "sizeOfMempool",
    "releaseMempool",
)
"""The methods that are answered."""
