"""``examples/charge-with-sdk``, run as it is, over a facilitator, and bought from."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from facilitator.client.http import Answer, Client
from facilitator.client.purchase import NetworkSigner, buy
from facilitator.client.requirements import Limits
from facilitator.client.signer import Signer
from facilitator.clock import SystemClock
from support.npm import install_or_skip
from support.payments import ALICE, MERCHANT
from support.running import NETWORK, Running

EXAMPLES = Path(__file__).parents[3] / "examples"
SDK = EXAMPLES / "charge-with-sdk"
ENVIRON = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
Run = Callable[..., Running]


@pytest.fixture
def flask() -> Sequence[str]:
    pytest.importorskip("flask", reason="the SDK's extra is not installed")
    return [sys.executable, str(SDK / "shop.py")]


@pytest.fixture
def express(tmp_path: Path, pytestconfig: pytest.Config) -> Sequence[str]:
    cache = pytestconfig.rootpath / ".pytest_cache" / "npm"
    cache.mkdir(parents=True, exist_ok=True)
    (tmp_path / "node_modules").symlink_to(install_or_skip(SDK, cache))
    (tmp_path / "shop.mjs").write_bytes((SDK / "shop.mjs").read_bytes())
    return ["node", str(tmp_path / "shop.mjs")]


@pytest.fixture
def open_shop() -> Iterator[Callable[[Sequence[str], Running], str]]:
    """Start a shop with the facilitator; the URL of its page."""
    with ExitStack() as stack:

        def start(command: Sequence[str], running: Running) -> str:
            process = stack.enter_context(
                subprocess.Popen(
                    [*command, MERCHANT.bech32, "0", running.url],
                    env=ENVIRON,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.kill)
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("selling http://127.0.0.1:")
            return line.split()[1]

        yield start


class KeepsPayment(Client):
    """A client that can ask once more with the same payment."""

    payment: Mapping[str, str] = {}

    def send(self, further: Mapping[str, str]) -> Answer:
        self.payment = further
        return super().send(further)


@pytest.mark.parametrize("language", ["flask", "express"])
def test_a_page_is_sold_once(
    request: pytest.FixtureRequest,
    run: Run,
    open_shop: Callable[[Sequence[str], Running], str],
    language: str,
) -> None:
    command = request.getfixturevalue(language)
    running = run(real_time=True, devnet__block_seconds=0.2)
    client = KeepsPayment(open_shop(command, running), {}, None, 60)
    signer = Signer(NETWORK, ALICE, running.devnet, SystemClock())
    limits = Limits([NETWORK], "lovelace", 2_000_000)
    bought = buy(client, limits, lambda _: NetworkSigner(signer, is_devnet=True), lambda _: None)
    assert bought.answer.status == 200, bought
    assert b"sunny, 24 degrees" in bought.answer.body
    assert bought.requirements is not None
    assert bought.requirements["payTo"] == MERCHANT.bech32
    assert bought.receipt is not None
    assert bought.receipt["extra"]["status"] == "confirmed"
    again = client.send(client.payment)
    assert again.status == 402
    assert b"sunny" not in again.body
