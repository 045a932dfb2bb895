"""Protocol parameters, by the ledger's names in snake case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

DIJKSTRA = 12
"""The first major protocol version of the era Dijkstra."""
LAST_KNOWN = 12
"""The highest major protocol version whose rules are known here."""


@dataclass(frozen=True, slots=True)
class ProtocolParameters:
    """The parameters that the ledger rules read. Amounts are in lovelace, sizes in bytes."""

    min_fee_a: int
    """Lovelace per byte of transaction."""
    min_fee_b: int
    coins_per_utxo_byte: int
    max_tx_size: int
    max_value_size: int
    key_deposit: int
    pool_deposit: int
    min_pool_cost: int
    drep_deposit: int
    gov_action_deposit: int
    collateral_percentage: int
    max_collateral_inputs: int
    min_fee_ref_script_cost_per_byte: Fraction
    price_memory: Fraction
    price_steps: Fraction
    max_tx_memory: int
    max_tx_steps: int
    protocol_major: int
    protocol_minor: int
    cost_models: Mapping[int, Sequence[int]]
    """Cost models by language: 0, 1, 2 for Plutus V1, V2, V3."""
    epoch: int = 0
    """The epoch in which these parameters are in force."""
    max_epoch: int = 18
    """The most epochs between a pool's retirement and its announcement (``eMax``)."""
    max_ref_script_size_per_tx: int = 200 * 1024
    """Bytes of reference scripts in a transaction; the ledger fixes this limit in Conway."""
