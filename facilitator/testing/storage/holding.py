"""Contract tests of a storage that changes a claim and holds its inputs in one step."""

from operator import methodcaller
from typing import Any

from facilitator.roles.claim import ClaimState
from facilitator.roles.storage import HoldsWithClaim, ReservedElsewhere, Storage
from facilitator.testing.examples import example_claim, example_reservation
from facilitator.testing.races import rounds
from facilitator.testing.storage.race import THREADS, RacesStorage, StorageRace
from facilitator.testing.storage.reservations import holder_of, verified

HELD = ReservedElsewhere("aa#0", "c1" * 32, 100.0, is_settling=True)


def submit(storage: Storage, claim: Any, **fields: Any) -> ReservedElsewhere | bool:
    """Change the claim, and hold the inputs of its settlement."""
    assert isinstance(storage, HoldsWithClaim)
    wanted = example_reservation(claim.transaction_id, **fields)
    return storage.change_claim_and_hold(claim, wanted, 0.0)


class HoldsWithClaimContract(RacesStorage):
    """The promises of :class:`~facilitator.roles.storage.HoldsWithClaim`."""

    def test_the_claim_is_changed_and_its_inputs_are_held(self, storage: Storage) -> None:
        """A repeat after a lost reply finds both as they are."""
        announced = storage.add_claim(example_claim()).changed(state=ClaimState.SUBMITTED)
        for _ in range(2):
            assert submit(storage, announced) is True
            assert storage.claim(announced.transaction_id) == announced
            assert holder_of(storage, "aa#0", now=0.0) == HELD

    def test_a_refused_reservation_leaves_the_claim_as_it_is(self, storage: Storage) -> None:
        """None of its inputs is held then."""
        storage.reserve(example_reservation(), now=0.0, limit=1)
        claim = storage.add_claim(example_claim(transaction_id="c2" * 32))
        announced = claim.changed(state=ClaimState.SUBMITTED)
        assert submit(storage, announced, inputs=["aa#0", "bb#0"]) == HELD
        assert storage.claim("c2" * 32) == claim
        assert holder_of(storage, "bb#0", now=0.0) is None

    def test_a_claim_that_another_changed_holds_nothing(self, storage: Storage) -> None:
        """The reservation of that one for the same transaction stays as it is."""
        claim = storage.add_claim(example_claim())
        assert storage.change_claim(claim.changed(owner="another"))
        announced = claim.changed(state=ClaimState.SUBMITTED)
        assert submit(storage, announced) is False
        assert holder_of(storage, "aa#0", now=0.0) is None
        storage.reserve(example_reservation(inputs=["bb#0"]), now=0.0, limit=1)
        assert submit(storage, announced) is False
        assert holder_of(storage, "aa#0", now=0.0) is None
        assert holder_of(storage, "bb#0", now=0.0) is not None

    def test_it_ends_what_was_only_verified(self, storage: Storage) -> None:
        """That of another payment over the same input, and its own over other inputs."""
        storage.reserve(verified("another", payer="addr_test1other"), now=0.0, limit=1)
        storage.reserve(verified(inputs=["bb#0"]), now=0.0, limit=1)
        claim = storage.add_claim(example_claim())
        assert submit(storage, claim.changed(state=ClaimState.SUBMITTED)) is True
        assert not storage.is_reserved("another", now=0.0)
        assert holder_of(storage, "bb#0", now=0.0) is None

    def test_of_many_over_one_input_one_is_submitted(self, race: StorageRace) -> None:
        """All at once: the claims of the others stay as they were."""
        for number in rounds():
            names = [f"{number:032x}{n:032x}" for n in range(THREADS)]
            claims = [race.storage.add_claim(example_claim(transaction_id=name)) for name in names]
            results = race(
                [
                    methodcaller(
                        "change_claim_and_hold",
                        claim.changed(state=ClaimState.SUBMITTED),
                        example_reservation(claim.transaction_id, [f"{number}#0"]),
                        0.0,
                    )
                    for claim in claims
                ]
            )
            assert results.count(True) == 1
            states = [race.storage.claim(name).state for name in names]
            assert states.count(ClaimState.SUBMITTED) == 1
            assert states.index(ClaimState.SUBMITTED) == results.index(True)
