"""The hard fork that is ahead, as Koios tells it."""

from typing import Any

import pytest

from facilitator.plugin import ChainUnavailable, ForeseesForks
from facilitator.testing.clock import ManualClock
from facilitator_koios.client import Client
from facilitator_koios.forks import read_next_version
from support.koios import under_test


class Told:
    """A client that is told of proposals."""

    def __init__(self, *proposals: dict[str, Any]) -> None:
        self.proposals = list(proposals)

    def get(self, path: str, **query: object) -> Any:
        assert (path, query["proposal_type"]) == ("/proposal_list", "eq.HardForkInitiation")
        return self.proposals


def proposal(version: int, ratified: int | None = 1, enacted: int | None = None) -> dict[str, Any]:
    return {
        "proposal_description": {
            "tag": "HardForkInitiation",
            "contents": [None, {"major": version, "minor": 0}],
        },
        "ratified_epoch": ratified,
        "enacted_epoch": enacted,
    }


def read(*proposals: dict[str, Any]) -> int | None:
    client: Client = Told(*proposals)  # type: ignore[assignment]
    return read_next_version(client)


def test_only_what_is_ratified_and_not_enacted_is_ahead() -> None:
    assert read() is None
    assert read(proposal(12, ratified=None)) is None
    assert read(proposal(11, enacted=2)) is None
    assert read(proposal(12), proposal(11, enacted=2)) == 12


@pytest.mark.parametrize("description", [None, {}, {"contents": []}, {"contents": [{"minor": 0}]}])
def test_what_is_not_understood_is_no_answer(description: Any) -> None:
    with pytest.raises(ChainUnavailable, match="unforeseen"):
        read({**proposal(12), "proposal_description": description})


def test_the_devnet_tells_its_own() -> None:
    with under_test(ManualClock(1_790_000_000)) as chain:
        assert isinstance(chain.provider, ForeseesForks)
        assert chain.provider.next_protocol_version() is None
        chain.devnet.fork(chain.devnet.now() + 5, 13)
        assert chain.provider.next_protocol_version() == 13
