"""Parameters and eras: read, kept for the epoch, and those of the right network."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from facilitator.cardano.ogmios.eras import read_calendar
from facilitator.cardano.ogmios.fields import Malformed
from facilitator.plugin import ChainUnavailable, ProviderUnusable
from facilitator.testing.clock import ManualClock
from facilitator.x402.networks import NETWORKS, CardanoNetwork
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import PARAMETERS, epochs_of, eras_of
from facilitator_devnet.ogmios.api import OgmiosApi
from facilitator_devnet.ogmios.shapes import show_parameters
from facilitator_ogmios.parameters import read_parameters, read_start
from support.ogmios import NETWORK, OgmiosUnderTest, provider_of, scripted

LAB = "cardano:lab-of-ogmios"


def asked(chain: OgmiosUnderTest) -> int:
    return int(chain.api.counts()["by_endpoint"].get("queryLedgerState/protocolParameters", 0))


@pytest.mark.parametrize("version", ["v6.14.0", "v7.0.0"])
def test_parameters_are_read_by_the_names_of_both_versions(
    chain: OgmiosUnderTest, version: str
) -> None:
    chain.api.version = version
    assert chain.provider.parameters() == chain.devnet.parameters()
    assert chain.provider.eras() == chain.devnet.eras()


def test_parameters_are_asked_for_once_an_epoch(chain: OgmiosUnderTest, clock: ManualClock) -> None:
    for _ in range(3):
        before = chain.provider.parameters()
    assert asked(chain) == 1
    first = epochs_of(NETWORK).first_slot(before.epoch + 1)
    begins = eras_of(NETWORK).start_ms(first) / 1000
    clock.advance(begins - clock.time())
    assert chain.provider.parameters() == before, "the node enters an epoch with its first block"
    assert chain.provider.parameters() == before
    assert asked(chain) == 2
    clock.advance(6)
    chain.devnet.produce_block()
    assert chain.provider.parameters().epoch == before.epoch + 1
    assert chain.provider.parameters().epoch == before.epoch + 1
    assert asked(chain) == 3


@pytest.mark.parametrize(
    "spoil",
    [
        lambda row: row.pop("minFeeCoefficient"),
        lambda row: row.update(minFeeConstant={"ada": {}}),
        lambda row: row.update(scriptExecutionPrices={"memory": "1/0", "cpu": "1/1"}),
        lambda row: row.update(scriptExecutionPrices={"memory": 0.5, "cpu": "1/1"}),
        lambda row: row.update(minFeeReferenceScripts={"base": "15"}),
        lambda row: row.update(minFeeReferenceScripts={"base": float("nan")}),
        lambda row: row.update(plutusCostModels={"plutus:v1": [0.5]}),
        lambda row: row.pop("maxReferenceScriptsSize"),
        lambda row: row.update(version={"major": "10", "minor": 0}),
    ],
)
def test_parameters_that_lack_something_are_malformed(
    spoil: Callable[[dict[str, Any]], object],
) -> None:
    row = show_parameters(PARAMETERS)
    assert read_parameters(row, 0) == PARAMETERS
    spoil(row)
    with pytest.raises(Malformed):
        read_parameters(row, 0)


def test_a_node_without_parameters_is_unavailable(clock: ManualClock) -> None:
    answers = {"queryLedgerState/epoch": 7, "queryLedgerState/protocolParameters": {}}
    with (
        scripted(answers) as server,
        closing(provider_of(server.url, clock)) as provider,
        pytest.raises(ChainUnavailable, match="something unforeseen: scriptExecutionPrices"),
    ):
        provider.parameters()


def test_a_network_that_is_not_known_has_the_eras_of_its_node(clock: ManualClock) -> None:
    NETWORKS.register(CardanoNetwork(LAB, magic=909_001), "test")
    with (
        closing(Devnet(LAB, clock)) as devnet,
        OgmiosApi(devnet) as api,
        closing(provider_of(api.url, clock, network=LAB)) as provider,
    ):
        assert provider.network_magic() == 909_001
        for _ in range(2):
            assert provider.eras() == eras_of(LAB)
        assert api.counts()["by_endpoint"]["queryLedgerState/eraSummaries"] == 1


def test_the_same_magic_on_another_start_is_another_network(clock: ManualClock) -> None:
    answers = {
        "queryNetwork/startTime": "2024-06-01T00:00:00Z",
        "queryNetwork/genesisConfiguration": {"networkMagic": 1},
    }
    with (
        scripted(answers) as server,
        closing(provider_of(server.url, clock)) as provider,
        pytest.raises(ProviderUnusable, match="look at ogmios"),
    ):
        provider.network_magic()


def test_times_of_start_are_read() -> None:
    assert read_start("2022-06-01T00:00:00Z") == 1_654_041_600_000
    assert read_start("2022-06-01T00:00:00.5") == 1_654_041_600_500
    with pytest.raises(Malformed):
        read_start("yesterday")


def era(slot: int, seconds: int, length: int, **fields: Any) -> dict[str, Any]:
    return {
        "start": {"time": {"seconds": seconds}, "slot": slot, "epoch": slot // 21_600},
        "parameters": {"epochLength": 432_000, "slotLength": {"milliseconds": length}},
        **fields,
    }


def test_eras_that_were_skipped_and_eras_alike_are_left_out() -> None:
    rows = [
        era(0, 0, 20_000, end={"slot": 86_400}),
        era(86_400, 1_728_000, 1000, end={"slot": 86_400}),
        era(86_400, 1_728_000, 1000, end={"slot": 518_400}),
        era(518_400, 2_160_000, 1000),
    ]
    calendar = read_calendar(rows, 1_654_041_600_000)
    assert [each.start_slot for each in calendar.eras.eras] == [0, 86_400]
    assert (calendar.start_slot, calendar.epoch_of(518_400 + 432_000)) == (518_400, 25)
    with pytest.raises(Malformed):
        read_calendar([], 0)
    with pytest.raises(Malformed):
        read_calendar([era(0, 0, 0)], 0)
