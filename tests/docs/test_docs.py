"""The documentation says what the code does: names, defaults, reasons, links, commands."""

import argparse
import inspect
import re
import shlex
from pathlib import Path

import pytest

from facilitator import hookspecs
from facilitator.cli import COMMANDS
from facilitator.settings.schema import fields_of
from facilitator.settings.sections import CORE_SECTIONS
from facilitator.x402.reasons import Reason
from facilitator_devnet import cli_commands
from facilitator_devnet.settings import DevnetSettings
from facilitator_sqlite.settings import SqliteSettings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "SECURITY.md", *DOCS.rglob("*.md")]
PAGES += (ROOT / "examples").rglob("*.md")

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="needs a checkout: no docs/ here")


def page(name: str) -> str:
    return (DOCS / name).read_text()


def test_every_hook_is_documented_with_its_arguments() -> None:
    hooks = {
        name: ", ".join(inspect.signature(hook).parameters)
        for name, hook in vars(hookspecs).items()
        if inspect.isfunction(hook) and hook.__module__ == hookspecs.__name__
    }
    documented = dict(re.findall(r"^## (\w+)\((.*)\)$", page("reference/hooks.md"), re.M))
    assert documented == hooks


SECTIONS = {**CORE_SECTIONS, "devnet": DevnetSettings, "sqlite": SqliteSettings}


@pytest.mark.parametrize("section", SECTIONS)
def test_every_setting_is_documented_with_default_and_meaning(section: str) -> None:
    for key in fields_of(SECTIONS[section]).values():
        name = f"{section}.{key.name}" if section else key.name
        row = re.search(rf"^\| `{re.escape(name)}` \| (.*?) \| (.*) \|$", SETTINGS, re.M)
        assert row is not None, f"{name} is not documented"
        assert row[2].removesuffix(" Secret.") == key.help
        if section:
            assert row[1].strip("`") == shown(key.default), name


SETTINGS = page("reference/settings.md") if DOCS.is_dir() else ""


def shown(default: object) -> str:
    if default is None:
        return "not set"
    if isinstance(default, bool):
        return str(default).lower()
    return "none" if default in ((), {}) or callable(default) else str(default)


def test_every_documented_setting_exists() -> None:
    keys = {
        f"{section}.{name}" if section else name
        for section, declaration in SECTIONS.items()
        for name in fields_of(declaration)
    }
    assert set(re.findall(r"^\| `([\w.]+)` \|", SETTINGS, re.M)) == keys


def test_every_reason_is_documented() -> None:
    documented = re.findall(r"^\| (`.*?`) \|", page("reference/errors.md"), re.M)
    reasons = {reason for cell in documented for reason in re.findall(r"`(\w+)`", cell)}
    assert set(Reason) - reasons == set()


def test_every_command_is_documented() -> None:
    documented = re.findall(r"^\| `facilitator ([\w-]+)` \|", page("reference/cli.md"), re.M)
    assert sorted(documented) == sorted([*COMMANDS, *(name for name, _, _ in cli_commands())])


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
        if not target.startswith(("https://", "http://")):
            assert (path.parent / target).exists(), target


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.M | re.S)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_shown_are_ones_that_exist(path: Path) -> None:
    for line in "".join(blocks(path, "sh")).splitlines():
        for command in re.findall(r"(?:^|[\s/])facilitator ([a-z][^|>&\n]*)", line):
            parse(shlex.split(command))


def parse(words: list[str]) -> argparse.Namespace:
    """By the command's real parser. Fails by SystemExit."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    plugin = {name: prepare for name, _, prepare in cli_commands()}
    if words[0] in plugin:
        plugin[words[0]](parser)
    else:
        assert words[0] in COMMANDS, f"facilitator {words[0]}"
        __import__(COMMANDS[words[0]][1], fromlist=["add_arguments"]).add_arguments(parser)
    return parser.parse_args(words[1:])


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_quotes_are_what_the_files_say(path: Path) -> None:
    quotes = re.findall(r"<!-- quote: (\S+) -->\n```\w+\n(.*?)^```", path.read_text(), re.M | re.S)
    for name, quote in quotes:
        assert quote in (ROOT / name).read_text(), f"{name} does not say: {quote}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_shown_runs(path: Path) -> None:
    """What is not quoted from a file that is tested itself."""
    text = re.sub(r"<!-- quote: \S+ -->\n```.*?^```", "", path.read_text(), flags=re.M | re.S)
    for code in re.findall(r"^```python\n(.*?)^```", text, re.M | re.S):
        exec(compile(code, str(path), "exec"), {})
