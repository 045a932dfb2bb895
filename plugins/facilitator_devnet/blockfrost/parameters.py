"""Protocol parameters in Blockfrost's form."""

from typing import Any

from facilitator.cardano.parameters import ProtocolParameters
from facilitator_devnet.genesis import MAX_BLOCK_BODY_SIZE

LANGUAGES = ("PlutusV1", "PlutusV2", "PlutusV3")
UNUSED: dict[str, Any] = {
    "max_block_header_size": 1100,
    "n_opt": 500,
    "a0": 0.3,
    "rho": 0.003,
    "tau": 0.2,
    "decentralisation_param": 0,
    "extra_entropy": None,
    "nonce": "00" * 32,
    "max_block_ex_mem": "72000000",
    "max_block_ex_steps": "20000000000",
    "pvt_motion_no_confidence": 0.51,
    "pvt_committee_normal": 0.51,
    "pvt_committee_no_confidence": 0.51,
    "pvt_hard_fork_initiation": 0.51,
    "dvt_motion_no_confidence": 0.67,
    "dvt_committee_normal": 0.67,
    "dvt_committee_no_confidence": 0.6,
    "dvt_update_to_constitution": 0.75,
    "dvt_hard_fork_initiation": 0.6,
    "dvt_p_p_network_group": 0.67,
    "dvt_p_p_economic_group": 0.67,
    "dvt_p_p_technical_group": 0.67,
    "dvt_p_p_gov_group": 0.75,
    "dvt_treasury_withdrawal": 0.67,
    "committee_min_size": "3",
    "committee_max_term_length": "146",
    "gov_action_lifetime": "6",
    "drep_activity": "20",
    "pvtpp_security_group": 0.51,
    "pvt_p_p_security_group": 0.51,
}
"""Values of preprod, on which nothing here depends."""


def parameters_json(parameters: ProtocolParameters, epoch: int) -> dict[str, Any]:
    """Return the answer to ``/epochs/{number}/parameters`` for the epoch."""
    models = {LANGUAGES[key]: list(costs) for key, costs in parameters.cost_models.items()}
    return {
        **UNUSED,
        "epoch": epoch,
        "min_fee_a": parameters.min_fee_a,
        "min_fee_b": parameters.min_fee_b,
        "max_block_size": MAX_BLOCK_BODY_SIZE,
        "max_tx_size": parameters.max_tx_size,
        "key_deposit": str(parameters.key_deposit),
        "pool_deposit": str(parameters.pool_deposit),
        "e_max": parameters.max_epoch,
        "protocol_major_ver": parameters.protocol_major,
        "protocol_minor_ver": parameters.protocol_minor,
        "min_utxo": str(parameters.coins_per_utxo_byte),
        "min_pool_cost": str(parameters.min_pool_cost),
        "cost_models": {
            language: {f"{number:03}": cost for number, cost in enumerate(costs)}
            for language, costs in models.items()
        },
        "cost_models_raw": models,
        "price_mem": float(parameters.price_memory),
        "price_step": float(parameters.price_steps),
        "max_tx_ex_mem": str(parameters.max_tx_memory),
        "max_tx_ex_steps": str(parameters.max_tx_steps),
        "max_val_size": str(parameters.max_value_size),
        "collateral_percent": parameters.collateral_percentage,
        "max_collateral_inputs": parameters.max_collateral_inputs,
        "coins_per_utxo_size": str(parameters.coins_per_utxo_byte),
        "coins_per_utxo_word": str(parameters.coins_per_utxo_byte),
        "gov_action_deposit": str(parameters.gov_action_deposit),
        "drep_deposit": str(parameters.drep_deposit),
        "min_fee_ref_script_cost_per_byte": float(parameters.min_fee_ref_script_cost_per_byte),
    }
