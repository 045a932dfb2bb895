"""A limit on repeated failures, so that one with every request does not flood Sentry."""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping

from facilitator.plugin import Clock

SECONDS = 60.0
PER_KIND = 10
"""The most failures of a kind that are sent in :data:`SECONDS`."""
MAX_KINDS = 256


def kind_of(error: BaseException, context: Mapping[str, str]) -> Hashable:
    """Return the failure's kind: the places where it was raised and where it was caught.

    Values that a caller can choose, such as a path, are no part of it.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    # Without a trace the exception was made by code, which wrote its text.
    place = _text(error) if trace is None else (trace.tb_frame.f_code.co_filename, trace.tb_lineno)
    return (type(error), place, *(context.get(key) for key in ("status", "plugin", "hook")))


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # an error of the error's own class
        return ""


class Repeats:
    """The counts of failures by kind, for many threads."""

    def __init__(self, clock: Clock) -> None:
        """Measure time by ``clock``."""
        self._clock = clock
        self._lock = threading.Lock()
        # For each kind: the end of its time, the number sent in it, the number not sent.
        self._kinds: OrderedDict[Hashable, tuple[float, int, int]] = OrderedDict()

    def unsent(self, kind: Hashable) -> int | None:
        """Return the number of the kind unsent since the last sent one; ``None``: don't send it."""
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
