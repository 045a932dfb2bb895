"""The payments of a run, as they are sent."""

import json
from dataclasses import replace

from chaos.history import Offer
from chaos.network import Funded, Network
from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import OutputRef
from facilitator.testing.payments import BOB, MERCHANT, identified, request_body, requirements
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import Wallet, pay

EXPIRED_SECONDS = 1000
AMOUNT, LESS, RIVAL_AMOUNT = 2_000_000, 1_500_000, 3_000_000


class Offers:
    """A payment by a wallet of its own, and what contends with it. Nothing is sent."""

    def __init__(
        self, network: Network, name: str, confirmations: int, seconds: int, timeout: int
    ) -> None:
        """All are valid for so many seconds; ``timeout`` is the longest that their terms allow."""
        self._network = network
        self._funded = network.fund(name)
        self._identifier = f"order-of-the-chaos-{name}"
        self._confirmations = confirmations
        self._ttl = network.slot + seconds
        self._timeout = timeout
        self._transaction = self._pay(self._funded, AMOUNT)

    def payment(self) -> Offer:
        return self._offer(self._transaction, AMOUNT)

    def for_less(self) -> Offer:
        """The same transaction under other requirements."""
        return self._offer(self._transaction, LESS)

    def chained(self) -> Offer:
        """A payment out of the first one's change."""
        change = _change(self._funded.wallet, self._transaction)
        return self._offer(self._pay(change, AMOUNT), AMOUNT)

    def second(self) -> Offer:
        """Another payment by the same wallet to the same shop, out of another output."""
        return self._offer(self._pay(self._network.fund_again(self._funded), AMOUNT), AMOUNT)

    def rival_transaction(self) -> bytes:
        return self._pay(self._funded, RIVAL_AMOUNT)

    def rival(self) -> Offer:
        """Another payment out of the same output."""
        return self._offer(self.rival_transaction(), RIVAL_AMOUNT)

    def abandoned(self, *, is_elsewhere: bool) -> Offer:
        """A third payment out of that output, perhaps to another shop."""
        to = BOB.address if is_elsewhere else MERCHANT.address
        return self._offer(self._pay(self._funded, RIVAL_AMOUNT + 1, to), RIVAL_AMOUNT + 1, to)

    def expired(self) -> Offer:
        """The payment, but that its validity has been over for long."""
        made = self._pay(self._funded, AMOUNT, ttl=self._network.slot - EXPIRED_SECONDS)
        return self._offer(made, AMOUNT)

    def named(self, offer: Offer) -> Offer:
        """The offer under the payment identifier of this payer's order."""
        body = identified(json.loads(offer.body), self._identifier)
        return replace(offer, identifier=self._identifier, body=json.dumps(body).encode())

    def _pay(
        self, funded: Funded, amount: int, to: bytes = MERCHANT.address, ttl: int | None = None
    ) -> bytes:
        utxos, ttl = {funded.ref: funded.output}, self._ttl if ttl is None else ttl
        return pay(funded.wallet, utxos, to, amount, parameters=PARAMETERS, ttl=ttl)

    def _offer(self, transaction: bytes, amount: int, to: bytes = MERCHANT.address) -> Offer:
        terms = requirements(amount=amount, confirmations=self._confirmations, pay_to=to)
        terms["maxTimeoutSeconds"] = self._timeout
        made = decode_transaction(transaction)
        return Offer(
            transaction=made.id.hex(),
            confirmations=self._confirmations,
            body=json.dumps(request_body(transaction, terms)).encode(),
            payer=format_address(self._funded.wallet.address),
            pay_to=terms["payTo"],
            inputs=frozenset(map(str, made.body.inputs)),
        )


def _change(wallet: Wallet, transaction: bytes) -> Funded:
    made = decode_transaction(transaction)
    outputs = enumerate(made.body.outputs)
    index, output = next(each for each in outputs if each[1].address == wallet.address)
    return Funded(wallet, OutputRef(made.id, index), output)
