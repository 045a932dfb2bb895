"""A transaction that splits an output of the sponsor's into outputs to offer."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import cbor2

from facilitator.cardano.codec.merging import encode_vkey_witnesses
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.transaction import Output, OutputRef, VKeyWitness
from facilitator.roles.wallet import Wallet

_MIN_OUTPUT_BYTES = 230
"""More bytes than an output with lovelace alone counts with, at any address of a wallet."""
_UNSIGNED = VKeyWitness(bytes(32), bytes(64))


class Split(NamedTuple):
    """A signed transaction that makes outputs to offer."""

    transaction_id: str
    """Lowercase hex."""
    transaction: bytes
    fee: int
    """In lovelace."""
    outputs: int
    """The number of outputs to offer that it makes."""


def build_split(
    wallet: Wallet,
    ref: OutputRef,
    output: Output,
    amounts: Sequence[int],
    parameters: ProtocolParameters,
    invalid_hereafter: int,
) -> Split | None:
    """Return the transaction that makes outputs of these amounts of lovelace at the wallet.

    The rest comes back as the last output. Of the amounts the last ones are left out if the output
    does not suffice for all; ``None`` if it suffices for none.
    """
    least_change = _MIN_OUTPUT_BYTES * parameters.coins_per_utxo_byte
    for count in range(len(amounts), 0, -1):
        left = output.value.lovelace - sum(amounts[:count])
        if left < least_change:
            continue
        fee = 0
        while True:
            body = _encode(wallet, ref, [*amounts[:count], left - fee], fee, invalid_hereafter)
            size = len(_assemble(body, _UNSIGNED)) - 1  # without the validity flag
            least = parameters.min_fee_a * size + parameters.min_fee_b
            if least <= fee:
                break
            fee = least
        if left - fee < least_change or size > parameters.max_tx_size:
            continue
        transaction_id = blake2b(body, digest_size=32).digest()
        signed = _assemble(body, VKeyWitness(*wallet.sign(transaction_id)))
        return Split(transaction_id.hex(), signed, fee, count)
    return None


def _encode(
    wallet: Wallet, ref: OutputRef, amounts: Sequence[int], fee: int, invalid_hereafter: int
) -> bytes:
    outputs = [{0: wallet.address, 1: amount} for amount in amounts]
    return cbor2.dumps({0: [list(ref)], 1: outputs, 2: fee, 3: invalid_hereafter})


def _assemble(body: bytes, witness: VKeyWitness) -> bytes:
    return b"\x84" + body + encode_vkey_witnesses([witness]) + b"\xf5\xf6"
