"""Contract tests of storages that share knowledge of a chain, under many callers at once."""

from operator import methodcaller

from facilitator.roles.sharing import Entry, Lease, SharedOutput, SharesChain
from facilitator.testing.races import rounds
from facilitator.testing.storage.race import THREADS, Call, RacesStorage, StorageRace, for_each

FAR = 4_102_444_800.0
HALF, MANY = THREADS // 2, 3
TRIES = 200


def _lead(network: str, follower: str, now: float, until: float) -> Call:
    return methodcaller("lead", network, follower, now, until)


def _publish(
    network: str, follower: str, number: int, content: bytes, spent: tuple[str, ...] = ()
) -> Call:
    return methodcaller("publish", network, follower, number, content, spent, 2)


def _lead_in_time(store: SharesChain, network: str) -> Lease:
    """Have ``two`` lead as soon as ``one`` no longer does; return the lease that it gets last."""
    for _ in range(TRIES):
        lease = store.lead(network, "two", 50.0, 200.0)
        if lease.follower == "two":
            break
    return lease


class ChainRaces(RacesStorage):
    """The promises about leaders and feeds hold for many callers at once."""

    def test_of_many_who_want_to_lead_at_once_one_does(self, race: StorageRace) -> None:
        """All get the same lease: with none before, with one that is over, with a stale one."""
        for number in rounds():
            network = f"network {number}"
            over = None
            if number % 3 == 1:
                race.storage.lead(network, "former", 0.0, 100.0)
            elif number % 3 == 2:
                over = race.storage.lead(network, "former", 0.0, 1e9)
            asks = [
                methodcaller("lead", network, f"{n}", 100.0, 200.0, over) for n in range(THREADS)
            ]
            leases = race(asks)
            assert len(set(leases)) == 1
            assert race.storage.lead(network, "late", 150.0, 300.0) == leases[0]

    def test_of_a_prolonged_lead_and_another_one_lasts(self, race: StorageRace) -> None:
        """The old leader and its rivals get the same lease."""
        for number in rounds():
            networks = [f"network {number} {n}" for n in range(MANY)]
            for network in networks:
                race.storage.lead(network, "one", 0.0, 100.0)

            def rival(n: int, networks: list[str] = networks) -> Call:
                return for_each(networks, lambda name: _lead(name, f"rival {n}", 100.0, 200.0))

            old = for_each(networks, lambda name: _lead(name, "one", 99.0, 199.0))
            leases = race([*[old] * HALF, *[rival(n) for n in range(HALF)]])
            assert [each for each in leases if each != leases[0]] == []
            for network, lease in zip(networks, leases[0], strict=True):
                assert race.storage.lead(network, "late", 150.0, 300.0) == lease

    def test_who_resigns_spares_the_next_leader(self, race: StorageRace) -> None:
        """A follower that resigns never ends the lease of another."""
        for number in rounds():
            networks = [f"network {number} {n}" for n in range(MANY)]
            for network in networks:
                race.storage.lead(network, "one", 0.0, 100.0)

            def follow(store: SharesChain, networks: list[str] = networks) -> list[Lease]:
                return [_lead_in_time(store, network) for network in networks]

            resign = for_each(networks, lambda name: methodcaller("resign", name, "one"))
            leases, *_ = race([follow, *[resign] * (THREADS - 1)])
            for network, lease in zip(networks, leases, strict=True):
                late = race.storage.lead(network, "late", 150.0, 300.0)
                assert lease.follower == "one" or late == lease

    def test_of_many_who_publish_at_once_one_does(self, race: StorageRace) -> None:
        """Each entry has one author, though all of them say that they lead."""
        for number in rounds():
            network = f"network {number}"
            race.storage.lead(network, "one", 0.0, 100.0)
            rivals = [_publish(network, "one", 1, b"%d" % n) for n in range(THREADS)]
            published = race(rivals)
            assert published.count(True) == 1
            entry = Entry(1, b"%d" % published.index(True))
            assert list(race.storage.published(network, 0)) == [entry]

    def test_of_two_leaders_who_publish_one_does(self, race: StorageRace) -> None:
        """The former leader publishes nothing once another leads."""
        for number in rounds():
            network = f"network {number}"
            race.storage.lead(network, "one", 0.0, 100.0)

            def take_over(store: SharesChain, network: str = network) -> bool:
                store.lead(network, "two", 100.0, 200.0)
                return store.publish(network, "two", 1, b"two", [], 2)

            by_one = [_publish(network, "one", 1, b"one")] * (THREADS - 1)
            by_two, *rest = race([take_over, *by_one])
            assert by_two is not (True in rest)
            entry = Entry(1, b"two" if by_two else b"one")
            assert list(race.storage.published(network, 0)) == [entry]

    def test_entries_are_read_whole_while_others_are_published(self, race: StorageRace) -> None:
        """A reader gets the newest entries without a gap, as many as are kept."""
        for number in rounds():
            network, keep = f"network {number}", 1 + number % 2
            race.storage.lead(network, "one", 0.0, 100.0)
            race.storage.publish(network, "one", 1, b"1", [], keep)

            def publish(store: SharesChain, network: str = network, keep: int = keep) -> None:
                for entry in range(2, 8):
                    assert store.publish(network, "one", entry, b"%d" % entry, [], keep)

            newest = methodcaller("published", network, -1)
            everything = methodcaller("published", network, 0)
            _, *found = race([publish, newest, *[everything] * (THREADS - 2)])
            for entries in found:
                first = entries[0].number
                numbers = range(first, first + len(entries))
                assert list(entries) == [Entry(each, b"%d" % each) for each in numbers]
                kept = 1 if entries is found[0] else keep
                assert len(entries) == min(numbers[-1], kept)


class OutputRaces(ChainRaces):
    """The promises about shared outputs hold for many callers at once."""

    def test_outputs_are_shared_all_at_once(self, race: StorageRace) -> None:
        """A reader gets all outputs of one call, never some of two; spent ones leave together."""
        refs = ("aa#0", "bb#0")
        for number in rounds():
            network = f"network {number}"
            race.storage.lead(network, "one", 0.0, 100.0)

            def share(n: int, network: str = network) -> Call:
                looked_up = {ref: SharedOutput(n, b"%d" % n) for ref in refs}
                return methodcaller("share_outputs", network, looked_up, FAR)

            race.storage.share_outputs(network, {ref: SharedOutput(0, b"0") for ref in refs}, FAR)
            spend = _publish(network, "one", 1, b"", refs)
            reads = [methodcaller("shared_outputs", network, refs)] * HALF
            found = race([share(1), share(2), spend, *reads])[3:]
            for outputs in found:
                assert set(outputs) in (set(), set(refs))
                assert len(set(outputs.values())) <= 1
