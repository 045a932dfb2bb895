"""The payment ledger that the settings name, opened beside a facilitator that may be serving."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from facilitator.cli.output import without_secrets
from facilitator.clock import SystemClock
from facilitator.errors import FacilitatorError
from facilitator.plugin.context import Context
from facilitator.plugin.loading import configure
from facilitator.plugin.manager import Plugins
from facilitator.roles.payment_ledger import PaymentLedger
from facilitator.roles.storage import Storage, StorageUnavailable
from facilitator.runtime.ledger import ledger_of


class LedgerNotReadable(FacilitatorError):
    """The payment ledger cannot be read from here."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The ledger, and what it was made from."""

    ledger: PaymentLedger
    storage: Storage
    plugins: Plugins
    context: Context
    parts: ExitStack
    """Closes what is opened further."""


@contextmanager
def open_ledger(settings_path: str | None) -> Iterator[Opened]:
    """Open the ledger for the ``with`` block; nothing is served, and no claim changed.

    Raises :class:`LedgerNotReadable`, also for an outage in the block, and other
    :class:`FacilitatorError`.
    """
    settings, plugins = configure(settings_path)
    with without_secrets(settings), ExitStack() as parts:
        parts.callback(plugins.shutdown)
        context = Context(settings, SystemClock(), is_trial=True, hooks=plugins)
        storage = plugins.one_storage(context)
        parts.callback(storage.close)
        if not (storage.is_durable or storage.is_shared):
            raise LedgerNotReadable(
                "the payment ledger is in the memory of the process that serves, where no command"
                " can read it: enable a durable storage such as sqlite, or ask that process by its"
                " HTTP API"
            )
        ledger = ledger_of(storage, plugins, context)
        if ledger is None:
            raise LedgerNotReadable(
                "neither the storage nor another plugin keeps a payment ledger: enable sqlite, with"
                " sqlite.storage = false beside another storage"
            )
        parts.callback(ledger.close)
        try:
            yield Opened(ledger, storage, plugins, context, parts)
        except StorageUnavailable as error:
            raise LedgerNotReadable(
                f"the payment ledger cannot be asked: {error.detail}"
            ) from error
