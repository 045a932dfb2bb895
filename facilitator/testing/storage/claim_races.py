"""Contract tests of claims under many callers at once."""

from itertools import chain
from operator import methodcaller

from facilitator.roles.claim import Claim, ClaimState
from facilitator.roles.storage import Storage
from facilitator.testing.examples import example_claim
from facilitator.testing.races import rounds
from facilitator.testing.storage.race import THREADS, RacesStorage, StorageRace

DUE = 5


def _id(number: int) -> str:
    return f"{number:064x}"


def _alike(transaction_id: str, number: int, **fields: object) -> Claim:
    """Return a claim whose texts are all the same, so that a mixture of two is seen."""
    text = f"{number}"
    named = {"owner": text, "payer": text, "amount": text, "error": text, "answer": text.encode()}
    return example_claim(transaction_id=transaction_id, **{**named, **fields})


def _is_mixed(claim: Claim) -> bool:
    return len({claim.owner, claim.payer, claim.amount, claim.error, f"{claim.version}"}) > 1


class ClaimRaces(RacesStorage):
    """The promises about claims hold for many callers at once."""

    def test_of_many_who_claim_at_once_one_does(self, race: StorageRace) -> None:
        """All callers get the same owner, round after round."""
        for number in rounds():
            rivals = [
                example_claim(transaction_id=_id(number), owner=f"owner {n}")
                for n in range(THREADS)
            ]
            added = race([methodcaller("add_claim", rival) for rival in rivals])
            assert added == [race.storage.claim(_id(number))] * THREADS

    def test_of_many_who_change_a_claim_at_once_one_does(self, race: StorageRace) -> None:
        """Even changes that look the same have one winner, as when one of many gets a success."""
        for number in rounds():
            claim = race.storage.add_claim(example_claim(transaction_id=_id(number)))
            rivals = [claim.changed(answer=b"{}") for _ in range(THREADS)]
            written = race([methodcaller("change_claim", rival) for rival in rivals])
            assert written.count(True) == 1
            assert race.storage.claim(claim.transaction_id) == rivals[written.index(True)]

    def test_every_version_of_a_claim_has_one_writer(self, race: StorageRace) -> None:
        """Many threads that change one claim again and again never write the same version."""
        claim = race.storage.add_claim(example_claim())

        def write(store: Storage) -> list[int]:
            written: list[int] = []
            while len(written) < 5:
                stored = store.claim(claim.transaction_id)
                assert stored is not None
                changed = stored.changed()
                if store.change_claim(changed):
                    written.append(changed.version)
            return written

        versions = race([write] * THREADS)
        assert sorted(chain.from_iterable(versions)) == list(range(1, THREADS * 5 + 1))

    def test_of_many_who_remove_a_claim_at_once_one_does(self, race: StorageRace) -> None:
        """The others learn that it was gone."""
        for number in rounds():
            claim = race.storage.add_claim(example_claim(transaction_id=_id(number)))
            removed = race([methodcaller("remove_claim", claim)] * THREADS)
            assert removed.count(True) == 1
            assert race.storage.claim(claim.transaction_id) is None

    def test_of_change_and_removal_of_a_claim_at_once_one_happens(self, race: StorageRace) -> None:
        """A changed claim is not removed, and a removed one is not changed."""
        for number in rounds():
            claim = race.storage.add_claim(example_claim(transaction_id=_id(number)))
            changes = [claim.changed(state=ClaimState.SUBMITTED) for _ in range(THREADS // 2)]
            calls = [methodcaller("change_claim", change) for change in changes]
            done = race([*calls, *[methodcaller("remove_claim", claim)] * (THREADS // 2)])
            assert done.count(True) == 1
            winner = done.index(True)
            left = race.storage.claim(claim.transaction_id)
            assert left == (changes[winner] if winner < len(changes) else None)

    def test_a_claim_is_read_whole_while_it_changes(self, race: StorageRace) -> None:
        """A reader gets one version of it, never parts of two."""
        for number in rounds():
            first = race.storage.add_claim(_alike(_id(number), 0, version=0))

            def write(store: Storage, first: Claim = first) -> None:
                last = first
                for version in range(1, 4):
                    following = _alike(first.transaction_id, version).instead_of(last)
                    assert store.change_claim(following)
                    last = following

            reads = [methodcaller("claim", first.transaction_id)] * (THREADS - 2)
            again = methodcaller("add_claim", first)
            _, *found = race([write, again, *reads])
            assert [claim for claim in found if claim is None or _is_mixed(claim)] == []

    def test_open_claims_are_listed_whole_while_they_change(self, race: StorageRace) -> None:
        """A claim that stays open is always among them, one that was removed or final is not."""
        stays = race.storage.add_claim(_alike("ff" * 32, 0))
        for number in rounds():
            ends = race.storage.add_claim(_alike(_id(2 * number), 0))
            goes = race.storage.add_claim(_alike(_id(2 * number + 1), 0))
            ended = _alike(ends.transaction_id, 1, state=ClaimState.SETTLED).instead_of(ends)
            calls = [methodcaller("change_claim", ended), methodcaller("remove_claim", goes)]
            _, _, *listed = race([*calls, *[methodcaller("open_claims")] * (THREADS - 2)])
            for claims in listed:
                assert stays in claims
                assert [each for each in claims if each.state.is_final or _is_mixed(each)] == []
            assert list(race.storage.open_claims()) == [stays]

    def test_a_claim_that_is_opened_again_is_not_forgotten(self, race: StorageRace) -> None:
        """It is either gone before, and the change fails, or it stays; none is counted twice."""
        for number in rounds():
            due = [_id(DUE * number + n) for n in range(DUE)]
            for transaction_id in due:
                state = ClaimState.EXPIRED
                race.storage.add_claim(example_claim(transaction_id=transaction_id, state=state))
            claim = race.storage.claim(due[-1])
            opened = claim.changed(state=ClaimState.INCLUDED)
            forget = [methodcaller("forget_claims", 200.0)] * (THREADS - 1)
            is_open, *forgotten = race([methodcaller("change_claim", opened), *forget])
            assert race.storage.claim(claim.transaction_id) == (opened if is_open else None)
            assert sum(forgotten) == DUE - is_open
            if is_open:
                assert race.storage.remove_claim(opened)
