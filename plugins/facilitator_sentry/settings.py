"""The plugin's settings."""

from dataclasses import dataclass

from sentry_sdk.utils import BadDsn, Dsn

from facilitator.plugin import setting


def _names_a_project(dsn: str) -> str | None:
    try:
        Dsn(dsn)
    except (BadDsn, ValueError):
        # The library's message may quote parts of it.
        return "must be a DSN as Sentry shows it, such as https://<key>@sentry.example/1"
    return None


@dataclass(frozen=True)
class SentrySettings:
    """The table ``sentry``."""

    dsn: str | None = setting(
        None,
        "DSN of the project that gets the reports; nothing is reported when unset.",
        secret=True,
        check=_names_a_project,
    )
    environment: str | None = setting(
        None, "Environment that reports name; that of FACILITATOR_ENV when unset."
    )
    traces_sample_rate: float = setting(
        0.1, "Share of requests whose course is reported; 0 reports none.", minimum=0, maximum=1
    )
