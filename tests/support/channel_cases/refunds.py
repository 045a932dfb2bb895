"""Faults of refunds."""

from collections.abc import Iterator
from typing import Any

from facilitator.testing.payments import ALICE, BOB, MERCHANT
from facilitator_channels.datum import Opened
from facilitator_channels.redeemers import Close, Defer, Main
from facilitator_devnet.encoding import output_map
from facilitator_devnet.wallet import Wallet
from support.channel_cases.case import Case, Make, refunded, said
from support.channel_cases.edits import (
    ANY_TRANSACTION,
    in_the_past,
    redeemed_by,
    small_fee,
    unsigned,
)
from support.channel_cases.vouchers import of
from support.channel_drafts import Draft, Edit, ada_outputs
from support.channel_ledger import Ledger
from support.channel_parties import held_channel
from support.channels import ADDRESS, PROVIDER, TOKEN, request, terms, witness

OWED = 2_000_000


def ended(edit: Edit, owed: int = OWED, charged: int = OWED, **how: Any) -> Make:
    return of(lambda held: held.refund(charged, owed, edit), **how)


def _spends_more(draft: Draft) -> None:
    ref, output = ada_outputs(BOB)[0]
    draft.inputs.append(ref)
    draft.outputs.append(output_map(BOB.address, output.value))
    draft.signers.append(BOB)


def _spends_other(draft: Draft) -> None:
    ref, output = ada_outputs(ALICE)[0]
    draft.inputs, draft.redeemers = [ref], {}
    draft.outputs = [output_map(ALICE.address, output.value)]


def _stays(draft: Draft) -> None:
    draft.outputs[-1][0] = ADDRESS


def _third_signer(draft: Draft) -> None:
    draft.required.append(BOB.address[1:29])
    draft.signers.append(BOB)


def _consumer_alone(draft: Draft) -> None:
    draft.required.remove(PROVIDER)


def _of_the_provider(draft: Draft) -> None:
    draft.collateral = [ada_outputs(MERCHANT)[0][0]]


def _of_bobs(draft: Draft) -> None:
    draft.collateral = [ada_outputs(BOB)[0][0]]


def _to_alice(draft: Draft) -> None:
    draft.outputs[0][0] = ALICE.address


def _staked_elsewhere(draft: Draft) -> None:
    draft.outputs[0][0] = MERCHANT.enterprise_address


def refund_cases() -> Iterator[Case]:
    reason = "refund_transaction"
    for name, (edit, other) in ANY_TRANSACTION.items():
        yield Case(f"a refund with {name}", ended(edit), other or reason)
    for name, edit in {
        "spends a stranger's output too": _spends_more,
        "spends something else": _spends_other,
        "leaves the channel there": _stays,
        "a third must sign": _third_signer,
        "the provider need not sign": _consumer_alone,
        "has the provider's collateral": _of_the_provider,
        "has a stranger's collateral": _of_bobs,
        "the consumer has not signed": unsigned,
        "pays the consumer alone": _to_alice,
        "pays payTo without its stake part": _staked_elsewhere,
        "pays too small a fee": small_fee,
        "has ended": in_the_past,
    }.items():
        yield Case(f"a refund that {name}", ended(edit), reason)
    for redeemer in (Main((Close(),)), Defer(), b"\x80"):
        yield Case(f"a refund by {redeemer!r}", ended(redeemed_by(redeemer)), reason)
    yield Case("a refund of too little", ended(lambda _: None, OWED - 1), reason)
    unpaid = ended(lambda _: None, 0, 1, asset=TOKEN)
    yield Case("a refund that owes a token", unpaid, reason)
    less = ended(lambda _: None, 0, 4_999, stage=Opened(5_000))
    yield Case("a refund below what was redeemed", less, "cumulative_below_claimed")
    above = ended(lambda _: None, 0, 10_000_000)
    yield Case("a refund above the capacity", above, "cumulative_exceeds_balance")
    forged = said("voucher.signature", "ab" * 64, refunded)
    yield Case("a refund's voucher forged", forged, "voucher_signature")


def signed_by(*wallets: Wallet, spoiled: bool = False) -> Make:
    """A refund at /settle, with these signatures as those of the provider."""

    def make(ledger: Ledger) -> dict[str, Any]:
        held = held_channel(ledger)
        payload = held.refund(0, 0)
        added = witness(held.mutual(0), *wallets)
        if spoiled:
            added = added[:-2] + ("00" if added[-2:] != "00" else "01")
        return request({**payload, "providerWitness": added}, terms())

    return make


def settled_refund_cases() -> Iterator[Case]:
    reason = "refund_transaction"
    yield Case("a refund that the provider has not signed", refunded, reason, settles=True)
    for name, make in {
        "signed by another": signed_by(BOB),
        "signed by another as well": signed_by(MERCHANT, BOB),
        "signed by nobody": signed_by(),
        "signed wrongly": signed_by(MERCHANT, spoiled=True),
        "with a witness of garbage": said("providerWitness", "80", refunded),
    }.items():
        yield Case(f"a refund {name}", make, reason, settles=True)
