"""The lead among a seller's processes: of a fleet, one makes claims at a time.

Two that do so at once lose no money, since each channel is spent once. They would refuse each
other's transactions, and want the same outputs of the wallet. So who leads is written beside the
records. Clocks of different machines are not compared: another process takes over once the entry
has stood unchanged for long enough by its own clock.
"""

import time
import uuid
from collections.abc import Callable

from facilitator_channels.seller.store import ChannelStore

LEASE_SECONDS = 60.0
"""Seconds for which the entry must stand unchanged before another process leads."""


class Lead:
    """The lead for one network, as far as this process has it. For one thread at a time."""

    def __init__(
        self, store: ChannelStore, network: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Lead nothing yet. ``monotonic`` returns seconds that only pass."""
        self._store = store
        self._key = f"lead {network}"
        self._me = uuid.uuid4().hex
        self._monotonic = monotonic
        self._turn = 0
        self._seen: bytes | None = None
        self._since = monotonic()

    def take(self) -> bool:
        """Take or keep the lead; return False while another process has it.

        Call it more often than once in :data:`LEASE_SECONDS`. Raises
        :class:`~facilitator_channels.seller.store.StoreUnavailable`.
        """
        found, now = self._store.read(self._key), self._monotonic()
        if found != self._seen:
            self._seen, self._since = found, now
        if found is not None and not self._is_mine(found) and now - self._since < LEASE_SECONDS:
            return False
        self._turn += 1
        mine = f"lead {self._me} {self._turn}".encode()
        if not self._store.replace(self._key, found, mine, durable=False):
            return False
        self._seen, self._since = mine, now
        return True

    def give_up(self) -> None:
        """Let another process lead at once. Raises ``StoreUnavailable``."""
        found = self._store.read(self._key)
        if found is not None and self._is_mine(found):
            self._store.replace(self._key, found, None, durable=False)

    def _is_mine(self, entry: bytes) -> bool:
        return entry.split()[1:2] == [self._me.encode()]
