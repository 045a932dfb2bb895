"""The payments of a run, as they are sent."""

import json
from typing import NamedTuple

from chaos.callers import Offer
from chaos.network import Funded, Network
from facilitator.cardano.decode import decode_transaction
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import pay
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


def make_offers(network: Network, name: str, confirmations: int, seconds: int) -> Offers:
    """Payments by a wallet of that name, valid for so many seconds; nothing is sent."""
    funded, ttl = network.fund(name), network.slot + seconds
    transaction = _transaction(funded, AMOUNT, ttl)
    rival = _transaction(funded, RIVAL_AMOUNT, ttl)
    return Offers(
        _offer(transaction, AMOUNT, confirmations),
        _offer(transaction, LESS, confirmations),
        _offer(rival, RIVAL_AMOUNT, confirmations),
        rival,
    )


def _transaction(funded: Funded, amount: int, ttl: int) -> bytes:
    utxos = {funded.ref: funded.output}
    return pay(funded.wallet, utxos, MERCHANT.address, amount, parameters=PARAMETERS, ttl=ttl)


def _offer(transaction: bytes, amount: int, confirmations: int) -> Offer:
    terms = requirements(amount=amount, confirmations=confirmations)
    body = json.dumps(request_body(transaction, terms)).encode()
    return Offer(decode_transaction(transaction).id.hex(), confirmations, body)
