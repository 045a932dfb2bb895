"""The hard fork that is ahead, as Blockfrost shows it."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from facilitator.plugin import ChainUnavailable, ForeseesForks
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NETWORK
from facilitator_blockfrost import client as client_module
from facilitator_blockfrost.provider import HostedBlockfrost
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from support.upstream import Asked, Reply, Upstream, by_path

Start = Callable[[Callable[[Asked], Reply]], Upstream]
ProviderOf = Callable[..., HostedBlockfrost]
LIST = "/governance/proposals"


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "FIRST_BACKOFF", 0.001)


def listed(number: int, kind: str = "hard_fork_initiation") -> dict[str, Any]:
    return {"tx_hash": f"{number:064x}", "cert_index": number, "governance_type": kind}


def fork(version: int, ratified: int | None = 1, enacted: int | None = None) -> dict[str, Any]:
    contents = [None, {"major": version, "minor": 0}]
    return {
        "governance_description": {"tag": "HardForkInitiation", "contents": contents},
        "ratified_epoch": ratified,
        "enacted_epoch": enacted,
    }


@pytest.mark.parametrize(
    ("forks", "ahead"),
    [
        ([], None),
        ([fork(12, ratified=None)], None),
        ([fork(11, enacted=2)], None),
        ([fork(12), fork(11, enacted=2)], 12),
    ],
)
def test_only_what_is_ratified_and_not_enacted_is_ahead(
    upstream: Start, provider_of: ProviderOf, forks: list[Any], ahead: int | None
) -> None:
    rows = [listed(99, "info_action"), *(listed(number) for number in range(len(forks)))]
    details = {f"{LIST}/{number:064x}/{number}": each for number, each in enumerate(forks)}
    server = upstream(by_path({LIST: rows, **details}))
    assert provider_of(server).next_protocol_version() == ahead


def test_a_server_without_governance_cannot_tell(upstream: Start, provider_of: ProviderOf) -> None:
    assert provider_of(upstream(by_path({}))).next_protocol_version() is None


@pytest.mark.parametrize("description", [None, {}, {"contents": []}, {"contents": [{"minor": 0}]}])
def test_what_is_not_understood_is_no_answer(
    upstream: Start, provider_of: ProviderOf, description: Any
) -> None:
    shown = {**fork(12), "governance_description": description}
    server = upstream(by_path({LIST: [listed(0)], f"{LIST}/{0:064x}/0": shown}))
    with pytest.raises(ChainUnavailable, match="unforeseen"):
        provider_of(server).next_protocol_version()


def test_the_devnet_shows_its_own(provider_of: ProviderOf) -> None:
    with (
        closing(Devnet(NETWORK, ManualClock(1_790_000_000))) as devnet,
        BlockfrostApi(devnet) as api,
    ):
        provider = provider_of(api)
        assert isinstance(provider, ForeseesForks)
        assert provider.next_protocol_version() is None
        devnet.fork(devnet.now() + 5, 13)
        assert provider.next_protocol_version() == 13
