"""openapi-python-client makes a complete client of the description, which pays and looks it up."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from facilitator.testing.running import Running

KEY = "an-operators-key-for-the-tests"
USE = """
import importlib, json, pkgutil, sys
import made
for module in pkgutil.walk_packages(made.__path__, "made."):
    importlib.import_module(module.name)
from made import AuthenticatedClient, Client
from made.api.facilitator import openapi, supported
from made.api.health import health, live, ready
from made.api.ledger import list_payments, show_payment
from made.api.payments import cancel, settle, verify
from made.api.transactions import post_status, status
from made.models import PaymentRequest, StatusRequest
url, key = sys.argv[1:]
with Client(base_url=url) as client, AuthenticatedClient(base_url=url, token=key) as operator:
    document = json.loads(openapi.sync_detailed(client=client).content)
    paths = document["paths"].values()
    operations = [each["operationId"] for path in paths for each in path.values()]
    modules = pkgutil.walk_packages(made.__path__, "made.")
    functions = {module.name.rpartition(".")[2].replace("_", "") for module in modules}
    assert {each.lower() for each in operations} <= functions, operations
    content = document["paths"]["/verify"]["post"]["requestBody"]["content"]["application/json"]
    body = PaymentRequest.from_dict(content["examples"]["payment"]["value"])
    verdict = verify.sync(client=client, body=body)
    cancelled = cancel.sync(client=client, body=body)
    settled = settle.sync(client=client, body=body)
    id = settled.transaction
    found = status.sync(client=client, transaction=id)
    posted = post_status.sync(client=client, body=StatusRequest(transaction=id))
    assert posted.block == found.block
    (payment,) = list_payments.sync(client=operator).payments
    assert show_payment.sync(client=operator, transaction=id).transaction == id
    assert supported.sync(client=client).kinds
    states = [each.sync(client=client).status for each in (health, live, ready)]
print(verdict.is_valid, cancelled.cancelled, settled.success, found.settled, payment.state, *states)
"""


def test_a_generated_client_is_complete_and_works(
    run: Callable[..., Running], tmp_path: Path
) -> None:
    running = run(
        inspect__enabled="true",
        plugins="devnet,sqlite",
        auth__operator_keys__anna=KEY,
        real_time=True,
        devnet__block_seconds=0.2,
    )
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
        [sys.executable, "-c", USE, running.url, KEY],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert used.stdout == "True True True True settled healthy alive ready\n", used.stderr
