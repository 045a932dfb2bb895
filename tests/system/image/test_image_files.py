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

from facilitator.settings import read_settings
from facilitator.settings.load import load_settings
from facilitator.testing.waiting import eventually
from image.dockerfile import DOCKERFILE, ROOT, context_files, ignore_rules, stages
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
    build, image = stages()
    assert image.base == build.base
    assert re.fullmatch(r"python:3\.\d+-slim", image.base)
    assert image.last("USER").value == "1001:1001"
    assert image.last("EXPOSE").value == "3000"
    assert image.last("ENTRYPOINT").words() == ["facilitator"]
    assert image.last("CMD").words() == ["serve"]
    assert image.last("HEALTHCHECK").value.startswith("--interval=")
    labels = image.last("LABEL").value
    for label in ("title", "description", "licenses"):
        assert f"org.opencontainers.image.{label}=" in labels


def test_nothing_but_the_build_stage_sees_the_sources() -> None:
    copies = [step for step in stages()[-1].steps if step.name in ("COPY", "ADD")]
    assert [step.words()[0] for step in copies] == ["--from=build"]


def test_the_context_is_the_sources_and_no_more(tmp_path: Path) -> None:
    for name in (
        "setup.py", ".secrets.toml", ".git/config", "docker/.env", "facilitator.db",
        "facilitator/runtime/process.py", "facilitator/__pycache__/app.pyc",
        "plugins/x.egg-info/PKG-INFO",
        "plugins/facilitator_x/settings.py",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    left = [each.relative_to(tmp_path) for each in context_files(tmp_path, ignore_rules())]
    assert [str(each) for each in left] == [
        "facilitator/runtime/process.py",
        "plugins/facilitator_x/settings.py",
        "setup.py",
    ]


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
    needed = re.findall(r"(?<!\$)\$\{?(\w+)([^}]*)", str(services()))
    assert needed == [("REDIS_PASSWORD", "-")]


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


def test_the_settings_that_are_mounted_are_valid(tmp_path: Path) -> None:
    shutil.copy(ROOT / "docker/production/settings.toml", tmp_path)
    environ = {"FACILITATOR_ENV": "production"}
    assert read_settings(environ=environ, cwd=tmp_path).plugins() == ("blockfrost", "redis")
    loaded = load_settings(environ=environ, cwd=tmp_path)
    assert loaded.networks == ("cardano:preprod",)


def test_docker_waits_longer_than_the_facilitator_takes_to_stop(tmp_path: Path) -> None:
    grace = services()["x402-facilitator"]["stop_grace_period"]
    taken = load_settings(environ={}, cwd=tmp_path).server.shutdown_seconds
    assert int(grace.removesuffix("s")) > taken


def redis_command(folder: Path, port: int) -> list[str]:
    """The command of Redis as Compose hands it over, at another place."""
    *shell, script = services()["x402-redis-prod"]["command"]
    there = script.replace("$$", "$").replace("dir /data", f"dir {folder}\nport {port}")
    assert str(folder) in there
    return [*shell, there]


@needs_redis
def test_redis_wants_the_password_and_keeps_a_log(tmp_path: Path) -> None:
    assert BINARY is not None
    (tmp_path / "redis-server").symlink_to(BINARY)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "REDIS_PASSWORD": "0123abcd"}
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
    environ = {"PATH": os.environ["PATH"], "REDIS_PASSWORD": ""}
    done = subprocess.run(
        redis_command(tmp_path, 1), env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "set it in the shell that runs docker compose" in done.stderr
