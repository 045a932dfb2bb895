"""What the security page leans on is there: tests, settings, limits."""

import re
from pathlib import Path

import pytest

from facilitator.exact.payment import MAX_TRANSACTION_BYTES
from facilitator.server import connection, http_server, tasks
from facilitator.settings.schema import fields_of
from facilitator.settings.sections import CORE_SECTIONS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "SECURITY.md"

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="needs a checkout: no SECURITY.md here")


def code() -> set[str]:
    """What is marked as code on the page."""
    return set(re.findall(r"`([^`]+)`", PAGE.read_text()))


def functions() -> set[str]:
    files = (ROOT / "tests").rglob("test_*.py")
    return {
        name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text(), re.M)
    }


def settings() -> set[str]:
    return {
        f"{section}.{field}" if section else field
        for section, declaration in CORE_SECTIONS.items()
        for field in fields_of(declaration)
    }


def test_every_test_named_is_there() -> None:
    named = {each for each in code() if each.startswith("test_")}
    assert named
    assert named - functions() == set()


def test_every_setting_named_is_there() -> None:
    named = {each for each in code() if re.fullmatch(r"[a-z_]+\.[a-z_]+", each)}
    assert named
    assert named - settings() == set()


def test_every_row_of_threats_names_a_test() -> None:
    rows = re.findall(r"^\|(.*)\|$", PAGE.read_text().split("## Limits")[0], re.M)[2:]
    assert len(rows) > 20
    assert [row for row in rows if "`test_" not in row.split("|")[-1]] == []


def test_the_limits_are_the_ones_in_force() -> None:
    limits = PAGE.read_text().split("## Limits")[1].split("\n## ")[0]
    shown = dict(re.findall(r"^\| ([^|`]+) \| (\d+)", limits, re.M))
    assert shown == {
        "request line and headers": str(tasks.MAX_HEADER_BYTES),
        "transaction": str(MAX_TRANSACTION_BYTES),
        "a request must have arrived": str(connection.REQUEST_SECONDS),
        "an answer must have been taken": str(connection.ANSWER_SECONDS),
        "a connection without a request": str(http_server.IDLE_SECONDS),
        "connections": str(connection.MAX_CONNECTIONS),
        "requests read ahead on a connection": str(http_server.PIPELINED_REQUESTS),
    }
