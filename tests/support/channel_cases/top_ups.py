"""Faults of top-ups."""

from collections.abc import Iterator, Mapping
from typing import Any

from facilitator.cardano.transaction import Value
from facilitator.testing.payments import BOB
from facilitator_channels.datum import Opened
from facilitator_channels.redeemers import Add, Close, Main, Mutual
from facilitator_devnet.encoding import output_map
from support.channel_cases.case import Case, Make
from support.channel_cases.edits import (
    ANY_TRANSACTION,
    below_reserve,
    redeemed_by,
    small_fee,
    to_a_key,
    to_another_stake,
    with_token,
)
from support.channel_cases.vouchers import of
from support.channel_drafts import Draft, Edit, ada_outputs, channel_output, datum, reserve
from support.channel_ledger import Ledger
from support.channel_parties import Held, held_channel
from support.channels import FEE, PRICE, REFUSES, TOKEN, request, terms


def added(edit: Edit, voucher_amount: int = 6_000, **how: Any) -> Make:
    return of(lambda held: held.deposit(3_000_000, voucher_amount, edit=edit), **how)


def _other_datum(draft: Draft) -> None:
    other = datum(bytes([1]) * 32, stage=Opened(6_000))
    draft.outputs[0][2] = channel_output(other, Value(0, {}))[2]


def _mint_redeemer(draft: Draft) -> None:
    draft.mint_redeemer = True


def _passed_by(ledger: Ledger) -> dict[str, Any]:
    """A top-up whose channel has moved on without it."""
    held = held_channel(ledger)
    payload = held.deposit(3_000_000, 6_000)
    ledger.apply(held.top_up(5, fuel=2))
    return request(payload, terms())


def _refused_by_its_validator(ledger: Ledger) -> dict[str, Any]:
    """Everything is as it must be, but that the script says no."""
    held = held_channel(ledger)
    held.datum = held.datum._replace(own_hash=REFUSES.hash)
    held.address = b"\x70" + REFUSES.hash
    ledger.put(held.output, held.ref)
    payload = held.deposit(3_000_000, 6_000, edit=_bring_the_other_script)
    return request(payload, terms(scriptHash=REFUSES.hash.hex()))


def _bring_the_other_script(draft: Draft) -> None:
    draft.script = REFUSES


def top_up_cases() -> Iterator[Case]:
    reason = "deposit_transaction"
    yield Case("a top-up that its validator refuses", _refused_by_its_validator, reason)
    for name, (edit, other) in ANY_TRANSACTION.items():
        yield Case(f"a top-up with {name}", added(edit), other or reason)
    for redeemer in (Mutual(), Main((Close(),)), Main((Add(), Add())), Main(()), b"\x80"):
        yield Case(f"a top-up by {redeemer!r}", added(redeemed_by(redeemer)), reason)
    yield Case("a top-up with a redeemer of a mint", added(_mint_redeemer), reason)
    yield Case("a top-up that moves", added(to_another_stake), reason)
    yield Case("a top-up of another stage", added(_other_datum), reason)
    yield Case("a top-up to nowhere", added(to_a_key), reason)
    yield Case("a top-up to two", added(_split), reason)
    less = of(lambda held: _says(held.deposit(3_000_000, 6_000), "2999999"))
    yield Case("a top-up of more than it says", less, reason)
    yield Case("a top-up with a further asset", added(with_token), reason)
    yield Case("a top-up below the reserve", of(_poorer, asset=TOKEN), reason)
    yield Case("a top-up that the consumer has not signed", added(_signed_by_bob), reason)
    yield Case("a top-up of a channel that moved on", _passed_by, reason)
    yield Case("a top-up that pays too little", added(small_fee), reason)
    above = 13_000_000 - reserve(None) + 1
    exceeds = "cumulative_exceeds_balance"
    yield Case("a top-up's voucher above it", added(lambda _: None, above), exceeds)
    below = added(lambda _: None, PRICE - 1)
    yield Case("a top-up's voucher below the price", below, "cumulative_below_claimed")


def _split(draft: Draft) -> None:
    first = draft.outputs[0]
    draft.outputs[0:1] = [{**first, 1: first[1] - 2_000_000}, {**first, 1: 2_000_000}]


def _says(payload: dict[str, Any], amount: str) -> dict[str, Any]:
    return {**payload, "deposit": {**payload["deposit"], "amount": amount}}


def _poorer(held: Held) -> Mapping[str, Any]:
    return held.deposit(3, 1_000, edit=below_reserve)


def _signed_by_bob(draft: Draft) -> None:
    """Have BOB pay for it: no input and no signer is ALICE's."""
    ref, output = ada_outputs(BOB)[0]
    draft.inputs[1], draft.collateral, draft.required = ref, [ref], []
    draft.outputs[1] = output_map(BOB.address, Value(output.value.lovelace - 3_000_000 - FEE, {}))
    draft.signers = [BOB]
