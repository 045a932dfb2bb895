"""The storage in Redis."""

import math
from collections.abc import Sequence
from typing import Any

from facilitator.plugin import Claim, Reservation, ReservedElsewhere, TooManyReservations
from facilitator_redis import scripts
from facilitator_redis.client import Value
from facilitator_redis.names import Names
from facilitator_redis.records import claim_of, nonce_in_record, record_of
from facilitator_redis.scripts import Script
from facilitator_redis.server import Server
from facilitator_redis.sharing import SharedChain

_BATCH = 100
_OPEN_INDEX, _FINAL_INDEX = 2, 3
"""The places of the indexes among the keys of the scripts for claims."""


class RedisStorage(SharedChain):
    """A :class:`~facilitator.roles.storage.Storage` for all processes on the same Redis.

    Acknowledged changes outlive this process. The settings of Redis decide what outlives Redis.
    """

    is_shared = True
    is_durable = True

    def __init__(self, server: Server, prefix: str, replicas: int = 0) -> None:
        """Keep everything under names that begin with ``prefix``; send no command yet.

        A claim counts as written once so many ``replicas`` have it.
        """
        super().__init__(server, Names(prefix))
        self._replicas = replicas

    # --- Claims -----------------------------------------------------------------------------

    def add_claim(self, claim: Claim) -> Claim:
        """Write the claim unless its transaction has one; return the one that is now there."""
        keys, placed = self._claim_keys(claim), _placed(claim)
        return claim_of(self._put(scripts.ADD_CLAIM, keys, placed))

    def claim(self, transaction_id: str) -> Claim | None:
        """Return the claim on the transaction, if there is one."""
        record = self._server.read("GET", self._names.claim(transaction_id))
        return None if record is None else claim_of(record)

    def change_claim(self, claim: Claim) -> bool:
        """Write the claim if it was made from the stored one; return True if it is stored now."""
        change = [*_placed(claim), claim.version - 1, nonce_in_record(claim.follows)]
        return bool(self._put(scripts.CHANGE_CLAIM, self._claim_keys(claim), change))

    def remove_claim(self, claim: Claim) -> bool:
        """Remove the claim if the stored one equals it; return True if it was removed."""
        keys, record = self._claim_keys(claim), (record_of(claim), claim.transaction_id)
        return bool(self._server.run(scripts.REMOVE_CLAIM, keys, record, repeatable=False))

    def open_claims(self) -> Sequence[Claim]:
        """Return all claims that are not final, oldest first."""
        ids = _texts(self._server.read("ZRANGE", self._names.open_claims, 0, -1))
        claims: list[Claim] = []
        for start in range(0, len(ids), _BATCH):
            names = [self._names.claim(each) for each in ids[start : start + _BATCH]]
            claims += [claim_of(record) for record in self._server.read("MGET", *names) if record]
        return [claim for claim in claims if not claim.state.is_final]

    def forget_claims(self, now: float) -> int:
        """Remove final claims whose ``keep_until`` has passed; return their number."""
        forgotten = 0
        while ids := self._forgettable(now):
            keys = [self._names.final_claims, *map(self._names.claim, ids)]
            forgotten += self._server.run(
                scripts.FORGET_CLAIMS, keys, [now, *ids], repeatable=False
            )
        return forgotten

    def _forgettable(self, now: float) -> list[str]:
        """Return the ids of some final claims, few enough that no other call waits long."""
        range_ = (self._names.final_claims, "-inf", now, "LIMIT", 0, _BATCH)
        return _texts(self._server.read("ZRANGEBYSCORE", *range_))

    def _put(self, script: Script, keys: Sequence[str], claim: Sequence[Value]) -> Any:
        return self._server.run(script, keys, claim, replicas=self._replicas)

    def _claim_keys(self, claim: Claim) -> list[str]:
        names = self._names
        return [names.claim(claim.transaction_id), names.open_claims, names.final_claims]

    # --- Reservations -----------------------------------------------------------------------

    def reserve(
        self, reservation: Reservation, now: float, limit: int
    ) -> ReservedElsewhere | TooManyReservations | None:
        """Hold the inputs for the transaction; ``None`` on success."""
        wanted: list[Value] = [
            reservation.transaction_id,
            reservation.payer,
            reservation.expires_at,
            now,
            limit,
            *reservation.inputs,
        ]
        answer: Any = b"more"
        while answer == b"more":
            answer = self._server.run(scripts.RESERVE, self._names.reservations, wanted)
        if answer == b"held":
            return None
        if answer[0] == b"too many":
            return TooManyReservations(answer[1])
        name, holder, expires_at = _texts(answer[1:])
        return ReservedElsewhere(name, holder, float(expires_at))

    def release(self, transaction_id: str) -> None:
        """Release the transaction's reservation, if it has one."""
        self._server.run(scripts.RELEASE, self._names.reservations, [transaction_id])

    # --- Idempotency keys -------------------------------------------------------------------

    def bind_key(self, key: str, fingerprint: str, expires_at: float, now: float) -> str:
        """Bind the key to the request unless it is bound; return the bound fingerprint."""
        milliseconds = max(1, math.ceil((expires_at - now) * 1000))
        binding: list[Value] = [fingerprint, expires_at, now, milliseconds]
        bound: bytes = self._server.run(scripts.BIND_KEY, [self._names.key(key)], binding)
        return bound.decode()

    # ----------------------------------------------------------------------------------------

    def ping(self) -> None:
        """Check that Redis takes writes. Raises ``StorageUnavailable`` otherwise."""
        self._server.run(scripts.PING, [self._names.ping], [])

    def close(self) -> None:
        """Close the connections."""
        self._server.close()


def _placed(claim: Claim) -> list[Value]:
    """Return the claim's record and its place among the others, as the scripts take them."""
    if claim.state.is_final:
        index, place = _FINAL_INDEX, claim.keep_until
    else:
        index, place = _OPEN_INDEX, claim.created_at
    return [record_of(claim), claim.transaction_id, index, place]


def _texts(values: Sequence[bytes]) -> list[str]:
    return [value.decode() for value in values]
