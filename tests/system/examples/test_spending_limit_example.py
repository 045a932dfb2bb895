"""The example plugin, installed as a third party's and run by a real facilitator."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from facilitator.testing.http import call
from facilitator.testing.payments import MERCHANT, transaction_id
from facilitator.testing.running import NETWORK
from facilitator_devnet.genesis import TEST_TOKEN
from facilitator_devnet.samples import genesis_output, payload, requirements, sign_payment
from support.exposition import scrape
from support.installing import install_into
from support.process import ServeProcess

EXAMPLE = Path(__file__).parents[3] / "examples" / "facilitator-plugin-spending-limit"
LIMIT = 5_000_000
REASON = "spending_limit_exceeded"
SETTINGS = """\
[default]
plugins = ["devnet", "memory", "prometheus", "spending_limit"]
[default.devnet]
block_seconds = 0.2
[default.spending_limit]
max_lovelace = {limit}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin's distribution, built from a copy of the example."""
    folder = tmp_path_factory.mktemp("spending-limit")
    source, target = folder / "source", folder / "target"
    shutil.copytree(EXAMPLE, source)
    install_into(target, source)
    return target


@pytest.fixture
def serve(installed: Path, tmp_path: Path) -> Iterator[Callable[[object], ServeProcess]]:
    with ExitStack() as stack:

        def start(limit: object) -> ServeProcess:
            (tmp_path / "settings.toml").write_text(SETTINGS.format(limit=limit))
            process = ServeProcess(tmp_path, {"PYTHONPATH": str(installed)})
            stack.callback(process.close)
            return process

        yield start


Serve = Callable[[object], ServeProcess]


def payment(amount: int, *, token: bool = False) -> dict[str, Any]:
    asset = TEST_TOKEN if token else None
    terms = requirements(NETWORK, MERCHANT.bech32, amount, asset=asset)
    ref = genesis_output(NETWORK, "alice", 0, asset)
    return {
        "x402Version": 2,
        "paymentPayload": payload(terms, sign_payment(terms, "alice", ref, 200), ref),
        "paymentRequirements": terms,
    }


def post(process: ServeProcess, path: str, body: object) -> dict[str, Any]:
    status, answer = call(process.port, "POST", path, body)
    assert status == 200, answer
    return dict(answer)


def test_payments_up_to_the_limit_settle_and_others_are_refused(serve: Serve) -> None:
    process = serve(LIMIT)
    above, at_limit = payment(LIMIT + 1), payment(LIMIT)

    verdict = post(process, "/verify", above)
    assert (verdict["isValid"], verdict["invalidReason"]) == (False, REASON)
    assert str(LIMIT) in verdict["invalidMessage"]
    outcome = post(process, "/settle", above)
    assert (outcome["success"], outcome["errorReason"]) == (False, REASON)
    _, status = call(process.port, "GET", f"/status/{transaction_id(above)}")
    assert status["status"] == "not_found"
    assert scrape(process.port)["spending_limit_refusals_total"] == 2

    assert post(process, "/verify", at_limit)["isValid"] is True
    assert post(process, "/settle", at_limit)["success"] is True


def test_other_assets_are_not_limited(serve: Serve) -> None:
    assert post(serve(1), "/verify", payment(LIMIT, token=True))["isValid"] is True


def test_a_wrong_limit_stops_the_start(serve: Serve) -> None:
    process = serve(0)
    assert process.wait() == 1
    assert "spending_limit.max_lovelace: must be at least 1" in "".join(process.lines)


def test_it_is_listed_as_a_gate(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(SETTINGS.format(limit=LIMIT))
    clean = {k: v for k, v in os.environ.items() if not k.startswith("FACILITATOR_")}
    done = subprocess.run(
        [sys.executable, "-m", "facilitator", "plugins"],
        cwd=tmp_path,
        env={**clean, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("spending_limit"))
    assert line.split() == [
        "spending_limit",
        "yes",
        "-",
        "facilitator-plugin-spending-limit",
        "0.1.0",
        "gate",
    ]
