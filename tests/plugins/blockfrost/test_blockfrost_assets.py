"""Who holds an asset by Blockfrost: two questions, and no guess."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from facilitator.cardano.addresses.address import format_address
from facilitator.clock import SystemClock
from facilitator.roles.allowance import Allowance, AllowanceUsedUp, allowing
from facilitator.roles.chain import AssetState, Unknown
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.testing.payments import ALICE, BOB
from facilitator.testing.running import NETWORK, Running
from facilitator_blockfrost import client as client_module
from facilitator_blockfrost.provider import HostedBlockfrost
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from support.upstream import Asked, Reply, Upstream, by_path, problem

Start = Callable[[Callable[[Asked], Reply]], Upstream]
ProviderOf = Callable[..., HostedBlockfrost]
ASSET = b"\xab" * 28 + b"agent"
HOLDERS, KNOWN = f"/assets/{ASSET.hex()}/addresses", f"/assets/{ASSET.hex()}"


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "FIRST_BACKOFF", 0.001)


def holder(address: bytes, quantity: str) -> dict[str, str]:
    return {"address": format_address(address), "quantity": quantity}


@pytest.mark.parametrize("said", [None, {"name": "an agent"}])
def test_its_holders_and_its_metadata(upstream: Start, provider_of: ProviderOf, said: Any) -> None:
    rows = [holder(ALICE.address, "2"), holder(BOB.address, "0")]
    server = upstream(by_path({HOLDERS: rows, KNOWN: {"onchain_metadata": said}}))
    assert provider_of(server).asset(ASSET) == AssetState({ALICE.address: 2}, said)


def test_an_asset_that_is_burnt(upstream: Start, provider_of: ProviderOf) -> None:
    server = upstream(by_path({HOLDERS: [], KNOWN: {"onchain_metadata": None}}))
    assert provider_of(server).asset(ASSET) == AssetState({}, None)


@pytest.mark.parametrize("rows", [None, [holder(ALICE.address, "1")]])
def test_what_is_not_found_is_not_known(
    upstream: Start, provider_of: ProviderOf, rows: Any
) -> None:
    replies = {} if rows is None else {HOLDERS: rows}
    assert isinstance(provider_of(upstream(by_path(replies))).asset(ASSET), Unknown)


@pytest.mark.parametrize(
    "replies",
    [
        {HOLDERS: problem(500), KNOWN: {"onchain_metadata": None}},
        {HOLDERS: [], KNOWN: problem(500)},
        {HOLDERS: {}, KNOWN: {"onchain_metadata": None}},
        {HOLDERS: [{"address": "x", "quantity": "1"}], KNOWN: {"onchain_metadata": None}},
        {HOLDERS: [{"address": format_address(ALICE.address)}], KNOWN: {"onchain_metadata": None}},
        {HOLDERS: [], KNOWN: {}},
    ],
)
def test_what_is_not_understood_is_no_answer(
    upstream: Start, provider_of: ProviderOf, replies: dict[str, Any]
) -> None:
    with pytest.raises(ChainUnavailable):
        provider_of(upstream(by_path(replies))).asset(ASSET)


def test_its_questions_are_the_payments(upstream: Start, provider_of: ProviderOf) -> None:
    server = upstream(by_path({HOLDERS: [], KNOWN: {"onchain_metadata": None}}))
    provider = provider_of(server)
    allowance = Allowance("", questions=3, most=3, seconds=60)
    with allowing(allowance):
        provider.asset(ASSET)
        assert allowance.left == 1
        with pytest.raises(AllowanceUsedUp):
            provider.asset(ASSET)


def test_a_devnet_behind_blockfrosts_api_answers_the_same(tmp_path: Path) -> None:
    with closing(Devnet(NETWORK, SystemClock())) as devnet, BlockfrostApi(devnet) as api:
        settings = {
            "FACILITATOR_PLUGINS": "blockfrost,memory",
            "FACILITATOR_BLOCKFROST__BASE_URL": api.url,
            "FACILITATOR_BLOCKFROST__PROJECT_ID": "preprodOfTheDevnet",
        }
        with closing(Running(tmp_path, settings=settings, real_time=True)) as running:
            reader = running.facilitator.context.reader
            assert isinstance(reader.asset(NETWORK, ASSET), Unknown)
            devnet.fund(ALICE.address, 2_000_000, {ASSET: 1})
            devnet.describe(ASSET, {"name": "an agent"})
            assert reader.asset(NETWORK, ASSET) == devnet.asset(ASSET)
