"""Contract tests of reservations under many callers at once."""

from operator import methodcaller

from facilitator.roles.storage import Reservation, ReservedElsewhere, Storage, TooManyReservations
from facilitator.testing.examples import example_reservation as reservation
from facilitator.testing.races import rounds
from facilitator.testing.storage.race import THREADS, Call, RacesStorage, StorageRace, for_each
from facilitator.testing.storage.reservations import LIMIT, holder_of, verified

FEW, MANY = 3, 8
TRIES = 200


def _holder(refusal: object) -> tuple[str, str, bool] | None:
    """Return the refusal but for its time, which a storage with a clock of its own may round."""
    if refusal is None:
        return None
    assert isinstance(refusal, ReservedElsewhere)
    return refusal.input, refusal.transaction_id, refusal.is_settling


def _reserve(wanted: Reservation, now: float = 0.0, limit: int = LIMIT) -> Call:
    return methodcaller("reserve", wanted, now, limit)


class ReservationRaces(RacesStorage):
    """The promises about reservations hold for many callers at once."""

    def test_of_many_who_reserve_an_input_at_once_one_does(self, race: StorageRace) -> None:
        """The others get its id, and hold none of their other inputs."""
        for number in rounds():
            names = [f"{number} {n}" for n in range(THREADS)]
            rivals = [
                reservation(name, [f"{number}#0", f"{name}#1"], f"payer {name}") for name in names
            ]
            results = race([_reserve(rival) for rival in rivals])
            assert results.count(None) == 1
            winner = names[results.index(None)]
            refusal = (f"{number}#0", winner, True)
            assert [_holder(each) for each in results if each is not None] == [refusal] * (
                THREADS - 1
            )
            for name in names:
                assert (holder_of(race.storage, f"{name}#1", now=0.0) is None) is (name != winner)
            race.storage.release(winner)

    def test_many_reservations_at_once_stay_within_the_limit(self, race: StorageRace) -> None:
        """A payer that reserves from many threads has no more than the limit."""
        for number in rounds():
            payer = f"payer {number}"
            rivals = [verified(f"{payer} {n}", [f"{payer}#{n}"], payer) for n in range(THREADS)]
            results = race([_reserve(rival, limit=FEW) for rival in rivals])
            assert results.count(None) == FEW
            assert results.count(TooManyReservations(FEW)) == THREADS - FEW

    def test_of_many_settlements_and_verifications_one_settlement_is_reserved(
        self, race: StorageRace
    ) -> None:
        """All want one input at once: in the end a settlement has it, whatever came first."""
        for number in rounds():
            name = f"{number}#0"
            rivals = [
                reservation(f"{number} {n}", [name], f"payer {n}", is_settling=n % 2 == 0)
                for n in range(THREADS)
            ]
            results = race([_reserve(rival) for rival in rivals])
            settling = [n for n in range(0, THREADS, 2) if results[n] is None]
            assert len(settling) == 1
            owner = f"{number} {settling[0]}"
            refusal = (name, owner, True)
            assert _holder(holder_of(race.storage, name, now=0.0)) == refusal
            race.storage.release(owner)

    def test_a_release_spares_the_next_reservation(self, race: StorageRace) -> None:
        """A caller that releases the former one never frees the inputs of another."""
        for number in rounds():
            one, names = f"one {number}", [f"{number}#{n}" for n in range(MANY)]
            second = reservation(f"two {number}", names)
            race.storage.reserve(reservation(one, names), 0.0, LIMIT)

            def take(store: Storage, second: Reservation = second) -> object:
                for _ in range(TRIES):
                    refusal = store.reserve(second, 0.0, LIMIT)
                    if refusal is None:
                        break
                return refusal

            refusal, *_ = race([take, *[methodcaller("release", one)] * (THREADS - 1)])
            for name in names:
                expected = (name, second.transaction_id, True) if refusal is None else None
                assert _holder(holder_of(race.storage, name, now=0.0)) == expected
            assert race.storage.is_reserved(second.transaction_id, 0.0) is (refusal is None)
            race.storage.release(second.transaction_id)

    def test_of_many_who_cancel_a_reservation_at_once_one_does(self, race: StorageRace) -> None:
        """The others learn that it was gone."""
        for number in rounds():
            name = f"one {number}"
            race.storage.reserve(verified(name, [f"{number}#0"]), 0.0, LIMIT)
            assert race([methodcaller("cancel", name)] * THREADS).count(True) == 1
            assert not race.storage.is_reserved(name, 0.0)

    def test_a_cancellation_spares_the_reservation_of_a_settlement(self, race: StorageRace) -> None:
        """Whichever comes first, the inputs of the settlement are held in the end."""
        for number in rounds():
            name, one = f"{number}#0", f"one {number}"
            race.storage.reserve(verified(one, [name]), 0.0, LIMIT)
            settle = _reserve(reservation(one, [name]))
            refusal, *_ = race([settle, *[methodcaller("cancel", one)] * (THREADS - 1)])
            assert refusal is None
            expected = (name, one, True)
            assert _holder(holder_of(race.storage, name, now=0.0)) == expected
            race.storage.release(one)

    def test_a_reservation_that_is_replaced_is_held_all_the_time(self, race: StorageRace) -> None:
        """There is no moment between the old one and the new one."""
        for number in rounds():
            name, one, two = f"{number}#0", f"one {number}", f"two {number}"
            race.storage.reserve(reservation(one, [name, f"{number}#1"]), 0.0, LIMIT)
            again = _reserve(reservation(one, [name, f"{number}#2"]))
            looks = [methodcaller("is_reserved", one, 0.0)] * (THREADS - 4)
            rivals = [_reserve(reservation(two, [name]))] * 2
            *replaced, rival, other = race([again, again, *looks, *rivals])
            assert replaced == [None, None, *[True] * len(looks)]
            refusal = (name, one, True)
            assert [_holder(rival), _holder(other)] == [refusal, refusal]
            race.storage.release(one)

    def test_the_end_of_a_reservation_spares_one_that_was_prolonged(
        self, race: StorageRace
    ) -> None:
        """Whatever drops a reservation that is over never drops the later one."""
        for number in rounds():
            now, later = 1_000.0 * number, 1_000.0 * number + 100
            names = [f"{number} {n}" for n in range(THREADS // 2)]
            for name in names:
                first = reservation(name, [f"{name}#0"], expires_at=later)
                race.storage.reserve(first, now, LIMIT)

            def prolong(name: str, later: float = later) -> Call:
                wanted = reservation(name, [f"{name}#0"], expires_at=later + 200)
                return _reserve(wanted, later)

            def look(name: str, later: float = later) -> Call:
                return methodcaller("is_reserved", name, later)

            half = THREADS // 2
            race([for_each(names, look)] * half + [for_each(names, prolong)] * half)
            for name in names:
                assert race.storage.is_reserved(name, later)
                holder = _holder(holder_of(race.storage, f"{name}#0", later))
                assert holder == (f"{name}#0", name, True)
            for name in names:
                race.storage.release(name)
