"""A reload whose parts fail: the others are told, and the next one comes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from facilitator.server import reload as reading
from facilitator.server.reload import NOT_TAKEN, PARTLY_TAKEN, TAKEN, Reload
from facilitator.settings import Settings, load_settings, setting


def _raises(*_: Any, **__: Any) -> bool:
    raise LookupError("on purpose")


def _fails(settings: Settings) -> None:
    _raises(settings)


@dataclass(frozen=True)
class Careless:
    """Settings of a plugin whose function for reloads fails."""

    login: str = setting("first", "A login.", reloads=_raises)


def read(folder: Path, level: str, **further: str) -> Settings:
    environ = {"FACILITATOR_LOG__LEVEL": level, **further}
    return load_settings(None, environ, folder, {"careless": Careless})


@pytest.fixture
def logged_as_before() -> Iterator[None]:
    """Leave the log as it is."""
    import logging

    root = logging.getLogger()
    before = root.level, list(root.handlers)
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]


@pytest.mark.usefixtures("logged_as_before")
def test_a_part_that_fails_keeps_no_other_from_the_new_settings(tmp_path: Path) -> None:
    """The first one in the row is a plugin's; the API keys come last."""
    levels = iter(["warning", "error"])
    reload = Reload(read(tmp_path, "info"), lambda: read(tmp_path, next(levels)))
    taken: list[str] = []
    reload.subscribe(_fails)
    reload.subscribe(lambda settings: taken.append(settings.log.level))
    assert reload.read_now()
    assert reload.read_now()
    assert taken == ["warning", "error"]


@pytest.mark.usefixtures("logged_as_before")
def test_the_status_says_if_a_part_failed(tmp_path: Path) -> None:
    levels = iter(["warning", "error", "loud"])
    reload = Reload(read(tmp_path, "info"), lambda: read(tmp_path, next(levels)))
    fails = iter([True, False])
    reload.subscribe(lambda settings: _fails(settings) if next(fails) else None)
    assert reload.read_now()
    assert reload.status == PARTLY_TAKEN
    assert reload.read_now()
    assert reload.status == TAKEN
    assert not reload.read_now()
    assert reload.status == NOT_TAKEN


@pytest.mark.usefixtures("logged_as_before")
def test_a_log_that_cannot_change_keeps_no_part_from_the_new_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reload = Reload(read(tmp_path, "info"), lambda: read(tmp_path, "error"))
    taken: list[str] = []
    reload.subscribe(lambda settings: taken.append(settings.log.level))
    monkeypatch.setattr(reading, "configure_logging", _raises)
    assert reload.read_now()
    assert (taken, reload.status) == (["error"], PARTLY_TAKEN)


@pytest.mark.usefixtures("logged_as_before")
def test_a_setting_that_cannot_be_compared_changes_nothing_and_ends_nothing(tmp_path: Path) -> None:
    """It is a plugin's function that says if a new value is taken."""
    first = read(tmp_path, "info")
    wrong = read(tmp_path, "warning", FACILITATOR_CARELESS__LOGIN="second")
    found = iter([wrong, replace(read(tmp_path, "error"))])
    reload = Reload(first, lambda: next(found))
    taken: list[str] = []
    reload.subscribe(lambda settings: taken.append(settings.log.level))
    assert not reload.read_now()
    assert reload.settings is first
    assert reload.read_now()
    assert taken == ["error"]


@pytest.mark.usefixtures("logged_as_before")
@pytest.mark.parametrize("gone", ["settings.toml", ".secrets.toml", "the folder"])
def test_a_file_that_is_not_there_now_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, gone: str
) -> None:
    """It is just being written anew, or another part of the process has changed the working folder.

    Without it no API key would be asked for.
    """
    (tmp_path / "settings.toml").write_text("[default.auth]\nrequired = true\n")
    secrets = tmp_path / ".secrets.toml"
    secrets.write_text(f"[default.auth.api_keys]\nshop = '{'k' * 32}'\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folders = iter([elsewhere if gone == "the folder" else tmp_path, tmp_path])
    first = load_settings(None, {}, tmp_path)
    reload = Reload(first, lambda: load_settings(None, {}, next(folders)))
    taken: list[Settings] = []
    reload.subscribe(taken.append)
    kept = {each: each.read_text() for each in first.files}
    if gone != "the folder":
        (tmp_path / gone).unlink()
    assert not reload.read_now()
    assert (reload.settings, taken) == (first, [])
    assert "is not there any more" in caplog.text
    for each, text in kept.items():
        each.write_text(text)
    assert reload.read_now()
    assert taken[0].auth == first.auth


@pytest.mark.usefixtures("logged_as_before")
def test_a_file_that_came_after_the_start_must_stay(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("[default.auth]\nrequired = true\n")
    first = load_settings(None, {}, tmp_path)
    reload = Reload(first, lambda: load_settings(None, {}, tmp_path))
    secrets = tmp_path / ".secrets.toml"
    secrets.write_text(f"[default.auth.api_keys]\nshop = '{'k' * 32}'\n")
    assert reload.read_now()
    assert "shop" in reload.settings.auth.api_keys
    secrets.unlink()
    assert not reload.read_now()
    assert "shop" in reload.settings.auth.api_keys
