"""The plugin's settings."""

from dataclasses import dataclass

from facilitator.plugin import setting


def _check_path(path: str) -> str | None:
    if path == ":memory:":
        return "must name a file; to keep nothing, enable the plugin 'memory' instead of 'sqlite'"
    return None


@dataclass(frozen=True)
class SqliteSettings:
    """The table ``sqlite``."""

    path: str = setting(
        "facilitator.db",
        "File that keeps claims, reservations and the payment ledger, on a local disk; made when it"
        " does not exist.",
        check=_check_path,
    )
    storage: bool = setting(
        True,
        "Whether it is the storage. If not, the file is the payment ledger for another storage.",
    )
