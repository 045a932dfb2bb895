"""The check of the facilitator's exposure to clients, by the settings alone."""

import stat
from collections.abc import Iterator

from facilitator.cli.preflight.result import Result
from facilitator.settings import Settings
from facilitator.settings.hosts import is_loopback

SHORT_KEY = 20
"""API keys with fewer characters might be guessed."""


def exposure(settings: Settings, *, has_gate: bool) -> Iterator[Result]:
    """Yield a summary, then a warning for each unwise setting.

    ``has_gate`` is true when a plugin decides which clients may verify and settle.
    """
    yield Result("access", "ok", _summary(settings, has_gate))
    yield from _keys(settings, has_gate)
    yield from _network(settings)
    yield from _files(settings)


def _summary(settings: Settings, has_gate: bool) -> str:
    limits, server = settings.rate_limit, settings.server
    keys = ", ".join([*settings.auth.api_keys, *settings.auth.operator_keys]) or "none"
    if settings.auth.required:
        keys += ", and one is required"
    rates = f"{limits.global_per_minute} and {limits.sensitive_per_minute} a minute"
    return "; ".join(
        [
            f"API keys {keys}" + (" and a plugin's gate" if has_gate else ""),
            f"rate limits {rates if limits.enabled else 'off'}",
            f"CORS origins {', '.join(server.cors_origins) or 'none'}",
            f"trusted proxies {', '.join(server.trusted_proxies) or 'none'}",
        ]
    )


def _keys(settings: Settings, has_gate: bool) -> Iterator[Result]:
    server = settings.server
    if is_public(settings) and not settings.auth.payments_need_key and not has_gate:
        behind = is_loopback(server.host)
        yield Result(
            "auth.api_keys",
            "warning",
            f"any client that reaches {'the trusted proxies' if behind else server.host} may verify"
            " and settle at your cost",
            "set an API key" if behind else "set an API key, or listen on 127.0.0.1 only",
        )
    auth = settings.auth
    for table, keys in (("api_keys", auth.api_keys), ("operator_keys", auth.operator_keys)):
        for name, key in keys.items():
            if len(key) < SHORT_KEY:
                yield Result(
                    f"auth.{table}.{name}",
                    "warning",
                    f"the key has fewer than {SHORT_KEY} characters and might be guessed",
                    "take 32 random ones",
                )


def _network(settings: Settings) -> Iterator[Result]:
    server = settings.server
    public = is_public(settings)
    if public and not settings.rate_limit.enabled:
        yield Result(
            "rate_limit.enabled",
            "warning",
            "any client can use up the provider's quota",
            "set it to true, unless something in front limits each client",
        )
    if settings.environment == "production" and not server.trusted_proxies:
        yield _no_proxy(server.host)
    if "*" in server.cors_origins and settings.environment == "production":
        yield Result(
            "server.cors_origins",
            "warning",
            "every web page may call from its visitors' browsers",
            "name the origins of your own pages",
        )


def _no_proxy(host: str) -> Result:
    if is_loopback(host):
        detail = (
            "if a proxy, tunnel or sidecar on this machine forwards requests, all its clients count"
            " as one, and as this machine where it adds no header"
        )
        remedy = "name its address, such as 127.0.0.1, and have it send X-Forwarded-For"
    else:
        detail = "requests come in plain HTTP, and all who come through a proxy count as one client"
        remedy = "put a proxy with TLS in front and name its address"
    return Result("server.trusted_proxies", "warning", detail, remedy)


def _files(settings: Settings) -> Iterator[Result]:
    for file in settings.files:
        if file.name == ".secrets.toml" and file.stat().st_mode & stat.S_IROTH:
            yield Result(
                str(file),
                "warning",
                "every user of this machine can read the secrets",
                f"chmod o= {file}",
            )


def is_public(settings: Settings) -> bool:
    """Return True if clients on other machines may reach it, by its address or by a proxy.

    A name counts as public, except localhost.
    """
    server = settings.server
    return bool(server.trusted_proxies) or not is_loopback(server.host)
