from collections.abc import Mapping
from pathlib import Path

import pytest

from facilitator.clock import SystemClock
from facilitator.errors import ConfigInvalidError, PluginError
from facilitator.plugin.context import Context
from facilitator.plugin.loading import configure
from facilitator.roles.storage import Storage
from facilitator.testing.border import unguarded
from facilitator_memory.storage import MemoryStorage
from facilitator_sqlite.storage import SqliteStorage


def storage_of(folder: Path, environ: Mapping[str, str]) -> Storage:
    settings, plugins = configure(environ=environ, cwd=folder)
    return plugins.one_storage(Context(settings, SystemClock()))


def test_memory_is_chosen_by_its_name(tmp_path: Path) -> None:
    storage = storage_of(tmp_path, {"FACILITATOR_PLUGINS": "devnet,memory"})
    assert isinstance(unguarded(storage), MemoryStorage)


def test_sqlite_keeps_the_file_that_the_settings_name(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    environ = {"FACILITATOR_PLUGINS": "devnet,sqlite", "FACILITATOR_SQLITE__PATH": str(path)}
    storage = storage_of(tmp_path, environ)
    assert isinstance(unguarded(storage), SqliteStorage)
    storage.close()
    assert path.exists()


def test_sqlite_keeps_facilitator_db_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    storage_of(tmp_path, {"FACILITATOR_PLUGINS": "devnet,sqlite"}).close()
    assert [file.name for file in tmp_path.iterdir()] == ["facilitator.db"]


def test_sqlite_in_memory_is_a_wrong_setting(tmp_path: Path) -> None:
    environ = {"FACILITATOR_PLUGINS": "devnet,sqlite", "FACILITATOR_SQLITE__PATH": ":memory:"}
    with pytest.raises(ConfigInvalidError, match=r"sqlite\.path: .*enable the plugin 'memory'"):
        storage_of(tmp_path, environ)


def test_a_file_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "facilitator.db"
    environ = {"FACILITATOR_PLUGINS": "devnet,sqlite", "FACILITATOR_SQLITE__PATH": str(path)}
    with pytest.raises(
        PluginError, match=r"the storage cannot start: the file .*a folder that exists"
    ):
        storage_of(tmp_path, environ)
