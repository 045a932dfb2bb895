"""The settings tables of the core. Plugins declare theirs in the same way."""

import ipaddress
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from facilitator.cardano.addresses.address import parse_address
from facilitator.errors import did_you_mean
from facilitator.settings.plugin_files import wrong_names
from facilitator.settings.schema import setting
from facilitator.x402.networks import NETWORKS, canonical_network


def _no_duplicates(values: Sequence[str]) -> str | None:
    twice = sorted({value for value in values if values.count(value) > 1})
    return f"names {', '.join(twice)} more than once" if twice else None


def _known_networks(names: Sequence[str]) -> str | None:
    if not names:
        return "must name at least one network"
    for name in names:
        if canonical_network(name) is None:
            return f"unknown network {name}" + (did_you_mean(name, NETWORKS) or _networks())
    return _no_duplicates([canonical_network(name) or name for name in names])


def _networks() -> str:
    return f"; known are {', '.join(NETWORKS)}"


def _plugins_by_network(providers: Mapping[str, Sequence[str]]) -> str | None:
    for network, plugins in providers.items():
        if not plugins:
            return f"names no plugin for {network}: leave the network out, or name one"
        if complaint := _no_duplicates(plugins):
            return f"{complaint} for {network}"
    return None


def _addresses(proxies: Sequence[str]) -> str | None:
    for proxy in proxies:
        try:
            ipaddress.ip_network(proxy)
        except ValueError as error:
            why = ": it has host bits set" if "host bits" in str(error) else ""
            return f"{proxy} is no IP address or network such as 10.0.0.0/8{why}"
    return _no_duplicates(proxies)


def _address(address: str) -> str | None:
    try:
        parse_address(address)
    except ValueError as error:
        return f"is not an address: {error}"
    return None


def _host(host: str) -> str | None:
    if re.fullmatch(r"\[[0-9A-Fa-f:.%]*\]", host):
        return "is an address in brackets, as URLs have it: write it without them, such as ::1"
    if "://" in host:
        return "is a URL: write the address or the name alone"
    if re.fullmatch(r"[^:\[\]]+:[0-9]+|\[.*\]:[0-9]+", host):
        return "has a port: set server.port, and write the address or the name alone"
    return None


def _can_be_pinned(is_wanted: bool) -> str | None:
    if is_wanted and not hasattr(os, "sched_setaffinity"):
        return "needs Linux: this system keeps no process to a core"
    return None


def _origins(origins: Sequence[str]) -> str | None:
    for origin in origins:
        if origin != "*" and not re.fullmatch(r"https?://[^/\s?#@]+", origin):
            return f"{origin} is not an origin such as https://shop.example, nor *"
    return None


def _header_values(keys: Mapping[str, str]) -> str | None:
    for name, key in keys.items():
        if not re.fullmatch(r"[!-~]+", key):
            return f"the key named {name} must consist of visible ASCII characters"
    return None


@dataclass(frozen=True)
class RootSettings:
    """The keys that belong to no table."""

    plugins: tuple[str, ...] = setting(
        (),
        "Enabled plugins in call order, by entry-point name, or by a file such as ./my_plugin.py.",
        check=wrong_names,
    )
    network: tuple[str, ...] = setting(
        (), "Network served, or a list of several, as CAIP-2 ids.", check=_known_networks
    )


@dataclass(frozen=True)
class ServerSettings:
    """``[server]``: the HTTP server."""

    host: str = setting(
        "127.0.0.1",
        "Address to listen on; 0.0.0.0 stands for all of IPv4, :: for all of IPv6 and IPv4.",
        check=_host,
    )
    port: int = setting(3000, "Port to listen on; 0 takes a free one.", minimum=0, maximum=65535)
    threads: int = setting(1400, "Most threads that answer requests.", minimum=4, maximum=4096)
    workers: int = setting(1, "Processes that serve.", minimum=1, maximum=256)
    pin_workers: bool = setting(
        False, "Whether each process that serves keeps to one core. On Linux.", check=_can_be_pinned
    )
    trusted_proxies: tuple[str, ...] = setting(
        (),
        "IP addresses or networks of proxies whose X-Forwarded headers are believed.",
        check=_addresses,
    )
    max_body_bytes: int = setting(
        65536, "Greatest request body in bytes.", minimum=1024, maximum=16777216
    )
    shutdown_seconds: float = setting(
        5.0, "Seconds that running requests get when the server stops.", minimum=0, maximum=600
    )
    cors_origins: tuple[str, ...] = setting(
        (), "Origins that browsers may call from.", check=_origins
    )


@dataclass(frozen=True)
class SettlementSettings:
    """``[settlement]``: submitting payments and waiting for them."""

    wait_seconds: float = setting(
        75.0, "Seconds that /settle waits for the chain.", minimum=0, maximum=3600
    )
    max_waiting: int | None = setting(
        None, "Settlements that may wait at once; 3/4 of the threads when unset.", minimum=0
    )
    accept_mempool: bool = setting(
        False, "Whether requirements may ask for mempool acceptance only (l1Confirmations -1)."
    )
    max_timeout_seconds: int = setting(
        86_400,
        "Greatest maxTimeoutSeconds of requirements: inputs are held and claims kept as long.",
        minimum=1,
        maximum=2_592_000,
    )
    lease_seconds: float = setting(
        20.0, "Seconds after which another process may take over a settlement.", minimum=1
    )


@dataclass(frozen=True)
class ChainSettings:
    """``[chain]``: the use of the networks' providers."""

    providers: Mapping[str, tuple[str, ...]] = setting(
        {},
        "Plugins by the network that their chain providers are asked for, the first one first; the"
        " others stand by.",
        check=_plugins_by_network,
    )
    fallback: tuple[str, ...] = setting(
        (),
        "Plugins that stand by, in this order, for networks that chain.providers does not name.",
        check=_no_duplicates,
    )
    questions: int = setting(
        6,
        "Upstream calls that a payment may cost before its verdict, besides those that find unspent"
        " outputs of its own signers.",
        minimum=2,
        maximum=1000,
    )
    max_questions: int = setting(
        24,
        "Upstream calls that a payment may cost before its verdict, all counted.",
        minimum=2,
        maximum=1000,
    )
    verdict_seconds: float = setting(
        10.0,
        "Seconds that the upstream calls before a verdict may take together.",
        minimum=1,
        maximum=300,
    )


@dataclass(frozen=True)
class ReservationSettings:
    """``[reservation]``: inputs held for verified payments."""

    ttl_seconds: int = setting(
        120, "Seconds that inputs are held after /verify; 0 holds none.", minimum=0, maximum=86400
    )
    max_concurrent: int = setting(20, "Reservations one payer may hold at once.", minimum=1)


@dataclass(frozen=True)
class RateLimitSettings:
    """``[rate_limit]``: the limits of each client."""

    enabled: bool = setting(True, "Whether clients are limited.")
    global_per_minute: int = setting(
        100, "Requests that a client without an API key may make in any minute.", minimum=1
    )
    sensitive_per_minute: int = setting(
        20,
        "How many of them to /verify, /settle, /status and /inspect; a verified payment counts"
        " once.",
        minimum=1,
    )
    key_global_per_minute: int = setting(
        6_000, "Requests that each API key may make in any minute.", minimum=1
    )
    key_sensitive_per_minute: int = setting(
        3_000, "How many of them to /verify, /settle, /status and /inspect.", minimum=1
    )


@dataclass(frozen=True)
class AuthSettings:
    """``[auth]``: the clients that may call."""

    api_keys: Mapping[str, str] = setting(
        {},
        "API keys by name; when there is one, /verify, /settle and /cancel need it.",
        secret=True,
        check=_header_values,
    )
    operator_keys: Mapping[str, str] = setting(
        {},
        "API keys by name for the endpoints that are the operator's alone; none is for payments.",
        secret=True,
        check=_header_values,
    )
    required: bool = setting(
        False,
        "Whether /verify, /settle and /cancel need an API key also without auth.api_keys: one that"
        " is in the storage.",
    )

    @property
    def payments_need_key(self) -> bool:
        """True if /verify, /settle and /cancel need an API key."""
        return self.required or bool(self.api_keys)


@dataclass(frozen=True)
class LogSettings:
    """``[log]``: the level and the format of the log."""

    level: Literal["debug", "info", "warning", "error", "critical"] = setting(
        "info", "Least severe level that is logged."
    )
    format: Literal["auto", "json", "pretty"] = setting(
        "auto",
        "One JSON object a line, or for people; auto is pretty where standard error is a terminal.",
    )


@dataclass(frozen=True)
class FacilitatorSettings:
    """``[facilitator]``: the signer shown in ``/supported``."""

    address: str | None = setting(None, "Address to show as signer.", check=_address)
    seed_phrase: str | None = setting(
        None, "Seed phrase whose address is shown as signer.", secret=True
    )


@dataclass(frozen=True)
class HookSettings:
    """``[hooks]``: the time and the room that plugins get."""

    start_seconds: float = setting(
        20.0, "Seconds that a hook of a provider, such as startup, may take.", minimum=1
    )
    gate_seconds: float = setting(
        5.0,
        "Seconds that a plugin's gate, rate limiter, transfer method or scheme may take.",
        minimum=1,
    )
    scheme_seconds: float = setting(
        30.0,
        "Seconds that a plugin's scheme may take for a verdict, for which it asks the chain.",
        minimum=1,
    )
    responder_seconds: float = setting(
        1.0, "Seconds that a plugin may take to add to an answer.", minimum=1
    )
    observer_seconds: float = setting(
        2.0, "Seconds from which a call of an observer is reported as hanging.", minimum=1
    )
    observer_queue: int = setting(
        10_000, "Calls that wait for the observers of a plugin; others are dropped.", minimum=1
    )


@dataclass(frozen=True)
class InspectSettings:
    """``[inspect]``: the endpoint ``/inspect``."""

    enabled: bool = setting(False, "Whether POST /inspect answers with every rule's verdict.")


@dataclass(frozen=True)
class LedgerSettings:
    """``[ledger]``: the payment ledger."""

    keep_days: int = setting(
        0,
        "Days for which a payment stays in the ledger after its last change; 0 for always.",
        minimum=0,
        maximum=36_500,
    )


@dataclass(frozen=True)
class ScriptSettings:
    """``[scripts]``: the Plutus scripts that are run here, with the extra ``plutus``."""

    workers: int = setting(
        1, "Processes that run scripts, beside each one that serves.", minimum=1, maximum=64
    )
    verdict_seconds: float = setting(
        5.0, "CPU seconds that the scripts of one payment may take.", minimum=1, maximum=60
    )
    client_seconds: float = setting(
        6.0,
        "CPU seconds of scripts that a client may use in any minute; with an API key ten times as"
        " many.",
        minimum=1,
    )


CORE_SECTIONS: Mapping[str, type] = {
    "": RootSettings,
    "server": ServerSettings,
    "settlement": SettlementSettings,
    "chain": ChainSettings,
    "reservation": ReservationSettings,
    "rate_limit": RateLimitSettings,
    "auth": AuthSettings,
    "log": LogSettings,
    "facilitator": FacilitatorSettings,
    "hooks": HookSettings,
    "inspect": InspectSettings,
    "ledger": LedgerSettings,
    "scripts": ScriptSettings,
}
"""Table name to declaration; the empty name stands for the keys outside of any table."""
