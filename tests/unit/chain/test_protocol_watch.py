"""The watch of the protocol versions in force."""

import logging
from dataclasses import replace

import pytest

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.chain.protocol_watch import ProtocolWatch
from facilitator.observability.advice import Concern
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.testing.clock import ManualClock
from facilitator_devnet.genesis import PARAMETERS


class Chain:
    """A provider of parameters; away without a version."""

    def __init__(self, major: int | None) -> None:
        self.major = major
        self.asked = 0

    def parameters(self) -> ProtocolParameters:
        self.asked += 1
        if self.major is None:
            raise ChainUnavailable("away")
        return replace(PARAMETERS, protocol_major=self.major)


def watch(clock: ManualClock, **chains: Chain) -> ProtocolWatch:
    return ProtocolWatch(chains, clock.time)  # type: ignore[arg-type]  # parameters is all it asks


@pytest.mark.parametrize("major", [10, 12, None])
def test_known_versions_and_providers_that_are_away_are_no_concern(major: int | None) -> None:
    watch(ManualClock(0), one=Chain(major)).check()


def test_a_later_version_is_a_concern_with_its_number(caplog: pytest.LogCaptureFixture) -> None:
    watched = watch(ManualClock(0), one=Chain(11), other=Chain(13))
    for _ in range(2):
        with pytest.raises(Concern, match="other has protocol version 13") as caught:
            watched.check()
        assert "one has" not in str(caught.value)
    told = [record.levelno for record in caplog.records if "other has" in record.message]
    assert told == [logging.WARNING]


def test_the_parameters_are_asked_for_once_a_minute() -> None:
    clock, chain = ManualClock(0), Chain(12)
    watched = watch(clock, one=chain)
    for seconds, asked in ((0, 1), (59, 1), (1, 2)):
        clock.advance(seconds)
        watched.check()
        assert chain.asked == asked


def test_a_concern_outlasts_an_outage_and_ends_with_the_upgrade() -> None:
    clock, chain = ManualClock(0), Chain(13)
    watched = watch(clock, one=chain)
    for major in (13, None):
        chain.major = major
        with pytest.raises(Concern):
            watched.check()
        clock.advance(60)
    chain.major = 12
    watched.check()
