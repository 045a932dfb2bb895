"""The storage: claims, reservations and idempotency keys, shared by whoever shares the storage.

Every method is atomic, may be called from many threads (and, where the storage is shared, from
many processes) at once, and raises :class:`StorageUnavailable` when it cannot do its work. What it
acknowledged survives what the storage says it survives (see :attr:`Storage.is_durable`); whether a
change that raised was made is unknown. Times are Unix seconds and are over once ``now`` has reached
them. A plugin returns one from the hook ``storage``. ``facilitator.testing.storage`` holds the
contract tests.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from facilitator.roles.claim import Claim


class StorageUnavailable(Exception):
    """The storage cannot be reached or refuses to work. Its text is fit to be shown."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Inputs held for a verified payment until it is settled or the time is over."""

    transaction_id: str
    inputs: frozenset[str]
    """Output references, ``<transaction id>#<index>``."""
    payer: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class ReservedElsewhere:
    """The refusal of a reservation: an input is held for another transaction."""

    input: str
    transaction_id: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class TooManyReservations:
    """The refusal of a reservation: the payer holds as many as it may."""

    held: int
    """How many others it holds."""


class Storage(Protocol):
    """What a storage must be able to do."""

    @property
    def is_shared(self) -> bool:
        """Whether several processes that name the same storage see the same records."""
        ...

    @property
    def is_durable(self) -> bool:
        """Whether what was acknowledged survives the end of the process."""
        ...

    def add_claim(self, claim: Claim) -> Claim:
        """Write ``claim`` unless its transaction has one; return the one that is now there.

        The caller knows by ``owner`` and ``version`` 0 whether it is its own, so that after a lost
        reply it may call again with the same claim.
        """
        ...

    def claim(self, transaction_id: str) -> Claim | None:
        """Return the claim on the transaction, if there is one."""
        ...

    def change_claim(self, claim: Claim) -> bool:
        """Write ``claim`` if it was made from the stored one; whether it was written.

        That is when the stored version is one less than its own and the stored nonce is the one
        that it :attr:`~facilitator.roles.claim.Claim.follows`: a storage that has lost
        changes may have got others of the same version since. Also true when the stored claim
        equals ``claim``, so that after a lost reply the caller may call again; :attr:`Claim.nonce`
        keeps one caller's change from equalling another's.
        """
        ...

    def remove_claim(self, claim: Claim) -> bool:
        """Remove the claim if the stored one equals it; whether it was removed."""
        ...

    def open_claims(self) -> Sequence[Claim]:
        """Return all claims that are not final, oldest first."""
        ...

    def forget_claims(self, now: float) -> int:
        """Remove final claims whose ``keep_until`` has passed; how many."""
        ...

    def reserve(
        self, reservation: Reservation, now: float, limit: int
    ) -> ReservedElsewhere | TooManyReservations | None:
        """Hold the inputs for the transaction; ``None`` on success.

        Reservations whose time is over don't count. The transaction's own reservation is replaced,
        and does not count towards the payer's ``limit``. All inputs are held, or none and what was
        held before stays as it was. An input held elsewhere is told before a limit that is reached.
        """
        ...

    def release(self, transaction_id: str) -> None:
        """Let go of the transaction's reservation, if it has one."""
        ...

    def bind_key(self, key: str, fingerprint: str, expires_at: float, now: float) -> str:
        """Bind an idempotency key to a request unless it is bound; the fingerprint it is bound to.

        A binding whose time is over counts as none; one that stands keeps its time.
        """
        ...

    def ping(self) -> None:
        """Return when the storage works. Raises :class:`StorageUnavailable`."""
        ...

    def close(self) -> None:
        """Let go of files and connections. Called once, at shutdown."""
        ...
