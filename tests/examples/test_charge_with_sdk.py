"""``examples/charge-with-sdk`` and ``examples/buy.py``, run as they are, over a facilitator."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.npm import install_or_skip
from support.payments import MERCHANT
from support.running import Running

EXAMPLES = Path(__file__).parents[2] / "examples"
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


def buy(url: str) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, str(EXAMPLES / "buy.py"), url]
    return subprocess.run(words, env=ENVIRON, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("language", ["flask", "express"])
def test_a_page_is_sold_once(
    request: pytest.FixtureRequest,
    run: Run,
    open_shop: Callable[[Sequence[str], Running], str],
    language: str,
) -> None:
    command = request.getfixturevalue(language)
    running = run(real_time=True, devnet__block_seconds=0.2)
    url = open_shop(command, running)
    bought = buy(url)
    assert bought.returncode == 0, bought.stdout + bought.stderr
    price, page, receipt = bought.stdout.splitlines()
    assert price == f"402: 2000000 lovelace to {MERCHANT.bech32}"
    assert "sunny, 24 degrees" in page
    assert '"confirmed"' in receipt
    again = buy(url)
    assert again.returncode == 1
    assert "sunny" not in again.stdout
