"""Contract tests of claims."""

from dataclasses import replace
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings

from facilitator.roles.claim import Claim, ClaimState
from facilitator.roles.storage import Storage
from facilitator.testing.examples import any_claim, example_claim


class ClaimContract:
    """The promises about claims: one for a transaction, changed only by compare-and-set."""

    def test_a_transaction_without_a_claim_has_none(self, storage: Storage) -> None:
        """``claim`` returns ``None``, also while another transaction is claimed."""
        storage.add_claim(example_claim())
        assert storage.claim("c2" * 32) is None

    def test_the_first_claim_on_a_transaction_stands(self, storage: Storage) -> None:
        """A later caller gets the first one's claim and changes nothing."""
        first = example_claim(owner="first")
        assert storage.add_claim(first) == first
        assert storage.add_claim(example_claim(owner="second", amount="2")) == first
        assert storage.claim(first.transaction_id) == first

    def test_adding_a_claim_again_is_harmless(self, storage: Storage) -> None:
        """A caller that lost the reply repeats the call and gets its own claim."""
        claim = example_claim()
        assert [storage.add_claim(claim) for _ in range(3)] == [claim] * 3

    def test_adding_a_claim_again_gives_it_as_it_now_is(self, storage: Storage) -> None:
        """The answer is the stored claim, not the one that was added."""
        claim = example_claim()
        storage.add_claim(claim)
        changed = claim.changed(state=ClaimState.SUBMITTED)
        storage.change_claim(changed)
        assert storage.add_claim(claim) == changed

    def test_claims_come_back_as_they_were_written(self, storage: Storage) -> None:
        """Every value that a claim can have survives being added and being changed."""
        transaction_ids = map("{:064x}".format, count())

        @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
        @given(any_claim(), any_claim())
        def round_trip(some: Claim, other: Claim) -> None:
            claim = replace(some, transaction_id=next(transaction_ids))
            assert storage.add_claim(claim) == claim
            assert storage.claim(claim.transaction_id) == claim
            changed = replace(
                other,
                transaction_id=claim.transaction_id,
                version=claim.version + 1,
                follows=claim.nonce,
            )
            assert storage.change_claim(changed)
            assert storage.claim(claim.transaction_id) == changed
            assert storage.remove_claim(changed)

        round_trip()

    def test_a_claim_comes_back_in_its_types(self, storage: Storage) -> None:
        """Numbers, bytes, states and flags stay what they are, beyond comparing equal."""
        claim = example_claim(accepted=True, block_slot=2**64 - 1, depth=0, answer=b"{}")
        storage.add_claim(claim)
        found = storage.claim(claim.transaction_id)
        assert repr(found) == repr(claim)

    def test_only_the_next_version_is_written(self, storage: Storage) -> None:
        """Any other version is refused and leaves the stored claim alone."""
        claim = example_claim()
        storage.add_claim(claim)
        next_one = claim.changed(owner="second")
        assert not storage.change_claim(next_one.changed(owner="third"))
        assert storage.claim(claim.transaction_id) == claim
        assert storage.change_claim(next_one)
        assert not storage.change_claim(claim.changed(owner="late"))
        assert not storage.change_claim(claim)
        assert storage.claim(claim.transaction_id) == next_one

    def test_a_change_of_another_claim_of_that_version_is_not_written(
        self, storage: Storage
    ) -> None:
        """Changes may have been lost and made again by others, who do not know the former ones."""
        claim = example_claim(nonce="made first")
        storage.add_claim(claim)
        lost, stored = claim.changed(owner="lost"), claim.changed(owner="stored")
        assert storage.change_claim(stored)
        assert not storage.change_claim(lost.changed(answer=b"{}"))
        assert not storage.change_claim(lost)
        assert storage.claim(claim.transaction_id) == stored
        assert storage.change_claim(stored.changed(answer=b"{}"))

    def test_a_change_of_a_claim_that_was_replaced_is_not_written(self, storage: Storage) -> None:
        """The claim of another caller, after a removal, has the same version again."""
        claim = example_claim(nonce="made first")
        storage.add_claim(claim)
        storage.remove_claim(claim)
        second = storage.add_claim(example_claim(nonce="made second"))
        assert not storage.change_claim(claim.changed(state=ClaimState.SUBMITTED))
        assert storage.claim(claim.transaction_id) == second

    def test_a_claim_that_is_not_there_cannot_be_changed(self, storage: Storage) -> None:
        """A change never adds a claim."""
        claim = example_claim()
        assert not storage.change_claim(claim.changed(owner="second"))
        assert not storage.change_claim(claim)
        assert storage.claim(claim.transaction_id) is None

    def test_changing_a_claim_again_is_harmless(self, storage: Storage) -> None:
        """The same change returns true as long as it is stored, and false after the next one."""
        claim = example_claim()
        storage.add_claim(claim)
        changed = claim.changed(owner="second")
        assert [storage.change_claim(changed) for _ in range(3)] == [True] * 3
        storage.change_claim(changed.changed(owner="third"))
        assert not storage.change_claim(changed)

    def test_a_change_touches_no_other_claim(self, storage: Storage) -> None:
        """Other claims of the same version stay when one is changed or removed."""
        one, other = example_claim(), example_claim(transaction_id="c2" * 32)
        storage.add_claim(one)
        storage.add_claim(other)
        changed = one.changed(state=ClaimState.SUBMITTED)
        storage.change_claim(changed)
        storage.remove_claim(changed)
        assert storage.claim(other.transaction_id) == other

    @pytest.mark.parametrize(
        "fields", [{"version": 1}, {"owner": "second"}, {"nonce": "another"}, {"error": "another"}]
    )
    def test_a_claim_that_differs_is_not_removed(
        self, storage: Storage, fields: dict[str, object]
    ) -> None:
        """Only a caller that knows the stored claim can remove it."""
        claim = example_claim()
        storage.add_claim(claim)
        assert not storage.remove_claim(example_claim(**fields))
        assert storage.claim(claim.transaction_id) == claim

    def test_a_claim_that_was_removed_makes_room_for_another(self, storage: Storage) -> None:
        """After the removal, a second one fails, and any caller can claim the transaction."""
        claim = example_claim()
        storage.add_claim(claim)
        assert storage.remove_claim(claim)
        assert not storage.remove_claim(claim)
        assert storage.claim(claim.transaction_id) is None
        second = example_claim(owner="second")
        assert storage.add_claim(second) == second

    def test_open_claims_are_those_that_are_not_final_oldest_first(self, storage: Storage) -> None:
        """The order is that of ``created_at``, not of ids nor of the calls."""
        ages = {"c2": 30.0, "c3": 10.0, "c1": 20.5, "c4": 20.25}
        for name, made in ages.items():
            storage.add_claim(example_claim(transaction_id=name * 32, created_at=made))
        assert [claim.transaction_id[:2] for claim in storage.open_claims()] == [
            "c3",
            "c4",
            "c1",
            "c2",
        ]

    @pytest.mark.parametrize("state", ClaimState)
    def test_a_claim_is_open_until_it_is_final(self, storage: Storage, state: ClaimState) -> None:
        """A change of state removes the claim from the open ones exactly when it is final."""
        claim = example_claim()
        storage.add_claim(claim)
        changed = claim.changed(state=state)
        storage.change_claim(changed)
        assert list(storage.open_claims()) == ([] if state.is_final else [changed])

    @pytest.mark.parametrize("state", [state for state in ClaimState if state.is_final])
    def test_a_final_claim_may_be_open_again(self, storage: Storage, state: ClaimState) -> None:
        """A rollback may open it, or a block that holds what was given up."""
        claim = example_claim(state=state, keep_until=200.0)
        storage.add_claim(claim)
        opened = claim.changed(state=ClaimState.INCLUDED)
        assert storage.change_claim(opened)
        assert list(storage.open_claims()) == [opened]
        assert storage.forget_claims(now=300.0) == 0
        settled = opened.changed(state=ClaimState.SETTLED)
        assert storage.change_claim(settled)
        assert list(storage.open_claims()) == []
        assert storage.forget_claims(now=300.0) == 1

    @pytest.mark.parametrize("state", ClaimState)
    def test_final_claims_are_forgotten_in_time(self, storage: Storage, state: ClaimState) -> None:
        """They are removed from ``keep_until`` on, not before, and never while open."""
        claim = example_claim(state=state, keep_until=200.0)
        storage.add_claim(claim)
        assert storage.forget_claims(now=199.5) == 0
        assert storage.forget_claims(now=200.0) == int(state.is_final)
        assert storage.claim(claim.transaction_id) == (None if state.is_final else claim)

    def test_forgetting_takes_what_is_due_only(self, storage: Storage) -> None:
        """The returned number is that of the removed claims."""
        for index, keep_until in enumerate((100.0, 300.0, 200.0)):
            claim = example_claim(transaction_id=f"{index:064x}", keep_until=keep_until)
            storage.add_claim(claim)
            storage.change_claim(claim.changed(state=ClaimState.SETTLED))
        assert storage.forget_claims(now=250.0) == 2
        kept = [storage.claim(f"{index:064x}") is not None for index in range(3)]
        assert kept == [False, True, False]
