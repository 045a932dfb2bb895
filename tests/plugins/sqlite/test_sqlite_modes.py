"""Who may read the files."""

import os
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from facilitator.testing.examples import example_claim
from facilitator_sqlite.storage import SqliteStorage

ENDS = ("", "-mark", "-shm", "-wal")

OPEN = """
import os, stat, sys
from facilitator_sqlite.storage import SqliteStorage
os.umask(int(sys.argv[2], 8))
storage = SqliteStorage(sys.argv[1])
for end in ("", "-mark", "-shm", "-wal"):
    print(oct(stat.S_IMODE(os.stat(sys.argv[1] + end).st_mode)))
storage.close()
"""


def modes(path: Path) -> set[int]:
    return {stat.S_IMODE(os.stat(f"{path}{end}").st_mode) for end in ENDS}


@pytest.mark.parametrize("umask", ["000", "022", "077", "277"])
def test_new_files_are_for_their_user_alone(path: Path, umask: str) -> None:
    """All four, whatever the umask of the process is."""
    command = [sys.executable, "-c", OPEN, str(path), umask]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["0o600"] * 4


def test_a_file_that_others_could_read_is_theirs_no_more(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It was made by an earlier version, or by hand; the log says that it was changed."""
    SqliteStorage(str(path)).close()
    path.chmod(0o664)
    with closing(SqliteStorage(str(path))):
        assert modes(path) == {0o600}
    assert f"other users could read or write {path}" in caplog.text
    caplog.clear()
    SqliteStorage(str(path)).close()
    assert not caplog.text


def test_what_a_crash_left_for_others_is_theirs_no_more(path: Path) -> None:
    """The log and its index have the rights that the file had."""
    left = path.with_name("left.db")
    with closing(SqliteStorage(str(left))) as storage:
        storage.add_claim(example_claim())
        for end in ENDS:
            copy = Path(f"{path}{end}")
            copy.write_bytes(Path(f"{left}{end}").read_bytes())
            copy.chmod(0o644)
    with closing(SqliteStorage(str(path))) as storage:
        assert modes(path) == {0o600}
        assert storage.claim("c1" * 32) == example_claim()


def test_a_file_behind_a_link_is_private_too(path: Path) -> None:
    """The files lie beside the real one."""
    (path.parent / "real").mkdir()
    real = path.parent / "real" / "claims.db"
    path.symlink_to(real)
    with closing(SqliteStorage(str(path))) as storage:
        storage.add_claim(example_claim())
        assert modes(real) == {0o600}
        assert {each.name for each in path.parent.iterdir()} == {"facilitator.db", "real"}
    assert [each.name for each in real.parent.iterdir()] == ["claims.db"]
