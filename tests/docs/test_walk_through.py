"""The commands of the README, the tutorial and the API's reference, carried out as written."""

import json
import os
import re
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from support.process import ServeProcess

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
API = ROOT / "docs/reference/http-api.md"
API_KEYS = ROOT / "docs/how-to/api-keys.md"
TUTORIAL = ROOT / "docs/tutorial/first-payment.md"

pytestmark = pytest.mark.skipif(not TUTORIAL.exists(), reason="needs a checkout: no docs/ here")


def shell(command: str, folder: Path, port: int = 3000) -> str:
    """Run a line as written, on the port that the facilitator really has."""
    program = f"{sys.executable} -m facilitator"
    line = command.replace("127.0.0.1:3000", f"127.0.0.1:{port}")
    line = re.sub(r"^facilitator ", f"{program} ", line)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("FACILITATOR_")}
    done = subprocess.run(
        line, cwd=folder, env=clean, shell=True, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def commands(text: str) -> list[str]:
    found = re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
    return [line for block in found for line in block.splitlines() if line]


def walk(lines: list[str], folder: Path) -> list[dict[str, Any]]:
    """Carry out what talks to the facilitator; the JSON that came back, in order."""
    process = ServeProcess(folder)
    answers: list[dict[str, Any]] = []
    try:
        for line in lines:
            if "TRANSACTION_ID" in line:
                line = line.replace("TRANSACTION_ID", answers[-1]["transaction"])
            if line.startswith(("curl", "sed", "facilitator sample-payment")):
                output = shell(line, folder, process.port)
                answers += [json.loads(output)] if output else []
        assert process.terminate() == 0
    finally:
        process.close()
    return answers


def test_the_readme(tmp_path: Path) -> None:
    text = README.read_text().partition("<!-- walk-through -->")[2]
    lines = commands(text.partition("```json")[0])
    verdict, settled, status = walk(lines, tmp_path)
    assert verdict["isValid"] is True
    assert settled["success"] is True
    assert status["settled"] is True
    shown = [json.loads(line) for line in text.split("```json\n")[1].split("```")[0].splitlines()]
    assert [set(answer) for answer in shown] == [set(verdict), set(settled), set(status)]


def test_the_readme_shows_what_the_demo_prints(tmp_path: Path) -> None:
    shown = README.read_text().split("```text\n")[1].split("```")[0].splitlines()
    printed = iter(shell("facilitator demo", tmp_path).splitlines())
    for line in shown:
        assert line == "…" or line in printed, line  # each further down than the one before


def test_the_reference_of_the_api(tmp_path: Path) -> None:
    """Its commands work, and whatever comes back has a name there."""
    text = API.read_text()
    answers = walk(["facilitator sample-payment > payment.json", *commands(text)], tmp_path)
    verdict, settled, cancelled, status, posted, supported, health = answers
    assert (verdict["isValid"], settled["success"], status["settled"]) == (True, True, True)
    assert cancelled["cancelled"] is False  # it is settled
    assert posted == status
    assert supported["kinds"]
    assert health["status"] == "healthy"
    assert [each for each in {*chain(*answers)} if f"`{each}`" not in text] == []


def test_the_tutorial(tmp_path: Path) -> None:
    lines = commands(TUTORIAL.read_text())
    supported, verdict, dearer, settled, again, status = walk(lines, tmp_path)
    assert supported["kinds"][0]["extra"]["devnet"] is True
    assert verdict["isValid"] is True
    assert dearer["invalidReason"] == "invalid_exact_cardano_payload_amount_insufficient"
    assert settled["success"] is True
    assert again["errorReason"] == "duplicate_settlement"
    assert status["status"] == "confirmed"


def test_the_guide_to_api_keys(tmp_path: Path) -> None:
    text = API_KEYS.read_text()
    (required,) = re.findall(r"^```toml\n(.*?)^```", text, re.M | re.S)
    make, sample, verify, show, revoke, operate = commands(text)
    (tmp_path / "settings.toml").write_text(required)
    process = ServeProcess(tmp_path)
    try:
        for line in (make, sample, operate):
            assert shell(line, tmp_path, process.port) == ""
        assert json.loads(shell(verify, tmp_path, process.port))["isValid"] is True
        assert re.search(r"^shop .* valid$", shell(show, tmp_path), re.M)
        shell(revoke, tmp_path)
        refused = json.loads(shell(verify, tmp_path, process.port))
        assert refused["invalidReason"] == "unauthorized"
        assert re.search(r"^shop .* revoked$", shell(show, tmp_path), re.M)
        other = json.loads(shell(verify.replace("shop.key", "desk.key"), tmp_path, process.port))
        assert other["invalidReason"] == "insufficient_scope"
        assert process.terminate() == 0
    finally:
        process.close()
