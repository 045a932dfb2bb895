"""Faults of openings."""

import base64
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import cbor2

from facilitator.testing.payments import BOB
from facilitator_channels.datum import Closed, Opened, Settled
from facilitator_devnet.encoding import output_map
from support.channel_cases.case import Case, said
from support.channel_cases.edits import (
    ANY_TRANSACTION,
    below_reserve,
    field,
    in_the_past,
    lookalike,
    opened,
    output_field,
    small_fee,
    to_a_key,
    to_mainnet,
    twice,
    with_token,
)
from support.channel_drafts import Draft, ada_outputs, datum, reserve
from support.channel_ledger import Ledger
from support.channel_parties import Opening
from support.channels import ACCEPTS, CONSUMER, PRICE, PROVIDER, SLOT, TOKEN, voucher


def opening_cases() -> Iterator[Case]:
    reason = "deposit_transaction"
    garbage = base64.b64encode(b"\x84").decode()
    yield Case("an opening of garbage", said("deposit.transaction", garbage), reason)
    for name, (edit, other) in ANY_TRANSACTION.items():
        yield Case(f"an opening with {name}", opened(edit=edit), other or reason)
    yield Case("a channel on mainnet", opened(edit=to_mainnet), "network_mismatch")
    yield Case("an opening of no channel", opened(edit=to_a_key), reason)
    yield Case("an opening of two", opened(edit=twice), reason)
    script = cbor2.CBORTag(24, cbor2.dumps([3, ACCEPTS.body]))
    yield Case("a channel with a script", opened(edit_output=output_field(3, script)), reason)
    hashed = output_field(2, [0, bytes(32)])
    yield Case("a channel with a datum's hash", opened(edit_output=hashed), reason)
    yield Case("a channel without a datum", opened(edit_output=lambda made: made.pop(2)), reason)
    unreadable = output_field(2, [1, cbor2.CBORTag(24, b"\x80")])
    yield Case("a datum that is none", opened(edit_output=unreadable), reason)
    yield from datum_cases()
    yield Case("a channel of more than it says", said("deposit.amount", "4999999"), reason)
    yield Case("a channel of less than it says", said("deposit.amount", "5000001"), reason)
    yield Case("a further asset", opened(edit=with_token), reason)
    of_token = {"asset": TOKEN, "amount": 5_000}
    yield Case("a lookalike asset", opened(**of_token, edit=lookalike), reason)
    yield Case("less than the reserve", opened(**of_token, edit=below_reserve), reason)
    yield from chain_cases()


def datum_cases() -> Iterator[Case]:
    def of(name: str, reason: str, **changed: Any) -> Case:
        make = opened(
            edit_datum=lambda own: own._replace(constants=own.constants._replace(**changed))
        )
        return Case(f"a datum with another {name}", make, reason)

    own = opened(edit_datum=lambda held: held._replace(own_hash=bytes(28)))
    yield Case("a datum of another script", own, "channel_state")
    yield of("tag", "channel_id_mismatch", tag=bytes(32))
    yield of("currency", "token_mismatch", currency=TOKEN)
    yield of("IOU key", "channel_config", iou_key=bytes(32))
    yield of("consumer", "channel_config", consumer=PROVIDER)
    yield of("provider", "receiver_authorizer_mismatch", provider=CONSUMER)
    yield of("period", "withdraw_delay_mismatch", close_period=900)
    for stage in (Opened(1), Closed(0, 10**12), Settled()):
        make = opened(edit_datum=lambda held, stage=stage: held._replace(stage=stage))
        yield Case(f"an opening at {stage}", make, "deposit_transaction")


def _foreign_tag(ledger: Ledger) -> dict[str, Any]:  # noqa: ARG001
    """A channel with the tag of an output that its opening does not spend."""
    other = Opening(number=1)
    constants = datum(other.tag).constants
    opening = Opening(edit_datum=lambda own: own._replace(constants=constants))
    body = deepcopy(opening.body)
    body["paymentPayload"]["payload"]["voucher"] = voucher(other.tag, PRICE)
    return body


def _away(ledger: Ledger) -> dict[str, Any]:
    ledger.is_away = True
    return Opening().body


def _spent_input(ledger: Ledger) -> dict[str, Any]:
    ledger.spent[Opening().given[0]] = None
    del ledger.unspent[Opening().given[0]]
    return Opening().body


def _of_bob(draft: Draft) -> None:
    """Spend an output of BOB, who has not signed, as well."""
    ref, output = ada_outputs(BOB)[0]
    draft.inputs.append(ref)
    draft.outputs.append(output_map(BOB.address, output.value))


def _forged(ledger: Ledger) -> dict[str, Any]:  # noqa: ARG001
    body = deepcopy(Opening().body)
    deposit = body["paymentPayload"]["payload"]["deposit"]
    raw = bytearray(base64.b64decode(deposit["transaction"]))
    raw[-10] ^= 1
    deposit["transaction"] = base64.b64encode(raw).decode()
    return body


def _unconserved(draft: Draft) -> None:
    draft.fee += 1


def _no_input(draft: Draft) -> None:
    draft.inputs.clear()


def _absurd_fee(draft: Draft) -> None:
    draft.fee = 2**63


def chain_cases() -> Iterator[Case]:
    reason = "deposit_transaction"
    yield Case(
        "a chain that is away",
        _away,
        "exact_cardano_facilitator_chain_lookup_failed",
        settles=True,
    )
    yield Case("a tag of no input", _foreign_tag, "channel_id_mismatch")
    yield Case("a spent input", _spent_input, reason)
    yield Case("an unsigned input", opened(edit=_of_bob), reason)
    yield Case("an unsigned opening", opened(edit=lambda draft: draft.signers.clear()), reason)
    yield Case("a forged signature", _forged, reason)
    yield Case("too small a fee", opened(edit=small_fee), reason)
    yield Case("value that is not conserved", opened(edit=_unconserved), reason)
    yield Case("an opening that has ended", opened(edit=in_the_past), reason)
    yield Case("an opening of later", opened(edit=field(8, SLOT + 100)), reason)
    yield Case("a transaction without inputs", opened(edit=_no_input), reason)
    yield Case("a fee beyond all money", opened(edit=_absurd_fee), reason)
    exceeds = "cumulative_exceeds_balance"
    above = 5_000_000 - reserve(None) + 1
    yield Case("an opening's voucher above it", opened(voucher_amount=above), exceeds)
    above_token = opened(asset=TOKEN, amount=5_000, voucher_amount=5_001)
    yield Case("a token's voucher above it", above_token, exceeds)
    below = "cumulative_below_claimed"
    yield Case("an opening's voucher for nothing", opened(voucher_amount=0), below)
    yield Case("an opening's voucher below the price", opened(voucher_amount=PRICE - 1), below)
    signature = said("voucher.signature", "ab" * 64)
    yield Case("an opening's voucher forged", signature, "voucher_signature")
