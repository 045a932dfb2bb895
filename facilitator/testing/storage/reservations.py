"""Contract tests of reservations."""

from functools import partial

from facilitator.roles.storage import ReservedElsewhere, Storage, TooManyReservations
from facilitator.testing.examples import example_reservation as reservation
from facilitator.testing.threads import together

THREADS = 50
LIMIT = 20


def _held(storage: Storage, name: str, now: float) -> ReservedElsewhere | None:
    """Return the refusal that another transaction gets for the input; ``None`` when it is free."""
    stranger = reservation("stranger", [name], "addr_test1stranger", expires_at=now + 1.0)
    refused = storage.reserve(stranger, now, LIMIT)
    storage.release("stranger")
    assert not isinstance(refused, TooManyReservations)
    return refused


class ReservationContract:
    """The promises about reservations: all inputs of a transaction are held for a time, or none."""

    def test_an_input_is_held_for_one_transaction(self, storage: Storage) -> None:
        """The transaction does not refuse itself; every other one is refused with its id."""
        one, two = reservation("one", ["aa#0"]), reservation("two", ["aa#0"])
        assert storage.reserve(one, now=0.0, limit=LIMIT) is None
        assert storage.reserve(one, now=0.0, limit=LIMIT) is None
        held = ReservedElsewhere("aa#0", "one", 100.0)
        assert storage.reserve(two, now=0.0, limit=LIMIT) == held

    def test_an_input_that_is_held_is_named(self, storage: Storage) -> None:
        """The refusal names it among inputs that are free or the transaction's own."""
        storage.reserve(reservation("one", ["aa#0"]), now=0.0, limit=LIMIT)
        storage.reserve(reservation("two", ["bb#0"], expires_at=50.25), now=0.0, limit=LIMIT)
        wanted = reservation("one", ["aa#0", "bb#0", "cc#0"])
        refused = storage.reserve(wanted, now=0.0, limit=LIMIT)
        assert refused == ReservedElsewhere("bb#0", "two", 50.25)

    def test_all_inputs_are_held_or_none(self, storage: Storage) -> None:
        """A refused reservation holds nothing."""
        storage.reserve(reservation("one", ["bb#0"]), now=0.0, limit=LIMIT)
        refused = storage.reserve(
            reservation("two", ["aa#0", "bb#0", "cc#0"]), now=0.0, limit=LIMIT
        )
        assert refused == ReservedElsewhere("bb#0", "one", 100.0)
        assert _held(storage, "aa#0", now=0.0) is None
        assert _held(storage, "cc#0", now=0.0) is None

    def test_a_reservation_is_replaced_by_its_transactions_next(self, storage: Storage) -> None:
        """The new inputs and the new time count; the old ones are released."""
        storage.reserve(reservation("one", ["aa#0", "bb#0"]), now=0.0, limit=LIMIT)
        again = reservation("one", ["bb#0", "cc#0"], expires_at=200.0)
        assert storage.reserve(again, now=50.0, limit=LIMIT) is None
        assert _held(storage, "aa#0", now=50.0) is None
        for held in ("bb#0", "cc#0"):
            assert _held(storage, held, now=150.0) == ReservedElsewhere(held, "one", 200.0)

    def test_a_replacement_that_is_refused_leaves_what_was_held(self, storage: Storage) -> None:
        """A refused reservation releases nothing."""
        storage.reserve(reservation("one", ["aa#0"]), now=0.0, limit=LIMIT)
        storage.reserve(reservation("two", ["bb#0"]), now=0.0, limit=LIMIT)
        assert storage.reserve(reservation("one", ["bb#0"]), now=0.0, limit=LIMIT) is not None
        assert _held(storage, "aa#0", now=0.0) == ReservedElsewhere("aa#0", "one", 100.0)

    def test_a_reservation_ends_when_its_time_is_over(self, storage: Storage) -> None:
        """Any transaction can have the inputs then, and a release of the old one frees nothing."""
        storage.reserve(reservation("one", ["aa#0"], expires_at=100.0), now=0.0, limit=LIMIT)
        assert _held(storage, "aa#0", now=99.5) is not None
        second = reservation("two", ["aa#0"], expires_at=200.0)
        assert storage.reserve(second, now=100.0, limit=LIMIT) is None
        storage.release("one")
        assert _held(storage, "aa#0", now=100.0) == ReservedElsewhere("aa#0", "two", 200.0)

    def test_a_reservation_that_was_prolonged_outlives_its_first_time(
        self, storage: Storage
    ) -> None:
        """The end of its first time has no effect."""
        storage.reserve(reservation("one", ["aa#0"], expires_at=100.0), now=0.0, limit=LIMIT)
        storage.reserve(reservation("one", ["aa#0"], expires_at=200.0), now=50.0, limit=LIMIT)
        refused = storage.reserve(reservation("two", ["aa#0"]), now=150.0, limit=LIMIT)
        assert refused == ReservedElsewhere("aa#0", "one", 200.0)

    def test_releasing_frees_the_inputs_of_the_transaction_only(self, storage: Storage) -> None:
        """A release with nothing left to release is no error."""
        storage.release("one")
        storage.reserve(reservation("one", ["aa#0"]), now=0.0, limit=LIMIT)
        storage.reserve(reservation("two", ["bb#0"]), now=0.0, limit=LIMIT)
        storage.release("one")
        storage.release("one")
        assert _held(storage, "aa#0", now=0.0) is None
        assert _held(storage, "bb#0", now=0.0) is not None

    def test_a_payer_holds_as_many_as_the_limit(self, storage: Storage) -> None:
        """One more is refused; other payers are not affected."""
        for name in ("one", "two"):
            assert storage.reserve(reservation(name, [f"{name}#0"]), now=0.0, limit=2) is None
        third = reservation("three", ["three#0"])
        assert storage.reserve(third, now=0.0, limit=2) == TooManyReservations(2)
        assert _held(storage, "three#0", now=0.0) is None
        other = reservation("three", ["three#0"], payer="addr_test1other")
        assert storage.reserve(other, now=0.0, limit=2) is None

    def test_replacing_a_reservation_does_not_need_room(self, storage: Storage) -> None:
        """The transaction's own reservation does not count towards the limit."""
        storage.reserve(reservation("one", ["aa#0"]), now=0.0, limit=1)
        assert storage.reserve(reservation("one", ["bb#0"]), now=0.0, limit=1) is None

    def test_what_is_over_or_released_makes_room(self, storage: Storage) -> None:
        """Expired and released reservations do not count towards the limit."""
        storage.reserve(reservation("one", ["aa#0"], expires_at=50.0), now=0.0, limit=2)
        storage.reserve(reservation("two", ["bb#0"]), now=0.0, limit=2)
        assert storage.reserve(reservation("three", ["cc#0"]), now=50.0, limit=2) is None
        storage.release("two")
        assert storage.reserve(reservation("four", ["dd#0"]), now=50.0, limit=2) is None
        refused = storage.reserve(reservation("five", ["ee#0"]), now=50.0, limit=2)
        assert refused == TooManyReservations(2)

    def test_a_limit_of_none_refuses(self, storage: Storage) -> None:
        """Every payer holds at least none."""
        refused = storage.reserve(reservation(), now=0.0, limit=0)
        assert refused == TooManyReservations(0)

    def test_an_input_held_elsewhere_comes_before_the_limit(self, storage: Storage) -> None:
        """A payer that double-spends at its limit is refused for the double spending."""
        storage.reserve(reservation("one", ["aa#0"]), now=0.0, limit=1)
        refused = storage.reserve(reservation("two", ["aa#0"]), now=0.0, limit=1)
        assert refused == ReservedElsewhere("aa#0", "one", 100.0)

    def test_of_many_who_reserve_an_input_at_once_one_does(self, storage: Storage) -> None:
        """The others get its id, and hold none of their other inputs."""
        rivals = [reservation(f"{n}", ["aa#0", f"{n}#0"], f"payer {n}") for n in range(THREADS)]
        results = together([partial(storage.reserve, rival, 0.0, LIMIT) for rival in rivals])
        winner = results.index(None)
        held = ReservedElsewhere("aa#0", f"{winner}", 100.0)
        assert results[:winner] + results[winner + 1 :] == [held] * (THREADS - 1)
        free = [_held(storage, f"{n}#0", now=0.0) is None for n in range(THREADS)]
        assert free == [n != winner for n in range(THREADS)]

    def test_many_at_once_stay_within_the_limit(self, storage: Storage) -> None:
        """A payer that reserves from many threads has no more than the limit."""
        rivals = [reservation(f"{n}", [f"{n}#0"]) for n in range(THREADS)]
        results = together([partial(storage.reserve, rival, 0.0, LIMIT) for rival in rivals])
        assert results.count(None) == LIMIT
        assert results.count(TooManyReservations(LIMIT)) == THREADS - LIMIT
