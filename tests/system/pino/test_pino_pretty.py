"""The log of a facilitator, as people see it who read it with pino-pretty."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from facilitator.testing.http import call
from facilitator.testing.payments import request_body, requirements, transaction_id
from facilitator.testing.running import NETWORK
from facilitator_devnet.samples import genesis_output, sign_payment
from support.faulty import install_faulty
from support.npm import install_or_skip
from support.process import ServeProcess

PROJECT = Path(__file__).parent
LEVELS = {10: "TRACE", 20: "DEBUG", 30: "INFO", 40: "WARN", 50: "ERROR", 60: "FATAL"}


@pytest.fixture
def modules(pytestconfig: pytest.Config) -> Path:
    # Not by pytest's own cache, of which each of tox's environments has one.
    cache = pytestconfig.rootpath / ".pytest_cache" / "npm"
    cache.mkdir(parents=True, exist_ok=True)
    return install_or_skip(PROJECT, cache)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ServeProcess]:
    process = ServeProcess(
        tmp_path,
        {
            "PYTHONPATH": install_faulty(tmp_path),
            "FAULTY_TEXT": "the shelf",
            "FACILITATOR_PLUGINS": "devnet,memory,faulty",
            "FACILITATOR_DEVNET__BLOCK_SECONDS": "0.2",
        },
    )
    yield process
    process.close()


def rendered(lines: list[str], modules: Path) -> list[str]:
    """What pino-pretty makes of each line."""
    done = subprocess.run(
        ["node", str(modules / "pino-pretty" / "bin.js"), "--no-colorize"],
        input="".join(lines),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    # A record begins where a line does not.
    return re.split(r"\n(?=\S)", done.stdout.rstrip("\n"))


def test_pino_pretty_renders_the_log(modules: Path, process: ServeProcess) -> None:
    terms = requirements()
    paid = request_body(
        sign_payment(terms, "alice", genesis_output(NETWORK, "alice", 0, None), 300), terms
    )
    call(process.port, "GET", "/fault/x", headers={"X-Request-ID": "failed"})
    call(process.port, "POST", "/verify", {"not": "a payment"}, {"X-Request-ID": "refused"})
    call(process.port, "POST", "/settle", paid, {"X-Request-ID": "settled"})
    assert process.terminate() == 0

    entries = [json.loads(line) for line in process.lines]
    shown = rendered(process.lines, modules)
    # None was left as it is, which is what becomes of lines that are not pino's.
    for entry, text in zip(entries, shown, strict=True):
        head = f"{LEVELS[entry['level']]} ({entry['name']}/{entry['pid']}): {entry['msg']}"
        assert re.sub(r"^\[\d\d:\d\d:\d\d\.\d{3}\] ", "", text.splitlines()[0]) == head

    def find(*parts: str) -> str:
        (found,) = [text for text in shown if all(part in text for part in parts)]
        return found

    error = find("ERROR", "request failed", 'reqId: "failed"')
    assert '"type": "LookupError"' in error
    assert '"message": "could not use the shelf"' in error
    # The traceback stands below, line by line.
    assert re.search(r'\n +File ".*faulty\.py", line \d+, in fail\n +raise LookupError', error)

    refused = find("request completed", 'reqId: "refused"')
    for field in ('"method": "POST"', '"url": "/verify"', '"statusCode": 400', "responseTime: "):
        assert field in refused

    for state in ("submitted", "settled"):
        changed = find(f"INFO (facilitator.settlement/{process.process.pid}): settlement {state}")
        for field in (f'tx: "{transaction_id(paid)}"', f'state: "{state}"', f'"{NETWORK}"'):
            assert field in changed
