"""Governance actions, proposals and votes as values."""

from typing import Any

import pytest

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.governance import decode_action
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import Action, ActionId, ActionKind, Body, Credential, Voter
from support.cbor_forms import AsSet, Pairs, Tagged, encode
from support.transactions import (
    ANCHOR,
    HASH_32,
    KEY_HASH,
    MINIMAL_BODY,
    REWARD_ADDRESS,
    SCRIPT_HASH,
    transaction,
)

ID = ActionId(HASH_32, 7)
KEY, SCRIPT = Credential(False, KEY_HASH), Credential(True, SCRIPT_HASH)
SCRIPT_ADDRESS = b"\xf0" + SCRIPT_HASH


def decode(extra: dict[int, Any]) -> Body:
    return decode_transaction(transaction({**MINIMAL_BODY, **extra})).body


@pytest.mark.parametrize(
    ("form", "action"),
    [
        (
            [0, [HASH_32, 7], Pairs([(22, 5), (0, 0)]), SCRIPT_HASH],
            Action(
                ActionKind.PARAMETER_CHANGE,
                previous=ID,
                parameters=((0, 0), (22, 5)),
                guardrails=SCRIPT_HASH,
            ),
        ),
        ([0, None, {}, None], Action(ActionKind.PARAMETER_CHANGE)),
        ([1, None, [11, 2]], Action(ActionKind.HARD_FORK_INITIATION, version=(11, 2))),
        (
            [2, Pairs([(SCRIPT_ADDRESS, 6), (REWARD_ADDRESS, 5)]), None],
            Action(
                ActionKind.TREASURY_WITHDRAWALS,
                withdrawals=((REWARD_ADDRESS, 5), (SCRIPT_ADDRESS, 6)),
            ),
        ),
        ([3, [HASH_32, 7]], Action(ActionKind.NO_CONFIDENCE, previous=ID)),
        ([6], Action(ActionKind.INFO)),
    ],
)
def test_actions(form: list[Any], action: Action) -> None:
    assert decode_action(encode(form)) == action
    [proposal] = decode({20: AsSet([[9, REWARD_ADDRESS, form, ANCHOR]])}).proposals
    assert proposal == (9, REWARD_ADDRESS, action, tuple(ANCHOR))


def test_an_update_of_the_committee() -> None:
    added = Pairs([([1, SCRIPT_HASH], 6), ([0, KEY_HASH], 5)])
    removed = AsSet([[1, SCRIPT_HASH], [0, KEY_HASH]])
    half = decode_action(encode([4, None, removed, added, _half(1)]))
    assert half.added == ((KEY, 5), (SCRIPT, 6))
    assert half.removed == (KEY, SCRIPT)
    assert half != decode_action(encode([4, None, removed, added, _half(0)]))


def test_constitutions_differ_by_anchor_and_script() -> None:
    def constitution(script: bytes | None, anchor: object) -> Action:
        return decode_action(encode([5, None, [anchor, script]]))

    other = ["https://example.com", HASH_32]
    found = {constitution(None, ANCHOR), constitution(SCRIPT_HASH, ANCHOR)}
    assert len(found | {constitution(None, other), constitution(None, ANCHOR)}) == 3


def test_votes_are_in_order_whatever_the_order_of_the_bytes() -> None:
    votes = Pairs(
        [
            ([4, KEY_HASH], Pairs([([HASH_32, 7], [2, None])])),
            ([1, SCRIPT_HASH], Pairs([([HASH_32, 9], [0, None]), ([HASH_32, 7], [1, ANCHOR])])),
        ]
    )
    script, pool = Voter(1, SCRIPT_HASH), Voter(4, KEY_HASH)
    body = decode({19: votes})
    assert body.votes == ((script, ID, 1), (script, ActionId(HASH_32, 9), 0), (pool, ID, 2))
    assert body.voters == (script, pool)


def test_who_authorizes_which_hot_credential() -> None:
    [certificate] = decode({4: AsSet([[14, [0, KEY_HASH], [1, SCRIPT_HASH]]])}).certificates
    assert (certificate.credential, certificate.hot) == (KEY, SCRIPT)


@pytest.mark.parametrize("raw", [b"", b"\x80", b"\x81\x07", b"\x81\x06\x00"])
def test_what_is_no_action(raw: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_action(raw)


def _half(numerator: int) -> Any:
    return Tagged(30, [numerator, 2])
