"""Openings of channels whose fee and reserve a sponsor pays, and the messages that say so."""

from dataclasses import dataclass, field
from typing import Any

from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.cardano.transaction import Output, OutputRef, Value
from facilitator.testing.payments import ALICE, CAROL, MERCHANT
from facilitator.testing.running import NETWORK
from facilitator_channels.iou import derive_tag
from facilitator_devnet.encoding import output_map
from facilitator_devnet.wallet import Wallet
from support.channel_drafts import (
    Draft,
    ada_outputs,
    change,
    channel_output,
    datum,
    reserve,
)
from support.channel_parties import Opening
from support.channels import FEE, SLOT, TOKEN, request, terms, witness

SPONSOR = CAROL
TTL = SLOT + 200
MAX_FEE = FEE + 100_000


@dataclass
class SponsoredOpening(Opening):
    """The opening of a token's channel by ALICE, with an output of SPONSOR's."""

    asset: bytes | None = TOKEN
    amount: int = 5_000
    offered: tuple[OutputRef, Output] = field(default_factory=lambda: ada_outputs(SPONSOR)[0])
    offer: dict[str, Any] = field(default_factory=dict)
    """Changes of the offer."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Changes of ``extra`` in the requirements."""
    first: OutputRef | None = None
    """The input that the tag is derived from, if it is not ALICE's."""

    @property
    def tag(self) -> bytes:
        return derive_tag(self.first or self.given[0])

    @property
    def transaction(self) -> bytes:
        ref, output = self.given
        made = channel_output(self.edit_datum(datum(self.tag, self.asset)), self.value)
        self.edit_output(made)
        ours = Value(self.offered[1].value.lovelace - reserve(self.asset) - FEE, {})
        back = output_map(MERCHANT.address, ours)
        rest = output_map(ALICE.address, change([self.offered[1], output], [made, back], FEE))
        draft = Draft([ref, self.offered[0]], [made, back, rest], ttl=TTL)
        self.edit(draft)
        return draft.encode()

    @property
    def terms(self) -> dict[str, Any]:
        ref, output = self.offered
        offer = {
            "input": str(ref),
            "address": SPONSOR.bech32,
            "lovelace": str(output.value.lovelace),
            "maxFee": str(MAX_FEE),
            "expiresAt": str(KNOWN_ERAS[NETWORK].start_ms(TTL)),
        }
        extra = {"areFeesSponsored": True, "feeSponsor": offer | self.offer}
        return terms(self.asset, **extra | self.extra)

    @property
    def body(self) -> dict[str, Any]:
        return request(self.payload, self.terms)

    def settlement(self, *signers: Wallet) -> dict[str, Any]:
        """The body of ``/settle``, with the sponsor's signature unless others are given."""
        witnesses = witness(self.transaction, *(signers or (SPONSOR,)))
        return request({**self.payload, "sponsorWitnesses": witnesses}, self.terms)
