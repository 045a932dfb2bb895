"""Transactions whose settlements were given up: rejected or expired."""

import threading

MAX_REMEMBERED = 10_000
"""Transactions that a process remembers of each network."""

_NEVER = float("-inf")


class GivenUp:
    """Their ids, and when the chain was asked for each; the oldest go first. For many threads."""

    def __init__(self) -> None:
        """Begin without any."""
        self._lock = threading.Lock()
        self._asked_at: dict[str, float] = {}

    def __len__(self) -> int:
        """Return their number."""
        return len(self._asked_at)

    def __contains__(self, transaction_id: str) -> bool:
        """Return True if the transaction is one of them."""
        return transaction_id in self._asked_at

    def add(self, transaction_id: str) -> None:
        """Remember the transaction, for which the chain was not asked yet."""
        with self._lock:
            self._keep(transaction_id, self._asked_at.get(transaction_id, _NEVER))

    def remove(self, transaction_id: str) -> None:
        """Forget the transaction: it landed."""
        with self._lock:
            self._asked_at.pop(transaction_id, None)

    def take_turn(self, transaction_id: str, now: float, pause: float) -> bool:
        """Return True once in ``pause`` seconds: to the caller that may ask the chain for it."""
        with self._lock:
            passed = now - self._asked_at.get(transaction_id, _NEVER)
            if 0 <= passed < pause:
                return False
            self._keep(transaction_id, now)
            return True

    def _keep(self, transaction_id: str, asked_at: float) -> None:
        self._asked_at.pop(transaction_id, None)
        self._asked_at[transaction_id] = asked_at
        if len(self._asked_at) > MAX_REMEMBERED:
            del self._asked_at[next(iter(self._asked_at))]
