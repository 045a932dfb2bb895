"""Keeps claims, reservations and idempotency keys in the memory of one process.

For tests and trials: when the process ends, everything it knew of settlements is gone.
"""

from facilitator.plugin import Storage, hookimpl
from facilitator_memory.storage import MemoryStorage


@hookimpl
def storage() -> Storage:
    """Return the one storage of this process."""
    return MemoryStorage()
