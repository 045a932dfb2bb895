"""The layers of settings, read from files and variables. Only this module knows dynaconf.

Each file and the environment variables are read by a ``Dynaconf`` of their own and combined by
:mod:`facilitator.settings.resolve`: dynaconf's own merging either replaces tables as a
whole or appends lists, and loses where a value came from.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dynaconf import Dynaconf
from dynaconf.loaders import toml_loader

from facilitator.errors import ConfigInvalidError, Problem, did_you_mean

ENVIRONMENTS = ("development", "preview", "preprod", "production")
PREFIX = "FACILITATOR_"
RESERVED = frozenset({"FACILITATOR_ENV", "FACILITATOR_SETTINGS"})
FILES_BESIDE = ("settings.local.toml", ".secrets.toml")
PACKAGED = Path(__file__).parent.parent / "default_settings.toml"

# Kubernetes and Docker links announce a service named "facilitator" with variables of these names.
_SERVICE_LINK = re.compile(
    r"FACILITATOR_(SERVICE_HOST|SERVICE_PORT\w*|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)


@dataclass(frozen=True)
class Layer:
    """The values from one place, with tables nested and keys as they were written."""

    name: str
    values: Mapping[str, Any] = field(repr=False)
    is_text: bool = False
    """True if the values are texts without a type, such as environment variables."""


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
    return environment, files, [*layers, *_variable_layers(environ)]


def _environment(environ: Mapping[str, str]) -> str:
    name = (environ.get("FACILITATOR_ENV") or "development").lower()
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
    layer = _empty()
    try:
        # Dynaconf takes an unreadable file for an empty one, and another encoding for Latin-1.
        if file.read_text(encoding="utf-8").startswith("\ufeff"):
            raise ConfigInvalidError(
                [Problem(str(file), "begins with a byte order mark: save it as UTF-8 without one")]
            )
        toml_loader.load(layer, filename=str(file), silent=False)
    except OSError as error:
        raise ConfigInvalidError(
            [Problem(str(file), f"cannot be read: {error.strerror}")]
        ) from None
    except UnicodeDecodeError:
        raise ConfigInvalidError([Problem(str(file), "is not UTF-8 text")]) from None
    except ValueError as error:
        raise ConfigInvalidError([Problem(str(file), f"is not valid TOML: {error}")]) from None
    return {name.lower(): value for name, value in layer.as_dict().items()}


def _variable_layers(environ: Mapping[str, str]) -> Iterator[Layer]:
    variables = _empty()
    for number, (name, value) in enumerate(sorted(environ.items())):
        if name.startswith(PREFIX) and name not in RESERVED and not _is_service_link(name, value):
            # A table for each, so that none can hide another or an option of dynaconf.
            table = f"VARIABLE{number}"
            variables.set(f"{table}__{name.removeprefix(PREFIX)}", value, dotted_lookup=True)
            nested = _lowered(variables.as_dict()[table])
            yield Layer(f"environment variable {name}", nested, is_text=True)


def _is_service_link(name: str, value: str) -> bool:
    if name == "FACILITATOR_PORT":
        return value.startswith(("tcp://", "udp://", "sctp://"))
    return _SERVICE_LINK.fullmatch(name) is not None


def _lowered(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name.lower(): _lowered(value) if isinstance(value, dict) else value
        for name, value in values.items()
    }


def _empty() -> Any:
    """Return a Dynaconf that reads nothing by itself and takes ``@format`` and the like as text."""
    return Dynaconf(settings_files=[], loaders=[], core_loaders=[], auto_cast=False)
