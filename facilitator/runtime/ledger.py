"""The payment ledger of a facilitator: the storage's own, or that of another plugin."""

from collections.abc import Callable

from facilitator.clock import Clock
from facilitator.errors import PluginError
from facilitator.payments.ledger_keeper import LedgerKeeper
from facilitator.payments.outbox import Outbox
from facilitator.payments.refusal_counts import RefusalCounts
from facilitator.plugin.context import Context
from facilitator.plugin.manager import Plugins
from facilitator.roles.metrics import Meter
from facilitator.roles.payment_ledger import KeepsOutbox, PaymentLedger, RecordsPayments
from facilitator.roles.storage import Storage


def ledger_of(storage: Storage, plugins: Plugins, context: Context) -> PaymentLedger | None:
    """Return the ledger; ``None`` if neither the storage nor a plugin has one.

    Raises :class:`PluginError` if a plugin has one, and the storage keeps no outbox for it.
    """
    if isinstance(storage, RecordsPayments):
        return storage.payment_ledger()
    ledger = plugins.payment_ledger(context)
    if ledger is not None and not isinstance(storage, KeepsOutbox):
        ledger.close()
        raise PluginError(
            "a plugin provides the payment ledger, and the storage cannot keep changes for it:"
            " choose another storage, or leave the ledger out"
        )
    return ledger


def outbox_of(ledger: PaymentLedger | None, storage: Storage, meter: Meter) -> Outbox | None:
    """Return the outbox of a storage that does not write the ledger itself."""
    is_needed = ledger is not None and not isinstance(storage, RecordsPayments)
    return Outbox(storage, meter) if is_needed and isinstance(storage, KeepsOutbox) else None


def keeper_of(
    ledger: PaymentLedger | None,
    outbox: Outbox | None,
    refusals: RefusalCounts,
    clock: Clock,
    keep_days: int,
    on_error: Callable[[BaseException], None],
) -> LedgerKeeper | None:
    """Return the thread that keeps the ledger; ``None`` if there is none."""
    if ledger is None:
        return None
    return LedgerKeeper(ledger, outbox, refusals, clock, keep_days, on_error)
