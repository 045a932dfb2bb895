"""What ``facilitator check`` finds unwise or wrong, beyond what does not start at all."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from facilitator.cli.preflight.address import try_address
from facilitator.cli.preflight.chain import try_chain
from facilitator.cli.preflight.exposure import exposure, is_public
from facilitator.cli.preflight.result import Result, attempt
from facilitator.roles.storage import StorageUnavailable
from facilitator.server import ListenError, listen, port_of
from facilitator.settings import ServerSettings, Settings, load_settings
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NETWORK, NOW
from facilitator_blockfrost.budget import Budget
from facilitator_devnet.devnet import Devnet
from support.process import ServeProcess
from support.redis_servers import needs_redis, running

KEY = "0123456789abcdefghijklmnopqrstuv"


# --- Exposure ---------------------------------------------------------------------------------


def warned(folder: Path, variables: Mapping[str, str], *, has_gate: bool = False) -> list[str]:
    environ = {f"FACILITATOR_{name.upper()}": value for name, value in variables.items()}
    settings: Settings = load_settings(environ=environ, cwd=folder)
    first, *others = exposure(settings, has_gate=has_gate)
    assert (first.name, first.status) == ("access", "ok")
    assert all(each.status == "warning" and each.remedy for each in others)
    return [each.name for each in others]


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({}, []),
        ({"server__host": "::1"}, []),
        ({"server__host": "0.0.0.0"}, ["auth.api_keys"]),
        ({"server__host": "0.0.0.0", "auth__api_keys__shop": KEY}, []),
        ({"auth__api_keys__shop": "hunter2"}, ["auth.api_keys.shop"]),
        ({"server__host": "0.0.0.0", "auth__required": "true"}, []),
        ({"server__host": "0.0.0.0", "auth__operator_keys__me": KEY}, ["auth.api_keys"]),
        ({"auth__operator_keys__me": "hunter2"}, ["auth.operator_keys.me"]),
        ({"rate_limit__enabled": "false"}, []),
        (
            {"server__host": "::", "rate_limit__enabled": "false"},
            ["auth.api_keys", "rate_limit.enabled"],
        ),
        ({"env": "production"}, ["server.trusted_proxies"]),
        ({"server__trusted_proxies": "127.0.0.1"}, ["auth.api_keys"]),
        (
            {"env": "production", "server__trusted_proxies": "127.0.0.1"},
            ["auth.api_keys"],
        ),
        (
            {"server__trusted_proxies": "::1", "rate_limit__enabled": "false"},
            ["auth.api_keys", "rate_limit.enabled"],
        ),
        (
            {"env": "production", "server__host": "0.0.0.0", "auth__api_keys__shop": KEY},
            ["server.trusted_proxies"],
        ),
        (
            {"env": "production", "server__cors_origins": "*"},
            ["server.trusted_proxies", "server.cors_origins"],
        ),
        ({"server__cors_origins": "*"}, []),
    ],
)
def test_what_is_unwise_is_named(
    tmp_path: Path, variables: Mapping[str, str], names: list[str]
) -> None:
    assert warned(tmp_path, variables) == names


def test_a_plugins_gate_will_do(tmp_path: Path) -> None:
    assert warned(tmp_path, {"server__host": "0.0.0.0"}, has_gate=True) == []


def test_secrets_that_all_can_read(tmp_path: Path) -> None:
    secrets = tmp_path / ".secrets.toml"
    secrets.write_text("")
    secrets.chmod(0o644)
    assert warned(tmp_path, {}) == [str(secrets)]
    secrets.chmod(0o640)
    assert warned(tmp_path, {}) == []


@pytest.mark.parametrize(
    ("host", "public"),
    [
        ("localhost", False),
        ("127.0.0.2", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("shop.example", True),
        ("10.0.0.1", True),
        ("::", True),
    ],
)
def test_a_name_counts_as_public(tmp_path: Path, host: str, public: bool) -> None:
    settings = load_settings(environ={"FACILITATOR_SERVER__HOST": host}, cwd=tmp_path)
    assert is_public(settings) is public


def test_a_proxy_makes_it_public(tmp_path: Path) -> None:
    environ = {"FACILITATOR_SERVER__TRUSTED_PROXIES": "127.0.0.1"}
    assert is_public(load_settings(environ=environ, cwd=tmp_path))


# --- Address ----------------------------------------------------------------------------------


def test_a_free_address() -> None:
    assert try_address(ServerSettings(port=0)).endswith(" is free")


def test_an_address_that_something_has() -> None:
    with (
        closing(listen(ServerSettings(port=0))[0]) as taken,
        pytest.raises(ListenError, match="cannot listen on 127"),
    ):
        try_address(ServerSettings(port=port_of(taken)))


def test_an_address_that_a_facilitator_has(tmp_path: Path) -> None:
    with closing(ServeProcess(tmp_path, {"FACILITATOR_SERVER__THREADS": "8"})) as process:
        told = try_address(ServerSettings(port=process.port))
    assert "is taken by a facilitator that runs, version " in told


# --- Chain and clock --------------------------------------------------------------------------


class Network(Devnet):
    """A devnet that says it is none."""

    is_devnet = False


def tried(kind: type[Devnet], clock_is_ahead: float) -> list[Result]:
    """What the chain showed whose newest block is of the time ``NOW``."""
    devnet = kind(NETWORK, ManualClock(NOW))
    devnet.produce_block()
    return list(try_chain("chain", devnet, 1, ManualClock(NOW + clock_is_ahead)))


@pytest.mark.parametrize("ahead", [-2.0, 0.0, 300.0])
def test_a_clock_that_goes_with_the_chain(ahead: float) -> None:
    chain, clock = tried(Network, ahead)
    assert (chain.status, clock.status) == ("ok", "ok")
    assert f", {max(0.0, ahead):.0f} s old; epoch " in chain.detail
    assert "protocol " in chain.detail


def test_a_clock_that_is_slow() -> None:
    _, clock = tried(Devnet, -60)
    assert (clock.name, clock.status) == ("clock", "warning")
    assert "the newest block is 60 s in the future" in clock.detail


def test_a_clock_that_is_fast_or_a_provider_that_lags() -> None:
    _, clock = tried(Network, 1200)
    assert clock.status == "warning"
    assert "the newest block is 20 min old" in clock.detail
    _, clock = tried(Devnet, 1200)  # makes blocks when it likes
    assert clock.status == "ok"


def test_a_chain_that_cannot_be_asked_is_closed_and_told() -> None:
    told = list(try_chain("chain", Devnet(NETWORK, ManualClock(NOW)), 2, ManualClock(NOW)))
    assert [each.status for each in told] == ["failed"]
    assert "set server.workers to 1" in told[0].detail


def test_a_storage_that_does_not_work_is_explained_to_the_operator() -> None:
    def ask() -> str:
        raise StorageUnavailable("the storage cannot be reached", "Redis at one: start it")

    (result,) = attempt("storage", ask, "see its settings")
    assert (result.status, result.detail) == ("failed", "Redis at one: start it")


def test_the_plan_is_told() -> None:
    clock = ManualClock(NOW)
    assert Budget("free", clock).plan == "free, 50,000 requests a day, 10 a second"
    assert Budget("enterprise", clock).plan.startswith("enterprise, any number of requests a day")


# --- The command ------------------------------------------------------------------------------


def check(folder: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environ = {name: value for name, value in os.environ.items() if "FACILITATOR" not in name}
    return subprocess.run(
        [sys.executable, "-m", "facilitator", "check", *words],
        cwd=folder,
        env={**environ, **{f"FACILITATOR_{name}": value for name, value in variables.items()}},
        capture_output=True,
        text=True,
        check=False,
    )


@needs_redis
def test_what_a_plugin_warns_of_is_a_line_of_its_own(tmp_path: Path) -> None:
    """A Redis without append-only file, as it comes from a package."""
    with running(tmp_path / "redis", "--appendonly", "no") as server:
        done = check(
            tmp_path, "--json", PLUGINS="devnet,redis", REDIS__URL=server.url, SERVER__PORT="0"
        )
    storage = [each for each in json.loads(done.stdout) if each["name"] == "storage"]
    assert [each["status"] for each in storage] == ["ok", "warning"]
    assert "set appendonly to yes" in storage[1]["detail"]
    assert (done.returncode, done.stderr) == (0, "")


def test_below_what_is_wrong_stands_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("[production]\nplugins = ['devnet', 'memory']\n")
    done = check(tmp_path, ENV="production", SERVER__HOST="0.0.0.0", SERVER__PORT="0")
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert "environment production" in lines[0]
    assert f"{tmp_path}/settings.toml, 2 environment variables" in lines[0]
    told = {line[:2] + line[2:].split(": ")[0]: after for line, after in pairwise([*lines, ""])}
    assert told["! storage"] == "    enable sqlite, or redis or postgres for several machines"
    assert told["! auth.api_keys"] == "    set an API key, or listen on 127.0.0.1 only"
    assert "✗ chain cardano:preprod" in told
    assert len(lines) <= 24  # a screen
