"""Protocol parameters from ``/epochs/latest/parameters``, kept for their epoch."""

from typing import Any, NamedTuple

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.plugin import ChainUnavailable, Clock
from facilitator_blockfrost.client import Client, Missing
from facilitator_blockfrost.eras import Calendar
from facilitator_blockfrost.fields import Malformed, fraction, table, whole

LAG_SECONDS = 1800.0
"""Seconds after an epoch's start in which Blockfrost may still have the last one's parameters."""

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
    """Return the parameters in force at Blockfrost's tip.

    Just after an epoch's start the tip may still be in the epoch before. Its parameters are then
    used with Blockfrost's outputs of that epoch, and are asked for again soon.
    Raises :class:`ChainUnavailable`.
    """
    try:
        parameters = read_parameters(client.get("/epochs/latest/parameters"))
    except Missing:
        raise ChainUnavailable("Blockfrost has no protocol parameters") from None
    now_ms = int(clock.time() * 1000)
    epoch = calendar.epoch_at(now_ms)
    if parameters.epoch != epoch - 1:
        return Kept(parameters, now_ms / 1000, calendar.start_ms(epoch + 1) / 1000)
    if now_ms - calendar.start_ms(epoch) > LAG_SECONDS * 1000:
        raise ChainUnavailable(f"Blockfrost does not have the parameters of epoch {epoch} yet")
    return Kept(parameters, now_ms / 1000, now_ms / 1000 + _ASK_AGAIN_SECONDS)


def read_parameters(answer: Any) -> ProtocolParameters:
    """Return the parameters that Blockfrost's names stand for. Raises :class:`Malformed`."""
    row = table(answer, "parameters")
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
        protocol_major=whole(row, "protocol_major_ver"),
        protocol_minor=whole(row, "protocol_minor_ver"),
        cost_models=_cost_models(row.get("cost_models_raw")),
        epoch=whole(row, "epoch"),
        max_epoch=whole(row, "e_max"),
    )


def _cost_models(raw: Any) -> dict[int, tuple[int, ...]]:
    """Return the costs by language, in the ledger's order; ``cost_models`` has them by name."""
    if raw is None:
        return {}
    models = {}
    for language, name in enumerate(_LANGUAGES):
        costs = table(raw, "cost_models_raw").get(name)
        if costs is None:
            continue
        if not isinstance(costs, list) or not all(type(cost) is int for cost in costs):
            raise Malformed(f"the cost model of {name} is no list of whole numbers")
        models[language] = tuple(costs)
    return models
