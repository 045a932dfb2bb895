"""Before its use a server shows that it says what is spent, by what is known to be spent."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from facilitator.clock import SystemClock
from facilitator.plugin import ServerLacks, Spent, Unspent
from facilitator.testing.clock import ManualClock
from facilitator.testing.over_devnet import OverDevnet
from facilitator.testing.running import NETWORK, Running
from facilitator.testing.waiting import eventually
from facilitator_blockfrost.client import Client
from facilitator_blockfrost.provider import Blockfrost
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.blockfrost.dress import without_spends
from facilitator_devnet.devnet import Devnet

Silence = Literal["missing", "null"]
WORDS = {"missing": "does not say of an output", "null": "tx_out"}


class UnderTest(OverDevnet[Blockfrost]):
    def __init__(self, api: BlockfrostApi, provider: Blockfrost) -> None:
        super().__init__(provider, api.devnet)
        self.api = api

    def hide(self, how: Silence) -> None:
        self.api.dress = replace(self.api.dress, edits=without_spends(how))


@pytest.fixture
def chain(clock: ManualClock) -> Iterator[UnderTest]:
    with closing(Devnet(NETWORK, clock)) as devnet, BlockfrostApi(devnet) as api:
        client = Client(api.url, "preprodAny", clock=clock, timeout=10, budget=None)
        with closing(Blockfrost(NETWORK, client, clock, poll_seconds=0.1)) as provider:
            yield UnderTest(api, provider)


def test_a_spent_output_shows_that_it_does(chain: UnderTest) -> None:
    chain.provider.submit(chain.spend(chain.fund()))
    chain.make_block()
    assert "shows what is spent" in chain.provider.examine()


@pytest.mark.parametrize("how", WORDS)
def test_a_silent_server_is_refused(chain: UnderTest, how: Silence) -> None:
    chain.provider.submit(chain.spend(chain.fund()))
    chain.make_block()
    chain.hide(how)
    with pytest.raises(ServerLacks, match=WORDS[how]):
        chain.provider.examine()


@pytest.mark.parametrize("how", WORDS)
def test_on_a_young_chain_the_first_block_that_spends_shows_it(
    chain: UnderTest, how: Silence
) -> None:
    before, ref = chain.provider.tip().point, chain.fund()
    assert "no transaction yet" in chain.provider.examine()
    assert isinstance(chain.provider.outputs([ref])[ref], Unspent)
    chain.provider.submit(chain.spend(ref))
    chain.make_block()
    chain.provider.blocks_after(before)
    own = chain.api.dress
    chain.hide(how)
    other = chain.fund()
    with pytest.raises(ServerLacks, match=WORDS[how]):
        chain.provider.outputs([other])
    chain.api.dress = own
    chain.api.counters.reset()
    assert isinstance(chain.provider.outputs([ref])[ref], Spent)
    assert isinstance(chain.provider.outputs([other])[other], Unspent)
    assert chain.api.counts()["total"] == 3


@pytest.fixture
def silent() -> Iterator[BlockfrostApi]:
    with closing(Devnet(NETWORK, SystemClock())) as devnet, BlockfrostApi(devnet) as api:
        chain: OverDevnet[Devnet] = OverDevnet(devnet, devnet)
        devnet.submit(chain.spend(chain.fund()))
        devnet.produce_block()
        api.dress = replace(api.dress, edits=without_spends("null"))
        yield api


def settings(api: BlockfrostApi) -> dict[str, str]:
    return {
        "FACILITATOR_PLUGINS": "blockfrost,memory",
        "FACILITATOR_NETWORK": NETWORK,
        "FACILITATOR_BLOCKFROST__BASE_URL": api.url,
        "FACILITATOR_BLOCKFROST__PROJECT_ID": "preprodAny",
    }


def test_a_facilitator_gives_no_verdict_by_it_until_it_is_mended(
    tmp_path: Path, silent: BlockfrostApi, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(Running(tmp_path, settings=settings(silent), real_time=True)) as running:
        assert "gives no verdicts" in caplog.text
        dependency = running.call("GET", "/health")[1]["dependencies"][NETWORK]
        assert dependency["status"] == "down"
        silent.dress = replace(silent.dress, edits={})
        eventually(lambda: running.call("GET", f"/status/{'ab' * 32}")[0] == 200)


def test_the_check_fails(tmp_path: Path, silent: BlockfrostApi) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "facilitator", "check"],
        cwd=tmp_path,
        env=settings(silent) | {"PATH": "", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "have its database record who spends" in done.stdout
