"""Contract tests that every store of channels' records must pass.

Subclass :class:`ChannelStoreContract` in a test module and give it the fixture ``open_store``, a
function that opens the same store, empty at first, each time it is called::

    class TestMyStore(ChannelStoreContract):
        @pytest.fixture
        def open_store(self, tmp_path: Path) -> Callable[[], ChannelStore]:
            return lambda: MyStore(tmp_path / "my.db")

The tests close each store that they open.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial

import pytest

from facilitator.testing.races import racetrack, rounds
from facilitator_channels.messages import ChannelConfig
from facilitator_channels.seller.notices import begin, keep, taken
from facilitator_channels.seller.record import ChannelRecord, KeptNotice
from facilitator_channels.seller.store import Change, ChannelStore, Records
from facilitator_channels.values import ChannelView, Iou

THREADS = 8
CONFIG = ChannelConfig(b"\x0a" * 28, b"\x0b" * 32, "addr_test1", b"\x0c" * 28, "lovelace", 900)


def example_record(channel_id: str = "11" * 32, charged: int = 0) -> ChannelRecord:
    """Return a record that has charged so much."""
    voucher = Iou(charged, b"\xdd" * 64)
    return ChannelRecord(
        channel_id, "cardano:preprod", "ee" * 28, CONFIG, charged=charged, voucher=voucher
    )


def charge_one(record: ChannelRecord | None) -> tuple[ChannelRecord, int]:
    """Charge 1 more; return the count before: a step that is wrong when it is lost or doubled."""
    charged = record.charged if record else 0
    return example_record(charged=charged + 1), charged


class ChannelStoreContract:
    """All promises of :class:`~facilitator_channels.seller.store.ChannelStore`."""

    @pytest.fixture
    def open_store(self) -> Callable[[], ChannelStore]:
        """Return a function that opens the store under test; a subclass defines it."""
        raise NotImplementedError("define the fixture open_store")

    @pytest.fixture
    def store(self, open_store: Callable[[], ChannelStore]) -> Iterator[ChannelStore]:
        """Yield the store under test, and close it afterwards."""
        with closing(open_store()) as store:
            yield store

    def test_a_store_is_empty_at_first(self, store: ChannelStore) -> None:
        """It reads as having no record, and takes that as what is replaced."""
        assert store.read("11" * 32) is None
        assert list(store.scan()) == []
        assert store.replace("11" * 32, None, None, durable=True)

    @pytest.mark.parametrize("durable", [True, False])
    def test_a_record_is_replaced_by_who_knows_it(self, store: ChannelStore, durable: bool) -> None:
        """A change of what is no longer the record changes nothing."""
        replace = partial(store.replace, "11" * 32, durable=durable)
        assert not replace(b"other", b"first")
        assert replace(None, b"first")
        assert not replace(None, b"second")
        assert not replace(b"other", b"second")
        assert store.read("11" * 32) == b"first"
        assert replace(b"first", b"second")
        assert not replace(b"first", b"third")
        assert not replace(b"first", None)
        assert not replace(None, None)
        assert store.read("11" * 32) == b"second"
        assert replace(b"second", None)
        assert store.read("11" * 32) is None
        assert replace(None, b"fourth")

    @pytest.mark.parametrize("record", [bytes(range(256)), b"\0", b"a" * 300_000], ids=len)
    def test_any_bytes_are_kept(self, store: ChannelStore, record: bytes) -> None:
        """The store does not look into a record."""
        assert store.replace("11" * 32, None, record, durable=True)
        assert store.read("11" * 32) == record
        assert list(store.scan()) == [record]

    def test_a_scan_yields_all_records(self, store: ChannelStore) -> None:
        """Each that is there all the time is yielded once, while others change."""
        stay = {f"{number:064x}": b"%d" % number for number in range(450)}
        for channel_id, record in stay.items():
            assert store.replace(channel_id, None, record, durable=False)
        found = []
        for number, record in enumerate(store.scan()):
            store.replace(f"f{number:063x}", None, b"new", durable=False)
            found.append(record)
            if number == 0:
                break
        found = [record for record in store.scan() if record != b"new"]
        assert sorted(found) == sorted(stay.values())

    def test_records_outlast_the_store(self, open_store: Callable[[], ChannelStore]) -> None:
        """A store that is opened again has them, the last of each."""
        with closing(open_store()) as store:
            Records(store).change("11" * 32, charge_one)
            Records(store).change("11" * 32, charge_one)
            with closing(open_store()) as other:
                assert Records(other).read("11" * 32) == example_record(charged=2)

    def test_one_of_many_first_records_is_taken(self, store: ChannelStore) -> None:
        """Of several that find none, one stores its own."""
        with racetrack(THREADS, store) as track:
            for number in rounds():
                channel_id = f"{number:064x}"
                calls = [
                    partial(store.replace, channel_id, None, b"%d" % each, durable=False)
                    for each in range(THREADS)
                ]
                won = track.together(calls)
                assert won.count(True) == 1
                assert store.read(channel_id) == b"%d" % won.index(True)

    def test_one_of_many_changes_is_made(self, store: ChannelStore) -> None:
        """Of several that know the record, one replaces or removes it."""
        with racetrack(THREADS, store) as track:
            for number in rounds():
                channel_id = f"{number:064x}"
                assert store.replace(channel_id, None, b"old", durable=False)
                new = [*(b"%d" % each for each in range(THREADS - 1)), None]
                replace = partial(store.replace, channel_id, b"old", durable=False)
                won = track.together([partial(replace, each) for each in new])
                assert won.count(True) == 1
                assert store.read(channel_id) == new[won.index(True)]

    def test_no_step_is_lost(self, open_store: Callable[[], ChannelStore]) -> None:
        """Steps of many threads, on two connections, follow each other."""
        with closing(open_store()) as first, closing(open_store()) as second:
            stores = [Records(each) for each in (first, second)]
            with racetrack(4, first) as track:
                counts: list[int] = []
                for _ in range(10):
                    calls = [
                        partial(stores[each % 2].change, "11" * 32, charge_one) for each in range(4)
                    ]
                    counts += track.together(calls)
            assert sorted(counts) == list(range(40))
            assert stores[0].read("11" * 32) == example_record(charged=40)

    def test_notices_are_given_by_one_and_none_is_lost(
        self, open_store: Callable[[], ChannelStore]
    ) -> None:
        """Watchers of two processes begin and take notices, while the channel goes on."""
        name = "11" * 32
        with closing(open_store()) as first, closing(open_store()) as second:
            stores = [Records(each) for each in (first, second)]
            stores[0].change(name, lambda _: (_seen(example_record(), 0), None))
            kept: tuple[KeptNotice, ...] = ()
            numbers: list[int] = []
            with racetrack(4, first) as track:
                for now_ms in range(1_000, 1_005):
                    begun = track.together(
                        [partial(each.change, name, _begin(now_ms)) for each in stores * 2]
                    )
                    assert begun.count(True) == bool(kept)
                    steps = [*map(_take, kept), _look(now_ms), _look(now_ms)]
                    track.together(
                        [
                            partial(stores[number % 2].change, name, step)
                            for number, step in enumerate(steps)
                        ]
                    )
                    record = stores[0].read(name)
                    assert record is not None
                    kept = record.notices
                    assert len(kept) == 2
                    numbers += [each.number for each in kept]
            assert numbers == sorted(set(numbers))


def _seen(record: ChannelRecord, requested: int) -> ChannelRecord:
    return replace(record, view=ChannelView("22" * 32 + "#0", 5, 0, requested, 0))


def _begin(now_ms: int) -> Change[bool]:
    return lambda record: begin(record, 1, now_ms + 10)


def _take(notice: KeptNotice) -> Change[None]:
    return lambda record: taken(record, notice)


def _look(now_ms: int) -> Change[None]:
    """See the channel closed if it was open, and open if it was closed."""

    def step(record: ChannelRecord | None) -> tuple[ChannelRecord | None, None]:
        assert record is not None
        requested = 0 if record.view.withdraw_requested_at else 1
        return keep(record, _seen(record, requested), now_ms), None

    return step
