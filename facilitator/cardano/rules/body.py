"""Rules over the transaction body alone: inputs, validity interval, size, network."""

from collections import Counter

from facilitator.cardano.parameters import LAST_KNOWN
from facilitator.cardano.rules.failure import (
    UNKNOWN_VERSION,
    Environment,
    Failure,
    format_items,
    refuse_unjudged,
)
from facilitator.cardano.rules.future_signers import count_future_bytes
from facilitator.cardano.transaction import Transaction

PROTOCOL_VERSIONS = range(9, LAST_KNOWN + 1)
"""Major protocol versions of the eras Conway and Dijkstra, which these rules cover."""


def protocol_version(_tx: Transaction, env: Environment) -> Failure | None:
    """Only transactions under the rules of Conway and Dijkstra are judged."""
    major = env.parameters.protocol_major
    if major in PROTOCOL_VERSIONS:
        return None
    if major > LAST_KNOWN:
        return Failure(
            UNKNOWN_VERSION,
            f"protocol version {major} is in force, and the rules are known up to {LAST_KNOWN}: "
            "a later release of the facilitator is needed",
        )
    return refuse_unjudged(f"transactions under protocol version {major} are")


def input_set_empty(tx: Transaction, _env: Environment) -> Failure | None:
    """Shelley UTXO, ``InputSetEmptyUTxO``: at least one input is spent."""
    if tx.body.inputs:
        return None
    return Failure("InputSetEmptyUTxO", "the transaction spends no input")


def duplicate_inputs(tx: Transaction, _env: Environment) -> Failure | None:
    """Conway CDDL, ``set<transaction_input>``: no input is named twice (the decoder's rule)."""
    inputs = tx.body.inputs
    if len(inputs) == 1 or len(set(inputs)) == len(inputs):
        return None
    twice = sorted(str(ref) for ref, count in Counter(inputs).items() if count > 1)
    return Failure("DecodingFailure", f"inputs are named more than once: {format_items(twice)}")


def non_disjoint_reference_inputs(tx: Transaction, env: Environment) -> Failure | None:
    """Babbage UTXO, ``BabbageNonDisjointRefInputs``: in force in protocol versions 9 and 10."""
    body = tx.body
    if not body.reference_inputs or env.parameters.protocol_major not in (9, 10):
        return None
    common = sorted(str(ref) for ref in set(body.inputs).intersection(body.reference_inputs))
    if not common:
        return None
    return Failure(
        "BabbageNonDisjointRefInputs",
        f"inputs are also reference inputs: {format_items(common)}",
    )


def outside_validity_interval(tx: Transaction, env: Environment) -> Failure | None:
    """Allegra UTXO, ``OutsideValidityIntervalUTxO``: start ≤ slot < end."""
    start, end = tx.body.invalid_before, tx.body.invalid_hereafter
    if (start is None or start <= env.slot) and (end is None or env.slot < end):
        return None
    bounds = []
    if start is not None:
        bounds.append(f"from slot {start}")
    if end is not None:
        bounds.append(f"before slot {end}")
    return Failure(
        "OutsideValidityIntervalUTxO",
        f"it is valid only {' and '.join(bounds)}, and the slot is {env.slot}",
    )


def max_tx_size(tx: Transaction, env: Environment) -> Failure | None:
    """Shelley UTXO, ``MaxTxSizeUTxO``: size in bytes ≤ ``maxTxSize``."""
    size = tx.size
    if env.future_signers:
        size += count_future_bytes(tx, env)
    if size <= env.parameters.max_tx_size:
        return None
    return Failure(
        "MaxTxSizeUTxO",
        f"it has {size} bytes, the limit is {env.parameters.max_tx_size}",
    )


def wrong_network_in_body(tx: Transaction, env: Environment) -> Failure | None:
    """Alonzo UTXO, ``WrongNetworkInTxBody``: the body's network id, when there is one."""
    if tx.body.network_id is None or tx.body.network_id == env.network_id:
        return None
    return Failure(
        "WrongNetworkInTxBody",
        f"the body names network id {tx.body.network_id}, this network's is {env.network_id}",
    )


def wrong_network_withdrawal(tx: Transaction, env: Environment) -> Failure | None:
    """Shelley UTXO, ``WrongNetworkWithdrawal``: reward addresses are this network's."""
    if not tx.body.withdrawals:
        return None
    wrong = [address.hex() for address in tx.body.withdrawals if address[0] & 15 != env.network_id]
    if not wrong:
        return None
    return Failure(
        "WrongNetworkWithdrawal",
        f"reward addresses are not of network id {env.network_id}: {format_items(wrong)}",
    )


def validation_tag(tx: Transaction, _env: Environment) -> Failure | None:
    """Alonzo UTXOS, ``ValidationTagMismatch``: without scripts to run, nothing can fail.

    With redeemers, the verdict of the scripts decides, since each redeemer has a script.
    """
    if tx.is_valid or tx.witnesses.redeemers:
        return None
    return Failure(
        "ValidationTagMismatch",
        "it is marked as failing its scripts, but has no redeemers and so none that could fail",
    )
