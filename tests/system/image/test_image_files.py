"""The Dockerfile and the compose file: linted, valid by their schema, and as the docs say."""

import os
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from facilitator.cli import main
from facilitator.settings import read_settings
from facilitator.settings.load import load_settings
from facilitator.testing.waiting import eventually
from image.dockerfile import DOCKERFILE, ROOT, stages
from support.redis_servers import BINARY, command, free_port, needs_redis

COMPOSE = ROOT / "docker/compose.yaml"

pytestmark = pytest.mark.skipif(not DOCKERFILE.exists(), reason="needs a checkout: no docker/ here")


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = YAML(typ="safe").load(COMPOSE)["services"]
    return found


# --- Dockerfile -------------------------------------------------------------------------------


def test_the_linter_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [str(hadolint), "--failure-threshold", "style", str(DOCKERFILE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_image_is_made_in_stages_and_runs_as_nobody_special() -> None:
    base, *others, image = stages()
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}", base.base)
    assert {each.base for each in (*others, image)} == {base.name}
    assert image.last("USER").value == "1001:1001"
    assert image.last("EXPOSE").value == "3000"
    assert image.last("ENTRYPOINT").words() == ["facilitator"]
    assert image.last("CMD").words() == ["serve"]
    assert image.last("HEALTHCHECK").value.startswith("--interval=")
    labels = image.last("LABEL").value
    for label in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{label}=" in labels


def test_only_the_stage_build_sees_the_sources_and_dependencies_come_first() -> None:
    copies = {
        stage.name: [step.words() for step in stage.steps if step.name in ("COPY", "ADD")]
        for stage in stages()
    }
    assert [words[0] for words in copies[None]] == ["--from=dependencies", "--from=build"]
    assert copies["dependencies"] == [["docker/build.lock", "docker/requirements.lock", "/locks/"]]


# --- Compose ----------------------------------------------------------------------------------


def test_the_compose_file_is_valid_by_the_specifications_schema() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec",
         str(COMPOSE)],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_development_is_the_default_and_needs_nothing() -> None:
    by_default = (ROOT / "docker/.env").read_text().splitlines()
    assert [line for line in by_default if line[:1] != "#"] == ["COMPOSE_PROFILES=development"]
    profiles = {name: service["profiles"] for name, service in services().items()}
    assert profiles == {
        "x402-facilitator-dev": ["development"],
        "x402-facilitator": ["production"],
        "x402-redis-prod": ["production"],
    }
    assert re.findall(r"(?<!\$)\$\{?(\w+)", str(services())) == []


def test_production_is_the_facilitator_and_its_redis() -> None:
    facilitator, redis = services()["x402-facilitator"], services()["x402-redis-prod"]
    assert facilitator["ports"] == ["127.0.0.1:3000:3000"]
    assert redis["ports"] == ["127.0.0.1:6380:6379"]
    assert facilitator["depends_on"] == {"x402-redis-prod": {"condition": "service_healthy"}}
    assert facilitator["volumes"] == ["./production:/etc/x402-facilitator:ro"]
    for name, service in services().items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["stop_grace_period"], name
        assert service["restart"] == "unless-stopped", name
        assert service["logging"]["options"] == {"max-size": "20m", "max-file": "5"}, name
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}, name
    assert facilitator["init"] is True
    assert re.fullmatch(r"redis:8\.[\d.]+-alpine@sha256:[0-9a-f]{64}", redis["image"])


def test_each_secret_is_a_file_that_its_service_alone_is_given() -> None:
    files = YAML(typ="safe").load(COMPOSE)["secrets"]
    assert files == {name: {"file": f"./secrets/{name}"} for name in files}
    facilitator, redis = services()["x402-facilitator"], services()["x402-redis-prod"]
    assert {*facilitator["secrets"], *redis["secrets"]} == set(files)
    assert redis["secrets"] == ["redis_password"]
    named = [value for key, value in facilitator["environment"].items() if key.endswith("_FILE")]
    assert sorted(named) == sorted(f"/run/secrets/{each}" for each in facilitator["secrets"])
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "docker/secrets/" in ignored


def test_the_settings_that_are_mounted_are_valid(tmp_path: Path) -> None:
    shutil.copy(ROOT / "docker/production/settings.toml", tmp_path)
    environ = {"FACILITATOR_ENV": "production"}
    plugins = read_settings(environ=environ, cwd=tmp_path).plugins()
    assert plugins == ("blockfrost", "redis", "prometheus", "sentry")
    loaded = load_settings(environ=environ, cwd=tmp_path)
    assert loaded.networks == ("cardano:preprod",)


def test_docker_waits_longer_than_the_facilitator_takes_to_stop(tmp_path: Path) -> None:
    grace = services()["x402-facilitator"]["stop_grace_period"]
    taken = load_settings(environ={}, cwd=tmp_path).server.shutdown_seconds
    assert int(grace.removesuffix("s")) > taken


def test_the_secrets_as_documented_are_those_of_compose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs/how-to/run-in-production.md").read_text()
    (script,) = re.findall(r"<!-- secrets -->\n```sh\n(.*?)```", page, re.S)
    subprocess.run(["bash", "-euc", script], cwd=tmp_path, check=True)
    made = {each.name: each for each in (tmp_path / "docker/secrets").iterdir()}
    assert set(made) == set(YAML(typ="safe").load(COMPOSE)["secrets"])
    assert (tmp_path / "docker/secrets").stat().st_mode & 0o777 == 0o700
    monkeypatch.setenv("FACILITATOR_ENV", "production")
    for name, value in services()["x402-facilitator"]["environment"].items():
        if name.endswith("_FILE"):
            monkeypatch.setenv(name, str(made[Path(value).name]))
            assert made[Path(value).name].stat().st_mode & 0o777 == 0o444
    shutil.copy(ROOT / "docker/production/settings.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["settings"]) == 0
    shown = capsys.readouterr().out
    for setting in ("redis.url", "blockfrost.project_id", "prometheus.token", "sentry.dsn"):
        assert re.search(rf"^{setting} .*\*{{8}}", shown, re.M), setting


def redis_command(folder: Path, port: int) -> list[str]:
    """The command of Redis as Compose hands it over, at another place."""
    *shell, script = services()["x402-redis-prod"]["command"]
    there = script.replace("$$", "$").replace("dir /data", f"dir {folder}\nport {port}")
    there = there.replace("/run/secrets", str(folder))
    assert str(folder) in there
    return [*shell, there]


@needs_redis
def test_redis_wants_the_password_and_keeps_a_log(tmp_path: Path) -> None:
    assert BINARY is not None
    (tmp_path / "redis-server").symlink_to(BINARY)
    (tmp_path / "redis_password").write_text("0123abcd\n")
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    server, port = started(tmp_path, environ)
    try:
        assert answer(port) == "-NOAUTH Authentication required."
        login = ("AUTH", "0123abcd")
        assert command(port, "SET", "a", "b", login=login) == "+OK"
        assert "aof_enabled:1" in command(port, "INFO", "persistence", login=login)
        with open(f"/proc/{server.pid}/cmdline", "rb") as words:
            assert b"0123abcd" not in words.read()
    finally:
        server.terminate()
        assert server.wait() == 0


def started(folder: Path, environ: dict[str, str]) -> tuple["subprocess.Popen[bytes]", int]:
    """On a free port; another process may take that meanwhile."""
    for _ in range(5):
        port = free_port()
        words = redis_command(folder, port)
        server = subprocess.Popen(words, env=environ, stdout=subprocess.DEVNULL)
        eventually(partial(_has_begun, server, port))
        if server.poll() is None:
            break
    return server, port


def _has_begun(server: "subprocess.Popen[bytes]", port: int) -> bool:
    return bool(answer(port)) or server.poll() is not None


def answer(port: int) -> str:
    try:
        return command(port, "PING")
    except OSError:
        return ""


@needs_redis
def test_redis_does_not_start_without_a_password(tmp_path: Path) -> None:
    (tmp_path / "redis_password").touch()
    done = subprocess.run(redis_command(tmp_path, 1), capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "docker/secrets/redis_password is empty" in done.stderr
