"""A payment for the examples of the API's description, valid when it is shown."""

from collections.abc import Mapping

from facilitator.cardano.addresses.address import parse_address
from facilitator.cardano.codec.dijkstra.any_era import decode_from_chain
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.plugin import ExamplePayment
from facilitator_devnet.genesis import wallets
from facilitator_devnet.samples import MAX_TIMEOUT_SECONDS, payload, requirements
from facilitator_devnet.wallet import InsufficientFundsError, Wallet, pay

LOVELACE = 2_000_000


def payer(network: str) -> Wallet:
    """Return the wallet that pays in the examples."""
    return wallets(network)["alice"]


def sign_example(
    network: str,
    outputs: Mapping[OutputRef, Output],
    parameters: ProtocolParameters,
    slot: int,
) -> ExamplePayment | None:
    """Return a payment out of one of the payer's ``outputs``, valid for as long as its terms allow.

    It is the same in the same slot. ``None`` if no output holds enough.
    """
    wallet = payer(network)
    terms = requirements(network, wallets(network)["merchant"].bech32, LOVELACE)
    to, ttl = parse_address(terms["payTo"]), slot + MAX_TIMEOUT_SECONDS
    for ref in sorted(outputs, key=lambda ref: (len(outputs[ref].value.assets), ref)):
        try:
            transaction = pay(
                wallet, {ref: outputs[ref]}, to, LOVELACE, parameters=parameters, ttl=ttl
            )
        except InsufficientFundsError:
            continue
        request = {
            "x402Version": 2,
            "paymentPayload": payload(terms, transaction, ref),
            "paymentRequirements": terms,
        }
        return ExamplePayment(request, decode_from_chain(transaction).id.hex(), wallet.bech32)
    return None
