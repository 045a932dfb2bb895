"""The layers of settings, read from files and variables.

Each file and each environment variable is read by itself, and :mod:`facilitator.settings.resolve`
combines them: dynaconf's own merging either replaces tables as a whole or appends lists, and loses
where a value came from.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facilitator.errors import ConfigInvalidError, Problem, did_you_mean
from facilitator.settings.isolated_dynaconf import nested
from facilitator.settings.loaders import NAMES, loaded_values
from facilitator.settings.secret_files import KEPT_QUOTES, is_wrapped_in_quotes
from facilitator.settings.service_links import PREFIX, is_service_link

ENVIRONMENTS = ("development", "preview", "preprod", "production")
RESERVED = frozenset({"FACILITATOR_ENV", "FACILITATOR_SETTINGS"}) | NAMES
FILES_BESIDE = ("settings.local.toml", ".secrets.toml")
NETWORK_TABLES = "networks"
"""The table with a table for each network; sections of these begin with this and a dot."""
PACKAGED = Path(__file__).parent.parent / "default_settings.toml"


@dataclass(frozen=True)
class Layer:
    """The values from one place, with tables nested and keys as they were written."""

    name: str
    values: Mapping[str, Any] = field(repr=False)
    is_text: bool = False
    """True if the values are texts without a type, such as environment variables."""
    may_be_link: bool = False
    """True for a variable that announces a service, unless it is a declared setting."""
    is_store: bool = False
    """True if the values are from a store, which may give secrets alone."""


def read_layers(
    path: str | None, environ: Mapping[str, str], cwd: Path
) -> tuple[str, tuple[Path, ...], list[Layer]]:
    """Return the chosen environment, the files that were read, and all layers, lowest first.

    Raises :class:`ConfigInvalidError`.
    """
    environment = _environment(environ)
    files = tuple(_files(path or environ.get("FACILITATOR_SETTINGS"), cwd))
    problems: list[Problem] = []
    layers: list[Layer] = []
    for file in (PACKAGED, *files):
        try:
            layers += _file_layers(file, environment)
        except ConfigInvalidError as error:
            problems += error.problems
    if problems:
        raise ConfigInvalidError(problems)
    layers += _store_layers(environment, environ)
    return environment, files, [*layers, *_variable_layers(environ)]


def _environment(environ: Mapping[str, str]) -> str:
    name = (environ.get("FACILITATOR_ENV") or "development").lower()
    if is_wrapped_in_quotes(name):
        raise ConfigInvalidError([Problem("FACILITATOR_ENV", KEPT_QUOTES)])
    if name not in ENVIRONMENTS:
        hint = did_you_mean(name, ENVIRONMENTS) or f"; known are {', '.join(ENVIRONMENTS)}"
        raise ConfigInvalidError([Problem("FACILITATOR_ENV", f"unknown environment {name}{hint}")])
    return name


def _files(path: str | None, cwd: Path) -> Iterator[Path]:
    main = cwd / (path or "settings.toml")
    if path and not main.is_file():
        raise ConfigInvalidError([Problem(path, "this settings file does not exist")])
    for file in (main, *(main.parent / name for name in FILES_BESIDE)):
        if file.exists():
            yield file


def _file_layers(file: Path, environment: str) -> Iterator[Layer]:
    tables = _read_file(file)
    problems = [
        Problem(file.name, _misplaced(name, value))
        for name, value in tables.items()
        if name not in ("default", *ENVIRONMENTS) or not isinstance(value, dict)
    ]
    if problems:
        raise ConfigInvalidError(problems)
    for name in ("default", environment):
        if name in tables:
            where = "built-in default" if file == PACKAGED else f"{file.name} [{name}]"
            yield Layer(where, tables[name])


def _misplaced(name: str, value: object) -> str:
    known = ("default", *ENVIRONMENTS)
    if hint := did_you_mean(name, known):
        return f"[{name}] is not an environment{hint}"
    written = f"[default.{name}]" if isinstance(value, dict) else f"{name} below [default]"
    return f"{name} stands outside of any environment: write {written}"


def _read_file(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
        if text.startswith("\ufeff"):
            raise ConfigInvalidError(
                [Problem(str(file), "begins with a byte order mark: save it as UTF-8 without one")]
            )
        # Not by dynaconf: a file could switch on that it evaluates texts.
        tables = tomllib.loads(text)
    except OSError as error:
        raise ConfigInvalidError(
            [Problem(str(file), f"cannot be read: {error.strerror}")]
        ) from None
    except UnicodeDecodeError:
        raise ConfigInvalidError([Problem(str(file), "is not UTF-8 text")]) from None
    except ValueError as error:
        raise ConfigInvalidError([Problem(str(file), f"is not valid TOML: {error}")]) from None
    return {name.lower(): value for name, value in tables.items()}


def _store_layers(environment: str, environ: Mapping[str, str]) -> Iterator[Layer]:
    for origin, values in loaded_values(environment, environ):
        for name, value in sorted(values.items()):
            yield Layer(origin, nested(name, value), is_text=True, is_store=True)


def _variable_layers(environ: Mapping[str, str]) -> Iterator[Layer]:
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX) or name in RESERVED:
            continue
        is_link = is_service_link(name, environ)
        # The name of a service has single underscores, so that such a link is no setting.
        if not is_link or "__" in name:
            values = nested(name.removeprefix(PREFIX), value)
            origin = f"environment variable {name}"
            yield Layer(origin, values, is_text=True, may_be_link=is_link)


def option_layers(options: Mapping[str, str]) -> Iterator[Layer]:
    """Yield a layer for each option of a command: ``server.port`` is the option ``--port``."""
    for name, value in options.items():
        origin = f"option --{name.rpartition('.')[2].replace('_', '-')}"
        yield Layer(origin, nested(name.replace(".", "__"), value), is_text=True)
