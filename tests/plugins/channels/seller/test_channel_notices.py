"""Notices of a channel over histories: each change has one, with an id that is its alone."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from facilitator_channels.seller.notices import Notice, compare, keep, taken
from facilitator_channels.seller.record import (
    ChannelRecord,
    KeptNotice,
)
from facilitator_channels.seller.record_json import decode_record, encode_record
from facilitator_channels.values import ChannelView
from support.channel_records import NOW, record

OPEN, CLOSED, ENDED = "open", "closed", "ended"
looks = st.tuples(st.sampled_from([OPEN, CLOSED, ENDED]), st.integers(-3, 3))
"""What a look sees, always at the same position, and how far the clock went, perhaps back."""
Step = tuple[str, int] | int
histories = st.lists(st.one_of(looks, st.integers(0, 5)), max_size=30)
"""Looks, and receivers that take the notice that was given so many notices ago."""


def seen(before: ChannelRecord, stage: str) -> ChannelRecord:
    requested = NOW // 1000 if stage is CLOSED else 0
    ref = "" if stage is ENDED else f"{'ab' * 32}#0"
    return replace(before, view=ChannelView(ref, 5, 0, requested, NOW))


@given(histories)
def test_no_change_is_lost_and_none_is_another(history: list[Step]) -> None:
    now, kept = NOW, seen(record(1, ""), OPEN)
    made: list[Notice] = []
    took: set[str] = set()
    for step in history:
        if isinstance(step, tuple):
            stage, passed = step
            now += passed
            before, after = kept, seen(kept, stage)
            found = keep(before, after, now)
            assert found is not None
            kept = decode_record(encode_record(found))
            assert kept == found
            if kind := compare(before, after):
                made.append(Notice(kept.notices[-1], kept))
                assert made[-1].kind is kind
            else:
                assert kept.notices == before.notices
        elif step < len(made):
            late = made[-1 - step]
            found, _ = taken(kept, late.kept)
            assert found is not None
            kept = found
            took.add(late.id)
        owed = [Notice(each, kept).id for each in kept.notices]
        assert owed == [each.id for each in made if each.id not in took]
    assert len({each.id for each in made}) == len(made)


def test_a_record_that_is_made_again_counts_on() -> None:
    """As after a rollback of what had ended the channel for good."""
    before = seen(record(1, ""), OPEN)
    first, second = (keep(before, seen(before, CLOSED), at) for at in (NOW, NOW + 1))
    assert first is not None
    assert second is not None
    assert first.notices == (KeptNotice("closed", NOW),)
    assert second.notices == (KeptNotice("closed", NOW + 1),)
