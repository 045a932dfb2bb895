"""Reading the settings again while serving, on SIGHUP.

Settings that can change take effect at once, and no request is lost. The log names settings that
have changed and need a restart. Wrong settings change nothing at all.
"""

import dataclasses
import errno
import logging
import os
import termios
import threading
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from facilitator.errors import ConfigInvalidError, FacilitatorError, PluginError, Problem
from facilitator.observability.logs import configure_logging
from facilitator.server import sd_notify
from facilitator.settings import Settings
from facilitator.settings.schema import Field, fields_of
from facilitator.settings.subscription import Apply

logger = logging.getLogger("facilitator.reload")

RELOADED = {
    "auth": ("api_keys", "operator_keys", "required"),
    "log": ("level", "format"),
    "rate_limit": (
        "global_per_minute",
        "sensitive_per_minute",
        "key_global_per_minute",
        "key_sensitive_per_minute",
    ),
    "server": ("trusted_proxies", "cors_origins"),
}
"""The core's keys, by table, that take effect without a restart."""

TAKEN = "serving by the settings that were read again"
PARTLY_TAKEN = f"{TAKEN}, but for a part that failed: see the log"
NOT_TAKEN = "serving by the former settings, since the new ones are wrong: see the log"


class Reload:
    """The settings in force: immutable, replaced as a whole when they are read again."""

    def __init__(self, settings: Settings, read: Callable[[], Settings]) -> None:
        """Set up logging by the settings; ``read`` returns new ones, and raises if wrong."""
        self.settings = settings
        self.status = "serving"
        """The result of the last reading, in one sentence."""
        self._read = read
        self._secrets = set(settings.secrets())
        self._subscribers: list[Apply] = [self._log]
        self._requests: SimpleQueue[None] = SimpleQueue()
        self._log(settings)

    @property
    def is_taken(self) -> bool:
        """True if the settings that were read last are in force in every part."""
        return self.status == TAKEN

    def subscribe(self, apply: Apply) -> None:
        """Register ``apply``, to be called with the settings whenever they have changed."""
        self._subscribers.append(apply)

    def request(self) -> None:
        """Ask the thread of :meth:`start` to read again; safe in a signal handler."""
        self._requests.put(None)

    def start(self, done: Callable[[], None]) -> None:
        """Start a thread that reads again on each request, and calls ``done`` afterwards."""
        threading.Thread(
            target=self._work, args=(done,), name="settings-reload", daemon=True
        ).start()

    def read_now(self) -> bool:
        """Read the settings again now; return True if they are right."""
        sd_notify.notify_reloading()
        try:
            settings = self._read()
            check_files(self.settings.files, settings.files)
            are_taken = self._apply(settings)
        except FacilitatorError as error:
            for problem in str(error).splitlines():
                logger.error("settings not taken: %s", problem)
        except Exception:
            logger.exception("settings not taken: they could not be read")
        else:
            self.status = TAKEN if are_taken else PARTLY_TAKEN
            return True
        self.status = NOT_TAKEN
        return False

    def _work(self, done: Callable[[], None]) -> None:
        while True:
            self._requests.get()
            self.read_now()
            done()

    def _apply(self, settings: Settings) -> bool:
        """Put the settings into effect; return True if no part failed."""
        changed = changed_keys(self.settings, settings)
        late = [key for key in changed if not is_reloaded(key, self.settings, settings)]
        # The log takes them first, so that no line can show a new secret. One may have an old one.
        self._secrets |= set(settings.secrets())
        self.settings = merged(self.settings, settings)
        are_taken = [self._is_taken_by(each) for each in self._subscribers]
        taken = ", ".join(key for key in changed if key not in late)
        logger.info("settings read again: %s", f"{taken} changed" if taken else "nothing to change")
        if late:
            logger.warning("settings that need a restart have changed: %s", ", ".join(late))
        return all(are_taken)

    def _is_taken_by(self, apply: Apply) -> bool:
        try:
            apply(self.settings)
        except PluginError as error:  # logged in full where the plugin was called
            logger.error("a part does not take the settings that were read again: %s", error)
        except Exception:
            logger.exception("a part does not take the settings that were read again")
        else:
            return True
        return False

    def _log(self, settings: Settings) -> None:
        configure_logging(settings.log, secrets=self._secrets)


def check_files(before: Collection[Path], now: Collection[Path]) -> None:
    """Raise :class:`ConfigInvalidError` if a file with settings is not there any more.

    It is just being replaced, or code in this process has changed the working folder. Without it
    the API keys, for instance, would be none, and no caller would be asked for one.
    """
    if gone := [each for each in before if each not in now]:
        sentence = "is not there any more: bring it back, empty if need be, or restart without it"
        raise ConfigInvalidError([Problem(str(each), sentence) for each in gone])


def is_reloaded(key: str, former: Settings, new: Settings) -> bool:
    """Return True if the dotted key's new value takes effect without a restart."""
    table, _, rest = key.partition(".")
    if rest.partition(".")[0] in RELOADED.get(table, ()):
        return True
    (before, after) = (
        [each for each in settings.effective if each.key == key] for settings in (former, new)
    )
    return bool(before and after) and _takes(before[0].field, before[0].value, after[0].value)


def _takes(field: Field, former: Any, new: Any) -> bool:
    """Return True if the declaration of a plugin's setting says that it takes the new value."""
    return field.reloads is not None and former != new and field.reloads(former, new)


def changed_keys(former: Settings, new: Settings) -> list[str]:
    """Return the dotted keys whose values differ, sorted.

    Leaves out the keys of plugins that only one of the two enables.
    """
    before, after = (
        {each.key: each.value for each in settings.effective} for settings in (former, new)
    )
    tables = {_table(key) for key in before} & {_table(key) for key in after}
    absent = object()
    return sorted(
        key
        for key in before.keys() | after.keys()
        if _table(key) in tables and before.get(key, absent) != after.get(key, absent)
    )


def _table(key: str) -> str:
    return key.partition(".")[0]


def merged(former: Settings, new: Settings) -> Settings:
    """Return the former settings with the keys of the new ones that need no restart."""
    tables = {
        name: dataclasses.replace(
            getattr(former, name), **{key: getattr(getattr(new, name), key) for key in keys}
        )
        for name, keys in RELOADED.items()
    }
    by_type = {type(table): table for table in tables.values()}
    sections = (by_type.get(type(each), each) for each in former.sections)
    is_taken = {
        each.key: is_reloaded(each.key, former, new) for each in (*former.effective, *new.effective)
    }
    return dataclasses.replace(
        former,
        **tables,
        files=new.files,  # also a file that has come since the start must stay there
        sections=tuple(_merged_section(each, new.sections) for each in sections),
        effective=(
            *(each for each in former.effective if not is_taken[each.key]),
            *(each for each in new.effective if is_taken[each.key]),
        ),
    )


def _merged_section(former: Any, sections: Sequence[Any]) -> Any:
    """Return a plugin's table with the values that it takes from the new one."""
    for new in sections:
        if type(new) is type(former):
            taken = {
                name: getattr(new, name)
                for name, field in fields_of(type(former)).items()
                if _takes(field, getattr(former, name), getattr(new, name))
            }
            return dataclasses.replace(former, **taken)
    return former


def terminal_is_gone(number: int = 2) -> bool:
    """Return True if standard error is a terminal that was closed, which also sends SIGHUP.

    If so, output there is discarded from now on, so that it does not fail at the end.
    """
    try:
        termios.tcgetattr(number)
    except termios.error as error:
        if error.args[0] != errno.EIO:
            return False
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)
        return True
    return False
