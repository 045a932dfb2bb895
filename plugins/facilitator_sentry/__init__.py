"""Reports of failures and request traces to Sentry, scrubbed of payments and secrets."""

import logging
from collections.abc import Mapping

from facilitator.plugin import Context, ErrorReporter, RequestView, ResponseView, hookimpl
from facilitator_sentry import traces
from facilitator_sentry.reporter import Off, SentryReporter
from facilitator_sentry.sdk import start
from facilitator_sentry.settings import SentrySettings

logger = logging.getLogger("facilitator.sentry")


@hookimpl
def settings_sections() -> Mapping[str, type]:
    """Return the table ``sentry``."""
    return {"sentry": SentrySettings}


@hookimpl
def error_reporter(context: Context) -> ErrorReporter:
    """Return the reporter to the project that the settings name, or one that is off."""
    settings = context.settings.section(SentrySettings)
    if settings.dsn is None:
        logger.info("Sentry is off: the setting sentry.dsn is not set")
        return Off()
    return SentryReporter(start(context.settings, settings.dsn), settings.dsn, context.clock)


@hookimpl
def request_completed(request: RequestView, response: ResponseView) -> None:
    """Queue the request's trace."""
    traces.end(request, response)
