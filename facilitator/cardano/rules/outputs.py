"""Rules over each output that a transaction creates, including its collateral return."""

from itertools import groupby

from facilitator.cardano.addresses.address import MAINNET, TESTNET
from facilitator.cardano.addresses.byron import read_byron
from facilitator.cardano.rules.failure import Environment, Failure, format_items
from facilitator.cardano.rules.malformed import find_malformed
from facilitator.cardano.transaction import Output, Transaction

OUTPUT_OVERHEAD = 160
"""Bytes that count in addition to an output's serialisation (Babbage, CIP-55)."""
MAX_BYRON_ATTRIBUTES = 64
"""The most bytes of attributes of a new Byron address (Shelley UTXO)."""


def list_created_outputs(tx: Transaction) -> tuple[Output, ...]:
    """Return all outputs that the transaction can create, the collateral return last."""
    body = tx.body
    if body.collateral_return is None:
        return body.outputs
    return (*body.outputs, body.collateral_return)


def compute_minimum_lovelace(output: Output, coins_per_utxo_byte: int) -> int:
    """Return the least lovelace that the output must hold (Babbage, ``getMinCoinTxOut``)."""
    return (OUTPUT_OVERHEAD + output.size) * coins_per_utxo_byte


def output_too_small(tx: Transaction, env: Environment) -> Failure | None:
    """Babbage UTXO, ``BabbageOutputTooSmallUTxO``: each output holds its minimum lovelace."""
    price = env.parameters.coins_per_utxo_byte
    small = [
        f"output {index} holds {output.value.lovelace} lovelace and needs "
        f"{compute_minimum_lovelace(output, price)}"
        for index, output in enumerate(list_created_outputs(tx))
        if output.value.lovelace < (OUTPUT_OVERHEAD + output.size) * price
    ]
    return Failure("BabbageOutputTooSmallUTxO", format_items(small)) if small else None


def output_too_big(tx: Transaction, env: Environment) -> Failure | None:
    """Alonzo UTXO, ``OutputTooBigUTxO``: a value serialises to ≤ ``maxValueSize`` bytes.

    The ledger measures its own serialisation, which is never longer than the bytes received.
    """
    limit = env.parameters.max_value_size
    big = [
        f"the value of output {index} has {size} bytes, the limit is {limit}"
        for index, output in enumerate(list_created_outputs(tx))
        if output.value_size > limit and (size := measure_ledger_value(output)) > limit
    ]
    return Failure("OutputTooBigUTxO", format_items(big)) if big else None


def network_of(address: bytes) -> int:
    """Return the network id of an output's address; Byron's follows from the network magic."""
    if address[0] & 0x80:
        return MAINNET if read_byron(address).network_magic is None else TESTNET
    return address[0] & 15


def wrong_network(tx: Transaction, env: Environment) -> Failure | None:
    """Shelley UTXO, ``WrongNetwork``: addresses paid to are this network's."""
    wrong = [
        f"output {index} pays to an address of network id {network_of(output.address)}"
        for index, output in enumerate(list_created_outputs(tx))
        if network_of(output.address) != env.network_id
    ]
    if not wrong:
        return None
    return Failure("WrongNetwork", f"{format_items(wrong)}, this network's is {env.network_id}")


def boot_address_attributes_too_big(tx: Transaction, _env: Environment) -> Failure | None:
    """Shelley UTXO, ``OutputBootAddrAttrsTooBig``: ≤ 64 bytes of Byron address attributes."""
    big = [
        f"the Byron address of output {index} has more than {MAX_BYRON_ATTRIBUTES} bytes of "
        "attributes"
        for index, output in enumerate(list_created_outputs(tx))
        if output.address[0] & 0x80
        and read_byron(output.address).attributes_size > MAX_BYRON_ATTRIBUTES
    ]
    return Failure("OutputBootAddrAttrsTooBig", format_items(big)) if big else None


def malformed_reference_scripts(tx: Transaction, env: Environment) -> Failure | None:
    """Babbage UTXOW, ``MalformedReferenceScripts``: the ledger decodes those of new outputs."""
    scripts = [output.script for output in list_created_outputs(tx) if output.script is not None]
    return find_malformed("MalformedReferenceScripts", tx, scripts, env) if scripts else None


def measure_ledger_value(output: Output) -> int:
    """Return the size in bytes of the output's value as the ledger serialises it."""
    lovelace, assets = output.value
    size = _measure_head(lovelace)
    if not assets:
        return size
    policies = [list(group) for _, group in groupby(sorted(assets), key=lambda asset: asset[:28])]
    size += 1 + _measure_map(len(policies))
    for policy in policies:
        size += 2 + 28 + _measure_map(len(policy))
        size += sum(
            _measure_head(len(asset) - 28) + len(asset) - 28 + _measure_head(assets[asset])
            for asset in policy
        )
    return size


def _measure_head(number: int) -> int:
    """Return the size in bytes of the number's shortest CBOR head."""
    for size, limit in ((1, 24), (2, 1 << 8), (3, 1 << 16), (5, 1 << 32)):
        if number < limit:
            return size
    return 9


def _measure_map(entries: int) -> int:
    """Return the bytes around a map's entries; above 23, the ledger uses the indefinite form."""
    return 1 if entries < 24 else 2
