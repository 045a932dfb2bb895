"""An export needs as much memory for many payments as for few."""

import sys
import tracemalloc
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from facilitator.cli import main
from facilitator.testing.payment_ledger import delivered, settled, submitted
from facilitator_sqlite.storage import SqliteStorage

FEW, MANY = 1_000, 20_000
FIRST = 1_700_000_000
"""When the oldest was claimed; each next one a second later."""
PART = 1_000


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the ledger of many payments."""
    path = tmp_path_factory.mktemp("ledger") / "facilitator.db"
    with closing(SqliteStorage(str(path))) as storage:
        ledger = storage.payment_ledger()
        for start in range(0, MANY, PART):
            numbers = range(start, start + PART)
            ledger.record([delivered(settled(submitted(each, FIRST + each))) for each in numbers])
    return path


def test_an_export_streams(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACILITATOR_PLUGINS", "sqlite")
    monkeypatch.setenv("FACILITATOR_SQLITE__PATH", str(path))

    def export(count: int) -> tuple[int, int]:
        """Export the newest payments; return the lines, and the peak of memory meanwhile."""
        file = tmp_path / "exported"
        since = datetime.fromtimestamp(FIRST + MANY - count, UTC).isoformat()
        with monkeypatch.context() as patch, file.open("w") as output:
            patch.setattr(sys, "stdout", output)
            tracemalloc.start()
            try:
                assert main(["payments", "export", "--since", since]) == 0
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
        return file.read_text().count("\n") - 1, peak

    export(FEW)  # what is imported and cached stays allocated
    (few, memory_of_few), (many, memory_of_many) = export(FEW), export(MANY)
    assert (few, many) == (FEW, MANY)
    assert memory_of_many < 1.25 * memory_of_few
