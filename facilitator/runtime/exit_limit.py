"""The end of the process, which no thread of a plugin keeps."""

import logging
import os
import sys
import threading
import time
from contextlib import suppress

from facilitator.plugin.manager import Plugins

_log = logging.getLogger("facilitator")

_BEYOND_SECONDS = 1.6
"""Time after the last request has got its own; all steps of the end together get less."""


class ExitLimit:
    """Ends this process in time, whatever is left of it."""

    def __init__(self, plugins: Plugins) -> None:
        """Wait for the beginning; ``plugins`` knows whose threads are left."""
        self.code = 0
        """The exit code, if the process does not end by itself."""
        self._plugins = plugins
        self._has_begun = False

    def begin(self, seconds: float) -> None:
        """End the process after ``seconds`` and a little more, unless that has begun."""
        if self._has_begun:
            return
        self._has_begun = True
        deadline = time.monotonic() + seconds + _BEYOND_SECONDS
        end = threading.Thread(target=self._end, args=(deadline,), name="exit-limit", daemon=True)
        with suppress(RuntimeError, MemoryError):  # without a thread it has to end by itself
            end.start()

    def begin_if_kept(self) -> None:
        """End the process soon if threads keep it from ending by itself."""
        if threads_left(self._plugins):
            self.begin(0)

    def _end(self, deadline: float) -> None:
        time.sleep(max(0.0, deadline - time.monotonic()))
        for name, plugin in threads_left(self._plugins):
            origin = f"plugin {plugin}" if plugin else "unknown origin"
            _log.error("ending without the thread %s of %s", name, origin, extra={"plugin": plugin})
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(self.code)


def threads_left(plugins: Plugins) -> list[tuple[str, str | None]]:
    """Return the threads that keep the process from ending, each with its plugin if known."""
    frames = sys._current_frames()
    left = [
        each
        for each in threading.enumerate()
        if not each.daemon and each is not threading.main_thread() and each.ident is not None
    ]
    return [(each.name, plugins.running_in(frames.get(each.ident or 0))) for each in left]
