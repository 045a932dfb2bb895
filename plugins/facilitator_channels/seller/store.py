"""The store of channels' records, and the one way in which a record changes."""

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from facilitator_channels.seller.record import ChannelRecord
from facilitator_channels.seller.record_json import decode_record, encode_record

T = TypeVar("T")

_TRIES = 200
_JSON = b"{"
"""The beginning of each record. Another entry says who leads, see :mod:`.lead`."""


class StoreUnavailable(Exception):
    """The store cannot be used now, or has not said whether a change was made."""


class ChannelStore(Protocol):
    """Records by channel id, as bytes. All methods raise :class:`StoreUnavailable`.

    Any number of threads and processes may use it at once.
    """

    def read(self, channel_id: str) -> bytes | None:
        """Return the newest record; ``None`` if there is none."""
        ...

    def replace(
        self, channel_id: str, old: bytes | None, new: bytes | None, *, durable: bool
    ) -> bool:
        """Put ``new`` in the place of ``old``, if that is the record; return True if it was.

        ``None`` is no record. A ``durable`` change outlasts a loss of power once this has returned,
        with all that were made before it.
        """
        ...

    def scan(self) -> Iterator[bytes]:
        """Yield each record that is there all the time, once."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...


Change = Callable[[ChannelRecord | None], tuple[ChannelRecord | None, T]]
"""A step: returns the record after it, and its result. It may run more than once."""


class Records:
    """A store, whose records change by steps."""

    def __init__(self, store: ChannelStore) -> None:
        """Use the store."""
        self._store = store

    def read(self, channel_id: str) -> ChannelRecord | None:
        """Return the newest record. Raises :class:`StoreUnavailable`."""
        raw = self._store.read(channel_id)
        return None if raw is None else decode_record(raw)

    def __iter__(self) -> Iterator[ChannelRecord]:
        """Yield all records. Raises :class:`StoreUnavailable`."""
        return (decode_record(raw) for raw in self._store.scan() if raw.startswith(_JSON))

    def change(self, channel_id: str, step: Change[T], *, durable: bool = True) -> T:
        """Make a step in one atomic change; return its result.

        After a lost reply the step runs once more, on what is there then. Raises
        :class:`StoreUnavailable`, after which the change may have been made.
        """
        is_repeated = False
        for _ in range(_TRIES):
            try:
                is_made, result = self._try(channel_id, step, durable)
            except StoreUnavailable:
                if is_repeated:
                    raise
                is_repeated = True
                continue
            if is_made:
                return result
        raise StoreUnavailable(f"channel {channel_id} changes too often")

    def _try(self, channel_id: str, step: Change[T], durable: bool) -> tuple[bool, T]:
        old = self._store.read(channel_id)
        record, result = step(None if old is None else decode_record(old))
        new = None if record is None else encode_record(record)
        is_made = new == old or self._store.replace(channel_id, old, new, durable=durable)
        return is_made, result
