"""Faults of top-ups and refunds that a sponsor pays for."""

from collections.abc import Callable, Iterator
from typing import Any

import cbor2

from facilitator.cardano.transaction import Value
from facilitator.testing.payments import ALICE, BOB, MERCHANT
from facilitator_devnet.encoding import output_map
from facilitator_devnet.wallet import Wallet
from support.channel_cases.case import Case, Make
from support.channel_drafts import Draft, Edit, ada_outputs, nothing
from support.channel_ledger import Ledger
from support.channel_parties import held_channel
from support.channels import ACCEPTS, TOKEN
from support.sponsored_channels import SPONSOR, sponsored_refund, sponsored_top_up

Step = Callable[..., dict[str, Any]]
RICH = 5_000_000
"""Lovelace of a channel that can give some away."""


def step(make: Step, edit: Edit = nothing, *signers: Wallet) -> Make:
    def made(ledger: Ledger) -> dict[str, Any]:
        held = held_channel(ledger, asset=TOKEN, amount=5_000)
        return make(held, edit, *signers)

    return made


def _other_collateral(draft: Draft) -> None:
    draft.collateral = [ada_outputs(ALICE)[1][0]]


def _more_collateral(draft: Draft) -> None:
    ref, output = ada_outputs(ALICE)[1]
    draft.collateral.append(ref)
    draft.fields[17] += output.value.lovelace


def _back_to_the_payer(draft: Draft) -> None:
    draft.fields[16] = {**draft.fields[16], 0: ALICE.address}


def _back_with_a_script(draft: Draft) -> None:
    script = cbor2.CBORTag(24, cbor2.dumps([3, ACCEPTS.body]))
    draft.fields[16] = {**draft.fields[16], 3: script}


def _much_at_stake(draft: Draft) -> None:
    back = draft.fields[16]
    more = 2_000_001 - draft.fields[17]
    draft.fields = {16: {**back, 1: back[1] - more}, 17: 2_000_001}


def _endless(draft: Draft) -> None:
    draft.ttl = None


def _dear(at: int) -> Edit:
    """Have the fee be more than the sponsor offers to pay."""

    def edit(draft: Draft) -> None:
        draft.fee += 100_001
        value = draft.outputs[at][1]
        less = value - 100_001 if isinstance(value, int) else [value[0] - 100_001, value[1]]
        draft.outputs[at][1] = less

    return edit


def _to_the_payer(draft: Draft) -> None:
    """Give the payer a lovelace of the sponsor's."""
    draft.outputs[1][1] -= 1
    draft.outputs[2][1] = [draft.outputs[2][1][0] + 1, draft.outputs[2][1][1]]


def _to_the_channel(draft: Draft) -> None:
    draft.outputs[1][1] -= 1
    draft.outputs[0][1] = [draft.outputs[0][1][0] + 1, draft.outputs[0][1][1]]


def _not_spent(draft: Draft) -> None:
    """Use the offered output as collateral alone, and pay from another."""
    ref, output = ada_outputs(ALICE)[1]
    offered, held = ada_outputs(SPONSOR)[0]
    draft.inputs[draft.inputs.index(offered)] = ref
    draft.outputs[1][1] += output.value.lovelace - held.value.lovelace


def _spent_too(draft: Draft) -> None:
    """Spend the offered output, and give all of it back."""
    ref, output = ada_outputs(SPONSOR)[0]
    draft.inputs.append(ref)
    draft.outputs.append(output_map(MERCHANT.address, Value(output.value.lovelace, {})))


def sponsored_step_cases() -> Iterator[Case]:
    refused = "fee_sponsor_refused"
    missing, invalid = "fee_sponsor_witness_missing", "fee_sponsor_witness_invalid"
    collateral = {
        "has other collateral": _other_collateral,
        "has more collateral": _more_collateral,
        "gives collateral to the payer": _back_to_the_payer,
        "gives collateral back with a script": _back_with_a_script,
        "has much at stake": _much_at_stake,
        "has no end": _endless,
    }
    top_ups = {
        "pays too much fee": _dear(1),
        "gives the payer a lovelace": _to_the_payer,
        "gives the channel a lovelace": _to_the_channel,
        "does not spend the offered output": _not_spent,
    }
    refunds = {"pays too much fee": _dear(0), "spends the offered output": _spent_too}
    makes: tuple[tuple[str, Step, dict[str, Edit]], ...] = (
        ("top-up", sponsored_top_up, top_ups),
        ("refund", sponsored_refund, refunds),
    )
    for name, make, own in makes:
        for fault, edit in (collateral | own).items():
            reason = refused
            if name == "refund" and fault == "has other collateral":
                continue  # then it does not use the offer
            yield Case(f"a sponsored {name} that {fault}", step(make, edit), reason)
        unsigned = step(make)
        yield Case(f"a sponsored {name} without signature", unsigned, missing, settles=True)
        by_bob = step(make, nothing, BOB)
        yield Case(f"a sponsored {name} signed by another", by_bob, invalid, settles=True)
