"""Layered settings, checked once and frozen; every problem is named at once.

The layers, lowest first: packaged defaults, ``settings.toml``, ``settings.local.toml``,
``.secrets.toml``, environment variables ``FACILITATOR_<KEY>`` with ``__`` between levels. Tables
are combined key by key, lists are replaced as a whole.
"""

from facilitator.errors import ConfigInvalidError
from facilitator.settings.load import Settings, SettingsSource, load_settings, read_settings
from facilitator.settings.schema import setting
from facilitator.settings.sections import (
    AuthSettings,
    ChainSettings,
    FacilitatorSettings,
    HookSettings,
    InspectSettings,
    LogSettings,
    RateLimitSettings,
    ReservationSettings,
    ScriptSettings,
    ServerSettings,
    SettlementSettings,
)

__all__ = [
    "AuthSettings",
    "ChainSettings",
    "ConfigInvalidError",
    "FacilitatorSettings",
    "HookSettings",
    "InspectSettings",
    "LogSettings",
    "RateLimitSettings",
    "ReservationSettings",
    "ScriptSettings",
    "ServerSettings",
    "Settings",
    "SettingsSource",
    "SettlementSettings",
    "load_settings",
    "read_settings",
    "setting",
]
