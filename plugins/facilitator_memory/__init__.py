"""Claims, reservations and idempotency keys in the memory of one process.

For tests and trials: all records of settlements end with the process.
"""

from facilitator.plugin import Storage, hookimpl
from facilitator_memory.storage import MemoryStorage


@hookimpl
def storage() -> Storage:
    """Return the one storage of this process."""
    return MemoryStorage()
