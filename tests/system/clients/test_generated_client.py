"""openapi-python-client makes a complete client of the description, which asks for a verdict."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from facilitator.testing.running import Running

USE = """
import importlib, json, pkgutil, sys
import made
for module in pkgutil.walk_packages(made.__path__, "made."):
    importlib.import_module(module.name)
from made import Client
from made.api.facilitator import openapi
from made.api.payments import verify
from made.models import PaymentRequest
with Client(base_url=sys.argv[1]) as client:
    document = json.loads(openapi.sync_detailed(client=client).content)
    content = document["paths"]["/verify"]["post"]["requestBody"]["content"]["application/json"]
    body = PaymentRequest.from_dict(content["examples"]["payment"]["value"])
    answer = verify.sync(client=client, body=body)
print(type(answer).__name__, answer.is_valid)
"""


def test_a_generated_client_is_complete_and_works(
    run: Callable[..., Running], tmp_path: Path
) -> None:
    running = run(inspect__enabled="true")
    # It formats by ruff what it has made.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    made = subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"),
            *("--url", f"{running.url}/openapi.json", "--output-path", "made", "--fail-on-warning"),
        ],
        cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    used = subprocess.run(
        [sys.executable, "-c", USE, running.url],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert used.stdout == "VerifyResponse True\n", used.stderr
