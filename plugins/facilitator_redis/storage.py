"""The storage in Redis."""

import logging
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from facilitator.plugin import (
    CallersClock,
    Change,
    Claim,
    ReadableClaims,
    Reservation,
    ReservedElsewhere,
    StorageUnavailable,
    TooManyReservations,
    is_recorded,
)
from facilitator_redis import holds, scripts
from facilitator_redis.api_keys import RedisApiKeys
from facilitator_redis.client import Value
from facilitator_redis.names import Names
from facilitator_redis.records import changed_claim, claim_of, nonce_in_record, record_of
from facilitator_redis.requirements import Requirements
from facilitator_redis.script import SERVER_TIME, Script
from facilitator_redis.server import Server
from facilitator_redis.sharing import SharedChain

_log = logging.getLogger("facilitator.redis")

_READ_AT_ONCE = 100
_FORGOTTEN_AT_ONCE = 500
_SETTLING, _VERIFIED = "settling", "verified"
_OPEN_INDEX, _FINAL_INDEX = 2, 3
"""The places of the indexes among the keys of the scripts for claims."""


class RedisStorage(SharedChain, RedisApiKeys):
    """A :class:`~facilitator.roles.storage.Storage` for all processes on the same Redis.

    Acknowledged changes outlive this process. The settings of Redis decide what outlives Redis.
    """

    is_shared = True
    is_durable = True

    def __init__(self, server: Server, prefix: str, replicas: int = 0) -> None:
        """Keep everything under names that begin with ``prefix``; send no command yet.

        A claim counts as written once so many ``replicas`` have it.
        """
        names = Names(prefix)
        SharedChain.__init__(self, server, names)
        RedisApiKeys.__init__(self, server, names, replicas)
        self._clock = CallersClock()
        self._keeps_changes = False
        self._readable = ReadableClaims(_log)
        self._requirements = Requirements(server)

    # --- Claims -----------------------------------------------------------------------------

    def add_claim(self, claim: Claim) -> Claim:
        """Write the claim unless its transaction has one; return the one that is now there."""
        keys, placed = self._claim_keys(claim), _placed(claim)
        return claim_of(claim.transaction_id, self._put(scripts.ADD_CLAIM, keys, placed))

    def claim(self, transaction_id: str) -> Claim | None:
        """Return the claim on the transaction, if there is one."""
        record = self._server.read("GET", self._names.claim(transaction_id))
        return None if record is None else claim_of(transaction_id, record)

    def change_claim(self, claim: Claim) -> bool:
        """Write the claim if it was made from the stored one; return True if it is stored now."""
        change = [*_placed(claim), claim.version - 1, nonce_in_record(claim.follows)]
        return bool(self._put(scripts.CHANGE_CLAIM, self._claim_keys(claim), change))

    def remove_claim(self, claim: Claim) -> bool:
        """Remove the claim if the stored one equals it; return True if it was removed."""
        if self._remove(claim, record_of(claim)):
            return True
        # An equal one of the former form, or of another version of zlib, has another record.
        record = self._server.read("GET", self._names.claim(claim.transaction_id))
        is_equal = record is not None and claim_of(claim.transaction_id, record) == claim
        return is_equal and self._remove(claim, record)

    def open_claims(self) -> Sequence[Claim]:
        """Return all claims that are not final, oldest first."""
        ids = _texts(self._server.read("ZRANGE", self._names.open_claims, 0, -1))
        found: list[tuple[str, bytes]] = []
        for start in range(0, len(ids), _READ_AT_ONCE):
            some = ids[start : start + _READ_AT_ONCE]
            records = self._server.read("MGET", *map(self._names.claim, some))
            found += [(this, each) for this, each in zip(some, records, strict=True) if each]
        claims = self._readable.read(found, lambda each: claim_of(*each), lambda each: each[0])
        return [claim for claim in claims if not claim.state.is_final]

    def forget_claims(self, now: float) -> int:
        """Remove some final claims whose ``keep_until`` has passed; return their number.

        Another process may remove the same ones first, so it goes on until it has removed one.
        """
        while ids := self._forgettable(now):
            keys = [self._names.final_claims, *map(self._names.claim, ids)]
            arguments: list[Value] = [now, *ids]
            forgotten = self._server.run(scripts.FORGET_CLAIMS, keys, arguments, repeatable=False)
            if forgotten:
                return int(forgotten)
        return 0

    def _forgettable(self, now: float) -> list[str]:
        """Return the ids of some final claims, few enough that no other call waits long."""
        range_ = (self._names.final_claims, "-inf", now, "LIMIT", 0, _FORGOTTEN_AT_ONCE)
        return _texts(self._server.read("ZRANGEBYSCORE", *range_))

    def _remove(self, claim: Claim, record: bytes) -> bool:
        """Remove the claim if this is its record; return True if it was removed."""
        keys, removed = self._claim_keys(claim), (record, claim.transaction_id)
        return bool(self._server.run(scripts.REMOVE_CLAIM, keys, removed, repeatable=False))

    def _put(self, script: Script, keys: Sequence[str], arguments: Sequence[Value]) -> Any:
        return self._server.run(script, keys, arguments, replicas=self._replicas)

    def _claim_keys(self, claim: Claim) -> list[str]:
        names = self._names
        keys = [names.claim(claim.transaction_id), names.open_claims, names.final_claims]
        if self._keeps_changes and is_recorded(claim):
            keys.append(names.outbox)
        return keys

    # --- The outbox -------------------------------------------------------------------------

    def keep_changes(self) -> None:
        """From now on, keep each claim that is added or changed, in the same step."""
        self._keeps_changes = True

    def changes(self, limit: int) -> Sequence[Change]:
        """Return the oldest kept changes that ``redis.replicas`` replicas have.

        A change that fewer have may be lost, and another one may take its place. Those of a claim
        from one on that cannot be read are left out: they wait for a facilitator that can. Raises
        ``StorageUnavailable`` once there are no others.
        """
        changes: list[Change] = []
        waiting: dict[bytes, StorageUnavailable] = {}
        begin = "-"
        while not changes and (entries := self._kept_changes(begin, limit)):
            for name, entry in entries:
                this = entry.get(b"id", name)  # one in the former form has none
                try:
                    if this not in waiting:
                        changes.append(Change(name.decode(), changed_claim(entry)))
                except StorageUnavailable as error:
                    waiting[this] = error
            begin = f"({entries[-1][0].decode()}"
        if waiting and not changes:
            raise next(iter(waiting.values()))
        return changes

    def _kept_changes(
        self, begin: str, limit: int
    ) -> Sequence[tuple[bytes, Mapping[bytes, bytes]]]:
        """Return the oldest entries of the outbox from ``begin``, of which replicas have enough."""
        outbox = self._names.outbox
        found: Any = self._server.read("XRANGE", outbox, begin, "+", "COUNT", limit)
        if not found or not self._replicas:
            return found or ()
        entries = self._put(scripts.LASTING_CHANGES, (outbox, self._names.ping), [begin, limit])
        return [(name, dict(zip(has[::2], has[1::2], strict=True))) for name, has in entries]

    def forget_changes(self, names: Collection[str]) -> None:
        """Remove these from the outbox, if they are there."""
        if names:
            self._server.run(scripts.FORGET_CHANGES, [self._names.outbox], list(names))

    def count_changes(self) -> int:
        """Return the number of kept changes."""
        return int(self._server.read("XLEN", self._names.outbox))

    # --- Reservations -----------------------------------------------------------------------

    def reserve(
        self, reservation: Reservation, now: float, limit: int
    ) -> ReservedElsewhere | TooManyReservations | None:
        """Hold the inputs for the transaction; return ``None`` on success, else the refusal."""
        wanted: list[Value] = [
            *self._by_clock(now),
            reservation.transaction_id,
            limit,
            reservation.payer,
            reservation.pay_to,
            _SETTLING if reservation.is_settling else _VERIFIED,
            reservation.expires_at,
            max(0.0, reservation.expires_at - now),
            *reservation.inputs,
        ]
        answer: Any = b"more"
        while answer == b"more":
            answer = self._server.run(holds.RESERVE, self._names.holds, wanted)
        if answer == b"held":
            return None
        if answer[0] == b"too many":
            return TooManyReservations(answer[1])
        name, holder, ends_at, kind = _texts(answer[1:])
        return ReservedElsewhere(name, holder, float(ends_at), is_settling=kind == _SETTLING)

    def release(self, transaction_id: str) -> None:
        """Remove the transaction's reservation, if it has one."""
        self._run_on_hold(holds.RELEASE, transaction_id)

    def cancel(self, transaction_id: str) -> bool:
        """Remove the transaction's reservation if it was only verified; return True if removed."""
        return bool(self._run_on_hold(holds.CANCEL, transaction_id, repeatable=False))

    def is_reserved(self, transaction_id: str, now: float) -> bool:
        """Return True if the transaction holds inputs."""
        return bool(self._run_on_hold(holds.IS_RESERVED, transaction_id, now))

    def _run_on_hold(
        self,
        script: Script,
        transaction_id: str,
        now: float | None = None,
        *,
        repeatable: bool = True,
    ) -> object:
        arguments: list[Value] = [*self._by_clock(now), transaction_id]
        return self._server.run(script, self._names.holds, arguments, repeatable=repeatable)

    # --- Idempotency keys -------------------------------------------------------------------

    def bound_to(self, key: str, now: float) -> str | None:
        """Return the value that the key is bound to; ``None`` if it is bound to none."""
        clock: list[Value] = [*self._by_clock(now)]
        bound: bytes | None = self._server.run(holds.BOUND_TO, [self._names.key(key)], clock)
        return None if bound is None else bound.decode()

    def bind_key(self, key: str, value: str, expires_at: float, now: float) -> str:
        """Bind the key to the value unless it is bound; return the value it is bound to."""
        clock = self._by_clock(now)
        binding: list[Value] = [*clock, value, expires_at, _milliseconds(expires_at - now)]
        bound: bytes = self._server.run(holds.BIND_KEY, [self._names.key(key)], binding)
        return bound.decode()

    def change_key(self, key: str, bound_to: str, value: str | None, expires_at: float) -> bool:
        """Bind a key that is bound to ``bound_to`` to another value, or to none."""
        wanted: list[Value] = ["none", ""] if value is None else ["", value]
        lasts = _milliseconds(expires_at - self._clock.now())
        change: list[Value] = [*self._by_clock(), bound_to, *wanted, expires_at, lasts]
        return bool(self._server.run(holds.CHANGE_KEY, [self._names.key(key)], change))

    # ----------------------------------------------------------------------------------------

    def server_time(self) -> float:
        """Return the time of the server's clock in Unix seconds."""
        return float(self._server.run(SERVER_TIME, [self._names.ping], []))

    def ping(self) -> None:
        """Check that Redis takes writes. Raises ``StorageUnavailable`` otherwise.

        Now and then, look at the settings that can lose claims as well.
        """
        self._server.run(scripts.PING, [self._names.ping], [])
        self._requirements.check()

    def close(self) -> None:
        """Close the connections."""
        self._server.close()

    def _by_clock(self, now: float | None = None) -> tuple[str, float]:
        """Return the name of the callers' clock and its time, as the scripts take them."""
        if now is not None:
            self._clock.note(now)
        return self._clock.name, self._clock.now() if now is None else now


def _placed(claim: Claim) -> list[Value]:
    """Return the claim's record and its place among the others, as the scripts take them."""
    if claim.state.is_final:
        index, place = _FINAL_INDEX, claim.keep_until
    else:
        index, place = _OPEN_INDEX, claim.created_at
    return [record_of(claim), claim.transaction_id, index, place]


def _milliseconds(seconds: float) -> int:
    """Return the length of a binding; 0 if its time is over."""
    return max(0, math.ceil(seconds * 1000))


def _texts(values: Sequence[bytes]) -> list[str]:
    return [value.decode() for value in values]
