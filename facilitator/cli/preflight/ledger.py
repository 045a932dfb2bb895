"""The check of the payment ledger: that it can be read."""

from collections.abc import Iterator
from functools import partial

from facilitator.cli.preflight.result import Result, attempt
from facilitator.plugin.context import Context
from facilitator.plugin.manager import Plugins
from facilitator.roles.payment_ledger import RecordsPayments
from facilitator.roles.storage import Storage
from facilitator.runtime.ledger import ledger_of

NAME = "payment ledger"
_NONE = Result(
    NAME,
    "warning",
    "there is none: a payment is forgotten after a day",
    "enable sqlite or postgres beside the storage, with storage = false in its table",
)


def try_ledger(plugins: Plugins, context: Context, storage: Storage) -> Iterator[Result]:
    """Yield the result of opening the payment ledger, or a warning if there is none."""
    for result in attempt(
        NAME,
        partial(_describe, plugins, context, storage),
        "look at its settings ('facilitator settings') and whether it runs",
    ):
        yield result if result.detail else _NONE


def _describe(plugins: Plugins, context: Context, storage: Storage) -> str:
    """Return where it is; an empty text if there is none."""
    ledger = ledger_of(storage, plugins, context)
    if ledger is None:
        return ""
    try:
        ledger.last_number()
    finally:
        ledger.close()
    return "kept by the storage" if isinstance(storage, RecordsPayments) else "kept elsewhere"
