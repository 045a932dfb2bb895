"""``facilitator check`` on the protocol version in force, and on the one ahead."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from facilitator.cli.preflight.protocol import judge_protocol
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NETWORK, NOW
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.protocol import ProtocolSchedule


@contextmanager
def devnet(version: int, ahead: int | None = None) -> Iterator[Devnet]:
    with closing(Devnet(NETWORK, ManualClock(NOW), schedule=ProtocolSchedule(version))) as started:
        if ahead is not None:
            started.fork(started.now() + 100, ahead)
        yield started


@pytest.mark.parametrize(
    ("version", "ahead", "statuses"),
    [
        (10, None, []),
        (11, 12, ["ok"]),
        (11, 13, ["warning"]),
        (12, None, ["ok"]),
        (12, 13, ["ok", "warning"]),
        (13, None, ["failed"]),
    ],
)
def test_what_is_said_of_versions(version: int, ahead: int | None, statuses: list[str]) -> None:
    with devnet(version, ahead) as chain:
        told = list(judge_protocol("chain", chain))
    assert [each.status for each in told] == statuses
    assert all(each.name == "protocol" for each in told)
    assert all(bool(each.remedy) == (each.status != "ok") for each in told)
    if ahead is not None:
        assert f"a hard fork to protocol version {ahead} is ratified" in told[-1].detail


def test_a_provider_that_is_away_says_nothing_of_it() -> None:
    with devnet(12) as chain:
        chain.faults.fail("parameters")
        (told,) = judge_protocol("chain", chain)
    assert told.status == "warning"
