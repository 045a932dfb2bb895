"""The plugins in ``examples/``, installed as third parties' and run by a real facilitator."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facilitator.testing.http import call
from facilitator.testing.payments import MERCHANT
from facilitator.testing.running import NETWORK
from facilitator_devnet.samples import genesis_output, payload, requirements, sign_payment
from support.installing import ENOUGH_SECONDS, install_into
from support.process import ServeProcess

EXAMPLES = Path(__file__).parents[2] / "examples"


class Installed:
    """The distribution of an example, in a folder of its own."""

    def __init__(self, name: str, folder: Path) -> None:
        """Build it from a copy, without an index."""
        self.source, self.target = folder / name, folder / "target"
        example = EXAMPLES / f"facilitator-plugin-{name}"
        shutil.copytree(example, self.source, ignore=shutil.ignore_patterns("*.egg-info", "build"))
        install_into(self.target, self.source)

    def run_tests(self) -> None:
        """Have the distribution's own tests pass."""
        options = ["-q", "-p", "facilitator.testing.pytest_plugin", "-p", "no:cacheprovider"]
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", *options, "--import-mode=importlib", "-W", "error"],
            cwd=self.source,
            env={**os.environ, **self._environ()},
            capture_output=True,
            text=True,
            check=False,
            timeout=ENOUGH_SECONDS,
        )
        assert ran.returncode == 0, ran.stdout[-5_000:] + ran.stderr[-2_000:]

    def serve(self, folder: Path, settings: str, **environ: str) -> ServeProcess:
        """Start ``facilitator serve`` with these settings."""
        (folder / "settings.toml").write_text(settings)
        return ServeProcess(folder, {**self._environ(), **environ})

    def _environ(self) -> dict[str, str]:
        paths = [str(self.target), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {"PYTHONPATH": os.pathsep.join(paths)}


def payment(wallet: str, number: int, amount: int = 2_000_000, **of_payload: Any) -> dict[str, Any]:
    """Return a payment by the wallet, from its output of this number, as a request body."""
    terms = requirements(NETWORK, MERCHANT.bech32, amount)
    ref = genesis_output(NETWORK, wallet, number, None)
    signed = payload(terms, sign_payment(terms, wallet, ref, 200), ref)
    return {
        "x402Version": 2,
        "paymentPayload": {**signed, **of_payload},
        "paymentRequirements": terms,
    }


def post(process: ServeProcess, path: str, body: object) -> Mapping[str, Any]:
    """Return the answer, whose status is 200."""
    status, answer = call(process.port, "POST", path, body)
    assert status == 200, answer
    return dict(answer)
