"""Plugins that ``chain.providers`` names for a network, and what is refused at start."""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from facilitator.cli import check, settings
from facilitator.errors import FacilitatorError
from facilitator.plugin.loading import configure
from facilitator.runtime.composition import Facilitator, build_facilitator
from facilitator.testing.running import NETWORK
from support.paired import installed

PREVIEW = "cardano:preview"
Start = Callable[..., Facilitator]
KEY = "FACILITATOR_CHAIN__PROVIDERS"


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[None]:
    plugins = {
        "alpha": ("CountedDevnet", NETWORK),
        "beta": ("CountedDevnet", NETWORK),
        "gamma": ("CountedDevnet", NETWORK),
        "elsewhere": ("CountedDevnet", PREVIEW),
        "remote": ("RemoteDevnet", NETWORK),
    }
    with installed(tmp_path / "site", **plugins):
        yield


@pytest.fixture
def start(tmp_path: Path, shelf: None) -> Iterator[Start]:  # noqa: ARG001 -- installs them
    with ExitStack() as stack:

        def start(plugins: str, providers: str, network: str = NETWORK, **more: str) -> Facilitator:
            environ = {
                "FACILITATOR_PLUGINS": f"{plugins},memory",
                KEY: providers,
                "FACILITATOR_NETWORK": network,
                **more,
            }
            facilitator = build_facilitator(*configure(environ=environ, cwd=tmp_path))
            stack.callback(facilitator.close)
            return facilitator

        yield start


def chain_checks(facilitator: Facilitator) -> list[str]:
    return [name for name in facilitator._health_checks() if name.startswith("cardano:")]


@pytest.mark.parametrize(
    "providers",
    [
        '{"cardano:preprod" = ["gamma", "alpha"], "cardano:preview" = ["elsewhere"]}',
        '{"cardano:preprod": ["gamma", "alpha"],\n "cardano:preview": ["elsewhere"]}',
        '{"cip34:0-1" = "gamma, alpha", "cip34:0-2" = "elsewhere"}',
    ],
)
def test_the_first_one_is_asked_and_the_others_stand_by(start: Start, providers: str) -> None:
    facilitator = start("alpha,beta,gamma,elsewhere", providers, f"{NETWORK},{PREVIEW}")
    assert chain_checks(facilitator) == [
        "cardano:preprod (gamma)",
        "cardano:preprod (alpha, standby)",
        "cardano:preview (devnet)",
    ]


def test_a_network_that_is_not_named_has_its_only_provider(start: Start) -> None:
    named = '{"cardano:preprod" = ["beta", "alpha"]}'
    facilitator = start("alpha,beta,elsewhere", named, f"{NETWORK},{PREVIEW}")
    assert chain_checks(facilitator)[2:] == ["cardano:preview (devnet)"]


def test_the_fallback_stands_by_for_the_others(start: Start) -> None:
    facilitator = start(
        "alpha,beta,elsewhere",
        '{"cardano:preview" = ["elsewhere"]}',
        f"{NETWORK},{PREVIEW}",
        FACILITATOR_CHAIN__FALLBACK="beta",
    )
    assert chain_checks(facilitator) == [
        "cardano:preprod (alpha)",
        "cardano:preprod (beta, standby)",
        "cardano:preview (devnet)",
    ]


@pytest.mark.usefixtures("shelf")
def test_files_add_networks_and_replace_lists(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(
        '[default.chain.providers]\n"cardano:preprod" = ["alpha"]\n"cardano:preview" = ["nine"]\n'
        '[development.chain.providers]\n"cardano:preview" = ["elsewhere"]\n'
    )
    environ = {f"{KEY}__cardano:preprod": "['beta']"}
    loaded, plugins = configure(
        environ={
            "FACILITATOR_PLUGINS": "alpha,beta,elsewhere,memory",
            "FACILITATOR_NETWORK": "['cardano:preprod', 'cardano:preview']",
            **environ,
        },
        cwd=tmp_path,
    )
    assert loaded.providers_of(NETWORK) == ("beta",)
    assert loaded.providers_of(PREVIEW) == ("elsewhere",)
    assert loaded.networks_for("alpha") == ()
    facilitator = build_facilitator(loaded, plugins)
    facilitator.close()


def test_a_network_of_another_environment_may_have_a_plugin_that_is_off_here(start: Start) -> None:
    named = '{"cardano:preprod" = ["alpha"], "cardano:preview" = ["elsewhere"]}'
    assert chain_checks(start("alpha", named)) == ["cardano:preprod (devnet)"]


@pytest.mark.parametrize(
    ("plugins", "providers", "sentence"),
    [
        (
            "alpha",
            '{"cardano:preprd" = ["alpha"]}',
            "chain.providers: unknown network cardano:preprd, did you mean cardano:preprod?",
        ),
        (
            "alpha",
            '{"cardano:preprod" = ["alpha"], "cip34:0-1" = ["alpha"]}',
            "chain.providers: cardano:preprod and cip34:0-1 are the same network",
        ),
        (
            "alpha",
            '{"cardano:preprod" = ["bta", "alpha"]}',
            "chain.providers.cardano:preprod: bta is not in the setting plugins; "
            "it has alpha, memory",
        ),
        (
            "alpha,beta",
            '{"cardano:preprod" = ["bta"]}',
            "chain.providers.cardano:preprod: bta is not in the setting plugins, "
            "did you mean beta?",
        ),
        (
            "alpha",
            '{"cardano:preprod" = ["alpha"], "cardano:preview" = ["nowhere"]}',
            "chain.providers.cardano:preview: nowhere is not in the setting plugins; "
            "it has alpha, memory",
        ),
        (
            "alpha",
            '{"cardano:preprod" = []}',
            "chain.providers: names no plugin for cardano:preprod: "
            "leave the network out, or name one",
        ),
        (
            "alpha",
            '{"cardano:preprod" = ["alpha", "alpha"]}',
            "chain.providers: names alpha more than once for cardano:preprod",
        ),
        (
            "alpha",
            '{"cardano:preprod" = 1}',
            "chain.providers.cardano:preprod: must be a list of texts "
            "(environment variable FACILITATOR_CHAIN__PROVIDERS)",
        ),
        (
            "alpha",
            "alpha",
            "chain.providers: must be a table of names and lists of texts "
            "(environment variable FACILITATOR_CHAIN__PROVIDERS)",
        ),
        (
            "alpha,elsewhere",
            '{"cardano:preprod" = ["alpha", "elsewhere"]}',
            "plugin 'elsewhere' does not provide the network cardano:preprod: "
            "take it out of chain.providers, or set the plugin up for the network",
        ),
        (
            "alpha,remote",
            '{"cardano:preprod" = ["remote", "alpha"]}',
            "plugins 'remote' and 'alpha' cannot stand in for each other: "
            "one provides the network cardano:preprod, one a test double of it",
        ),
    ],
)
def test_what_is_wrong_does_not_start(
    start: Start, plugins: str, providers: str, sentence: str
) -> None:
    with pytest.raises(FacilitatorError) as caught:
        start(plugins, providers)
    assert str(caught.value) == sentence


def test_a_fallback_that_stands_by_for_no_network_does_not_start(start: Start) -> None:
    with pytest.raises(FacilitatorError) as caught:
        start(
            "alpha,beta",
            '{"cardano:preprod" = ["alpha"]}',
            FACILITATOR_CHAIN__FALLBACK="beta",
        )
    assert str(caught.value) == (
        "chain.providers names the plugins of every network served: leave out chain.fallback"
    )


@pytest.mark.usefixtures("shelf")
def test_the_commands_show_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACILITATOR_PLUGINS", "alpha,beta,elsewhere,memory")
    monkeypatch.setenv(KEY, '{"cardano:preprod": ["beta", "alpha"]}')
    arguments = argparse.Namespace(settings=None, json=True)
    check.run(arguments)
    chains = [
        (each["name"], each["status"])
        for each in json.loads(capsys.readouterr().out)
        if each["name"].startswith("chain")
    ]
    assert [name for name, status in chains if status == "ok"] == [
        "chain cardano:preprod (beta)",
        "chain cardano:preprod (alpha)",
    ]
    settings.run(arguments)
    (shown,) = (
        each
        for each in json.loads(capsys.readouterr().out)["settings"]
        if each["key"].startswith("chain.providers")
    )
    assert (shown["key"], shown["value"]) == (
        "chain.providers.cardano:preprod",
        ["beta", "alpha"],
    )
    monkeypatch.setenv(KEY, '{"cardano:preprod": ["elsewhere"]}')
    assert check.run(arguments) == 1
    assert "does not provide the network cardano:preprod" in capsys.readouterr().out
