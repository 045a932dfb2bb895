"""Schemathesis sends what the description allows and what it does not, and finds nothing."""

import json
import subprocess
import sys
from pathlib import Path

from openapi_spec_validator import OpenAPIV31SpecValidator

from facilitator.testing.http import call
from support.process import ServeProcess

KEY = "s3cret-shop"
SERVER = {
    "FACILITATOR_PLUGINS": "devnet,memory",
    "FACILITATOR_INSPECT__ENABLED": "true",
    "FACILITATOR_SETTLEMENT__WAIT_SECONDS": "0",
    "FACILITATOR_AUTH__API_KEYS__SHOP": KEY,
}
KEYS = f"""\
[auth.openapi.bearer]
bearer = "{KEY}"
[auth.openapi.apiKey]
api_key = "{KEY}"
"""
RUN = ("--checks=all", "--seed=402", "--max-examples=8", "--no-color")


def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(KEYS)
    process = ServeProcess(tmp_path, SERVER)
    try:
        url = f"http://127.0.0.1:{process.port}/openapi.json"
        _, document = call(process.port, "GET", "/openapi.json")
        OpenAPIV31SpecValidator(document).validate()
        report = tmp_path / "report.json"
        done = subprocess.run(
            [
                *(Path(sys.executable).with_name("st"), "run", url, *RUN),
                *("--report", "json", "--report-json-path", report),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        assert process.terminate() == 0
    finally:
        process.close()
    told = json.loads(report.read_text())
    assert told["complete"]
    read_from = {"/openapi.json"}  # which it does not test
    paths = document["paths"].keys() - read_from
    assert told["operations"]["tested"] == sum(len(document["paths"][path]) for path in paths)
    assert told["test_cases"]["generated"] > 300
    assert not [line for line in process.lines if json.loads(line)["level"] >= 50]
