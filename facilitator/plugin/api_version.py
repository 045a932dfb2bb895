"""The version of the plugin API, and the check of the one that a plugin was written for."""

import re
import sys
from typing import Any

from facilitator.errors import PluginError

API_VERSION = "1.0"
"""The version of this interface: ``major.minor``. A minor version adds names, a major one may
remove some. A plugin names the one that it was written for as ``facilitator_api``."""

ATTRIBUTE = "facilitator_api"
_VERSION = re.compile(r"(0|[1-9]\d{0,3})(?:\.(0|[1-9]\d{0,3}))?")


def declared_api(plugin: object, module: str) -> Any:
    """Return what the plugin, or else its module, names as its version; ``None`` without one."""
    declared = getattr(plugin, ATTRIBUTE, None)
    return getattr(sys.modules.get(module), ATTRIBUTE, None) if declared is None else declared


def check_api(name: str, declared: object) -> None:
    """Raise :class:`PluginError` if the plugin was written for another version than this one."""
    if declared is None:
        return
    wanted = _VERSION.fullmatch(declared) if isinstance(declared, str) else None
    if wanted is None:
        raise PluginError(
            f"plugin '{name}' has {ATTRIBUTE} = {declared!r:.40}, which is no version:"
            f' write it as a text such as "{API_VERSION}"'
        )
    major, minor = map(int, API_VERSION.split("."))
    if int(wanted[1]) != major:
        fit = "plugin" if int(wanted[1]) < major else "facilitator"
    elif int(wanted[2] or 0) > minor:
        fit = "facilitator"
    else:
        return
    raise PluginError(
        f"plugin '{name}' was written for version {declared} of the plugin API, and this"
        f" facilitator has {API_VERSION}: install a newer {fit}"
    )
