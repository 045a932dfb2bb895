"""Faults of a channel's transaction."""

from collections.abc import Callable, Mapping
from typing import Any

import cbor2

from facilitator.cardano.transaction import Value
from facilitator.testing.payments import ALICE
from facilitator_devnet.encoding import output_map
from support.channel_cases.case import Make
from support.channel_drafts import Draft, Edit, reserve
from support.channel_parties import Opening
from support.channels import ACCEPTS, CONSUMER, SLOT, STAKED, TOKEN


def opened(**how: Any) -> Make:
    return lambda _: Opening(**how).body


def field(key: int, value: Any) -> Edit:
    return lambda draft: draft.fields.update({key: value})


def output_field(key: int, value: Any) -> Callable[[dict[int, Any]], None]:
    return lambda made: made.update({key: value})


STAKE = [0, ALICE.address[29:]]
EXTRAS: Mapping[str, Edit] = {
    "a certificate": field(4, cbor2.CBORTag(258, [[7, STAKE, 400_000]])),
    "a withdrawal": field(5, {ALICE.reward_address: 0}),
    "a mint": field(9, {ACCEPTS.hash: {b"x": 1}}),
    "votes": field(19, {(3, CONSUMER): {(bytes(32), 0): [1, None]}}),
    "a proposal": field(
        20, cbor2.CBORTag(258, [[10**11, ALICE.reward_address, [6], ["https://x", bytes(32)]]])
    ),
    "the treasury's value": field(21, 0),
    "a donation": field(22, 1),
    "a direct deposit": field(25, {ALICE.reward_address: 1}),
}
"""What a transaction of a channel must not have."""
MAINNET = bytes([0x61]) + CONSUMER


def _scripts_fail(draft: Draft) -> None:
    draft.is_valid = False


def _mainnet_output(draft: Draft) -> None:
    draft.outputs.append(output_map(MAINNET, Value(1_000_000, {})))


ANY_TRANSACTION: Mapping[str, tuple[Edit, str]] = {
    **{name: (edit, "") for name, edit in EXTRAS.items()},
    "scripts that fail": (_scripts_fail, ""),
    "an output elsewhere": (_mainnet_output, "network_mismatch"),
    "a body of elsewhere": (field(15, 1), "network_mismatch"),
}
"""Faults of any transaction, with their reason if it is not that of the transaction."""


def twice(draft: Draft) -> None:
    first = draft.outputs[0]
    draft.outputs[0:1] = [{**first, 1: 2_500_000}, {**first, 1: 2_500_000}]


def to_a_key(draft: Draft) -> None:
    draft.outputs[0][0] = ALICE.address


def lookalike(draft: Draft) -> None:
    """Put a token of another name where the channel's own must be."""
    value = draft.outputs[0][1]
    ((policy, names),) = value[1].items()
    draft.outputs[0][1] = [value[0], {policy: {b"?" + name: n for name, n in names.items()}}]


def with_token(draft: Draft) -> None:
    lovelace = draft.outputs[0][1]
    draft.outputs[0][1] = [lovelace, {TOKEN[:28]: {TOKEN[28:]: 5}}]


def to_mainnet(draft: Draft) -> None:
    draft.outputs[0][0] = bytes([0x71]) + ACCEPTS.hash


def below_reserve(draft: Draft) -> None:
    """Leave one lovelace less than the reserve beside the token."""
    draft.outputs[0][1] = [reserve(TOKEN) - 1, draft.outputs[0][1][1]]
    draft.fee += 1


def small_fee(draft: Draft) -> None:
    draft.fee = 100


def in_the_past(draft: Draft) -> None:
    draft.ttl = SLOT


def unsigned(draft: Draft) -> None:
    draft.signers.clear()


def to_another_stake(draft: Draft) -> None:
    draft.outputs[0][0] = STAKED


def redeemed_by(redeemer: Any) -> Edit:
    def edit(draft: Draft) -> None:
        draft.redeemers[draft.inputs[0]] = redeemer

    return edit
