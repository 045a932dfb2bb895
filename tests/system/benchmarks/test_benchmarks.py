"""The benchmarks run by one command, and the work of a payment is what was recorded."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from support.checkout import ROOT

BENCHMARKS = ROOT / "benchmarks"
PAGE = ROOT / "docs" / "benchmarks.md"
ENOUGH_SECONDS = 600
BLOCK = re.compile(r"<!-- figures: (\w+) -->\n(.*?)<!-- end: \1 -->", re.DOTALL)
EMPTY = r"<!-- figures: \1 -->\n<!-- end: \1 -->"
ROW = r"^\| [^|]+ \| [\d.,]+ \S.* \| .+: [\d.,]+ \| [\d.]+ \|"
PLANTED = """
import json
from facilitator.cardano import signatures
import facilitator
import bytecodes
from servers import Servers

names = {}
loop = "def spin(times):\\n    for _ in range(times):\\n        pass\\n"
exec(compile(loop, facilitator.__file__, "exec"), names)  # counts as the project's own

def changes(app):
    found = bytecodes.measure(app, servers.bodies(bytecodes.WARM_UP + 3))
    return bytecodes.changes(found, record)

record = json.loads(bytecodes.RECORD.read_text())[bytecodes.VERSION]
with Servers() as servers, bytecodes.facilitator(servers) as app:
    print(json.dumps(changes(app)))
    most = max(each["bytecodes"] for each in record.values())
    spins = round(0.05 * most / 3)  # three bytecodes a turn

    def slower(environ, start_response):
        names["spin"](spins)
        return app(environ, start_response)

    print(json.dumps(changes(slower)))
    verify = signatures.crypto_sign_open
    signatures.crypto_sign_open = lambda *signed: (verify(*signed), verify(*signed))[0]
    print(json.dumps(changes(app)))
"""
"""Prints what differs from the record: as it is, 5 % slower, and with each signature twice."""

pytestmark = pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="needs a checkout: no benchmarks/")


def run(*command: str) -> str:
    """Run Python in the folder of the benchmarks; return what it prints."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{BENCHMARKS}:{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=ENOUGH_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def blocks(page: Path) -> dict[str, str]:
    return {name: block.strip() for name, block in BLOCK.findall(page.read_text())}


def test_one_command_fills_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(BLOCK.sub(EMPTY, PAGE.read_text()))
    words, parts = page.read_text(), sorted(blocks(page))
    parts.remove("peer")
    run(str(BENCHMARKS / "run.py"), "--quick", "--page", str(page), "--only", *parts)
    assert BLOCK.sub(EMPTY, page.read_text()) == words
    found = blocks(page)
    assert not found.pop("peer")
    assert "Left out: instructions" in found.pop("instructions")
    for name, block in found.items():
        assert re.search(ROW, block, re.M), name
        assert f"![{name}](page/{name}.svg)" in block
        plot = ElementTree.parse(tmp_path / "page" / f"{name}.svg").getroot()
        assert plot.tag.endswith("svg")


def test_the_page_shows_every_part() -> None:
    for name, block in blocks(PAGE).items():
        is_measured = bool(re.search(ROW, block, re.M))
        assert is_measured or "Left out: " in block, name
        assert not is_measured or (PAGE.parent / "benchmarks" / f"{name}.svg").exists()


def test_the_work_of_a_payment_is_what_was_recorded() -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if version not in json.loads((BENCHMARKS / "bytecodes.json").read_text()):
        pytest.skip(f"nothing is recorded for Python {version}: benchmarks/bytecodes.py --record")
    as_it_is, slower, twice = map(json.loads, run("-c", PLANTED).splitlines())
    assert not as_it_is, "if this is meant: benchmarks/bytecodes.py --record, on each Python"
    assert len(slower) == 3
    assert all("bytecodes, recorded" in each for each in slower)
    assert twice == ["payer never seen: 2 signatures, recorded 1"]
