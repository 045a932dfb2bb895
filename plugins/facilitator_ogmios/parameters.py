"""Protocol parameters, and the calendar, kept for their epoch."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from facilitator.cardano.ogmios.eras import Calendar, read_calendar
from facilitator.cardano.ogmios.fields import (
    Malformed,
    Row,
    inner,
    lovelace,
    number,
    ratio,
    table,
    whole,
)
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.plugin import Clock
from facilitator.x402.networks import cardano_network
from facilitator_ogmios.client import Client, Session

ASK_AGAIN_SECONDS = 5.0
"""Seconds between two questions while the first block of an epoch is missing."""

_LANGUAGES = ("plutus:v1", "plutus:v2", "plutus:v3")


class Kept(NamedTuple):
    """Parameters, and the Unix seconds from which on and until which they count."""

    parameters: ProtocolParameters
    asked_at: float
    ask_at: float

    def counts_at(self, now: float) -> bool:
        """Return True until they are to be asked for again: also if the clock was set back."""
        return self.asked_at <= now < self.ask_at


def fetch_calendar(client: Client, network: str) -> Calendar:
    """Return the network's calendar: the known one, else the node's.

    Raises :class:`ChainUnavailable`.
    """
    known = cardano_network(network)
    if known.eras is not None:
        return Calendar(known.eras, *known.first_epoch, known.epoch_slots)

    def look(session: Session) -> Calendar:
        start_ms = session.ask("queryNetwork/startTime", read_start)
        return session.ask(
            "queryLedgerState/eraSummaries", lambda result: read_calendar(result, start_ms)
        )

    return client.session(look)


def fetch_parameters(client: Client, calendar: Calendar, clock: Clock) -> Kept:
    """Return the parameters of the node's epoch. Raises :class:`ChainUnavailable`.

    A node enters an epoch with its first block. Until then those of the epoch before are in force.
    """

    def look(session: Session) -> ProtocolParameters:
        epoch = session.ask("queryLedgerState/epoch", _epoch)
        return session.ask(
            "queryLedgerState/protocolParameters", lambda result: read_parameters(result, epoch)
        )

    found, now = client.session(look), clock.time()
    if found.epoch < calendar.epoch_at(int(now * 1000)):
        return Kept(found, now, now + ASK_AGAIN_SECONDS)
    return Kept(found, now, calendar.start_ms(found.epoch + 1) / 1000)


def read_start(result: Any) -> int:
    """Return the Unix time in ms at which the network started. Raises :class:`Malformed`."""
    try:
        start = datetime.fromisoformat(str(result))
    except ValueError:
        raise Malformed("startTime is no time") from None
    return round(start.replace(tzinfo=start.tzinfo or UTC).timestamp() * 1000)


def read_parameters(result: Any, epoch: int) -> ProtocolParameters:
    """Return the parameters that Ogmios' names stand for. Raises :class:`Malformed`."""
    row = table(result, "parameters")
    prices, units = (
        inner(row, "scriptExecutionPrices"),
        inner(row, "maxExecutionUnitsPerTransaction"),
    )
    version = inner(row, "version")
    return ProtocolParameters(
        min_fee_a=whole(row, "minFeeCoefficient"),
        min_fee_b=lovelace(row, "minFeeConstant"),
        coins_per_utxo_byte=whole(row, "minUtxoDepositCoefficient"),
        max_tx_size=_bytes(row, "maxTransactionSize"),
        max_value_size=_bytes(row, "maxValueSize"),
        key_deposit=lovelace(row, "stakeCredentialDeposit"),
        pool_deposit=lovelace(row, "stakePoolDeposit"),
        min_pool_cost=lovelace(row, "minStakePoolCost"),
        drep_deposit=lovelace(row, "delegateRepresentativeDeposit"),
        gov_action_deposit=lovelace(row, "governanceActionDeposit"),
        collateral_percentage=whole(row, "collateralPercentage"),
        max_collateral_inputs=whole(row, "maxCollateralInputs"),
        min_fee_ref_script_cost_per_byte=number(inner(row, "minFeeReferenceScripts"), "base"),
        price_memory=ratio(prices, "memory"),
        price_steps=ratio(prices, "cpu"),
        max_tx_memory=whole(units, "memory"),
        max_tx_steps=whole(units, "cpu"),
        protocol_major=whole(version, "major"),
        protocol_minor=whole(version, "minor"),
        cost_models=_cost_models(row),
        epoch=epoch,
        max_epoch=whole(row, "stakePoolRetirementEpochBound"),
        max_ref_script_size_per_tx=_reference_scripts(row),
    )


def _epoch(result: Any) -> int:
    return whole({"epoch": result}, "epoch")


def _bytes(row: Row, name: str) -> int:
    return whole(inner(row, name), "bytes")


def _reference_scripts(row: Row) -> int:
    """Return the bytes of reference scripts in a transaction, by its name before version 7 too."""
    name = "maxReferenceScriptsSize"
    return _bytes(row, name if name in row else f"{name}PerTransaction")


def _cost_models(row: Row) -> dict[int, tuple[int, ...]]:
    """Return the costs by language, in the ledger's order."""
    models = inner(row, "plutusCostModels") if "plutusCostModels" in row else {}
    found = {}
    for language, name in enumerate(_LANGUAGES):
        costs = models.get(name)
        if costs is None:
            continue
        if not isinstance(costs, list) or not all(type(cost) is int for cost in costs):
            raise Malformed(f"the cost model of {name} is no list of whole numbers")
        found[language] = tuple(costs)
    return found
