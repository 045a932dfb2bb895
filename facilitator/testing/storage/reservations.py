"""Contract tests of reservations."""

from functools import partial

from facilitator.roles.storage import ReservedElsewhere, Storage, TooManyReservations
from facilitator.testing.examples import example_reservation as reservation

LIMIT = 20


verified = partial(reservation, is_settling=False)
"""A payment that was only verified, by the same payer to the same recipient as every other."""


def holder_of(storage: Storage, name: str, now: float) -> ReservedElsewhere | None:
    """Return the refusal that another transaction gets for the input; ``None`` when it is free."""
    stranger = verified("stranger", [name], "addr_test1stranger", expires_at=now + 1.0)
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
        held = ReservedElsewhere("aa#0", "one", 100.0, is_settling=True)
        assert storage.reserve(two, now=0.0, limit=LIMIT) == held

    def test_an_input_that_is_held_is_named(self, storage: Storage) -> None:
        """The refusal names it among inputs that are free or the transaction's own."""
        storage.reserve(reservation("one", ["aa#0"]), now=0.0, limit=LIMIT)
        storage.reserve(reservation("two", ["bb#0"], expires_at=50.25), now=0.0, limit=LIMIT)
        wanted = reservation("one", ["aa#0", "bb#0", "cc#0"])
        refused = storage.reserve(wanted, now=0.0, limit=LIMIT)
        assert refused == ReservedElsewhere("bb#0", "two", 50.25, is_settling=True)

    def test_all_inputs_are_held_or_none(self, storage: Storage) -> None:
        """A refused reservation holds nothing."""
        storage.reserve(reservation("one", ["bb#0"]), now=0.0, limit=LIMIT)
        refused = storage.reserve(
            reservation("two", ["aa#0", "bb#0", "cc#0"]), now=0.0, limit=LIMIT
        )
        assert refused == ReservedElsewhere("bb#0", "one", 100.0, is_settling=True)
        assert holder_of(storage, "aa#0", now=0.0) is None
        assert holder_of(storage, "cc#0", now=0.0) is None

    def test_a_reservation_is_replaced_by_its_transactions_next(self, storage: Storage) -> None:
        """The new inputs and the new time count; the old ones are released."""
        storage.reserve(reservation("one", ["aa#0", "bb#0"]), now=0.0, limit=LIMIT)
        again = reservation("one", ["bb#0", "cc#0"], expires_at=200.0)
        assert storage.reserve(again, now=50.0, limit=LIMIT) is None
        assert holder_of(storage, "aa#0", now=50.0) is None
        for held in ("bb#0", "cc#0"):
            assert holder_of(storage, held, now=150.0) == ReservedElsewhere(
                held, "one", 200.0, is_settling=True
            )

    def test_a_replacement_that_is_refused_leaves_what_was_held(self, storage: Storage) -> None:
        """A refused reservation releases nothing."""
        storage.reserve(reservation("one", ["aa#0"]), now=0.0, limit=LIMIT)
        storage.reserve(reservation("two", ["bb#0"]), now=0.0, limit=LIMIT)
        assert storage.reserve(reservation("one", ["bb#0"]), now=0.0, limit=LIMIT) is not None
        assert holder_of(storage, "aa#0", now=0.0) == ReservedElsewhere(
            "aa#0", "one", 100.0, is_settling=True
        )

    def test_a_reservation_ends_when_its_time_is_over(self, storage: Storage) -> None:
        """Any transaction can have the inputs then, and a release of the old one frees nothing."""
        storage.reserve(reservation("one", ["aa#0"], expires_at=100.0), now=0.0, limit=LIMIT)
        assert holder_of(storage, "aa#0", now=99.5) is not None
        second = reservation("two", ["aa#0"], expires_at=200.0)
        assert storage.reserve(second, now=100.0, limit=LIMIT) is None
        storage.release("one")
        assert holder_of(storage, "aa#0", now=100.0) == ReservedElsewhere(
            "aa#0", "two", 200.0, is_settling=True
        )

    def test_a_reservation_that_was_prolonged_outlives_its_first_time(
        self, storage: Storage
    ) -> None:
        """The end of its first time has no effect."""
        storage.reserve(reservation("one", ["aa#0"], expires_at=100.0), now=0.0, limit=LIMIT)
        storage.reserve(reservation("one", ["aa#0"], expires_at=200.0), now=50.0, limit=LIMIT)
        refused = storage.reserve(reservation("two", ["aa#0"]), now=150.0, limit=LIMIT)
        assert refused == ReservedElsewhere("aa#0", "one", 200.0, is_settling=True)

    def test_releasing_frees_the_inputs_of_the_transaction_only(self, storage: Storage) -> None:
        """A release with nothing left to release is no error."""
        storage.release("one")
        storage.reserve(reservation("one", ["aa#0"]), now=0.0, limit=LIMIT)
        storage.reserve(reservation("two", ["bb#0"]), now=0.0, limit=LIMIT)
        storage.release("one")
        storage.release("one")
        assert holder_of(storage, "aa#0", now=0.0) is None
        assert holder_of(storage, "bb#0", now=0.0) is not None

    def test_a_payer_holds_as_many_as_the_limit(self, storage: Storage) -> None:
        """One more is refused; other payers are not affected."""
        for name in ("one", "two"):
            assert storage.reserve(verified(name, [f"{name}#0"]), now=0.0, limit=2) is None
        third = verified("three", ["three#0"])
        assert storage.reserve(third, now=0.0, limit=2) == TooManyReservations(2)
        assert holder_of(storage, "three#0", now=0.0) is None
        other = verified("three", ["three#0"], payer="addr_test1other")
        assert storage.reserve(other, now=0.0, limit=2) is None

    def test_replacing_a_reservation_does_not_need_room(self, storage: Storage) -> None:
        """The transaction's own reservation does not count towards the limit."""
        storage.reserve(verified("one", ["aa#0"]), now=0.0, limit=1)
        assert storage.reserve(verified("one", ["bb#0"]), now=0.0, limit=1) is None

    def test_what_is_over_or_released_makes_room(self, storage: Storage) -> None:
        """Expired and released reservations do not count towards the limit."""
        storage.reserve(verified("one", ["aa#0"], expires_at=50.0), now=0.0, limit=2)
        storage.reserve(verified("two", ["bb#0"]), now=0.0, limit=2)
        assert storage.reserve(verified("three", ["cc#0"]), now=50.0, limit=2) is None
        storage.release("two")
        assert storage.reserve(verified("four", ["dd#0"]), now=50.0, limit=2) is None
        refused = storage.reserve(verified("five", ["ee#0"]), now=50.0, limit=2)
        assert refused == TooManyReservations(2)

    def test_a_limit_of_none_refuses(self, storage: Storage) -> None:
        """Every payer holds at least none."""
        refused = storage.reserve(verified(), now=0.0, limit=0)
        assert refused == TooManyReservations(0)

    def test_an_input_held_elsewhere_comes_before_the_limit(self, storage: Storage) -> None:
        """A payer that double-spends at its limit is refused for the double spending."""
        storage.reserve(reservation("one", ["aa#0"]), now=0.0, limit=1)
        storage.reserve(verified("two", ["bb#0"]), now=0.0, limit=1)
        refused = storage.reserve(verified("three", ["aa#0"]), now=0.0, limit=1)
        assert refused == ReservedElsewhere("aa#0", "one", 100.0, is_settling=True)

    # --- Settlements and verified payments ----------------------------------------------------

    def test_a_settlement_ends_what_was_only_verified(self, storage: Storage) -> None:
        """Its inputs are its own; the other inputs of the verified payment are free."""
        storage.reserve(verified("one", ["aa#0", "bb#0"], "other"), now=0.0, limit=LIMIT)
        assert storage.reserve(reservation("two", ["aa#0"]), now=0.0, limit=LIMIT) is None
        held = ReservedElsewhere("aa#0", "two", 100.0, is_settling=True)
        assert holder_of(storage, "aa#0", now=0.0) == held
        assert holder_of(storage, "bb#0", now=0.0) is None
        assert not storage.is_reserved("one", now=0.0)

    def test_a_settlement_has_no_limit(self, storage: Storage) -> None:
        """The limit is one of verified payments, and settlements do not count towards it."""
        assert storage.reserve(reservation("one", ["aa#0"]), now=0.0, limit=0) is None
        assert storage.reserve(verified("two", ["bb#0"]), now=0.0, limit=1) is None

    def test_a_newer_payment_to_the_same_recipient_takes_over(self, storage: Storage) -> None:
        """The payer signed again; the older payment holds nothing any more, at any limit."""
        storage.reserve(verified("one", ["aa#0", "bb#0"]), now=0.0, limit=1)
        assert storage.reserve(verified("two", ["bb#0", "cc#0"]), now=0.0, limit=1) is None
        assert not storage.is_reserved("one", now=0.0)
        assert holder_of(storage, "aa#0", now=0.0) is None
        for name in ("bb#0", "cc#0"):
            held = ReservedElsewhere(name, "two", 100.0, is_settling=False)
            assert holder_of(storage, name, now=0.0) == held

    def test_a_verified_payment_yields_to_no_other_recipient_or_payer(
        self, storage: Storage
    ) -> None:
        """The caller learns that it was only verified, and until when it is held."""
        storage.reserve(verified("one", ["aa#0"]), now=0.0, limit=LIMIT)
        held = ReservedElsewhere("aa#0", "one", 100.0, is_settling=False)
        for other in (
            verified("two", ["aa#0"], pay_to="addr_test1other"),
            verified("two", ["aa#0"], payer="addr_test1other"),
        ):
            assert storage.reserve(other, now=0.0, limit=LIMIT) == held

    def test_a_settlement_is_named_before_a_verified_payment(self, storage: Storage) -> None:
        """Of two holders of its inputs, the one that is a fact refuses the payment."""
        for number in range(10):  # a set has its members in any order
            one, two = f"{number}#1", f"{number}#2"
            storage.reserve(verified(f"one {number}", [one], "other"), now=0.0, limit=LIMIT)
            storage.reserve(reservation(f"two {number}", [two], "other"), now=0.0, limit=LIMIT)
            refused = storage.reserve(verified("three", [one, two]), now=0.0, limit=LIMIT)
            held = ReservedElsewhere(two, f"two {number}", 100.0, is_settling=True)
            assert refused == held

    def test_a_verification_leaves_its_own_settlement(self, storage: Storage) -> None:
        """A payment that is verified again while it is settled keeps its inputs as settling."""
        storage.reserve(reservation("one", ["aa#0"]), now=0.0, limit=LIMIT)
        again = verified("one", ["aa#0"], expires_at=10.0)
        assert storage.reserve(again, now=0.0, limit=LIMIT) is None
        held = ReservedElsewhere("aa#0", "one", 100.0, is_settling=True)
        assert holder_of(storage, "aa#0", now=50.0) == held

    def test_a_verified_payment_becomes_a_settlement(self, storage: Storage) -> None:
        """Its own verification is replaced, and no longer counts towards the limit."""
        storage.reserve(verified("one", ["aa#0"]), now=0.0, limit=1)
        assert storage.reserve(reservation("one", ["aa#0"]), now=0.0, limit=1) is None
        assert not storage.cancel("one")
        assert storage.reserve(verified("two", ["bb#0"]), now=0.0, limit=1) is None

    def test_only_what_was_verified_can_be_cancelled(self, storage: Storage) -> None:
        """A settlement stays; so does what others hold."""
        storage.reserve(reservation("one", ["aa#0"]), now=0.0, limit=LIMIT)
        storage.reserve(verified("two", ["bb#0"]), now=0.0, limit=LIMIT)
        assert [storage.cancel(name) for name in ("one", "two", "two", "none")] == [
            False,
            True,
            False,
            False,
        ]
        assert holder_of(storage, "aa#0", now=0.0) is not None
        assert holder_of(storage, "bb#0", now=0.0) is None

    def test_a_transaction_is_reserved_until_its_time_is_over(self, storage: Storage) -> None:
        """As verified or as being settled, and until it is released."""
        for name, is_settling in (("one", True), ("two", False)):
            holding = partial(reservation, name, [f"{name}#0"], is_settling=is_settling)
            assert not storage.is_reserved(name, now=0.0)
            storage.reserve(holding(), now=0.0, limit=LIMIT)
            assert storage.is_reserved(name, now=99.5)
            assert not storage.is_reserved(name, now=100.0)
            storage.reserve(holding(expires_at=300.0), now=200.0, limit=LIMIT)
            storage.release(name)
            assert not storage.is_reserved(name, now=200.0)
