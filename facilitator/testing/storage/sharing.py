"""Contract tests of storages that share knowledge of a chain."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from facilitator.roles.sharing import (
    AnnouncesEntries,
    Entry,
    Lease,
    SharedOutput,
    SharesChain,
    SharesOutputs,
)
from facilitator.roles.storage import Storage
from facilitator.testing.storage.sharing_races import ChainRaces, OutputRaces
from facilitator.testing.waiting import eventually

NETWORK = "cardano:preprod"
OTHER_NETWORK = "cardano:preview"
FAR = 4_102_444_800.0
"""A time in the year 2100: storages have a clock of their own for cached outputs."""


def _leads(
    chain: SharesChain, follower: str, now: float, until: float, network: str = NETWORK
) -> bool:
    """Have the follower ask for the lead; return True if it leads then."""
    return chain.lead(network, follower, now, until).follower == follower


def _lead(chain: SharesChain, follower: str, network: str = NETWORK) -> bool:
    return _leads(chain, follower, 0.0, 100.0, network)


def _publish(
    chain: SharesChain, follower: str, number: int, content: bytes = b"", keep: int = 100
) -> bool:
    return chain.publish(NETWORK, follower, number, content or b"%d" % number, [], keep)


def _share(chain: SharesOutputs, *refs: str, network: str = NETWORK) -> None:
    chain.share_outputs(network, {ref: SharedOutput(0, ref.encode()) for ref in refs}, FAR)


class SharesChainContract(ChainRaces):
    """All promises of :class:`~facilitator.roles.sharing.SharesChain`.

    Subclass it as :class:`~facilitator.testing.storage.StorageContract`, or both at once.
    """

    @pytest.fixture
    def open_storage(self) -> Callable[[], Storage]:
        """Return a function that opens the storage under test; a subclass defines it."""
        raise NotImplementedError("define the fixture open_storage")

    @pytest.fixture
    def open_chain(
        self, open_storage: Callable[[], Storage]
    ) -> Iterator[Callable[[], SharesChain]]:
        """Yield a function that opens the storage under test, and close what it opened."""
        opened: list[Storage] = []

        def open_one() -> SharesChain:
            storage = open_storage()
            opened.append(storage)
            assert isinstance(storage, SharesChain)
            return storage

        yield open_one
        for storage in opened:
            storage.close()

    @pytest.fixture
    def shared(self, open_chain: Callable[[], SharesChain]) -> SharesChain:
        """Return the storage under test."""
        return open_chain()

    # --- The lead ---------------------------------------------------------------------------

    def test_one_follower_leads_while_its_lease_lasts(self, shared: SharesChain) -> None:
        """The first that asks leads, and goes on when it asks again; the others wait."""
        assert _leads(shared, "one", 0.0, 100.0)
        assert not _leads(shared, "two", 99.5, 200.0)
        assert _leads(shared, "one", 99.5, 200.0)
        assert not _leads(shared, "two", 199.5, 300.0)

    def test_another_leads_when_the_lease_is_over(self, shared: SharesChain) -> None:
        """Another leads from the end of the lease on; the first one then waits."""
        shared.lead(NETWORK, "one", now=0.0, until=100.0)
        assert _leads(shared, "two", 100.0, 200.0)
        assert not _leads(shared, "one", 100.0, 200.0)

    def test_the_lease_in_force_is_returned(self, shared: SharesChain) -> None:
        """The caller's own, or the one that keeps it from leading."""
        assert shared.lead(NETWORK, "one", 0.0, 100.25) == Lease("one", 100.25)
        assert shared.lead(NETWORK, "two", 0.0, 50.0) == Lease("one", 100.25)
        assert shared.lead(NETWORK, "one", 50.0, 150.5) == Lease("one", 150.5)
        assert shared.lead(NETWORK, "two", 150.5, 1e11) == Lease("two", 1e11)

    def test_a_lease_that_was_seen_unchanged_for_too_long_is_over(
        self, shared: SharesChain
    ) -> None:
        """Whatever its end says; one that was prolonged meanwhile lasts."""
        stale = shared.lead(NETWORK, "one", 1e9, 1e9 + 15.0)
        renewed = shared.lead(NETWORK, "one", 1e9 + 5.0, 1e9 + 20.0)
        assert shared.lead(NETWORK, "two", 0.0, 15.0, over=stale) == renewed
        assert shared.lead(NETWORK, "two", 0.0, 15.0, over=renewed) == Lease("two", 15.0)
        assert shared.lead(NETWORK, "one", 0.0, 15.0, over=renewed) == Lease("two", 15.0)

    def test_a_leader_that_resigns_makes_room(self, shared: SharesChain) -> None:
        """Another can lead at once; a follower that does not lead resigns from nothing."""
        shared.resign(NETWORK, "one")
        _lead(shared, "one")
        shared.resign(NETWORK, "two")
        assert not _lead(shared, "two")
        shared.resign(NETWORK, "one")
        assert _lead(shared, "two")

    def test_each_network_has_a_leader(self, shared: SharesChain) -> None:
        """The lead of one network, and its end, says nothing about another."""
        assert _lead(shared, "one")
        assert _lead(shared, "two", OTHER_NETWORK)
        shared.resign(OTHER_NETWORK, "two")
        assert not _lead(shared, "two")

    # --- The feed ---------------------------------------------------------------------------

    def test_what_is_published_is_read_in_order(self, shared: SharesChain) -> None:
        """A reader gets all entries, those after some entry, or the newest one alone."""
        _lead(shared, "one")
        contents = [b"first", bytes(range(256)), b"\xff" * 50_000]
        for number, content in enumerate(contents, start=1):
            assert _publish(shared, "one", number, content)
        entries = [Entry(number, content) for number, content in enumerate(contents, start=1)]
        assert list(shared.published(NETWORK, 0)) == entries
        assert list(shared.published(NETWORK, 1)) == entries[1:]
        assert list(shared.published(NETWORK, 3)) == []
        assert list(shared.published(NETWORK, 7)) == []
        assert list(shared.published(NETWORK, -1)) == entries[2:]

    def test_nothing_is_published_at_first(self, shared: SharesChain) -> None:
        """There is no entry, and none by the feed of another network."""
        _lead(shared, "one")
        _publish(shared, "one", 1)
        assert list(shared.published(OTHER_NETWORK, 0)) == []
        assert list(shared.published(OTHER_NETWORK, -1)) == []

    @pytest.mark.parametrize("number", [0, 2, 4, -1])
    def test_only_the_next_entry_is_published(self, shared: SharesChain, number: int) -> None:
        """Any other number is refused and changes nothing."""
        _lead(shared, "one")
        _publish(shared, "one", 1)
        _publish(shared, "one", 2)
        assert not _publish(shared, "one", number, b"another")
        assert [entry.number for entry in shared.published(NETWORK, 0)] == [1, 2]

    def test_only_the_leader_publishes(self, shared: SharesChain) -> None:
        """A follower publishes nothing before it leads, nor once another leads."""
        assert not _publish(shared, "one", 1)
        shared.lead(NETWORK, "one", now=0.0, until=100.0)
        assert not _publish(shared, "two", 1)
        assert _publish(shared, "one", 1)
        shared.lead(NETWORK, "two", now=100.0, until=200.0)
        assert not _publish(shared, "one", 2)
        assert _publish(shared, "two", 2)
        assert [entry.number for entry in shared.published(NETWORK, 0)] == [1, 2]

    def test_who_resigned_does_not_publish(self, shared: SharesChain) -> None:
        """The entries that it published before stay."""
        _lead(shared, "one")
        _publish(shared, "one", 1)
        shared.resign(NETWORK, "one")
        assert not _publish(shared, "one", 2)
        assert list(shared.published(NETWORK, 0)) == [Entry(1, b"1")]

    def test_publishing_an_entry_again_is_harmless(self, shared: SharesChain) -> None:
        """The call returns true for the leader's newest entry, which is there once."""
        _lead(shared, "one")
        assert [_publish(shared, "one", 1, b"same") for _ in range(3)] == [True] * 3
        assert not _publish(shared, "one", 1, b"another")
        assert list(shared.published(NETWORK, 0)) == [Entry(1, b"same")]
        _publish(shared, "one", 2)
        assert not _publish(shared, "one", 1, b"same")
        shared.lead(NETWORK, "two", now=100.0, until=200.0)
        assert not _publish(shared, "one", 2)

    def test_entries_of_the_same_content_are_apart(self, shared: SharesChain) -> None:
        """A content may be published again under the next number."""
        _lead(shared, "one")
        assert _publish(shared, "one", 1, b"same")
        assert _publish(shared, "one", 2, b"same")
        assert list(shared.published(NETWORK, 0)) == [Entry(1, b"same"), Entry(2, b"same")]

    def test_the_newest_entries_are_kept(self, shared: SharesChain) -> None:
        """Numbers go on; a reader that was behind gets the entries that are left."""
        _lead(shared, "one")
        for number in range(1, 13):
            assert _publish(shared, "one", number, keep=3)
        assert list(shared.published(NETWORK, 0)) == [
            Entry(10, b"10"),
            Entry(11, b"11"),
            Entry(12, b"12"),
        ]
        assert _publish(shared, "one", 13, keep=1)
        assert list(shared.published(NETWORK, 0)) == [Entry(13, b"13")]

    # --- Sharing ----------------------------------------------------------------------------

    def test_all_that_open_the_storage_see_the_same(
        self, shared: SharesChain, open_chain: Callable[[], SharesChain]
    ) -> None:
        """Leaders and entries are shared, each way."""
        other = open_chain()
        _lead(shared, "one")
        _publish(shared, "one", 1)
        assert not _lead(other, "two")
        assert list(other.published(NETWORK, 0)) == [Entry(1, b"1")]
        assert other.publish(NETWORK, "one", 2, b"2", [], keep=1)
        assert list(shared.published(NETWORK, 0)) == [Entry(2, b"2")]

    def test_an_entry_is_announced_to_all_that_open_the_storage(
        self, shared: SharesChain, open_chain: Callable[[], SharesChain]
    ) -> None:
        """Each network to those who asked for it, whichever opening has published."""
        other = open_chain()
        if not isinstance(other, AnnouncesEntries):
            pytest.skip("the storage announces no entries")
        announced, elsewhere = threading.Event(), threading.Event()
        other.announce(NETWORK, announced.set)
        other.announce(OTHER_NETWORK, elsewhere.set)
        _lead(shared, "one")
        numbers = itertools.count(1)
        eventually(lambda: _publish(shared, "one", next(numbers)) and announced.is_set())
        assert not elsewhere.is_set()


class SharesOutputsContract(SharesChainContract, OutputRaces):
    """All promises of :class:`~facilitator.roles.sharing.SharesOutputs`."""

    @pytest.fixture
    def outputs(self, shared: SharesChain) -> SharesOutputs:
        """Return the storage under test, as a cache of outputs."""
        assert isinstance(shared, SharesOutputs)
        return shared

    def test_shared_outputs_come_back_as_they_were(self, outputs: SharesOutputs) -> None:
        """The shared ones are returned, asked for in any order; the others are left out."""
        looked_up = {
            "aa#0": SharedOutput(0, b""),
            "aa#1": SharedOutput(7, bytes(range(256))),
            "bb#0": SharedOutput(2**53, b"7 7"),
        }
        outputs.share_outputs(NETWORK, looked_up, FAR)
        assert outputs.shared_outputs(NETWORK, ["bb#0", "cc#0", "aa#1", "aa#0"]) == looked_up
        assert outputs.shared_outputs(NETWORK, ["aa#1"]) == {"aa#1": looked_up["aa#1"]}

    def test_no_outputs_are_no_trouble(self, outputs: SharesOutputs) -> None:
        """An empty mapping can be shared, and an empty list asked for."""
        outputs.share_outputs(NETWORK, {}, FAR)
        assert outputs.shared_outputs(NETWORK, []) == {}
        assert outputs.shared_outputs(NETWORK, ["aa#0"]) == {}

    def test_networks_have_outputs_of_their_own(self, outputs: SharesOutputs) -> None:
        """The same reference may mean another output elsewhere, and be spent there."""
        _share(outputs, "aa#0", network=OTHER_NETWORK)
        assert outputs.shared_outputs(NETWORK, ["aa#0"]) == {}
        _lead(outputs, "one")
        outputs.publish(NETWORK, "one", 1, b"", ["aa#0"], keep=1)
        assert list(outputs.shared_outputs(OTHER_NETWORK, ["aa#0"])) == ["aa#0"]

    def test_an_output_that_is_shared_again_is_replaced(self, outputs: SharesOutputs) -> None:
        """The newer one counts."""
        newer = SharedOutput(8, b"newer")
        outputs.share_outputs(NETWORK, {"aa#0": SharedOutput(7, b"older")}, FAR)
        outputs.share_outputs(NETWORK, {"aa#0": newer}, FAR)
        assert outputs.shared_outputs(NETWORK, ["aa#0"]) == {"aa#0": newer}

    def test_an_output_is_kept_until_its_time_is_over(self, outputs: SharesOutputs) -> None:
        """The time is that of the real clock."""
        _share(outputs, "aa#0")
        over = {"aa#0": SharedOutput(0, b""), "aa#1": SharedOutput(0, b"")}
        outputs.share_outputs(NETWORK, over, time.time() - 1)
        assert outputs.shared_outputs(NETWORK, ["aa#0", "aa#1"]) == {}

    def test_spent_outputs_leave_the_cache(self, outputs: SharesOutputs) -> None:
        """They leave with the entry that says so; others stay, and absent ones are no error."""
        _lead(outputs, "one")
        _share(outputs, "aa#0", "aa#1", "bb#0")
        spent = ["aa#1", *(f"cc#{index}" for index in range(2000)), "bb#0"]
        assert outputs.publish(NETWORK, "one", 1, b"", spent, keep=1)
        assert list(outputs.shared_outputs(NETWORK, ["aa#0", "aa#1", "bb#0"])) == ["aa#0"]

    def test_what_is_not_published_spends_nothing(self, outputs: SharesOutputs) -> None:
        """A follower that does not lead, or is behind, cannot empty the cache."""
        _lead(outputs, "one")
        _share(outputs, "aa#0")
        assert not outputs.publish(NETWORK, "two", 1, b"", ["aa#0"], keep=1)
        assert not outputs.publish(NETWORK, "one", 2, b"", ["aa#0"], keep=1)
        assert list(outputs.shared_outputs(NETWORK, ["aa#0"])) == ["aa#0"]

    def test_all_that_open_the_storage_see_the_same_outputs(
        self, outputs: SharesOutputs, open_chain: Callable[[], SharesChain]
    ) -> None:
        """Each also sees which are spent."""
        other = open_chain()
        assert isinstance(other, SharesOutputs)
        _lead(outputs, "one")
        _share(outputs, "aa#0")
        assert list(other.shared_outputs(NETWORK, ["aa#0"])) == ["aa#0"]
        assert other.publish(NETWORK, "one", 1, b"1", ["aa#0"], keep=1)
        assert outputs.shared_outputs(NETWORK, ["aa#0"]) == {}
