"""Transactions that pay, built and signed with pycardano."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.transaction import AssetId, Output, OutputRef
from facilitator.client.errors import CannotPay
from facilitator.roles.wallet import Signature, Wallet

if TYPE_CHECKING:
    import pycardano

_POLICY_BYTES = 28


@dataclass(frozen=True, slots=True)
class Amount:
    """A quantity of an asset, and the address that it is paid to."""

    to: bytes
    """The address, as bytes."""
    quantity: int
    """Lovelace, or units of the asset."""
    asset: AssetId | None = None
    """``None`` for lovelace."""


def sign_payment(
    wallet: Wallet,
    utxo: Mapping[OutputRef, Output],
    amount: Amount,
    parameters: ProtocolParameters,
    invalid_hereafter: int,
) -> bytes:
    """Return the CBOR of a signed transaction that pays the amount in one output.

    An asset travels with the least lovelace allowed; the change goes back to the wallet.

    Args:
        wallet: Pays and signs.
        utxo: The outputs at its address that it may spend.
        amount: The amount to pay.
        parameters: The protocol parameters in force.
        invalid_hereafter: The first slot in which the transaction is no longer valid.

    Raises:
        CannotPay: The outputs do not cover the amount, the fee and the change.
    """
    # Imported here, since that takes more than a second.
    import pycardano

    logging.getLogger(
        "PyCardano"
    ).disabled = True  # it logs every choice of inputs that does not suffice
    context = _context(parameters)
    paying = _paying(amount, context)
    change = pycardano.Address.from_primitive(wallet.address)
    for refs in _choices(utxo, amount):
        builder = pycardano.TransactionBuilder(context)
        for ref in refs:
            builder.add_input(pycardano.UTxO(_input(ref), _output(utxo[ref])))
        builder.add_output(paying)
        builder.ttl = invalid_hereafter
        with suppress(pycardano.PyCardanoException):  # these inputs do not suffice
            body = builder.build(change_address=change)
            return assemble(body, wallet.sign(body.hash()))
    raise CannotPay(
        f"the {len(utxo)} outputs that the wallet can spend do not cover the payment, its fee and "
        f"the change: have its address funded, {format_address(wallet.address)}"
    )


def _choices(utxo: Mapping[OutputRef, Output], amount: Amount) -> Iterator[Sequence[OutputRef]]:
    """Yield outputs to spend, the fewest first: each input costs a facilitator a look-up."""

    def worth(ref: OutputRef) -> tuple[int, int, int]:
        value = utxo[ref].value
        held = value.assets.get(amount.asset, 0) if amount.asset is not None else 0
        return held, -len(value.assets), value.lovelace

    refs = sorted(utxo, key=worth, reverse=True)
    total = 0
    for count, ref in enumerate(refs, 1):
        value = utxo[ref].value
        total += value.lovelace if amount.asset is None else value.assets.get(amount.asset, 0)
        if total >= amount.quantity:
            yield refs[:count]


def build_body(
    inputs: Sequence[OutputRef],
    outputs: Sequence[tuple[bytes, int, Mapping[AssetId, int]]],
    fee: int,
    invalid_hereafter: int,
) -> "pycardano.TransactionBody":
    """Return a body with these inputs and outputs: address, lovelace, and quantities of assets."""
    import pycardano

    return pycardano.TransactionBody(
        inputs=[_input(ref) for ref in inputs],
        outputs=[
            pycardano.TransactionOutput(
                pycardano.Address.from_primitive(address), _value(lovelace, assets)
            )
            for address, lovelace, assets in outputs
        ],
        fee=fee,
        ttl=invalid_hereafter,
    )


def assemble(body: "pycardano.TransactionBody", signed: Signature) -> bytes:
    """Return the CBOR of a transaction of the body and one signature."""
    import pycardano

    witness = pycardano.VerificationKeyWitness(
        pycardano.VerificationKey(signed.public_key), signed.signature
    )
    witnesses = pycardano.TransactionWitnessSet(vkey_witnesses=[witness])
    transaction: bytes = pycardano.Transaction(body, witnesses).to_cbor()
    return transaction


def _paying(amount: Amount, context: "pycardano.ChainContext") -> "pycardano.TransactionOutput":
    import pycardano

    to = pycardano.Address.from_primitive(amount.to)
    if amount.asset is None:
        return pycardano.TransactionOutput(to, _value(amount.quantity, {}))
    output = pycardano.TransactionOutput(to, _value(0, {amount.asset: amount.quantity}))
    for _ in range(2):  # the lovelace adds to the length that its minimum depends on
        output.amount.coin = pycardano.min_lovelace(context, output)
    return output


def _input(ref: OutputRef) -> "pycardano.TransactionInput":
    import pycardano

    return pycardano.TransactionInput(pycardano.TransactionId(ref.transaction_id), ref.index)


def _output(output: Output) -> "pycardano.TransactionOutput":
    import pycardano

    address = pycardano.Address.from_primitive(output.address)
    return pycardano.TransactionOutput(address, _value(output.value.lovelace, output.value.assets))


def _value(lovelace: int, assets: Mapping[AssetId, int]) -> "pycardano.Value":
    import pycardano

    policies: dict[bytes, dict[bytes, int]] = {}
    for asset, quantity in assets.items():
        policies.setdefault(asset[:_POLICY_BYTES], {})[asset[_POLICY_BYTES:]] = quantity
    return pycardano.Value(lovelace, pycardano.MultiAsset.from_primitive(policies))


def _context(parameters: ProtocolParameters) -> "pycardano.ChainContext":
    """Return a chain for the builder, which asks one for nothing but protocol parameters."""
    import pycardano

    nothing = Fraction(0)  # no payment depends on it
    known = pycardano.ProtocolParameters(
        min_fee_constant=parameters.min_fee_b,
        min_fee_coefficient=parameters.min_fee_a,
        max_block_size=0,
        max_tx_size=parameters.max_tx_size,
        max_block_header_size=0,
        key_deposit=parameters.key_deposit,
        pool_deposit=parameters.pool_deposit,
        pool_influence=nothing,
        monetary_expansion=nothing,
        treasury_expansion=nothing,
        decentralization_param=nothing,
        extra_entropy="",
        protocol_major_version=parameters.protocol_major,
        protocol_minor_version=parameters.protocol_minor,
        min_utxo=0,
        min_pool_cost=parameters.min_pool_cost,
        price_mem=parameters.price_memory,
        price_step=parameters.price_steps,
        max_tx_ex_mem=parameters.max_tx_memory,
        max_tx_ex_steps=parameters.max_tx_steps,
        max_block_ex_mem=0,
        max_block_ex_steps=0,
        max_val_size=parameters.max_value_size,
        collateral_percent=parameters.collateral_percentage,
        max_collateral_inputs=parameters.max_collateral_inputs,
        coins_per_utxo_word=0,
        coins_per_utxo_byte=parameters.coins_per_utxo_byte,
        cost_models={},
    )

    class Context(pycardano.ChainContext):
        @property
        def protocol_param(self) -> pycardano.ProtocolParameters:
            return known

    return Context()
