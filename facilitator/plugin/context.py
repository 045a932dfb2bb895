"""The context that plugins receive with their hooks."""

from dataclasses import dataclass, field
from pathlib import Path

from facilitator.clock import Clock
from facilitator.plugin.own_hooks import NO_HOOKS, OwnHooks
from facilitator.plugin.reader import Reader
from facilitator.roles.metrics import NO_METER, Meter
from facilitator.settings import Settings
from facilitator.settings.subscription import Apply, Subscribe


def _never_changes(apply: Apply) -> None:
    """Register nothing: these settings stay as they are."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One of several processes that serve, as ``server.workers`` says."""

    index: int
    """Its index among them, from 0; a process that replaces it has the same."""
    folder: Path
    """A folder that all of them see; it exists from before the first begins until the last ends."""


@dataclass(frozen=True, slots=True)
class Context:
    """The settings, the clock, the meter and the records of this facilitator."""

    settings: Settings
    """The settings in force, checked."""
    clock: Clock
    """The clock to compare with slots, deadlines and leases."""
    worker: Worker | None = None
    """This process among several; ``None`` when it is the only one."""
    meter: Meter = NO_METER
    """The meter; it does nothing without a plugin's meter, and while that is asked for."""
    subscribe: Subscribe = _never_changes
    """Registers a function, which is called with the new settings whenever SIGHUP has changed some.

    It must not fail, nor take longer than ``hooks.gate_seconds``: else the plugin is named for it,
    and the other parts go on. Of a plugin's own settings only those declared with ``reloads`` ever
    change.
    """
    is_trial: bool = False
    """True while a command such as ``facilitator check`` uses the plugin, perhaps beside one that
    serves.

    Then take no port and no lock that an enabled plugin would take while it serves.
    """
    reader: Reader = field(default_factory=Reader)
    """Reads claims and chains, from the hook ``startup`` on."""
    hooks: OwnHooks = NO_HOOKS
    """Calls the hooks that plugins define for other plugins."""
