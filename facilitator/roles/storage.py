"""The storage of claims, reservations and idempotency keys.

Every method is atomic and may be called from many threads at once; if the storage is shared, from
many processes. A method that cannot do its work raises :class:`StorageUnavailable`. Then it is
unknown if a change was made. :attr:`Storage.is_durable` says what an acknowledged change survives.
Times are Unix seconds, and are over once ``now`` has reached them. A plugin returns a storage from
the hook ``storage``. ``facilitator.testing.storage`` holds the contract tests.
While a storage is called, the server has another request work. One with the attribute
``is_prompt = True`` mostly answers from this machine; where it waits it uses
:func:`~facilitator.pauses.pausing`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from facilitator.immutable import immutable
from facilitator.roles.claim import Claim


class StorageUnavailable(Exception):
    """The storage cannot be reached or refuses to work.

    Its text is shown to callers: one short sentence, without hosts, files or advice. What helps the
    operator goes into :attr:`detail`, which tracebacks show too.
    """

    def __init__(self, public: str = "the storage does not work", detail: str = "") -> None:
        """Take the sentence for callers, and the one for the operator if that says more."""
        super().__init__(public)
        self.detail = detail or public
        """The sentence for the operator: where the storage is, what it says, what to do."""
        if detail:
            self.add_note(detail)


@immutable
class Reservation:
    """Inputs held for a payment that is being settled, or that was only verified."""

    transaction_id: str
    """Canonical id of the transaction, lowercase hex."""
    inputs: frozenset[str]
    """Output references, ``<transaction id>#<index>``, and names of what else it uses up."""
    payer: str
    """The payer's address."""
    pay_to: str
    """The recipient that the payment's terms name."""
    expires_at: float
    """Unix seconds."""
    is_settling: bool
    """True for a settlement, which is a fact; False for a verification, which is advice."""


@dataclass(frozen=True, slots=True)
class ReservedElsewhere:
    """The refusal of a reservation: an input is held for another transaction."""

    input: str
    """Output reference, ``<transaction id>#<index>``, or one of the other names."""
    transaction_id: str
    """Id of the transaction that holds it."""
    expires_at: float
    """Unix seconds until which it is held."""
    is_settling: bool
    """True if the holder is being settled; False if it was only verified."""


@dataclass(frozen=True, slots=True)
class TooManyReservations:
    """The refusal of a reservation: the payer has reached its limit."""

    held: int
    """Number of other verified payments of the payer that hold inputs."""


class Storage(Protocol):
    """A storage. All methods are atomic and safe to call from many threads."""

    @property
    def is_shared(self) -> bool:
        """True if several processes that name the same storage see the same records."""
        ...

    @property
    def is_durable(self) -> bool:
        """True if an acknowledged change survives the end of the process."""
        ...

    def add_claim(self, claim: Claim) -> Claim:
        """Write ``claim`` unless its transaction has one; return the one that is now stored.

        The caller recognises its own claim by ``owner`` and ``version`` 0. So after a lost reply it
        may call again with the same claim.
        """
        ...

    def claim(self, transaction_id: str) -> Claim | None:
        """Return the claim on the transaction, if there is one."""
        ...

    def change_claim(self, claim: Claim) -> bool:
        """Write ``claim`` if it was made from the stored one; return True if it was written.

        It was made from the stored one if the stored version is one less than its own, and the
        stored nonce is the one that it :attr:`~facilitator.roles.claim.Claim.follows`. The version
        alone is not enough: a storage that lost changes may have got others of the same version.
        Returns True too if the stored claim equals ``claim``, so that after a lost reply the caller
        may call again. :attr:`Claim.nonce` makes the changes of two callers differ.
        """
        ...

    def remove_claim(self, claim: Claim) -> bool:
        """Remove the claim if the stored one equals it; return True if it was removed."""
        ...

    def open_claims(self) -> Sequence[Claim]:
        """Return all claims that are not final, oldest first by ``created_at``.

        One that cannot be read is left out, and logged: it must not hide the others. See
        :class:`~facilitator.roles.readable_claims.ReadableClaims`.
        """
        ...

    def forget_claims(self, now: float) -> int:
        """Remove final claims whose ``keep_until`` has passed; return the number removed.

        One call removes at most some hundreds, so that other calls never wait for long. The caller
        calls again until it returns 0.
        """
        ...

    def reserve(
        self, reservation: Reservation, now: float, limit: int
    ) -> ReservedElsewhere | TooManyReservations | None:
        """Hold the inputs for the transaction; return ``None`` on success, else the refusal.

        Reservations whose time is over do not count. Either all inputs are held, or none and
        earlier reservations stay unchanged.

        A settlement is refused by other settlements alone. It ends the reservations of verified
        payments over its inputs.

        A verified payment is refused by settlements, and by verified payments of another payer or
        to another recipient; those of the same payer to the same recipient end, since the newer
        payment takes their place. It is refused too if the payer holds inputs for ``limit`` other
        verified payments. :class:`ReservedElsewhere` takes precedence over
        :class:`TooManyReservations`, and a settlement over a verified payment.

        The transaction's own reservation is replaced, and does not count towards the limit. A
        verification never replaces its own settlement: that stays, and the call succeeds.
        """
        ...

    def release(self, transaction_id: str) -> None:
        """Remove the transaction's reservation, if it has one."""
        ...

    def cancel(self, transaction_id: str) -> bool:
        """Remove the transaction's reservation if it was only verified; return True if removed."""
        ...

    def is_reserved(self, transaction_id: str, now: float) -> bool:
        """Return True if the transaction holds inputs, as verified or as being settled."""
        ...

    def bound_to(self, key: str, now: float) -> str | None:
        """Return the value that the key is bound to; ``None`` if it is bound to none.

        A binding whose time is over counts as none. The call changes nothing.
        """
        ...

    def bind_key(self, key: str, value: str, expires_at: float, now: float) -> str:
        """Bind a key to a value unless it is bound; return the value it is bound to.

        A binding whose time is over counts as none. An existing binding keeps its ``expires_at``.
        """
        ...

    def change_key(self, key: str, bound_to: str, value: str | None, expires_at: float) -> bool:
        """Bind a key that is bound to ``bound_to`` to another value, or with ``None`` to none.

        Return True if the key was bound to that and is changed now. Returns True too if it is bound
        to ``value`` already, so that after a lost reply the caller may call again.
        """
        ...

    def ping(self) -> None:
        """Return when the storage works. Raises :class:`StorageUnavailable`."""
        ...

    def close(self) -> None:
        """Close files and connections. Called once, at shutdown."""
        ...


@runtime_checkable
class HoldsWithClaim(Protocol):
    """A storage that changes a claim and holds its inputs in one step, so that it writes once."""

    def change_claim_and_hold(
        self, claim: Claim, reservation: Reservation, now: float
    ) -> ReservedElsewhere | bool:
        """Hold the inputs of a settlement as :meth:`Storage.reserve` does, and change its claim.

        Returns what :meth:`Storage.change_claim` returns; if that is False, nothing is held. If the
        reservation is refused, returns the refusal and changes nothing.
        """
        ...


@runtime_checkable
class HasServerTime(Protocol):
    """A storage on a server that has a clock of its own, for all processes to compare theirs to."""

    def server_time(self) -> float:
        """Return the time of the server's clock in Unix seconds.

        Raises :class:`StorageUnavailable`.
        """
        ...
