"""Reports of the facilitator's own faults to every error reporter."""

import logging
import threading
from collections.abc import Mapping, Sequence

from facilitator.errors import ends_process
from facilitator.observability.metrics import FAULTS
from facilitator.roles.metrics import Meter
from facilitator.roles.reporting import ErrorReporter

_log = logging.getLogger("facilitator")

_FLUSH_SECONDS = 2.0


class FaultReports:
    """Counts faults and passes them to the error reporters. Safe to use from many threads."""

    def __init__(self, reporters: Sequence[tuple[str, ErrorReporter]], meter: Meter) -> None:
        """Report to ``reporters``, each with its plugin's name, and count in ``meter``."""
        self.reporters = list(reporters)
        self._meter = meter
        meter.count(FAULTS, 0)  # or the first fault would not be seen as an increase

    def report(self, error: BaseException, context: Mapping[str, str]) -> None:
        """Pass a fault, which is logged already, to every error reporter."""
        self._meter.count(FAULTS)
        for plugin, reporter in self.reporters:
            try:
                reporter.report(error, context)
            except BaseException as failure:
                if ends_process(failure):
                    raise
                _log.exception("the error reporter of plugin %s failed", plugin)

    def flush(self) -> None:
        """Let every error reporter send what is queued."""
        for plugin, reporter in self.reporters:
            try:
                reporter.flush(_FLUSH_SECONDS)
            except BaseException as failure:
                if ends_process(failure):
                    raise
                _log.exception("the error reporter of plugin %s failed to flush", plugin)

    def report_following(self, error: BaseException) -> None:
        """Log and report an error of a thread that follows a chain."""
        _log.error("unexpected error while following the chain", exc_info=error)
        self.report(error, {"thread": threading.current_thread().name})

    def report_ended_threads(self) -> None:
        """Report the exceptions that end threads from now on, which are logged already."""
        log = threading.excepthook

        def report(failure: threading.ExceptHookArgs) -> None:
            log(failure)
            if failure.exc_value is not None and not isinstance(failure.exc_value, SystemExit):
                name = failure.thread.name if failure.thread else "unknown"
                self.report(failure.exc_value, {"thread": name})

        threading.excepthook = report
