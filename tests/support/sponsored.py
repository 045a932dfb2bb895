"""Payments on the devnet whose fee a sponsor pays, valid or with one fault."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.codec.merging import encode_vkey_witnesses
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.cardano.transaction import Output, OutputRef, Value, VKeyWitness
from facilitator.testing.payments import (
    BOB,
    CAROL,
    MERCHANT,
    genesis_utxos,
    request_body,
    requirements,
)
from facilitator.testing.running import NETWORK
from facilitator_devnet.genesis import PARAMETERS, TEST_TOKEN
from facilitator_devnet.wallet import Wallet, build, sign

SPONSOR = CAROL
PRICE = 5_000_000
"""Units of the token."""
MAX_FEE = 300_000
WITNESS_BYTES = 101


def owned(wallet: Wallet, index: int) -> tuple[OutputRef, Output]:
    """An output of genesis: those from 0 to 4 hold ada only, those from 5 to 7 the token too."""
    return list(genesis_utxos(wallet).items())[index]


@dataclass(frozen=True)
class Sponsored:
    """A payment of the price, and all that a test may change of it."""

    ttl: int
    payer: Wallet = BOB
    payers: tuple[tuple[OutputRef, Output], ...] = (owned(BOB, 5),)
    sponsor: Wallet = SPONSOR
    offered: tuple[OutputRef, Output] = owned(SPONSOR, 0)
    offer: Mapping[str, Any] = field(default_factory=dict)
    """Changes of the offer."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Changes of ``extra``."""
    fee: int | None = None
    """The least that is enough with both signatures, unless given."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the body."""
    to_payer: int = 0
    """Lovelace of the sponsor's that go to the payer."""
    amount: int = PRICE

    def changed(self, **changes: Any) -> "Sponsored":
        return replace(self, **changes)

    @property
    def terms(self) -> dict[str, Any]:
        """The requirements with the offer."""
        ref, output = self.offered
        end_ms = KNOWN_ERAS[NETWORK].start_ms(self.ttl)
        offer = {
            "input": str(ref),
            "address": format_address(self.sponsor.address),
            "lovelace": str(output.value.lovelace),
            "maxFee": str(MAX_FEE),
            "expiresAt": str(end_ms),
        }
        return requirements(
            amount=PRICE,
            asset=TEST_TOKEN,
            confirmations=0,
            extra={"areFeesSponsored": True, "feeSponsor": {**offer, **self.offer}, **self.extra},
        )

    @property
    def body(self) -> bytes:
        """The body of the transaction, with the least fee unless another was given."""
        if self.fee is not None:
            return self.body_with(self.fee)
        fee = 0
        while True:
            body = self.body_with(fee)
            size = len(sign(body, [self.payer.payment_key])) + WITNESS_BYTES - 1
            least = PARAMETERS.min_fee_a * size + PARAMETERS.min_fee_b
            if least <= fee:
                return body
            fee = least

    def body_with(self, fee: int) -> bytes:
        sponsors = self.offered[1].value.lovelace
        lovelace = sum(output.value.lovelace for _, output in self.payers)
        tokens = sum(output.value.assets.get(TEST_TOKEN, 0) for _, output in self.payers)
        change = Value(lovelace + self.to_payer, {TEST_TOKEN: tokens - self.amount})
        paid = Value(sponsors - fee - self.to_payer, {TEST_TOKEN: self.amount})
        inputs = [*[ref for ref, _ in self.payers], self.offered[0]]
        outputs = [(MERCHANT.address, paid), (self.payer.address, change)]
        return build(inputs, outputs, fee, self.ttl, **self.fields)

    def request(self, **payload: Any) -> dict[str, Any]:
        """The body of ``/verify``, without the sponsor's signature."""
        transaction = sign(self.body, [self.payer.payment_key])
        body = request_body(transaction, self.terms, self.payers[0][0])
        body["paymentPayload"]["payload"] |= payload
        return body

    def settlement(self) -> dict[str, Any]:
        """The body of ``/settle``, with it."""
        return self.request(sponsorWitnesses=self.witnesses())

    def witnesses(self, *signers: Wallet) -> str:
        """A witness set in hex, by the sponsor unless others are given."""
        return witness_set(self.body, signers or (self.sponsor,))

    @property
    def id(self) -> str:
        """The transaction's id."""
        return decode_transaction(sign(self.body, [])).id.hex()


def witness_set(body: bytes, signers: Sequence[Wallet]) -> str:
    """A witness set in hex, with a signature by each wallet."""
    transaction_id = decode_transaction(sign(body, [])).id
    signatures = [wallet.sign(transaction_id) for wallet in signers]
    return encode_vkey_witnesses([VKeyWitness(*each) for each in signatures]).hex()
