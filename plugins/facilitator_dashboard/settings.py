"""The plugin's settings."""

from dataclasses import dataclass

from facilitator.plugin import setting


@dataclass(frozen=True)
class DashboardSettings:
    """The table ``dashboard``."""

    local: bool = setting(True, "Whether programs of this machine see payments without a key.")
