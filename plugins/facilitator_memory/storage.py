"""The storage in dictionaries, under one lock."""

import threading
from collections.abc import Sequence
from itertools import islice

from facilitator.plugin import (
    Claim,
    Deadlines,
    HeldInputs,
    PaymentLedger,
    Reservation,
    ReservedElsewhere,
)
from facilitator_memory.api_keys import KeptApiKeys
from facilitator_memory.ledger import MemoryLedger

FORGOTTEN_AT_ONCE = 500


class MemoryStorage(HeldInputs, KeptApiKeys):
    """A :class:`~facilitator.roles.storage.Storage` that lives as long as its process."""

    is_shared = False
    is_durable = False
    is_prompt = True

    def __init__(self) -> None:
        """Start empty."""
        HeldInputs.__init__(self)
        KeptApiKeys.__init__(self)
        self._lock = threading.Lock()
        self._claims: dict[str, Claim] = {}
        self._keys: dict[str, tuple[str, float]] = {}
        """Values, and the Unix times at which the bindings end."""
        self._key_deadlines = Deadlines()
        self._ledger = MemoryLedger()

    def add_claim(self, claim: Claim) -> Claim:
        """Write the claim unless its transaction has one; return the one that is now stored."""
        with self._lock:
            if claim.transaction_id not in self._claims:
                self._claims[claim.transaction_id] = claim
                self._ledger.record([claim])
            return self._claims[claim.transaction_id]

    def claim(self, transaction_id: str) -> Claim | None:
        """Return the claim on the transaction, if there is one."""
        with self._lock:
            return self._claims.get(transaction_id)

    def change_claim(self, claim: Claim) -> bool:
        """Write the claim if it was made from the stored one; return True if it is stored now."""
        with self._lock:
            return self._change(claim)

    def change_claim_and_hold(
        self, claim: Claim, reservation: Reservation, now: float
    ) -> ReservedElsewhere | bool:
        """Change the claim as above and hold the inputs of its settlement, or do neither."""
        with self._lock:
            if self._is_next(claim):
                refusal = self.reserve(reservation, now, limit=0)
                if isinstance(refusal, ReservedElsewhere):
                    return refusal
            return self._change(claim)

    def remove_claim(self, claim: Claim) -> bool:
        """Remove the claim if the stored one equals it; return True if it was removed."""
        with self._lock:
            if self._claims.get(claim.transaction_id) != claim:
                return False
            del self._claims[claim.transaction_id]
            return True

    def open_claims(self) -> Sequence[Claim]:
        """Return all claims that are not final, oldest first."""
        with self._lock:
            claims = [claim for claim in self._claims.values() if not claim.state.is_final]
        return sorted(claims, key=lambda claim: claim.created_at)

    def forget_claims(self, now: float) -> int:
        """Remove some final claims whose ``keep_until`` has passed; return their number."""
        with self._lock:
            due = (
                claim.transaction_id
                for claim in self._claims.values()
                if claim.state.is_final and claim.keep_until <= now
            )
            forgotten = list(islice(due, FORGOTTEN_AT_ONCE))
            for transaction_id in forgotten:
                del self._claims[transaction_id]
        return len(forgotten)

    def bound_to(self, key: str, now: float) -> str | None:
        """Return the value that the key is bound to; ``None`` if it is bound to none."""
        with self._lock:
            value, expires_at = self._keys.get(key, (None, 0.0))
            return value if expires_at > now else None

    def bind_key(self, key: str, value: str, expires_at: float, now: float) -> str:
        """Bind the key to the value unless it is bound; return the value it is bound to."""
        with self._lock:
            for name in self._key_deadlines.passed(now):
                # A binding that was changed has got a later time since, or is gone.
                if name in self._keys and self._keys[name][1] <= now:
                    del self._keys[name]
            if key not in self._keys:
                self._bind(key, value, expires_at)
            return self._keys[key][0]

    def change_key(self, key: str, bound_to: str, value: str | None, expires_at: float) -> bool:
        """Bind a key that is bound to ``bound_to`` to another value, or to none."""
        with self._lock:
            bound, _ = self._keys.get(key, (None, 0.0))
            if bound != bound_to:
                return bound == value
            if value is None:
                del self._keys[key]
            else:
                self._bind(key, value, expires_at)
            return True

    def payment_ledger(self) -> PaymentLedger:
        """Return the ledger, in the memory of this process as well."""
        return self._ledger

    def ping(self) -> None:
        """Return: memory is always there."""

    def close(self) -> None:
        """Do nothing: the records end with the process."""

    def _is_next(self, claim: Claim) -> bool:
        """Return True if the claim was made from the stored one."""
        stored = self._claims.get(claim.transaction_id)
        made_from = (claim.version - 1, claim.follows)
        return stored is not None and (stored.version, stored.nonce) == made_from

    def _change(self, claim: Claim) -> bool:
        if not self._is_next(claim):
            return self._claims.get(claim.transaction_id) == claim
        self._claims[claim.transaction_id] = claim
        self._ledger.record([claim])
        return True

    def _bind(self, key: str, value: str, expires_at: float) -> None:
        self._keys[key] = (value, expires_at)
        self._key_deadlines.add(expires_at, key)
