"""The requests that each client has wasted: they were for payments that are not valid."""

MAX_CLIENTS = 10_000
"""Clients remembered; the one that wasted nothing for longest goes first."""


class WastedRequests:
    """Numbers by client, which fall with time. Its user has a lock."""

    def __init__(self, fall: float) -> None:
        """Have each number fall by ``fall`` a second."""
        self._fall = fall
        self._numbers: dict[str, tuple[float, float]] = {}

    def of(self, client: str, now: float) -> float:
        """Return the client's number; ``now`` is in seconds."""
        number, since = self._numbers.get(client, (0.0, now))
        return max(0.0, number - self._fall * max(0.0, now - since))

    def add(self, client: str, now: float) -> None:
        """Add a request to the client's number."""
        number = self.of(client, now) + 1
        self._numbers.pop(client, None)  # so that the newest stand last
        self._numbers[client] = number, now
        if len(self._numbers) > MAX_CLIENTS:
            del self._numbers[next(iter(self._numbers))]

    def clear(self) -> None:
        """Forget all clients."""
        self._numbers.clear()
