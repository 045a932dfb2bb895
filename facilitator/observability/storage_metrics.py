"""A wrapper that measures the time of each operation of any storage."""

import time
from collections.abc import Callable
from typing import Any, cast

from facilitator.observability.metrics import STORAGE_FAILURES, STORAGE_SECONDS
from facilitator.roles.api_keys import StoresApiKeys
from facilitator.roles.metrics import NO_METER, Meter
from facilitator.roles.payment_ledger import KeepsOutbox, RecordsPayments
from facilitator.roles.sharing import AnnouncesEntries, SharesOutputs
from facilitator.roles.storage import HasServerTime, HoldsWithClaim, Storage

OPERATIONS = tuple(
    dict.fromkeys(
        name
        for role in (
            Storage,
            SharesOutputs,
            AnnouncesEntries,
            HasServerTime,
            HoldsWithClaim,
            RecordsPayments,
            KeepsOutbox,
            StoresApiKeys,
        )
        for base in reversed(role.__mro__)
        for name, member in vars(base).items()
        if callable(member) and not name.startswith("_")
    )
)
"""Names of all methods of a storage, the optional parts included."""


class _TimedStorage:
    """A storage with the same operations as another, so that it offers the same optional parts."""

    def __init__(self, storage: Storage, meter: Meter) -> None:
        self.is_shared = storage.is_shared
        self.is_durable = storage.is_durable
        for name in OPERATIONS:
            operation = getattr(storage, name, None)
            if operation is not None:
                setattr(self, name, _timed(operation, name, meter))
                meter.count(STORAGE_FAILURES, 0, operation=name)


def timed_storage(storage: Storage, meter: Meter) -> Storage:
    """Return the storage with its operations measured; without a meter, the same object."""
    return storage if meter is NO_METER else cast(Storage, _TimedStorage(storage, meter))


def _timed(operation: Callable[..., Any], name: str, meter: Meter) -> Callable[..., Any]:
    def run(*arguments: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return operation(*arguments, **named)
        except Exception:
            meter.count(STORAGE_FAILURES, operation=name)
            raise
        finally:
            meter.observe(STORAGE_SECONDS, time.perf_counter() - started, operation=name)

    return run
