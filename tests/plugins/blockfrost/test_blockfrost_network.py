"""A back end of another network, or one that refuses the key, ends the start and the check."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from facilitator.clock import SystemClock
from facilitator.plugin import ChainUnavailable, ProviderUnusable
from facilitator.testing.running import Running
from facilitator_blockfrost.client import Client, NoRoute
from facilitator_blockfrost.provider import HostedBlockfrost
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from support.process import ServeProcess
from support.upstream import NOT_FOUND, Asked, Reply, Upstream, by_path, in_turn, problem, reply

OTHER = "it is of cardano:preview (network magic 2), but cardano:preprod has the magic 1"
PREVIEW_BLOCK = {"hash": "ab" * 32, "height": 7, "slot": 140, "time": 1_666_656_140}


@pytest.fixture
def preview() -> Iterator[BlockfrostApi]:
    with closing(Devnet("cardano:preview", SystemClock())) as devnet, BlockfrostApi(devnet) as api:
        yield api


@pytest.fixture
def preprod() -> Iterator[BlockfrostApi]:
    with closing(Devnet("cardano:preprod", SystemClock())) as devnet, BlockfrostApi(devnet) as api:
        yield api


def settings(url: str, **more: str) -> Mapping[str, str]:
    return {
        "FACILITATOR_PLUGINS": "blockfrost,memory",
        "FACILITATOR_NETWORK": "cardano:preprod",
        "FACILITATOR_BLOCKFROST__BASE_URL": url,
        "FACILITATOR_BLOCKFROST__PROJECT_ID": "anyToken",
        **more,
    }


def refused_start(folder: Path, environ: Mapping[str, str]) -> str:
    with closing(ServeProcess(folder, environ)) as process:
        assert process.wait() == 1, process.lines
        return "".join(process.lines)


def test_a_back_end_of_another_network_ends_the_start(
    tmp_path: Path, preview: BlockfrostApi
) -> None:
    told = refused_start(tmp_path, settings(preview.url))
    assert f"plugin 'blockfrost' cannot be used: {OTHER}" in told
    assert "set the provider of cardano:preprod" in told
    assert "Traceback" not in told


def test_so_does_a_standby(tmp_path: Path, preview: BlockfrostApi, preprod: BlockfrostApi) -> None:
    told = refused_start(
        tmp_path,
        settings(
            preprod.url,
            FACILITATOR_PLUGINS="blockfrost,blockfrost_backup,memory",
            FACILITATOR_CHAIN__FALLBACK="blockfrost_backup",
            FACILITATOR_BLOCKFROST_BACKUP__BASE_URL=preview.url,
            FACILITATOR_BLOCKFROST_BACKUP__PROJECT_ID="anyToken",
        ),
    )
    assert f"plugin 'blockfrost_backup' cannot be used: {OTHER}" in told


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_ends_the_start(
    tmp_path: Path, upstream: Callable[[Callable[[Asked], Reply]], Upstream], status: int
) -> None:
    server = upstream(lambda _: problem(status, "Invalid project token."))
    told = refused_start(tmp_path, settings(server.url))
    assert f"Blockfrost refuses the project ID ({status})" in told


def test_workers_end_together(tmp_path: Path, preview: BlockfrostApi) -> None:
    more = {"FACILITATOR_SERVER__WORKERS": "2", "FACILITATOR_PLUGINS": "blockfrost,sqlite"}
    assert OTHER in refused_start(tmp_path, settings(preview.url, **more))


def test_the_check_fails_too(tmp_path: Path, preview: BlockfrostApi) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "facilitator", "check"],
        cwd=tmp_path,
        env=dict(settings(preview.url)) | {"PATH": "", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert OTHER in done.stdout


def test_one_that_is_away_is_tolerated_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, preprod: BlockfrostApi
) -> None:
    preprod.faults.answer(503)
    with closing(Running(tmp_path, settings=settings(preprod.url), real_time=True)) as running:
        assert "plugin 'blockfrost' does not answer; it is asked again when needed" in caplog.text
        preprod.faults.clear()
        assert running.call("GET", f"/status/{'ab' * 32}")[0] == 200


def test_one_that_comes_back_as_another_networks_gives_no_verdict(
    tmp_path: Path, preview: BlockfrostApi
) -> None:
    preview.faults.answer(503)
    with closing(Running(tmp_path, settings=settings(preview.url), real_time=True)) as running:
        preview.faults.clear()
        status, _ = running.call("GET", f"/status/{'ab' * 32}")
        assert status == 503
        assert "GET /txs/{hash}" not in preview.counts()["by_endpoint"]
        dependency = running.call("GET", "/health")[1]["dependencies"]["cardano:preprod"]
        assert dependency["status"] == "down"
        assert OTHER in dependency["error"]


def test_without_genesis_the_slots_say_which_network_it_is(
    upstream: Callable[..., Upstream], provider_of: Callable[..., HostedBlockfrost]
) -> None:
    provider = provider_of(upstream(by_path({"/blocks/latest": PREVIEW_BLOCK})))
    assert provider.network_magic() == 2


def test_the_newest_block_must_be_of_the_network(
    upstream: Callable[..., Upstream], provider_of: Callable[..., HostedBlockfrost]
) -> None:
    """The name of a server may lead to another network's while the facilitator runs."""
    block = PREVIEW_BLOCK | {"slot": 86_400, "time": 1_655_769_600}
    answers = in_turn(reply(200, block), reply(200, PREVIEW_BLOCK))
    provider = provider_of(upstream(answers))
    assert provider.tip().height == 7
    with pytest.raises(ProviderUnusable, match="another network than cardano:preprod"):
        provider.tip()


def test_a_chain_that_is_no_public_network_cannot_be_used(
    upstream: Callable[..., Upstream], provider_of: Callable[..., HostedBlockfrost]
) -> None:
    provider = provider_of(upstream(by_path({"/blocks/latest": PREVIEW_BLOCK | {"slot": 141}})))
    with pytest.raises(ProviderUnusable, match="none of mainnet, preprod and preview"):
        provider.network_magic()
    nothing = provider_of(upstream(lambda _: NOT_FOUND))
    with pytest.raises(ChainUnavailable, match="look at base_url"):
        nothing.network_magic()


@pytest.mark.parametrize(
    "answer",
    [
        problem(400, "Invalid path. Please check https://docs.blockfrost.io/"),
        reply(405, {}),
        reply(501, {}),
    ],
)
def test_a_path_that_a_server_does_not_have_is_named_so(
    upstream: Callable[..., Upstream], client_of: Callable[..., Client], answer: Reply
) -> None:
    client = client_of(upstream(lambda _: answer))
    with pytest.raises(NoRoute):
        client.get("/network/eras")
