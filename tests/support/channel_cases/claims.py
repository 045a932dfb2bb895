"""Faults of claims."""

import base64
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from facilitator.cardano.transaction import OutputRef, Value
from facilitator.testing.payments import MERCHANT
from facilitator_channels.datum import Closed, Opened
from facilitator_channels.draft import MAX_IOU
from facilitator_channels.redeemers import Close, Defer, Main, Mutual
from facilitator_devnet.encoding import output_map
from support.channel_cases.case import Case, Make, claimed, said
from support.channel_cases.edits import (
    ANY_TRANSACTION,
    redeemed_by,
    small_fee,
    to_another_stake,
    unsigned,
)
from support.channel_drafts import Draft, Edit, ada_outputs, channel_output, datum
from support.channel_ledger import Ledger
from support.channel_parties import Held, Redemption, held_channel
from support.channels import FEE


def taken(edit: Edit = lambda _: None, **how: Any) -> Make:
    return lambda ledger: Redemption([(held_channel(ledger, **how), 3_000_000)], edit).body


def two(edit: Edit, **second: Any) -> Make:
    def make(ledger: Ledger) -> dict[str, Any]:
        first = held_channel(ledger)
        other = held_channel(ledger, number=1, **second)
        return Redemption([(first, 3_000_000), (other, 4_000_000)], edit).body

    return make


def claims(change: Callable[[list[dict[str, str]]], object]) -> Make:
    def make(ledger: Ledger) -> dict[str, Any]:
        body = deepcopy(two(lambda _: None)(ledger))
        change(body["paymentPayload"]["payload"]["claims"])
        return body

    return make


def _second_mutual(draft: Draft) -> None:
    draft.redeemers[draft.inputs[1]] = Mutual()


def _swapped(draft: Draft) -> None:
    draft.outputs[0], draft.outputs[1] = draft.outputs[1], draft.outputs[0]


def _joined(draft: Draft) -> None:
    second = draft.outputs.pop(1)
    draft.outputs[0][1] += second[1]


def _consumer_step(draft: Draft) -> None:
    first = draft.inputs[0]
    main = draft.redeemers[first]
    assert isinstance(main, Main)
    draft.redeemers[first] = Main((main.steps[0], Close()))


def _further_channel(draft: Draft) -> None:
    draft.outputs.append(channel_output(datum(bytes(32)), Value(2_000_000, {})))
    draft.outputs[-2][1] -= 2_000_000


def _no_channels(draft: Draft) -> None:
    _, output = ada_outputs(MERCHANT)[0]
    draft.inputs, draft.redeemers = draft.inputs[-1:], {}
    draft.outputs = [output_map(MERCHANT.address, Value(output.value.lovelace - FEE, {}))]
    draft.collateral = []


def _closes(draft: Draft) -> None:
    draft.redeemers[draft.inputs[0]] = Main((Close(),))


def _reopens(draft: Draft) -> None:
    """Leave a closed channel open after its settlement."""
    own = datum(bytes([1]) * 32, stage=Opened(3_000_000))
    draft.outputs[0][2] = channel_output(own, Value(0, {}))[2]


def _same_tag(ledger: Ledger) -> dict[str, Any]:
    first = held_channel(ledger)
    twin = Held(OutputRef(first.ref.transaction_id, 7), first.datum, first.value)
    ledger.put(twin.output, twin.ref)
    body = Redemption([(first, 3_000_000), (twin, 3_000_000)]).body
    del body["paymentPayload"]["payload"]["claims"][1]
    return body


def claim_cases() -> Iterator[Case]:
    reason = "claim_transaction"

    def case(name: str, make: Make, other: str = reason) -> Case:
        return Case(name, make, other, settles=True)

    for name, (edit, other) in ANY_TRANSACTION.items():
        yield case(f"a claim with {name}", taken(edit), other or reason)
    garbage = base64.b64encode(b"\x84").decode()
    yield case("a claim of garbage", said("transaction", garbage, claimed))
    yield case("a claim by Mutual", taken(redeemed_by(Mutual())))
    yield case("a claim by Defer", taken(redeemed_by(Defer())))
    yield case("a claim by what is no redeemer", taken(redeemed_by(b"\x80")))
    yield case("a claim with one Mutual", two(_second_mutual))
    yield case("a claim of the consumer's step", two(_consumer_step))
    yield case("a claim that closes", taken(_closes))
    yield case("a claim that swaps channels", two(_swapped))
    yield case("a claim that joins channels", two(_joined))
    yield case("a claim that opens another channel", taken(_further_channel))
    yield case("a claim that moves its channel", taken(to_another_stake))
    yield case("a claim of no channel", taken(_no_channels))
    yield case("a claim that opens what was closed", taken(_reopens, stage=Closed(0, 10**12)))
    yield case("a claim of two channels with one id", _same_tag)
    yield case("a claim that nobody signed", taken(unsigned))
    yield case("a claim that pays too small a fee", taken(small_fee))
    yield case("claims without a channel", claims(lambda all_of: all_of.pop()))
    yield case("claims with a channel more", claims(_one_more))
    yield case("claims with a channel twice", claims(lambda all_of: all_of.append(all_of[0])))
    yield case("claims of another total", claims(_other_total))
    yield case("claims of more than fit", claims(_too_many))


def _other_total(all_of: list[dict[str, str]]) -> None:
    all_of[0]["totalClaimed"] = "1"


def _one_more(all_of: list[dict[str, str]]) -> None:
    all_of.append({"channelId": "ab" * 32, "totalClaimed": "1"})


def _too_many(all_of: list[dict[str, str]]) -> None:
    all_of += [{"channelId": f"{at:064x}", "totalClaimed": str(MAX_IOU)} for at in range(100)]
