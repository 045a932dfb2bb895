"""Parameters by epoch, and slots and time of networks that are not known."""

from collections.abc import Callable
from contextlib import closing
from fractions import Fraction
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from facilitator.plugin import CardanoNetwork, ChainUnavailable, ProviderUnusable
from facilitator.testing.clock import ManualClock
from facilitator.x402.networks import NETWORKS
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.koios.api import ROOT, KoiosApi
from facilitator_koios.client import Client
from facilitator_koios.parameters import LAG_SECONDS
from facilitator_koios.provider import Koios
from support.koios import under_test
from support.networks import forgotten_afterwards
from support.upstream import Asked, Reply, Upstream, reply

Start = Callable[[Callable[[Asked], Reply]], Upstream]
OWN = "cardano:own"


@pytest.fixture(scope="module")
def row() -> dict[str, Any]:
    with under_test(ManualClock(1.79e9)) as chain:
        client, epoch = chain.provider._client, chain.devnet.parameters().epoch
        return dict(client.get("/epoch_params", _epoch_no=epoch)[0])


def having(row: dict[str, Any], newest: int) -> Callable[[Asked], Reply]:
    """Answers for each epoch up to the newest."""

    def answer(asked: Asked) -> Reply:
        epoch = int(dict(parse_qsl(urlsplit(asked.path).query))["_epoch_no"])
        return reply(200, [{**row, "epoch_no": epoch}] if epoch <= newest else [])

    return answer


def test_the_last_epochs_parameters_are_used_until_koios_has_the_new_ones(
    upstream: Start,
    provider_of: Callable[..., Koios],
    clock: ManualClock,
    row: dict[str, Any],
) -> None:
    before = row["epoch_no"]
    server = upstream(having(row, before))
    provider = provider_of(server)
    assert provider.parameters().epoch == before
    clock.advance(provider._kept.ask_at - clock.time() + 1)  # type: ignore[union-attr]
    assert provider.parameters().epoch == before
    assert len(server.asked) == 3
    clock.advance(LAG_SECONDS)
    with pytest.raises(ChainUnavailable, match="does not have the parameters of epoch"):
        provider.parameters()
    server.answer = having(row, before + 1)
    assert provider.parameters().epoch == before + 1
    assert provider.parameters().epoch == before + 1
    assert len(server.asked) == 5


def test_parameters_are_asked_for_again_when_the_clock_is_set_back(
    upstream: Start,
    provider_of: Callable[..., Koios],
    clock: ManualClock,
    row: dict[str, Any],
) -> None:
    server = upstream(having(row, row["epoch_no"]))
    provider = provider_of(server)
    for _ in range(2):
        assert provider.parameters().epoch == row["epoch_no"]
        clock.set_back(1)
    assert len(server.asked) == 2


@pytest.mark.parametrize("cost", [True, 1.5, "1", None])
def test_cost_models_are_lists_of_whole_numbers(
    upstream: Start, provider_of: Callable[..., Koios], row: dict[str, Any], cost: object
) -> None:
    odd = {**row, "cost_models": {"PlutusV1": [1, cost]}}
    with pytest.raises(ChainUnavailable, match="cost model"):
        provider_of(upstream(having(odd, 10_000))).parameters()


def test_prices_are_exact(
    upstream: Start, provider_of: Callable[..., Koios], row: dict[str, Any]
) -> None:
    whole = {**row, "collateral_percent": 150.0, "cost_models": {"PlutusV3": [1, -2]}}
    found = provider_of(upstream(having(whole, 10_000))).parameters()
    assert (found.price_memory, found.price_steps) == (
        Fraction("0.0577"),
        Fraction("0.0000721"),
    )
    assert (found.collateral_percentage, found.cost_models) == (150, {2: (1, -2)})


def test_slots_of_a_network_that_is_not_known_come_from_ogmios(clock: ManualClock) -> None:
    with forgotten_afterwards():
        NETWORKS.register(CardanoNetwork(OWN, magic=42), "a test")
        with closing(Devnet(OWN, clock)) as devnet, KoiosApi(devnet) as api:
            client = Client(f"{api.url}{ROOT}", None, clock=clock, timeout=60)
            provider = Koios(OWN, client, clock, poll_seconds=1)
            assert provider.network_magic() == 42
            assert provider.eras() == devnet.eras()
            assert provider.parameters() == devnet.parameters()
            provider.close()


def test_without_an_ogmios_they_must_be_set(
    upstream: Start, client_of: Callable[..., Client], clock: ManualClock
) -> None:
    with forgotten_afterwards():
        NETWORKS.register(CardanoNetwork(OWN, magic=42), "a test")
        client = client_of(upstream(lambda _: reply(404, {})))
        with pytest.raises(ProviderUnusable) as error:
            Koios(OWN, client, clock, poll_seconds=1).eras()
    assert f'networks."{OWN}".eras' in error.value.detail
