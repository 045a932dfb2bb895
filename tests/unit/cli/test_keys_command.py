"""``facilitator keys``: what it prints and keeps, and what a running facilitator makes of it."""

import json
import os
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import pytest

from facilitator.api.key_text import digest_of, is_key
from facilitator.cli import main
from facilitator.roles.api_keys import ApiKey, Scope
from facilitator.testing.payments import Payer
from facilitator.testing.running import Running
from facilitator.testing.waiting import eventually
from facilitator_sqlite.storage import SqliteStorage

Command: TypeAlias = Callable[..., tuple[int, str, str]]

WITHOUT_KEYS = """
facilitator_api = "1.0"
from facilitator import hookimpl
from facilitator_sqlite.storage import SqliteStorage

class Plain(SqliteStorage):
    add_api_key = None

@hookimpl
def storage():
    return Plain("plain.db")
"""


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Run an action in an empty folder: ``command("add", "shop")``; code, output and errors."""
    for name in [name for name in os.environ if name.startswith("FACILITATOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def run(*words: str, **environ: str) -> tuple[int, str, str]:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environ.items():
                patch.setenv(f"FACILITATOR_{name}", value)
            try:
                code = main(["keys", *words])
            except SystemExit as stop:
                code = stop.code if isinstance(stop.code, int) else 1
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def listed(command: Command, **environ: str) -> dict[str, dict[str, object]]:
    """What ``list`` says of each key, by name."""
    code, printed, _ = command("list", "--json", **environ)
    assert code == 0
    return {each["name"]: each for each in json.loads(printed)}


def stored(folder: Path) -> list[ApiKey]:
    with closing(SqliteStorage(str(folder / "facilitator.db"))) as storage:
        return list(storage.api_keys())


def test_a_key_is_shown_once_and_kept_as_its_hash(command: Command, tmp_path: Path) -> None:
    code, printed, notes = command("add", "shop")
    key = printed.removesuffix("\n")
    assert (code, is_key(key)) == (0, True)
    assert key not in notes
    assert "shown this once" in notes
    (kept,) = stored(tmp_path)
    assert kept == ApiKey("shop", digest_of(key), Scope.PAY, None, kept.created_at)
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert key.encode() not in files
    assert digest_of(key).encode() in files


def test_a_key_has_what_was_asked_for(command: Command, tmp_path: Path) -> None:
    command("add", "desk", "--scope", "operate", "--limit", "30", "--expires", "90d")
    command("add", "event", "--expires", "2100-01-31")
    desk, event = stored(tmp_path)
    assert (desk.scope, desk.per_minute) == (Scope.OPERATE, 30)
    assert desk.expires_at is not None
    assert abs(desk.expires_at - desk.created_at - timedelta(days=90).total_seconds()) < 60
    assert event.expires_at == datetime(2100, 1, 31, tzinfo=UTC).timestamp()
    found = listed(command)
    assert (found["event"]["expires"], found["desk"]["perMinute"]) == ("2100-01-31T00:00:00Z", 30)


@pytest.mark.parametrize(
    "words",
    [
        ("add",),
        ("add", "two words"),
        ("add", "-shop"),
        ("add", ".shop"),
        ("add", "sh\u00f6p"),
        ("add", "s" * 65),
        ("add", "shop", "--limit", "0"),
        ("add", "shop", "--limit", "many"),
        ("add", "shop", "--limit", "99999999999"),
        ("add", "shop", "--scope", "all"),
        ("add", "shop", "--expires", "2020-01-01"),
        ("add", "shop", "--expires", "0d"),
        ("add", "shop", "--expires", "soon"),
        ("add", "shop", "--expires", "2027-02-30"),
        ("add", "shop", "--expires", "99999999d"),
        ("revoke", ""),
        (),
        ("remove", "shop"),
    ],
)
def test_wrong_words_are_refused_before_the_storage_is_opened(
    command: Command, tmp_path: Path, words: tuple[str, ...]
) -> None:
    assert command(*words)[0] == 2
    assert list(tmp_path.iterdir()) == []


def test_a_name_is_never_used_again(command: Command, tmp_path: Path) -> None:
    command("add", "shop")
    assert command("revoke", "shop")[0] == 0
    code, printed, error = command("add", "shop")
    assert (code, printed) == (1, "")
    assert "a key named shop is there, or was: take another name" in error
    assert len(stored(tmp_path)) == 1


@pytest.mark.parametrize("table", ["API_KEYS", "OPERATOR_KEYS"])
def test_a_name_of_the_settings_is_not_taken(command: Command, tmp_path: Path, table: str) -> None:
    setting = {f"AUTH__{table}__SHOP": "a-long-random-key"}
    code, printed, error = command("add", "shop", **setting)
    assert (code, printed) == (1, "")
    assert "the settings have a key named shop" in error
    assert stored(tmp_path) == []
    assert "remove it there" in command("revoke", "shop", **setting)[2]
    command("add", "shop")
    assert listed(command, **setting)["shop"]["state"] == "replaced by the settings"


def test_all_keys_are_listed_with_their_state(command: Command, tmp_path: Path) -> None:
    for name in ("one", "two"):
        command("add", name)
    command("revoke", "one")
    with closing(SqliteStorage(str(tmp_path / "facilitator.db"))) as storage:
        storage.add_api_key(ApiKey("old", "c3" * 32, Scope.PAY, 9, 5.0, expires_at=6.0))
        storage.note_api_key_use("old", 5.5)
    assert {name: each["state"] for name, each in listed(command).items()} == {
        "old": "expired",
        "one": "revoked",
        "two": "valid",
    }
    code, table, _ = command("list", AUTH__API_KEYS__KIOSK="a-long-random-key")
    heading, first, *_ = table.splitlines()
    assert (code, heading.split()[:2]) == (0, ["NAME", "SCOPE"])
    assert first.split() == [
        *("old", "pay", "9", "1970-01-01T00:00:05Z", "1970-01-01T00:00:06Z"),
        *("1970-01-01T00:00:05Z", "expired"),
    ]
    assert "The settings have kiosk as well." in table


def test_a_name_that_is_not_there_is_not_revoked(command: Command) -> None:
    code, _, error = command("revoke", "shop")
    assert code == 1
    assert "the storage has no key named shop" in error


def test_keys_that_would_be_lost_are_refused(command: Command) -> None:
    for words in (("add", "shop"), ("list",), ("revoke", "shop")):
        code, printed, error = command(*words, PLUGINS="devnet,memory")
        assert (code, printed) == (1, "")
        assert "keys would be lost" in error


def test_a_storage_that_keeps_no_keys_is_named(command: Command, tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(WITHOUT_KEYS)
    code, printed, error = command("add", "shop", PLUGINS="devnet,./plain.py")
    assert (code, printed) == (1, "")
    assert "the storage keeps no API keys" in error


def test_a_storage_that_does_not_work_is_named(command: Command, tmp_path: Path) -> None:
    (tmp_path / "facilitator.db").write_bytes(b"damaged " * 1000)
    code, printed, error = command("list")
    assert (code, printed) == (1, "")
    assert error.startswith("PluginError: the storage cannot start: ")
    assert len(error.splitlines()) == 1


def test_it_says_when_payments_need_no_key(command: Command) -> None:
    assert "until auth.required is true" in command("add", "one")[2]
    assert "auth.required" not in command("add", "two", AUTH__REQUIRED="true")[2]
    assert "auth.required" not in command("add", "three", AUTH__API_KEYS__A="a-long-key")[2]
    assert "auth.required" not in command("add", "four", "--scope", "operate")[2]


@pytest.mark.parametrize(
    ("settings", "is_warned"),
    [
        ({"AUTH__REQUIRED": "true"}, False),
        ({"AUTH__REQUIRED": "true", "PLUGINS": "devnet,memory"}, True),
        ({"PLUGINS": "devnet,memory"}, False),
        ({"AUTH__REQUIRED": "true", "AUTH__API_KEYS__A": "k", "PLUGINS": "devnet,memory"}, False),
    ],
)
@pytest.mark.usefixtures("command")
def test_check_warns_where_no_caller_can_have_the_key_that_is_required(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    settings: dict[str, str],
    is_warned: bool,
) -> None:
    for name, value in {"SERVER__PORT": "0", **settings}.items():
        monkeypatch.setenv(f"FACILITATOR_{name}", value)
    assert main(["check", "--json"]) == 0
    found = {each["name"]: each["status"] for each in json.loads(capsys.readouterr().out)}
    assert (found.get("auth.required") == "warning") is is_warned


def test_a_running_facilitator_sees_each_change_at_once(
    command: Command, run: Callable[..., Running]
) -> None:
    running = run(plugins="devnet,sqlite", auth__required="true", real_time=True)
    payment = Payer(running).body()

    def verified(key: str | None) -> int:
        headers = {} if key is None else {"X-API-Key": key}
        return running.call("POST", "/verify", payment, headers)[0]

    assert verified(None) == 401
    key = command("add", "shop")[1].strip()
    assert verified(key) == 200
    eventually(lambda: listed(command)["shop"]["lastUsed"] is not None)
    assert verified(command("add", "desk", "--scope", "operate")[1].strip()) == 403
    command("revoke", "shop")
    assert verified(key) == 401


def test_a_facilitator_without_the_setting_serves_all_the_same(
    command: Command, run: Callable[..., Running]
) -> None:
    running = run(plugins="devnet,sqlite", real_time=True)
    payment = Payer(running).body()
    key = command("add", "shop")[1].strip()
    assert running.call("POST", "/verify", payment)[0] == 200
    assert running.call("POST", "/verify", payment, {"X-API-Key": key})[0] == 200
    command("revoke", "shop")
    assert running.call("POST", "/verify", payment, {"X-API-Key": key})[0] == 401
    assert running.call("POST", "/verify", payment)[0] == 200
