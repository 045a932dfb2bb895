"""Storages with one method that is a look and then a change, and one that shares a chain."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from facilitator.roles.claim import Claim
from facilitator.roles.sharing import Entry, Lease, SharedOutput
from facilitator.roles.storage import Reservation, ReservedElsewhere, TooManyReservations
from facilitator_memory.storage import MemoryStorage


class Sharing(MemoryStorage):
    """A storage in memory that also shares a chain; tests open the same one again and again."""

    is_shared = True

    def __init__(self) -> None:
        super().__init__()
        self.leases: dict[str, Lease] = {}
        self.feeds: dict[str, list[Entry]] = {}
        self.newest: dict[str, tuple[str, Entry]] = {}
        self.cached: dict[tuple[str, str], SharedOutput] = {}

    def lead(
        self, network: str, follower: str, now: float, until: float, over: Lease | None = None
    ) -> Lease:
        with self._lock:
            lease = self.leases.get(network)
            if lease is None or lease.follower == follower or lease.until <= now or lease == over:
                lease = self.leases[network] = Lease(follower, until)
            return lease

    def resign(self, network: str, follower: str) -> None:
        with self._lock:
            lease = self.leases.get(network)
            if lease is not None and lease.follower == follower:
                del self.leases[network]

    def publish(
        self,
        network: str,
        follower: str,
        number: int,
        content: bytes,
        spent: Collection[str],
        keep: int,
    ) -> bool:
        with self._lock:
            entry = Entry(number, content)
            lease = self.leases.get(network)
            if lease is None or lease.follower != follower:
                return False
            feed = self.feeds.setdefault(network, [])
            last = feed[-1].number if feed else 0
            if number != last + 1:
                return bool(feed) and self.newest[network] == (follower, entry)
            self.feeds[network] = [*feed, entry][-keep:]
            self.newest[network] = (follower, entry)
            for ref in spent:
                self.cached.pop((network, ref), None)
            return True

    def published(self, network: str, after: int) -> Sequence[Entry]:
        with self._lock:
            feed = self.feeds.get(network, [])
            return feed[-1:] if after == -1 else [each for each in feed if each.number > after]

    def share_outputs(
        self, network: str, outputs: Mapping[str, SharedOutput], keep_until: float
    ) -> None:
        with self._lock:
            if keep_until > 2_000_000_000:
                self.cached.update({(network, ref): each for ref, each in outputs.items()})
            else:
                for ref in outputs:
                    self.cached.pop((network, ref), None)

    def shared_outputs(self, network: str, refs: Collection[str]) -> Mapping[str, SharedOutput]:
        with self._lock:
            found = {ref: self.cached.get((network, ref)) for ref in refs}
            return {ref: each for ref, each in found.items() if each is not None}


class NoLock:
    """A lock that locks nothing."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def unlocked(method: str) -> type[Sharing]:
    """A storage whose method takes no lock, while all others do."""

    class Unlocked(Sharing):
        pass

    original: Callable[..., Any] = getattr(Sharing, method)

    def call(self: Unlocked, *arguments: Any, **named: Any) -> Any:
        twin = object.__new__(Sharing)
        twin.__dict__ = {**self.__dict__, "_lock": NoLock(), "_holding": NoLock()}
        return original(twin, *arguments, **named)

    setattr(Unlocked, method, call)
    return Unlocked


class ClaimsBlindly(Sharing):
    """``add_claim`` is a SELECT and an upsert."""

    def add_claim(self, claim: Claim) -> Claim:
        found = self.claim(claim.transaction_id)
        if found is not None:
            return found
        self._claims[claim.transaction_id] = claim
        return claim


class ReadsHalves(Sharing):
    """``claim`` reads a claim in two steps."""

    def claim(self, transaction_id: str) -> Claim | None:
        one = self._claims.get(transaction_id)
        other = self._claims.get(transaction_id)
        if one is None or other is None:
            return None
        return replace(one, owner=other.owner, version=other.version)


class ListsLate(Sharing):
    """``open_claims`` lists ids, and reads each claim afterwards."""

    def open_claims(self) -> Sequence[Claim]:
        with self._lock:
            ids = [each for each, claim in self._claims.items() if not claim.state.is_final]
        found = [self.claim(each) for each in ids]
        return sorted((each for each in found if each), key=lambda each: each.created_at)


class LooksUpTwice(Sharing):
    """``bound_to`` reads the value and the end of a binding in two steps."""

    def bound_to(self, key: str, now: float) -> str | None:
        with self._lock:
            value = self._keys.get(key, (None, 0.0))[0]
        with self._lock:
            expires_at = self._keys.get(key, (None, 0.0))[1]
        return value if expires_at > now else None


class DropsOnLook(Sharing):
    """``bound_to`` removes a binding that it found to be over."""

    def bound_to(self, key: str, now: float) -> str | None:
        with self._lock:
            value, expires_at = self._keys.get(key, (None, 0.0))
        if expires_at > now:
            return value
        with self._lock:
            self._keys.pop(key, None)
        return None


class HoldsLate(Sharing):
    """``reserve`` drops the transaction's own reservation before it holds the next one."""

    def reserve(
        self, reservation: Reservation, now: float, limit: int
    ) -> ReservedElsewhere | TooManyReservations | None:
        with self._holding:
            own = self._reservations.get(reservation.transaction_id)
            if own is not None and own.is_settling is reservation.is_settling:
                self._drop_reservation(reservation.transaction_id)
        return super().reserve(reservation, now, limit)


class ReadsFeedTwice(Sharing):
    """``published`` asks for the oldest number, and then for each entry."""

    def published(self, network: str, after: int) -> Sequence[Entry]:
        with self._lock:
            numbers = [entry.number for entry in self.feeds.get(network, [])]
        if after == -1:
            numbers = numbers[-1:]
        found = []
        for number in numbers:
            with self._lock:
                found += [e for e in self.feeds.get(network, []) if e.number == number > after]
        return found


class SharesOneByOne(Sharing):
    """``share_outputs`` shares one output after the other."""

    def share_outputs(
        self, network: str, outputs: Mapping[str, SharedOutput], keep_until: float
    ) -> None:
        for ref, output in outputs.items():
            super().share_outputs(network, {ref: output}, keep_until)


class FetchesOneByOne(Sharing):
    """``shared_outputs`` reads one output after the other."""

    def shared_outputs(self, network: str, refs: Collection[str]) -> Mapping[str, SharedOutput]:
        found: dict[str, SharedOutput] = {}
        for ref in refs:
            found |= super().shared_outputs(network, [ref])
        return found


UNLOCKED = (
    "change_claim",
    "change_claim_and_hold",
    "remove_claim",
    "forget_claims",
    "reserve",
    "release",
    "cancel",
    "is_reserved",
    "bind_key",
    "change_key",
    "lead",
    "resign",
    "publish",
)
PLANTED: Mapping[str, type[Sharing]] = {
    **{name: unlocked(name) for name in UNLOCKED},
    "add_claim": ClaimsBlindly,
    "claim": ReadsHalves,
    "open_claims": ListsLate,
    "bound_to": LooksUpTwice,
    "bound_to (drops)": DropsOnLook,
    "reserve (drops)": HoldsLate,
    "published": ReadsFeedTwice,
    "share_outputs": SharesOneByOne,
    "shared_outputs": FetchesOneByOne,
}
"""Storages by the method that is not atomic."""
