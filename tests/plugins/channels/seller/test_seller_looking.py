"""A look at the chain costs one question for all channels, and believes no copy and no lag."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facilitator.cardano.transaction import Output, OutputRef, Value
from facilitator.plugin import ProviderBehind
from facilitator_channels.datum import Closed, Opened, Settled, Stage
from facilitator_channels.seller.claims import ClaimPolicy
from facilitator_channels.seller.looking import (
    DEEP_BLOCKS,
    OLDEST_TIP_MS,
    ChannelLook,
    Sight,
)
from facilitator_channels.seller.record import LAG_MS, ChannelRecord, Seal
from facilitator_channels.seller.views import MAX_PATIENCE_MS, patience_ms
from facilitator_channels.seller.watching import Ended, watch
from facilitator_channels.values import ChannelView
from support.channel_model import (
    NOISE,
    PERIOD_MS,
    Made,
    ModelChain,
    channel_output,
)
from support.channel_records import NOW, SHOP, record

ELAPSE_AT = NOW + PERIOD_MS
CLOSED_AT = NOW // 1000


def paid(lovelace: int) -> Output:
    return Output(SHOP, Value(lovelace, {}), 0)


@pytest.fixture
def chain() -> ModelChain:
    return ModelChain()


def opened(chain: ModelChain, number: int) -> Made:
    return chain.make([], [channel_output(number)])


def look(chain: ModelChain, *records: ChannelRecord, now: int = NOW) -> list[Sight]:
    found = ChannelLook(chain).look(records, now)  # type: ignore[arg-type]  # as far as it is asked
    return [found[each.channel_id] for each in records]


def view(sight: Sight) -> ChannelView:
    assert isinstance(sight.seen, ChannelView)
    return sight.seen


def test_unmoved_channels_cost_one_question_together(chain: ModelChain) -> None:
    records = [record(number, str(opened(chain, number).ref(0))) for number in range(1, 9)]
    for sight, each in zip(look(chain, *records), records, strict=True):
        assert view(sight).channel_ref == each.view.channel_ref
        assert view(sight).withdraw_requested_at == 0
        assert view(sight).balance > 8_000_000
    assert chain.calls == ["tip", "outputs_at"]


def test_a_close_is_seen_with_its_time(chain: ModelChain) -> None:
    start = opened(chain, 1).ref(0)
    after = chain.make([start], [NOISE, channel_output(1, Closed(500, ELAPSE_AT))])
    (sight,) = look(chain, record(1, str(start)))
    seen = view(sight)
    assert (seen.channel_ref, seen.total_claimed) == (str(after.ref(1)), 500)
    assert (seen.withdraw_requested_at, seen.seen_at) == (CLOSED_AT, NOW)


def test_a_copy_of_the_datum_is_not_the_channel(chain: ModelChain) -> None:
    """Its consumer closes the channel, and puts an open copy beside it, or in its place."""
    start = opened(chain, 1).ref(0)
    chain.make([], [channel_output(1)])
    closed = chain.make([start], [channel_output(1, Closed(0, ELAPSE_AT))])
    (sight,) = look(chain, record(1, str(start)))
    assert view(sight).channel_ref == str(closed.ref(0))
    assert view(sight).withdraw_requested_at == CLOSED_AT


LONG, SHORT = Closed(0, ELAPSE_AT), Closed(0, NOW + 1)


@pytest.mark.parametrize(
    ("stages", "followed"),
    [
        ([(Opened(0), 10), (SHORT, 900)], 0),  # a rich copy that is the consumer's at once
        ([(SHORT, 900), (Opened(0), 10)], 1),
        ([(SHORT, 10), (LONG, 10)], 1),
        ([(Opened(0), 2), (LONG, 10)], 1),  # too poor to pay what is owed
        ([(LONG, 10), (Opened(0), 2)], 0),
        ([(LONG, 10), (Opened(0), 10)], 1),
        ([(Opened(0), 10), (Opened(0), 900)], 0),  # equal ones: the first, as validators go on
    ],
)
def test_no_copy_leads_away_from_what_is_owed(
    chain: ModelChain, stages: list[tuple[Stage, int]], followed: int
) -> None:
    """The consumer spends the channel, and makes copies of any stage and value beside it."""
    start = opened(chain, 1).ref(0)
    owed = replace(record(1, str(start)), charged=5_000_000)
    made = chain.make([start], [channel_output(1, stage, ada * 1_000_000) for stage, ada in stages])
    (sight,) = look(chain, owed)
    assert view(sight).channel_ref == str(made.ref(followed))


def test_a_copy_that_ends_before_it_is_deep_ends_no_record(chain: ModelChain) -> None:
    start = opened(chain, 1).ref(0)
    owed = replace(record(1, str(start)), charged=5_000_000)
    made = chain.make([start], [channel_output(1), channel_output(1)])
    (sight,) = look(chain, owed)
    at_the_copy = replace(owed, view=view(sight), anchor_ref=str(start))
    assert at_the_copy.view.channel_ref == str(made.ref(0))
    chain.make([made.ref(0)], [NOISE])
    (sight,) = look(chain, at_the_copy)
    assert view(sight).channel_ref == str(made.ref(1))


def test_a_record_of_another_channels_position_shows_nothing(chain: ModelChain) -> None:
    """Whoever has given the position was wrong."""
    other = opened(chain, 2).ref(0)
    chain.newest = 1
    opened(chain, 1)
    for late in (0, MAX_PATIENCE_MS):
        assert look(chain, record(1, str(other)), now=NOW + late) == [Sight(None)]


def test_a_channel_that_is_not_among_the_newest_is_asked_for_in_time(chain: ModelChain) -> None:
    old = record(1, str(opened(chain, 1).ref(0)))
    chain.newest = 1
    opened(chain, 2)
    assert look(chain, old) == [Sight(None)]
    assert chain.calls == ["tip", "outputs_at"]
    chain.calls.clear()
    (sight,) = look(chain, old, now=NOW + patience_ms(old))
    assert view(sight).channel_ref == old.view.channel_ref
    assert chain.calls == ["tip", "outputs_at", "outputs"]
    slow = replace(old, config=replace(old.config, withdraw_delay=2_592_000))
    assert patience_ms(slow) == MAX_PATIENCE_MS < PERIOD_MS


class Unlisted(ModelChain):
    """A provider that lists nothing, as a node's."""

    outputs_at = None  # type: ignore[assignment]


def test_without_a_listing_all_are_asked_for_at_once() -> None:
    chain = Unlisted()
    records = [record(number, str(opened(chain, number).ref(0))) for number in range(1, 9)]
    assert all(isinstance(sight.seen, ChannelView) for sight in look(chain, *records))
    assert chain.calls == ["tip", "outputs"]


def test_an_end_says_what_was_paid(chain: ModelChain) -> None:
    starts = [opened(chain, number).ref(0) for number in range(1, 5)]
    chain.make([starts[0]], [paid(700)])
    chain.make([starts[1]], [NOISE, paid(699)])
    chain.make([starts[2]], [NOISE])
    chain.make([starts[3]], [channel_output(4, Settled()), paid(700)])
    records = [record(number, str(ref)) for number, ref in enumerate(starts, start=1)]
    late = NOW + MAX_PATIENCE_MS
    ends = [sight.seen for sight in look(chain, *records, now=late)]
    assert [(each.redeemed, each.is_deep) for each in ends if isinstance(each, Ended)] == [
        (700, True),
        (699, False),
        (0, False),
        (700, False),
    ]


def test_a_rollback_of_the_position_is_followed_from_the_anchor(chain: ModelChain) -> None:
    anchor = opened(chain, 1).ref(0)
    gone = chain.make([anchor], [channel_output(1, Opened(5))]).ref(0)
    chain.roll_back(1)
    again = chain.make([anchor], [channel_output(1, Closed(0, ELAPSE_AT))]).ref(0)
    (sight,) = look(chain, replace(record(1, str(gone)), anchor_ref=str(anchor)))
    assert view(sight).channel_ref == str(again)


def test_a_position_is_an_anchor_once_it_is_deep(chain: ModelChain) -> None:
    start = opened(chain, 1).ref(0)
    moved = chain.make([start], [channel_output(1, Opened(5))]).ref(0)
    eyes, ours = ChannelLook(chain), record(1, str(moved), anchor_ref=str(start))  # type: ignore[arg-type]
    anchors = []
    for _ in range(DEEP_BLOCKS + 2):
        (sight,) = eyes.look([ours], NOW).values()
        anchors.append(sight.anchor_ref)
        chain.make([], [NOISE])
    assert anchors == ["", *[""] * (DEEP_BLOCKS - 1), str(moved), str(moved)]
    assert chain.calls.count("transaction") == 2
    (sight,) = eyes.look([replace(ours, anchor_ref=str(moved))], NOW).values()
    assert sight.anchor_ref == ""


def test_a_top_up_counts_once_it_is_deep(chain: ModelChain) -> None:
    """A rollback takes it back, and what was served on it would be lost."""
    start = opened(chain, 1).ref(0)
    chain.make([start], [channel_output(1, lovelace=90_000_000)])
    eyes, ours = ChannelLook(chain), record(1, str(start))  # type: ignore[arg-type]
    balances = []
    for _ in range(DEEP_BLOCKS + 2):
        (sight,) = eyes.look([ours], NOW).values()
        after, _ = watch(ours, sight.seen, sight.anchor_ref, ClaimPolicy(), NOW)
        assert after is not None
        ours = after
        balances.append(ours.view.balance > 80_000_000)
        chain.make([], [NOISE])
    assert balances == [*[False] * (DEEP_BLOCKS + 1), True]
    chain.roll_back(DEEP_BLOCKS + 3)
    (sight,) = eyes.look([replace(ours, anchor_ref=str(start))], NOW + MAX_PATIENCE_MS).values()
    assert view(sight).balance < 10_000_000


def test_one_channel_that_cannot_be_followed_does_not_hide_the_others(chain: ModelChain) -> None:
    chain.newest = 0
    records = [record(1, str(opened(chain, 1).ref(0))), record(2, "ab" * 32 + "#0")]
    first, second = look(chain, *records, now=NOW + MAX_PATIENCE_MS)
    assert view(first).channel_ref
    assert second == Sight(None)


def test_a_provider_whose_newest_block_is_old_shows_nothing(chain: ModelChain) -> None:
    """A channel that it shows as open may be closed long ago."""
    ours = record(1, str(opened(chain, 1).ref(0)))
    chain.tip_ms = NOW - OLDEST_TIP_MS
    assert view(*look(chain, ours)).channel_ref == ours.view.channel_ref
    chain.tip_ms -= 1
    with pytest.raises(ProviderBehind, match="10 minutes old"):
        look(chain, ours)
    chain.is_devnet = True  # it makes blocks only when they are asked for
    assert view(*look(chain, ours)).channel_ref == ours.view.channel_ref


def test_a_record_that_is_garbled_does_not_hide_the_others(chain: ModelChain) -> None:
    starts = [opened(chain, number).ref(0) for number in (1, 2)]
    chain.make([starts[0]], [NOISE])
    bad, good = (record(number, str(ref)) for number, ref in enumerate(starts, start=1))
    bad = replace(bad, config=replace(bad.config, receiver="nowhere"))
    first, second = look(chain, bad, good, now=NOW + MAX_PATIENCE_MS)
    assert first == Sight(None)
    assert view(second).channel_ref == good.view.channel_ref


# --- Any history ----------------------------------------------------------------------------------

STEPS = st.one_of(
    st.tuples(st.just("move"), st.integers(0, 3)),
    st.tuples(st.just("copy"), st.integers(0, 3)),
    st.tuples(st.just("block"), st.just(0)),
    st.tuples(st.just("roll back"), st.integers(1, DEEP_BLOCKS)),
    st.tuples(st.just("lag"), st.integers(0, 3)),
    st.tuples(st.just("list"), st.sampled_from([0, 1, 1000])),
    st.tuples(st.just("look"), st.integers(1, 400)),
)
STAGES: tuple[Stage | None, ...] = (Opened(0), Closed(0, ELAPSE_AT), Settled(), None)


class History:
    """One channel, opened deep in the chain, and the record that a seller keeps of it."""

    def __init__(self) -> None:
        self.chain = ModelChain()
        self.position: OutputRef | None
        self.stage: Stage | None
        start = opened(self.chain, 1).ref(0)
        for _ in range(DEEP_BLOCKS):
            self.chain.make([], [NOISE])
        self.first = start
        self.record: ChannelRecord | None = record(1, str(start))
        self.eyes = ChannelLook(self.chain)  # type: ignore[arg-type]
        self.now = NOW
        self.highest = len(self.chain.transactions)

    def truth(self) -> tuple[OutputRef, Stage | None, int]:
        """Where the channel is on the whole chain, its stage or ``None``, and since what height.

        What follows a settlement is not the seller's business.
        """
        ref, stage, height = self.first, STAGES[0], 1
        for number, made in enumerate(self.chain.transactions, start=1):
            if ref in made.inputs:
                place = made.outputs[0]
                stages = [each for each in STAGES if each and place == channel_output(1, each)]
                height = height if stage == Settled() else number
                ref, stage = made.ref(0), stages[0] if stages else None
        return ref, stage, height

    def step(self, what: str, number: int) -> None:
        chain = self.chain
        if what == "move":
            ref, stage, _ = self.truth()
            if stage is not None:
                after = None if stage == Settled() else STAGES[number]
                chain.make([ref], [NOISE if after is None else channel_output(1, after)])
        elif what == "copy":
            stage = STAGES[number]
            chain.make([], [NOISE, channel_output(1, stage or Opened(0))])
        elif what == "block":
            chain.make([], [NOISE])
        elif what == "roll back":  # never what was deep once
            height = len(chain.transactions)
            chain.roll_back(min(number, max(0, height - (self.highest - DEEP_BLOCKS + 1))))
        elif what == "lag":
            chain.lag = number
        elif what == "list":
            chain.newest = number
        else:
            self.look(number * 1000)
        self.highest = max(self.highest, len(chain.transactions))

    def look(self, later_ms: int) -> None:
        self.now += later_ms
        if self.record is None:
            return
        (sight,) = self.eyes.look([self.record], self.now).values()
        before = self.record
        self.record, _ = watch(before, sight.seen, sight.anchor_ref, ClaimPolicy(), self.now)
        if self.record is None:
            _, stage, height = self.truth()
            assert stage in (None, Settled())
            assert len(self.chain.transactions) - height >= DEEP_BLOCKS
        else:
            assert (self.record.charged, self.record.voucher) == (before.charged, before.voucher)


@settings(max_examples=200)
@given(st.lists(STEPS, max_size=25))
def test_after_any_history_the_record_is_what_the_chain_is(steps: list[tuple[str, int]]) -> None:
    history = History()
    for step in steps:
        history.step(*step)
    history.chain.lag = 0
    history.look(LAG_MS + MAX_PATIENCE_MS)
    ref, stage, _ = history.truth()
    kept = history.record
    if stage in (None, Settled()):
        assert kept is None or kept.view.channel_ref == ""
    else:
        assert kept is not None
        assert kept.view.channel_ref == str(ref)
        assert bool(kept.view.withdraw_requested_at) == isinstance(stage, Closed)


def test_what_the_seller_has_signed_does_not_say_that_it_was_paid(chain: ModelChain) -> None:
    """A settlement may lose against the consumer's Elapse."""
    start = opened(chain, 1).ref(0)
    chain.make([start], [NOISE])
    sealed = record(1, str(start), seal=Seal(str(start), NOW))
    (sight,) = look(chain, sealed, now=NOW + MAX_PATIENCE_MS)
    assert isinstance(sight.seen, Ended)
    assert sight.seen.redeemed == 0
