"""Records in the memory of one process, for tests and trials: all is lost when it ends."""

import threading
from collections.abc import Iterator


class MemoryStore:
    """A :class:`~facilitator_channels.seller.store.ChannelStore` without a file."""

    def __init__(self) -> None:
        """Begin without records."""
        self._records: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def read(self, channel_id: str) -> bytes | None:
        """Return the newest record; ``None`` if there is none."""
        with self._lock:
            return self._records.get(channel_id)

    def replace(
        self,
        channel_id: str,
        old: bytes | None,
        new: bytes | None,
        *,
        durable: bool,  # noqa: ARG002 -- none is
    ) -> bool:
        """Put ``new`` in the place of ``old``, if that is the record; return True if it was."""
        with self._lock:
            if self._records.get(channel_id) != old:
                return False
            if new is None:
                self._records.pop(channel_id, None)
            else:
                self._records[channel_id] = new
            return True

    def scan(self) -> Iterator[bytes]:
        """Yield each record."""
        with self._lock:
            records = list(self._records.values())
        return iter(records)

    def close(self) -> None:
        """Close nothing: the records go with the process."""
