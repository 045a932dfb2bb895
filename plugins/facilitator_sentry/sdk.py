"""Sentry's SDK, set up to send the given events and to collect nothing by itself."""

import logging
import threading
import time
from typing import Any

import sentry_sdk
from sentry_sdk.client import BaseClient
from sentry_sdk.transport import HttpTransport
from sentry_sdk.utils import Dsn

from facilitator import __version__
from facilitator.plugin import Settings
from facilitator_sentry.scrubbing import Scrubber
from facilitator_sentry.settings import SentrySettings

RELEASE = f"x402-cardano-facilitator@{__version__}"
SEND_SECONDS = 5
"""The longest wait for Sentry, in a thread of its own."""
WARNING_SECONDS = 60.0
"""The interval at which the log says that Sentry takes no reports."""

logger = logging.getLogger("facilitator.sentry")


class Transport(HttpTransport):
    """A transport with its own thread and a bounded queue, which logs lost events."""

    TIMEOUT = SEND_SECONDS

    def __init__(self, options: dict[str, Any]) -> None:
        """Take the SDK's options."""
        super().__init__(options)
        self._lock = threading.Lock()
        self._silent_until = 0.0

    def _get_pool_options(self) -> dict[str, Any]:
        """Return the options without urllib3's own retries, each of which it would log."""
        return {**super()._get_pool_options(), "retries": False}

    def on_dropped_event(self, _reason: str) -> None:
        """Log the loss, at most once in :data:`WARNING_SECONDS`; called from any thread."""
        with self._lock:
            now = time.monotonic()
            if now < self._silent_until:
                return
            self._silent_until = now + WARNING_SECONDS
        logger.warning("Sentry does not get every report", extra={"reason": _reason})


def start(settings: Settings, dsn: str) -> BaseClient:
    """Set up the SDK, of which a process has one, and return its client."""
    own = settings.section(SentrySettings)
    scrub = Scrubber(settings.secrets(), Dsn(dsn).public_key)
    sentry_sdk.init(
        dsn=dsn,
        environment=own.environment or settings.environment,
        release=RELEASE,
        traces_sample_rate=own.traces_sample_rate or None,
        transport=Transport,
        before_send=scrub,
        before_send_transaction=scrub,
        # The SDK patches and collects nothing, and ignores its own variables SENTRY_… of the
        # environment. By default it collects nothing about persons; saying so is deprecated.
        default_integrations=False,
        auto_enabling_integrations=False,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        auto_session_tracking=False,
        enable_backpressure_handling=False,
        enable_logs=False,
        enable_metrics=False,
        debug=False,
        keep_alive=False,
        spotlight=False,
        in_app_include=["facilitator", *(f"facilitator_{name}" for name in settings.plugins)],
    )
    return sentry_sdk.get_client()
