"""The payments of a run, as they are sent."""

import json
from typing import NamedTuple

from chaos.callers import Offer
from chaos.network import Funded, Network
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import OutputRef
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import Wallet, pay
from support.payments import MERCHANT, request_body, requirements

AMOUNT, LESS, RIVAL_AMOUNT = 2_000_000, 1_500_000, 3_000_000


class Offers(NamedTuple):
    """A payment, and what contends with it."""

    payment: Offer
    for_less: Offer
    """The same transaction under other requirements."""
    rival: Offer
    """Another payment out of the same output."""
    rival_transaction: bytes
    chained: Offer
    """A payment out of the first one's change."""


def make_offers(network: Network, name: str, confirmations: int, seconds: int) -> Offers:
    """Payments by a wallet of that name, valid for so many seconds; nothing is sent."""
    funded, ttl = network.fund(name), network.slot + seconds
    transaction = _transaction(funded, AMOUNT, ttl)
    rival = _transaction(funded, RIVAL_AMOUNT, ttl)
    chained = _transaction(_change(funded.wallet, transaction), AMOUNT, ttl)
    return Offers(
        _offer(transaction, AMOUNT, confirmations),
        _offer(transaction, LESS, confirmations),
        _offer(rival, RIVAL_AMOUNT, confirmations),
        rival,
        _offer(chained, AMOUNT, confirmations),
    )


def _change(wallet: Wallet, transaction: bytes) -> Funded:
    made = decode_transaction(transaction)
    outputs = enumerate(made.body.outputs)
    index, output = next(each for each in outputs if each[1].address == wallet.address)
    return Funded(wallet, OutputRef(made.id, index), output)


def _transaction(funded: Funded, amount: int, ttl: int) -> bytes:
    utxos = {funded.ref: funded.output}
    return pay(funded.wallet, utxos, MERCHANT.address, amount, parameters=PARAMETERS, ttl=ttl)


def _offer(transaction: bytes, amount: int, confirmations: int) -> Offer:
    terms = requirements(amount=amount, confirmations=confirmations)
    body = json.dumps(request_body(transaction, terms)).encode()
    return Offer(decode_transaction(transaction).id.hex(), confirmations, body)
