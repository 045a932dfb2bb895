"""Which providers go together, and what is refused at start."""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from facilitator.chain.failover.failover_chain import FailoverChain
from facilitator.cli import check
from facilitator.errors import ConfigInvalidError, PluginError
from facilitator.plugin.loading import configure
from facilitator.runtime.composition import Facilitator, build_facilitator
from facilitator.testing.border import unguarded
from facilitator.testing.running import NETWORK
from facilitator_devnet.devnet import Devnet
from support.paired import installed

PREVIEW = "cardano:preview"
Start = Callable[..., Facilitator]


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[None]:
    plugins = {
        "alpha": ("CountedDevnet", NETWORK),
        "beta": ("CountedDevnet", NETWORK),
        "gamma": ("CountedDevnet", NETWORK),
        "elsewhere": ("CountedDevnet", PREVIEW),
        "remote": ("RemoteDevnet", NETWORK),
        "remote_backup": ("RemoteDevnet", NETWORK),
    }
    with installed(tmp_path / "site", **plugins):
        yield


@pytest.fixture
def start(tmp_path: Path, shelf: None) -> Iterator[Start]:  # noqa: ARG001 -- installs them
    with ExitStack() as stack:

        def start(plugins: str, fallback: str = "", network: str = NETWORK) -> Facilitator:
            environ = {
                "FACILITATOR_PLUGINS": f"{plugins},memory",
                "FACILITATOR_CHAIN__FALLBACK": fallback,
                "FACILITATOR_NETWORK": network,
            }
            facilitator = build_facilitator(*configure(environ=environ, cwd=tmp_path))
            stack.callback(facilitator.close)
            return facilitator

        yield start


def chain_checks(facilitator: Facilitator) -> list[str]:
    return [name for name in facilitator._health_checks() if name.startswith("cardano:")]


def test_they_are_asked_in_the_order_of_the_setting(start: Start) -> None:
    facilitator = start("beta,alpha,gamma", "gamma,beta")
    assert chain_checks(facilitator) == [
        "cardano:preprod (alpha)",
        "cardano:preprod (gamma, standby)",
        "cardano:preprod (beta, standby)",
    ]


def test_a_network_may_have_no_standby(start: Start) -> None:
    facilitator = start("alpha,beta,elsewhere", "beta", f"{NETWORK},{PREVIEW}")
    assert chain_checks(facilitator) == [
        "cardano:preprod (alpha)",
        "cardano:preprod (beta, standby)",
        "cardano:preview (devnet)",
    ]


def test_a_single_remote_provider_has_a_breaker_and_a_devnet_none(start: Start) -> None:
    remote = start("remote")
    assert isinstance(remote.chains[NETWORK], FailoverChain)
    assert chain_checks(remote) == ["cardano:preprod"]
    assert isinstance(unguarded(start("alpha").chains[NETWORK]), Devnet)


def test_remote_providers_stand_in_for_each_other(start: Start) -> None:
    facilitator = start("remote,remote_backup", "remote_backup")
    assert not facilitator.chains[NETWORK].is_devnet


@pytest.mark.parametrize(
    ("plugins", "fallback", "sentence"),
    [
        (
            "alpha,beta",
            "",
            "plugins 'alpha' and 'beta' both provide the network cardano:preprod: "
            "enable only one of them, name the others in chain.fallback, "
            "or choose by chain.providers",
        ),
        (
            "alpha,beta,gamma",
            "gamma",
            "plugins 'alpha' and 'beta' both provide the network cardano:preprod: "
            "enable only one of them, name the others in chain.fallback, "
            "or choose by chain.providers",
        ),
        (
            "alpha,beta",
            "alpha,beta",
            "chain.fallback names every plugin that provides the network cardano:preprod: "
            "leave out the one to be asked first",
        ),
        (
            "alpha,elsewhere",
            "elsewhere",
            "plugin 'elsewhere' provides none of the networks cardano:preprod: "
            "take it out of chain.fallback",
        ),
        (
            "remote,alpha",
            "alpha",
            "plugins 'remote' and 'alpha' cannot stand in for each other: "
            "one provides the network cardano:preprod, one a test double of it",
        ),
    ],
)
def test_what_does_not_go_together_does_not_start(
    start: Start, plugins: str, fallback: str, sentence: str
) -> None:
    with pytest.raises(PluginError) as caught:
        start(plugins, fallback)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("fallback", "problem"),
    [
        ("bta", "bta is not in the setting plugins, did you mean beta?"),
        ("ledger", "ledger is not in the setting plugins; it has alpha, beta, memory"),
        ("beta,beta", "names beta more than once (environment variable {variable})"),
    ],
)
def test_names_must_be_those_of_enabled_plugins(start: Start, fallback: str, problem: str) -> None:
    with pytest.raises(ConfigInvalidError) as caught:
        start("alpha,beta", fallback)
    told = problem.format(variable="FACILITATOR_CHAIN__FALLBACK")
    assert str(caught.value) == f"chain.fallback: {told}"


def checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **settings: str
) -> dict[str, tuple[bool, str]]:
    """What ``facilitator check`` found of the chain."""
    for name, value in settings.items():
        monkeypatch.setenv(f"FACILITATOR_{name}", value)
    check.run(argparse.Namespace(settings=None, json=True))
    results = json.loads(capsys.readouterr().out)
    return {
        result["name"]: (result["status"] == "ok", result["detail"])
        for result in results
        if result["name"].startswith("chain") and result["status"] != "warning"
    }


@pytest.mark.usefixtures("shelf")
def test_the_command_check_tries_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    standby = {"PLUGINS": "alpha,beta,elsewhere,memory", "CHAIN__FALLBACK": "beta"}
    found = checked(monkeypatch, capsys, **standby)
    assert list(found) == [
        "chain cardano:preprod (alpha)",
        "chain cardano:preprod (beta)",
        "chain.fallback",
    ]
    assert all(ok for ok, _ in found.values())
    idle = checked(monkeypatch, capsys, CHAIN__FALLBACK="beta,elsewhere")
    ok, detail = idle["chain.fallback"]
    assert not ok
    assert detail.startswith("plugin 'elsewhere' provides none of the networks")
