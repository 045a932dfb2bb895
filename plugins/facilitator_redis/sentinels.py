"""Sentinels that many threads may ask at once."""

import copy

from redis import Sentinel


class Sentinels(Sentinel):
    """The Sentinels of a service.

    redis-py moves the one that answers to the front of its list. Threads that do so at the same
    time can push another one out of the list, perhaps the only one that is up.
    """

    def discover_master(self, service_name: str) -> tuple[str, int]:
        """Return the address of the primary, and go on with a list that has all of them."""
        own = copy.copy(self)
        own.sentinels = list(self.sentinels)
        address: tuple[str, int] = super(Sentinels, own).discover_master(service_name)  # type: ignore[no-untyped-call]  # redis-py says no types
        self.sentinels = own.sentinels
        return address
