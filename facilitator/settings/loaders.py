"""Secrets from a store: a loader that an environment variable names explicitly.

Dynaconf's own loaders are not used. They evaluate what the store holds (``@jinja``, ``@format``),
guess types, and go on without values when the store refuses: then no API key would be asked for.
"""

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

from facilitator.errors import ConfigInvalidError, Problem
from facilitator.settings.secret_files import KEPT_QUOTES, is_wrapped_in_quotes, read_secret

LOADERS = "FACILITATOR_LOADERS"
URL = "FACILITATOR_LOADERS_REDIS_URL"
NAMES = frozenset({LOADERS, URL, f"{URL}_FILE"})
"""The variables of loaders, which are no settings."""

_KNOWN = ("redis",)
_TIMEOUT_SECONDS = 5.0


def loaded_values(
    environment: str, environ: Mapping[str, str]
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the origin and the texts by name of each table in the stores, lowest first.

    Raises :class:`ConfigInvalidError` when a store cannot be read, or holds nothing.
    """
    for name in _names(environ):
        if name not in _KNOWN:
            known = ", ".join(_KNOWN)
            raise ConfigInvalidError([Problem(LOADERS, f"unknown loader {name}; known is {known}")])
        yield from _read_redis(_url(environ), ("DEFAULT", environment.upper()))


def _names(environ: Mapping[str, str]) -> list[str]:
    value = environ.get(LOADERS, "")
    if is_wrapped_in_quotes(value):
        raise ConfigInvalidError([Problem(LOADERS, KEPT_QUOTES)])
    return [part.strip() for part in value.split(",") if part.strip()]


def _url(environ: Mapping[str, str]) -> str:
    if file := environ.get(f"{URL}_FILE"):
        try:
            return read_secret(file)
        except ValueError as error:
            raise ConfigInvalidError([Problem(f"{URL}_FILE", str(error))]) from None
    if url := environ.get(URL):
        return url
    raise ConfigInvalidError([Problem(URL, "is needed by the loader redis")])


def _read_redis(url: str, environments: tuple[str, ...]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the hash of each environment that has one, under the name that dynaconf gives it."""
    try:
        redis: Any = importlib.import_module("redis")
    except ImportError:
        sentence = "the loader redis needs x402-cardano-facilitator[redis]: install it"
        raise ConfigInvalidError([Problem(LOADERS, sentence)]) from None
    names = [f"FACILITATOR_{each}" for each in environments]
    try:
        with redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
        ) as client:
            hashes = {name: client.hgetall(name) for name in names}
    except (redis.RedisError, OSError, ValueError, UnicodeError) as error:
        # Its text may quote the URL, which has a password.
        kind = type(error).__name__
        raise ConfigInvalidError(
            [Problem(LOADERS, f"the settings in Redis cannot be read ({kind})")]
        ) from None
    if not any(hashes.values()):
        sentence = f"Redis has neither of the hashes {' and '.join(names)}: write the secrets there"
        raise ConfigInvalidError([Problem(LOADERS, sentence)])
    for name, values in hashes.items():
        if values:
            yield f"Redis hash {name}", values
