"""Following a channel finds what a plain look at the chain finds; lag is never an end."""

from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facilitator.cardano.transaction import OutputRef
from facilitator.roles.chain import Unknown
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.chain_spenders import Spender
from facilitator_channels import following
from facilitator_channels.channel import Channel
from facilitator_channels.datum import Closed, Opened, Sponsor
from facilitator_channels.following import MAX_HOPS, ChannelFollower, Followed, NoChannel
from support.channel_model import (
    NEXT_STAGES,
    NOISE,
    VALIDATOR,
    WALLET,
    Made,
    ModelChain,
    channel_output,
    constants,
)

OURS, OTHER = 1, 2


def follow(follower: ChannelFollower, chain: ModelChain, start: OutputRef) -> Followed:
    return follower.follow(chain.outputs, chain, start, VALIDATOR, constants(OURS))


def plainly(chain: ModelChain, start: OutputRef) -> object:
    """What the seen part of the chain says, without a memory: the position, an end, or nothing."""
    position = start
    while True:
        output = chain.output(position)
        if output is None:
            return "unknown"
        taker = chain.taker(position)
        if taker is None:
            # At the start itself it may be any channel: the caller compares it with the payload.
            channels = (OURS, OTHER) if position == start else (OURS,)
            is_one = output in [channel_output(n, stage) for n in channels for stage in NEXT_STAGES]
            return position if is_one else "none"
        ours = [
            index
            for index, each in enumerate(taker.outputs)
            if any(each == channel_output(OURS, stage) for stage in NEXT_STAGES)
        ]
        if not ours:
            return "none"
        position = taker.ref(ours[0])


def told(found: Followed) -> object:
    if isinstance(found, Channel):
        return found.ref
    return "unknown" if isinstance(found, Unknown) else "none"


STEPS = st.one_of(
    st.tuples(
        st.just("move"), st.integers(0, 3), st.sampled_from(["alone", "first", "last", "copied"])
    ),
    st.tuples(st.just("end"), st.integers(0, 3), st.just("")),
    st.tuples(st.just("roll back"), st.integers(1, 4), st.just("")),
    st.tuples(st.just("lag"), st.integers(0, 4), st.just("")),
    st.tuples(st.just("ask"), st.integers(0, 30), st.just("")),
)


class History:
    """A chain with a channel, every position that it ever had, and one follower all along."""

    def __init__(self) -> None:
        self.chain = ModelChain()
        self.follower = ChannelFollower()
        self.positions: list[OutputRef] = []
        self.opened()

    def opened(self) -> None:
        made = self.chain.make([], [NOISE, channel_output(OURS), channel_output(OTHER)])
        self.positions += [made.ref(index) for index in range(3)]

    def newest(self) -> OutputRef | None:
        lag, self.chain.lag = self.chain.lag, 0
        places = [plainly(self.chain, each) for each in self.positions]
        self.chain.lag = lag
        return next((each for each in reversed(places) if isinstance(each, OutputRef)), None)

    def step(self, what: str, number: int, form: str) -> None:
        if what == "lag":
            self.chain.lag = number
        elif what == "roll back":
            self.chain.roll_back(number)
        elif what == "ask":
            start = self.positions[number % len(self.positions)]
            assert told(follow(self.follower, self.chain, start)) == plainly(self.chain, start)
        elif (position := self.newest()) is None:
            self.opened()
        elif what == "end":
            self.chain.make([position], [NOISE])
        else:
            ours = channel_output(OURS, NEXT_STAGES[number])
            others = [NOISE, channel_output(OTHER), channel_output(OURS, address=WALLET)]
            outputs = {
                "alone": [ours],
                "first": [ours, *others],
                "last": [*others, ours],
                "copied": [ours, channel_output(OURS)],
            }[form]
            made = self.chain.make([position], outputs)
            self.positions += [made.ref(index) for index in range(len(outputs))]


@settings(max_examples=250, deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_any_history_is_followed_as_it_is_seen(steps: list[tuple[str, int, str]]) -> None:
    history = History()
    for step in steps:
        history.step(*step)
    for number in range(len(history.positions)):
        history.step("ask", number, "")


# --- One by one -----------------------------------------------------------------------------------


@pytest.fixture
def chain() -> ModelChain:
    return ModelChain()


def moved(chain: ModelChain, times: int) -> list[OutputRef]:
    """Open the channel, and move it; return all its positions."""
    made = chain.make([], [channel_output(OURS)])
    positions = [made.ref(0)]
    for number in range(times):
        made = chain.make([positions[-1]], [channel_output(OURS, Opened(number))])
        positions.append(made.ref(0))
    return positions


def test_an_unspent_position_costs_one_look_at_the_cache(chain: ModelChain) -> None:
    (start,) = moved(chain, 0)
    assert told(follow(ChannelFollower(), chain, start)) == start
    assert chain.calls == ["outputs"]


def test_what_was_followed_once_costs_as_little(chain: ModelChain) -> None:
    positions, follower = moved(chain, 3), ChannelFollower()
    assert told(follow(follower, chain, positions[0])) == positions[-1]
    assert chain.calls == ["outputs", *["spender"] * 4]
    chain.calls.clear()
    assert told(follow(follower, chain, positions[0])) == positions[-1]
    assert chain.calls == ["outputs"]


def test_hops_are_capped_and_the_next_question_goes_on(chain: ModelChain) -> None:
    positions, follower = moved(chain, 2 * MAX_HOPS), ChannelFollower()
    assert isinstance(follow(follower, chain, positions[0]), Unknown)
    assert chain.calls.count("spender") == MAX_HOPS + 1
    assert told(follow(follower, chain, positions[0])) == positions[-1]


def test_an_outage_on_the_way_loses_nothing(
    chain: ModelChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    positions, follower = moved(chain, 6), ChannelFollower()
    asked, spender = count(), chain.spender

    def until_the_third(ref: OutputRef) -> Spender:
        if next(asked) == 3:
            raise ChainUnavailable
        return spender(ref)

    monkeypatch.setattr(chain, "spender", until_the_third)
    with pytest.raises(ChainUnavailable):
        follow(follower, chain, positions[0])
    chain.calls.clear()
    assert told(follow(follower, chain, positions[0])) == positions[-1]
    assert chain.calls.count("spender") == 4


def test_another_start_does_not_change_where_a_channel_is(chain: ModelChain) -> None:
    """A stranger's copy, with the same constants, is found from its own positions alone."""
    positions, follower = moved(chain, 2), ChannelFollower()
    copies = moved(chain, 2)
    assert told(follow(follower, chain, copies[0])) == copies[-1]
    assert told(follow(follower, chain, positions[0])) == positions[-1]
    assert told(follow(follower, chain, copies[0])) == copies[-1]


def test_the_memory_is_bounded(chain: ModelChain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "REMEMBERED", 3)
    follower = ChannelFollower()
    for _ in range(10):
        follow(follower, chain, moved(chain, 1)[0])
    assert len(follower._newer) == 3


def test_an_end_is_told_with_the_transaction(chain: ModelChain) -> None:
    (start,) = moved(chain, 0)
    last: Made = chain.make([start], [NOISE])
    found = follow(ChannelFollower(), chain, start)
    assert isinstance(found, NoChannel)
    assert found.ended_by is not None
    assert found.ended_by.transaction_id == last.id.hex()
    assert last.id.hex() in found.why


def test_of_two_outputs_that_may_be_the_channel_one_is_followed(chain: ModelChain) -> None:
    """Not to be taken for an end: a client could have a seller forget what it is owed by a copy."""
    (start,) = moved(chain, 0)
    made = chain.make([start], [channel_output(OURS, Closed(0, 9)), channel_output(OURS)])
    assert told(follow(ChannelFollower(), chain, start)) == made.ref(0)

    def open_ones(channel: Channel) -> tuple[int]:
        return (int(channel.is_opened),)

    found = ChannelFollower().follow(
        chain.outputs, chain, start, VALIDATOR, constants(OURS), open_ones
    )
    assert told(found) == made.ref(1)


def test_a_copy_that_ends_leads_back_to_the_others(chain: ModelChain) -> None:
    (start,) = moved(chain, 0)
    made = chain.make([start], [channel_output(OURS)] * 3)
    chain.make([made.ref(0)], [NOISE])
    moved_on = chain.make([made.ref(1)], [channel_output(OURS)])
    follower = ChannelFollower()
    assert told(follow(follower, chain, start)) == moved_on.ref(0)
    chain.make([moved_on.ref(0)], [NOISE])
    assert told(follow(follower, chain, start)) == made.ref(2)
    chain.make([made.ref(2)], [NOISE])
    assert isinstance(follow(follower, chain, start), NoChannel)


def test_many_copies_are_no_end(chain: ModelChain) -> None:
    (start,) = moved(chain, 0)
    made = chain.make([start], [channel_output(OURS)] * (following.MAX_HOPS + 1))
    for index in range(following.MAX_HOPS):
        chain.make([made.ref(index)], [NOISE])
    assert isinstance(follow(ChannelFollower(), chain, start), Unknown)


def test_an_output_that_is_no_channel_is_none(chain: ModelChain) -> None:
    garbled = replace(channel_output(OURS), datum=b"\x80")
    for output in (NOISE, channel_output(OURS, address=WALLET), garbled):
        made = chain.make([], [output])
        found = follow(ChannelFollower(), chain, made.ref(0))
        assert isinstance(found, NoChannel)
        assert found.is_unreadable == (output is garbled)


def test_another_channel_is_found_at_its_own_output_alone(chain: ModelChain) -> None:
    """The caller says what differs from the payload; a hop never leads to another channel."""
    made = chain.make([], [channel_output(OTHER)])
    assert told(follow(ChannelFollower(), chain, made.ref(0))) == made.ref(0)
    chain.make([made.ref(0)], [channel_output(OTHER)])
    assert told(follow(ChannelFollower(), chain, made.ref(0))) == "none"


def test_a_provider_that_cannot_follow_knows_nothing(chain: ModelChain) -> None:
    start, *_, newest = moved(chain, 2)
    follower = ChannelFollower()

    def ask(position: OutputRef) -> Followed:
        return follower.follow(chain.outputs, object(), position, VALIDATOR, constants(OURS))

    assert isinstance(ask(start), Unknown)
    assert told(ask(newest)) == newest


def test_a_sponsor_does_not_make_it_another_channel(chain: ModelChain) -> None:
    (start,) = moved(chain, 0)
    sponsored = constants(OURS)._replace(sponsor=Sponsor(b"\x00", 5))
    found = ChannelFollower().follow(chain.outputs, chain, start, VALIDATOR, sponsored)
    assert told(found) == start
