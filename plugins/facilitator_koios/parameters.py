"""Protocol parameters from ``/epoch_params``, kept for their epoch."""

from typing import Any, NamedTuple

from facilitator.cardano.ogmios.eras import Calendar
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.plugin import Clock
from facilitator_koios.calendar import check_epoch
from facilitator_koios.client import Client
from facilitator_koios.fields import Malformed, Row, fraction, rows, table, whole

LAG_SECONDS = 1800.0
"""Seconds after an epoch's start in which Koios may still have the last one's parameters."""

_ASK_AGAIN_SECONDS = 10.0
_LANGUAGES = ("PlutusV1", "PlutusV2", "PlutusV3")


class Kept(NamedTuple):
    """Parameters, and the Unix seconds from which on and until which they count."""

    parameters: ProtocolParameters
    asked_at: float
    ask_at: float

    def counts_at(self, now: float) -> bool:
        """Return True until they are to be asked for again: also if the clock was set back."""
        return self.asked_at <= now < self.ask_at


def fetch_parameters(client: Client, calendar: Calendar, clock: Clock) -> Kept:
    """Return the parameters of the present epoch.

    Just after its start Koios may not have them. Those of the epoch before are then used with the
    outputs of that epoch, and are asked for again soon. Raises :class:`ChainUnavailable`.
    """
    now_ms = int(clock.time() * 1000)
    epoch = calendar.epoch_at(now_ms)
    found = _of_epoch(client, epoch)
    if found is not None:
        return Kept(found, now_ms / 1000, calendar.start_ms(epoch + 1) / 1000)
    check_epoch(calendar, epoch, now_ms, LAG_SECONDS)
    before = _of_epoch(client, epoch - 1)
    if before is None:
        check_epoch(calendar, epoch, now_ms, -1)
        raise Malformed("parameters of neither this epoch nor the one before")
    return Kept(before, now_ms / 1000, now_ms / 1000 + _ASK_AGAIN_SECONDS)


def _of_epoch(client: Client, epoch: int) -> ProtocolParameters | None:
    found = rows(client.get("/epoch_params", _epoch_no=epoch), "parameters")
    if not found:
        return None
    parameters = read_parameters(found[0])
    if parameters.epoch != epoch:
        raise Malformed("parameters of another epoch")
    return parameters


def read_parameters(row: Row) -> ProtocolParameters:
    """Return the parameters that Koios' names stand for. Raises :class:`Malformed`."""
    return ProtocolParameters(
        min_fee_a=whole(row, "min_fee_a"),
        min_fee_b=whole(row, "min_fee_b"),
        coins_per_utxo_byte=whole(row, "coins_per_utxo_size"),
        max_tx_size=whole(row, "max_tx_size"),
        max_value_size=whole(row, "max_val_size"),
        key_deposit=whole(row, "key_deposit"),
        pool_deposit=whole(row, "pool_deposit"),
        min_pool_cost=whole(row, "min_pool_cost"),
        drep_deposit=whole(row, "drep_deposit"),
        gov_action_deposit=whole(row, "gov_action_deposit"),
        collateral_percentage=whole(row, "collateral_percent"),
        max_collateral_inputs=whole(row, "max_collateral_inputs"),
        min_fee_ref_script_cost_per_byte=fraction(row, "min_fee_ref_script_cost_per_byte"),
        price_memory=fraction(row, "price_mem"),
        price_steps=fraction(row, "price_step"),
        max_tx_memory=whole(row, "max_tx_ex_mem"),
        max_tx_steps=whole(row, "max_tx_ex_steps"),
        protocol_major=whole(row, "protocol_major"),
        protocol_minor=whole(row, "protocol_minor"),
        cost_models=_cost_models(row.get("cost_models")),
        epoch=whole(row, "epoch_no"),
        max_epoch=whole(row, "max_epoch"),
    )


def _cost_models(models: Any) -> dict[int, tuple[int, ...]]:
    """Return the costs by language, in the ledger's order."""
    if models is None:
        return {}
    found = {}
    for language, name in enumerate(_LANGUAGES):
        costs = table(models, "cost_models").get(name)
        if costs is None:
            continue
        if not isinstance(costs, list) or not all(type(cost) is int for cost in costs):
            raise Malformed(f"the cost model of {name} is no list of whole numbers")
        found[language] = tuple(costs)
    return found
