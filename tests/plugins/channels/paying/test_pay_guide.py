"""The commands of the guide to paying by channel, as written: a channel from opening to refund."""

import json
import os
import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from facilitator.cli import main
from facilitator.testing.payments import ALICE
from facilitator.testing.pytest_plugin import RunFacilitator
from facilitator.testing.running import Running
from facilitator_channels.seller.store import Records
from facilitator_channels.seller.stores.sqlite import SqliteStore
from facilitator_devnet.blockfrost.api import BlockfrostApi
from support.channel_shop import PAGE, channels_on, redeem_from

ROOT = Path(__file__).parents[4]
GUIDE = ROOT / "docs/how-to/pay-by-channel.md"
SHOP_URL = "http://127.0.0.1:4000/forecast"

pytestmark = pytest.mark.skipif(not GUIDE.exists(), reason="needs a checkout: no docs/ here")


def lines(kind: str) -> list[str]:
    blocks = re.findall(rf"^```{kind}\n(.*?)^```", GUIDE.read_text(), re.M | re.S)
    return [line for block in blocks for line in block.splitlines()]


DEMO, SERVE, SHOP, OPEN, AGAIN, REFUND, LIST, WITHDRAW = lines("sh")


@contextmanager
def shop(running: Running, folder: Path) -> Iterator[str]:
    """The URL of the page, which the shop sells in a process of its own."""
    (secret, python, example, *words) = shlex.split(SHOP)
    assert python == "python"
    environ = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    process = subprocess.Popen(
        [sys.executable, str(ROOT / example), *words, "0", running.url],
        cwd=folder,
        env={**environ, **dict([secret.split("=")])},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[1]
    finally:
        process.kill()
        process.communicate()


def held(running: Running) -> int:
    outputs = running.devnet.outputs_at(ALICE.address).values()
    return sum(output.value.lovelace for output in outputs)


def test_a_channel_from_its_opening_to_its_refund(
    run_facilitator: RunFacilitator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    settings = dict(word.split("=") for word in shlex.split(SERVE)[:-2])
    running = run_facilitator(
        plugins=settings["FACILITATOR_PLUGINS"].replace("sqlite", "memory"),
        real_time=True,
        devnet__block_seconds="0.1",
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with closing(BlockfrostApi(running.devnet)) as api, shop(running, tmp_path) as url:
        devnet = f"http://{settings['FACILITATOR_DEVNET__LISTEN']}"
        toml = "\n".join(lines("toml")).replace(devnet, api.url)
        (tmp_path / "payer.toml").write_text(toml)

        def run(line: str, code: int = 0, **changes: str) -> tuple[str, str]:
            for old, new in {SHOP_URL: url, **changes}.items():
                line = line.replace(old, new)
            assert main(shlex.split(line)[1:]) == code
            return capfd.readouterr()

        before = held(running)
        out, told = run(OPEN)
        assert json.loads(out) == PAGE
        assert "opening a channel with 6.732620 ada by the transaction" in told
        assert "it ends 3600 seconds after its closing" in told
        (channel,) = channels_on(running)
        assert channel.output.value.lovelace == 6_732_620

        out, told = run(AGAIN)
        assert json.loads(out) == PAGE
        shown = lines("text")
        assert told.splitlines()[-1] == shown[-1]
        assert told.startswith(shown[0].partition("…")[0])
        assert channels_on(running) == [channel]

        (book,) = (tmp_path / "state/facilitator/channels").glob("*.json")
        (record,) = json.loads(book.read_text())["channels"]
        assert (record["charged"], record["signed"], record["deposit"]) == (
            "2000",
            "2000",
            "6732620",
        )
        assert record["server"] == url.removesuffix("/forecast")
        assert stat.S_IMODE(book.stat().st_mode) == 0o600
        name = record["channelId"]
        out, _ = run(LIST)
        assert out.startswith(f"{name[:16]}  open ")

        _, told = run(REFUND, code=1)  # too little for an output of its own
        assert "claim what is owed first" in told
        assert f"facilitator channels withdraw {name}" in told
        with closing(SqliteStore(str(tmp_path / "channels.db"))) as store:
            redeem_from(Records(store), running)
        out, told = run(REFUND)
        assert out == ""
        assert re.search(r"200: 6\.[0-9]{6} ada came back$", told)
        assert channels_on(running) == []
        assert before - held(running) < 1_500_000  # fees alone, and two pages
        _, told = run(REFUND, code=1)
        assert told.endswith("CannotPay: this wallet has no open channel that pays for this page\n")
        _, told = run(WITHDRAW, code=1, ID=name[:9])
        assert f"CannotPay: the channel {name} is not to be seen on the chain" in told


def test_the_demo_is_a_command() -> None:
    """``tests/system/demo`` runs it with fewer requests."""
    assert DEMO == "facilitator demo --channel"
