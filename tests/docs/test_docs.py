"""Whatever the pages show is real: links, commands, settings, code, quotes, JSON, messages."""

import argparse
import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TypeAlias

import pytest

from facilitator.cli import COMMANDS
from facilitator.plugin.loading import configure
from facilitator.settings import ConfigInvalidError, read_settings
from facilitator.x402.reasons import Reason
from facilitator_blockfrost.settings import BlockfrostBackupSettings, BlockfrostSettings
from facilitator_channels.settings import ChannelsSettings
from facilitator_dashboard.settings import DashboardSettings
from facilitator_devnet import cli_commands, settings_sections
from facilitator_koios.settings import KoiosSettings
from facilitator_masumi.reasons import MasumiReason
from facilitator_masumi.settings import MasumiSettings
from facilitator_ogmios.settings import OgmiosSettings
from facilitator_postgres.settings import PostgresSettings
from facilitator_prometheus.settings import PrometheusSettings
from facilitator_redis.settings import RedisSettings
from facilitator_sentry.settings import SentrySettings
from facilitator_sqlite.settings import SqliteSettings
from support.networks import forgotten_afterwards

Prepare: TypeAlias = Callable[[argparse.ArgumentParser], object]


ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / f"{name}.md" for name in ("README", "CHANGELOG", "SECURITY", "CONTRIBUTING")]
PAGES += [ROOT / "tests/README.md", *DOCS.rglob("*.md"), *(ROOT / "examples").rglob("*.md")]

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="needs a checkout: no docs/ here")
every_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.M | re.S)


# --- Links ------------------------------------------------------------------------------------


def links(path: Path) -> Iterator[tuple[Path, str]]:
    """The files that the page links to, and the anchors in them."""
    prose = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if not target.startswith(("https://", "http://")):
            name, _, anchor = target.partition("#")
            yield (path.parent / name).resolve() if name else path, anchor


def anchors(path: Path) -> set[str]:
    """As GitHub makes them of headings."""
    prose = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.*)$", prose, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@every_page
def test_links_lead_somewhere(path: Path) -> None:
    for target, anchor in links(path):
        assert target.exists(), target
        assert not anchor or anchor in anchors(target), f"{target}#{anchor}"


def test_the_index_leads_to_every_page() -> None:
    linked = {target for target, _ in links(DOCS / "index.md")}
    assert linked == set(DOCS.rglob("*.md")) - {DOCS / "index.md"}


def prepare_of(module: Path) -> Prepare:
    """Return the function of an example that adds a command's arguments."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(module.parent.parent))
        prepare: Prepare = import_module(f"{module.parent.name}.commands").prepare
        return prepare


# --- Commands and settings --------------------------------------------------------------------


@every_page
def test_commands_shown_are_ones_that_exist(path: Path) -> None:
    for line in "".join(blocks(path, "sh")).splitlines():
        line = re.sub(r"\s\d?>+\s*\S+", "", line)  # where its output goes is the shell's matter
        for command in re.findall(r"(?:^|[\s/])facilitator ([a-z][^|>&\n]*)", line):
            parse(shlex.split(command), path.parent)


def parse(words: list[str], folder: Path) -> argparse.Namespace:
    """By the command's real parser. Fails by SystemExit.

    The plugin of an example in the folder has commands in a module of that name.
    """
    parser = argparse.ArgumentParser(exit_on_error=False)
    plugin: dict[str, Prepare] = {name: prepare for name, _, prepare in cli_commands()}
    for module in folder.glob("src/*/commands.py"):
        plugin[module.parent.name.removeprefix("facilitator_") + "s"] = prepare_of(module)
    if words[0] in plugin:
        plugin[words[0]](parser)
    else:
        assert words[0] in COMMANDS, f"facilitator {words[0]}"
        __import__(COMMANDS[words[0]][1], fromlist=["add_arguments"]).add_arguments(parser)
    return parser.parse_args(words[1:])


SECTIONS = {
    **settings_sections(),
    "sqlite": SqliteSettings,
    "postgres": PostgresSettings,
    "redis": RedisSettings,
}
SECTIONS |= {"dashboard": DashboardSettings, "prometheus": PrometheusSettings}
SECTIONS |= {"blockfrost": BlockfrostSettings, "blockfrost_backup": BlockfrostBackupSettings}
SECTIONS |= {"channels": ChannelsSettings, "koios": KoiosSettings, "ogmios": OgmiosSettings}
SECTIONS |= {"masumi": MasumiSettings, "sentry": SentrySettings}
EXAMPLES = {"bazaar", "policy", "spending_limit", "webhook"}
"""Tables of plugins that only their own tests install."""


@every_page
def test_variables_shown_are_settings(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for line in "".join(blocks(path, "sh")).splitlines():
        words = shlex.split(line)
        environ = dict(word.split("=", 1) for word in words if re.match(r"[A-Z_]+=", word))
        for file in (value for name, value in environ.items() if name.endswith("_FILE")):
            (tmp_path / file).write_text("a-secret-in-a-file")
        with forgotten_afterwards():
            read_settings(environ=environ, cwd=tmp_path).settings(SECTIONS)


@every_page
def test_settings_files_shown_are_valid(path: Path, tmp_path: Path) -> None:
    for text in blocks(path, "toml"):
        if any(name in ("default", "production") for name in tomllib.loads(text)):
            (tmp_path / "settings.toml").write_text(text)
            for environment in ("development", "production"):
                environ = {"FACILITATOR_ENV": environment, "MAINNET": "true"}
                with forgotten_afterwards():
                    source = read_settings(environ=environ, cwd=tmp_path)
                    source.settings(SECTIONS, unread=EXAMPLES)


def test_messages_shown_are_the_ones_that_come(tmp_path: Path) -> None:
    (shown,) = blocks(DOCS / "how-to/configure.md", "text")
    environ = {"FACILITATOR_SERVER__PROT": "80", "FACILITATOR_NETWORK": "cardano:mainnet"}
    with pytest.raises(ConfigInvalidError) as refused:
        configure(environ=environ, cwd=tmp_path)
    assert shown.splitlines() == [f"ConfigInvalidError: {each}" for each in refused.value.problems]


# --- Code, quotes, JSON, reasons --------------------------------------------------------------


@every_page
def test_quotes_are_what_the_files_say(path: Path) -> None:
    quotes = re.findall(r"<!-- quote: (\S+) -->\n```\w+\n(.*?)^```", path.read_text(), re.M | re.S)
    for name, quote in quotes:
        assert quote in (ROOT / name).read_text(), f"{name} does not say: {quote}"


@every_page
def test_python_shown_runs(path: Path) -> None:
    """What is not quoted from a file that is tested itself."""
    text = re.sub(r"<!-- quote: \S+ -->\n```.*?^```", "", path.read_text(), flags=re.M | re.S)
    for code in re.findall(r"^```python\n(.*?)^```", text, re.M | re.S):
        exec(compile(code, str(path), "exec"), {})


@every_page
def test_json_shown_is_json(path: Path) -> None:
    for block in blocks(path, "json"):
        for line in block.splitlines():
            assert isinstance(json.loads(line), dict), line


NEVER_GIVEN = {
    "exact_cardano_facilitator_input_value_unavailable",
    "exact_cardano_settlement_not_confirmed",
    "invalid_exact_cardano_payload_masumi_contract_mismatch",
}
"""Reasons of the reference implementations, which the comparison with them names."""


@every_page
def test_reasons_named_are_ones_that_exist(path: Path) -> None:
    named = re.findall(r"\b(?:invalid_exact|exact_cardano)_\w+", path.read_text())
    others = set(named) - {*Reason, *MasumiReason}
    assert others == (NEVER_GIVEN if path.name == "errors.md" else set())
