"""Keeps a failure that repeats with every request from flooding Sentry."""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping

from facilitator.plugin import Clock

SECONDS = 60.0
PER_KIND = 10
"""So many of a kind are sent in :data:`SECONDS`."""
MAX_KINDS = 256


def kind_of(error: BaseException, context: Mapping[str, str]) -> Hashable:
    """Failures of the same kind are raised at the same place and met at the same one.

    What a caller can choose, such as a path, is no part of it.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    # Who made an exception without raising it wrote its text.
    place = str(error) if trace is None else (trace.tb_frame.f_code.co_filename, trace.tb_lineno)
    return (type(error), place, *(context.get(key) for key in ("status", "plugin", "hook")))


class Repeats:
    """Counts failures by kind. Safe to call from many threads."""

    def __init__(self, clock: Clock) -> None:
        """Measure time by ``clock``."""
        self._clock = clock
        self._lock = threading.Lock()
        # Of each kind: the end of its time, how many were sent in it, how many were not.
        self._kinds: OrderedDict[Hashable, tuple[float, int, int]] = OrderedDict()

    def unsent(self, kind: Hashable) -> int | None:
        """How many of the kind were not sent since one last was; ``None``: don't send this one."""
        now = self._clock.time()
        with self._lock:
            end, sent, unsent = self._kinds.pop(kind, (0.0, 0, 0))
            if now >= end:
                end, sent = now + SECONDS, 0
            if is_sent := sent < PER_KIND:
                self._kinds[kind] = (end, sent + 1, 0)
            else:
                self._kinds[kind] = (end, sent, unsent + 1)
            if len(self._kinds) > MAX_KINDS:
                self._kinds.popitem(last=False)
        return unsent if is_sent else None
