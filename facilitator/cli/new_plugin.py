"""The command ``facilitator new-plugin``."""

import argparse
import importlib.util
import keyword
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from facilitator.errors import FacilitatorError
from facilitator.settings.installed import installed_plugins

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_TEMPLATES = Path(__file__).parent / "templates"
_MEMORY = "facilitator_memory"


class Role(NamedTuple):
    """A kind of plugin that can be begun."""

    summary: str
    """The description of the distribution; ``{}`` is the plugin's title."""
    module: str | None = None
    """The module of the part beside the hooks, if there is one."""
    replaces: str = ""
    """The built-in plugins that it stands for, which are left out of the settings."""
    is_object: bool = False
    """True if the plugin is an object, since it has state."""


ROLES: Mapping[str, Role] = {
    "storage": Role("Keeps the claims of an x402 facilitator in {}.", "storage", "sqlite"),
    "chain-provider": Role("Asks {} for the chain of an x402 facilitator.", "provider", "devnet"),
    "rate-limiter": Role("Limits the requests of an x402 facilitator by {}.", "limiter"),
    "error-reporter": Role("Reports errors of an x402 facilitator to {}.", "reporter"),
    "meter": Role("Collects the metrics of an x402 facilitator for {}.", "meter"),
    "transfer-method": Role("The transfer method {} of an x402 facilitator.", "method"),
    "scheme": Role("The scheme {} of an x402 facilitator.", "scheme"),
    "wallet": Role("Pays with a wallet of {} by the command of an x402 facilitator.", "wallet"),
    "gate": Role("Lets payments pass an x402 facilitator by the rules of {}.", is_object=True),
    "observer": Role("Notifies {} of what an x402 facilitator does.", is_object=True),
    "routes": Role("Answers HTTP requests of {} beside an x402 facilitator."),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the name, the role and the folder."""
    parser.description = (
        "Write the distribution of a new plugin: its hooks, the tests that every plugin of the role"
        " has to pass, a workflow for CI and a README. It can be installed, and passes its tests."
    )
    parser.add_argument("name", metavar="NAME", help="its name in the setting plugins: my-storage")
    parser.add_argument("--role", required=True, choices=ROLES, help="what it will do")
    parser.add_argument(
        "--folder",
        metavar="PATH",
        help="where to write it; else facilitator-plugin-NAME in the working folder",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the files; return the exit code."""
    names = _names(arguments.name, arguments.role)
    folder = Path(arguments.folder or names["DISTRIBUTION"])
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FacilitatorError(f"{folder} is there already: choose another folder or name")
    for path, text in _files(arguments.role, names).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    print(f"{folder} is a plugin that can be installed and tested:")
    print(f'  cd {folder} && pip install -e ".[test]" && pytest')
    return 0


def _names(given: str, role: str) -> Mapping[str, str]:
    """Return what the templates name. Raises :class:`FacilitatorError` for a name that is wrong."""
    name = given.replace("-", "_")
    if not _NAME.fullmatch(given) or keyword.iskeyword(name):
        raise FacilitatorError(
            f"{given!r} is no name of a plugin: it must begin with a lowercase letter, and have"
            " only those, digits, and single hyphens or underscores between them"
        )
    package = f"facilitator_{name}"
    if name in installed_plugins() or importlib.util.find_spec(package):
        raise FacilitatorError(f"the name {name} is taken by a plugin that is installed")
    words = name.split("_")
    kind = ROLES[role]
    others = [each for each in ("devnet", "sqlite") if each != kind.replaces]
    return {
        "NAME": name,
        "ENTRY": f"{package}:plugin" if kind.is_object else package,
        "PACKAGE": package,
        "DISTRIBUTION": f"facilitator-plugin-{'-'.join(words)}",
        "CLASS": "".join(word.capitalize() for word in words),
        "SUMMARY": kind.summary.format(" ".join(words)),
        "PLUGINS": ", ".join(f'"{each}"' for each in (*others, name)),
    }


def _files(role: str, names: Mapping[str, str]) -> Mapping[str, str]:
    """Return the texts of all files by their paths."""
    package = f"src/{names['PACKAGE']}"
    own = _TEMPLATES / role
    files = {
        "pyproject.toml": _TEMPLATES / "pyproject.toml.txt",
        "README.md": _TEMPLATES / "README.md.txt",
        ".gitignore": _TEMPLATES / "gitignore.txt",
        ".github/workflows/ci.yml": _TEMPLATES / "ci.yml.txt",
        f"{package}/__init__.py": own / "plugin.py.txt",
        f"tests/test_{names['NAME']}.py": own / "test.py.txt",
    }
    if (part := own / "part.py.txt").is_file():
        files[f"{package}/{ROLES[role].module}.py"] = part
    texts = {path: _filled(file.read_text("utf-8"), names) for path, file in files.items()}
    if role == "storage":
        texts[f"{package}/storage.py"] = _memory_storage(names)
    return {**texts, f"{package}/py.typed": ""}


def _filled(text: str, names: Mapping[str, str]) -> str:
    for name, value in names.items():
        text = text.replace(f"@{name}@", value)
    return text


def _memory_storage(names: Mapping[str, str]) -> str:
    """Return the built-in storage in memory under the new name, to begin with."""
    spec = importlib.util.find_spec(_MEMORY)
    if spec is None or spec.origin is None:
        raise FacilitatorError(f"the package {_MEMORY}, which a storage begins with, is missing")
    text = Path(spec.origin).with_name("storage.py").read_text("utf-8")
    return text.replace("MemoryStorage", f"{names['CLASS']}Storage")
