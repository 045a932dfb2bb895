"""Names that callers and payers choose, each bound to the transaction that has it.

A name holds until its transaction has definitely failed. Only a payment that is valid binds one,
and always within the name space of the owner of the name.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from facilitator.clock import Clock
from facilitator.roles.chain import ChainProvider, NotFound
from facilitator.roles.claim import Claim
from facilitator.roles.storage import Storage
from facilitator.settlement.responses import status_of


@dataclass(frozen=True, slots=True)
class Name:
    """A name, and what it is to be bound to."""

    key: str
    """Hash of the name and its name space: the name itself may be a caller's secret."""
    content: str
    """Text that must be the same for a repeat, without spaces; may be empty."""
    transaction_id: str
    network: str
    """Canonical id of the network that the transaction is on."""

    @property
    def value(self) -> str:
        """The stored form of the binding."""
        return f"{self.content} {self.transaction_id}"


@dataclass(frozen=True, slots=True)
class Holder:
    """The transaction that a name is bound to instead."""

    transaction_id: str
    status: str
    """Its state in the words of ``/status``."""


class Bindings:
    """Binds names in the storage.

    Every method raises :class:`~facilitator.roles.storage.StorageUnavailable`, and :meth:`holder`
    and :meth:`bind` raise :class:`~facilitator.roles.chain_errors.ChainUnavailable` too.
    """

    def __init__(
        self,
        storage: Storage,
        providers: Mapping[str, ChainProvider],
        clock: Clock,
        correct: Callable[[Claim], Claim],
    ) -> None:
        """Ask a network's provider only for a transaction whose claim is gone.

        ``correct`` returns a claim that was given up as it is if the chain shows its transaction.
        """
        self._storage = storage
        self._providers = providers
        self._clock = clock
        self._correct = correct

    def holder(self, name: Name) -> Holder | None:
        """Return the other transaction that has the name; ``None`` if the name is free."""
        bound = self._storage.bound_to(name.key, self._clock.time())
        if bound is None or bound == name.value:
            return None
        return self._unless_failed(bound, name.network)

    def bind(self, name: Name, keep_until: float) -> Holder | None:
        """Bind the name until then (Unix seconds), or return the transaction that has it."""
        while True:
            bound = self._storage.bind_key(name.key, name.value, keep_until, self._clock.time())
            if bound == name.value:
                return None
            if (holder := self._unless_failed(bound, name.network)) is not None:
                return holder
            if self._storage.change_key(name.key, bound, name.value, keep_until):
                # The other may have come again meanwhile, and have found the name still its own:
                # its claim was there by then, as a claim comes before its names.
                if (holder := self._unless_failed(bound, name.network)) is not None:
                    self._storage.change_key(name.key, name.value, bound, keep_until)
                return holder

    def unbind(self, name: Name) -> None:
        """Free the name if it is bound to this transaction."""
        self._storage.change_key(name.key, name.value, None, 0.0)

    def _unless_failed(self, bound: str, network: str) -> Holder | None:
        """Return the transaction that is bound, unless it can no longer succeed.

        Without a claim it was not valid, or its record was lost: then the chain decides.
        """
        transaction_id = bound.rpartition(" ")[2]
        claim = self._storage.claim(transaction_id)
        if claim is None:
            status = self._providers[network].transaction(transaction_id)
            return None if isinstance(status, NotFound) else Holder(transaction_id, "confirmed")
        claim = self._correct(claim)
        if claim.state.is_given_up:
            return None
        return Holder(transaction_id, status_of(claim))


def key_in(space: str, *parts: str) -> str:
    """Return the key of a name in a name space, equal only for equal parts."""
    text = "\n".join([space, *(f"{len(part)} {part}" for part in parts)])
    return hashlib.sha256(text.encode()).hexdigest()
