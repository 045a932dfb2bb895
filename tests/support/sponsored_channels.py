"""Deposits and refunds of channels that a sponsor pays for, and the messages that say so."""

from dataclasses import dataclass, field
from typing import Any

from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.cardano.transaction import Output, OutputRef, Value
from facilitator.testing.payments import ALICE, CAROL, MERCHANT
from facilitator.testing.running import NETWORK
from facilitator_channels.iou import derive_tag
from facilitator_channels.redeemers import Add, Main, Mutual
from facilitator_devnet.encoding import output_map
from facilitator_devnet.wallet import Wallet
from support.channel_drafts import (
    Draft,
    Edit,
    ada_outputs,
    as_output,
    change,
    channel_output,
    datum,
    nothing,
    reserve,
    token_outputs,
)
from support.channel_parties import Held, Opening
from support.channels import (
    CONSUMER,
    FEE,
    PRICE,
    PROVIDER,
    SLOT,
    TOKEN,
    coded,
    config,
    request,
    terms,
    voucher,
    witness,
)

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
        extra: dict[str, Any] = {"areFeesSponsored": True, "feeSponsor": offer | self.offer}
        return terms(self.asset, **extra | self.extra)

    @property
    def body(self) -> dict[str, Any]:
        return request(self.payload, self.terms)

    def settlement(self, *signers: Wallet) -> dict[str, Any]:
        """The body of ``/settle``, with the sponsor's signature unless others are given."""
        witnesses = witness(self.transaction, *(signers or (SPONSOR,)))
        return request({**self.payload, "sponsorWitnesses": witnesses}, self.terms)


STAKE = 600_000
"""Lovelace of the sponsor's that are at stake as collateral."""


def _with_collateral(draft: Draft) -> Draft:
    ref, output = ada_outputs(SPONSOR)[0]
    draft.collateral = [ref]
    back = output_map(MERCHANT.address, Value(output.value.lovelace - STAKE, {}))
    draft.fields = {16: back, 17: STAKE}
    return draft


def sponsored_top_up(held: Held, edit: Edit = nothing, *signers: Wallet) -> dict[str, Any]:
    """The request for a top-up by ALICE whose fee and collateral a sponsor pays."""
    own, ours = token_outputs(ALICE)[0], ada_outputs(SPONSOR)[0]
    made = held.plus(5)
    back = output_map(MERCHANT.address, Value(ours[1].value.lovelace - FEE, {}))
    given = [as_output(held.output), own[1], ours[1]]
    rest = output_map(ALICE.address, change(given, [made, back], FEE))
    draft = Draft([held.ref, own[0], ours[0]], [made, back, rest], ttl=TTL)
    draft.redeemers, draft.required = {held.ref: Main((Add(),))}, [CONSUMER]
    edit(_with_collateral(draft))
    raw = draft.encode()
    payload = {
        "type": "deposit",
        "channelConfig": config(held.asset),
        "voucher": voucher(held.tag, PRICE, held.ref),
        "deposit": {"amount": "5", "transaction": coded(raw)},
    }
    if signers:
        payload["sponsorWitnesses"] = witness(raw, *signers)
    return request(payload, SponsoredOpening().terms)


def sponsored_refund(
    held: Held, edit: Edit = nothing, *signers: Wallet, owed: int = 0
) -> dict[str, Any]:
    """The request for a refund whose reserve goes back, and whose collateral a sponsor gives."""
    own = token_outputs(ALICE)[0]
    back = output_map(
        MERCHANT.address, Value(held.value.lovelace - FEE, {TOKEN: owed} if owed else {})
    )
    rest = change([as_output(held.output), own[1]], [back], FEE)
    draft = Draft([held.ref, own[0]], [back, output_map(ALICE.address, rest)], ttl=TTL)
    draft.redeemers, draft.required = {held.ref: Mutual()}, [CONSUMER, PROVIDER]
    edit(_with_collateral(draft))
    raw = draft.encode()
    payload = {
        "type": "refund",
        "channelConfig": config(held.asset),
        "voucher": voucher(held.tag, owed, held.ref),
        "transaction": coded(raw),
        "providerWitness": witness(raw, MERCHANT),
    }
    if signers:
        payload["sponsorWitnesses"] = witness(raw, *signers)
    return request(payload, SponsoredOpening().terms)
