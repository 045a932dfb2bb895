"""Certificates, votes and proposals of every kind, and what is wrong with each."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.cardano.codec.transaction_decoder import DecodeError, decode_transaction
from facilitator.cardano.transaction import Body, Certificate, Credential
from support.cbor_forms import AsSet, Pairs, Raw, Tagged
from support.transactions import (
    ACTION_ID,
    ACTIONS,
    ANCHOR,
    CERTIFICATES,
    HALF,
    HASH_32,
    KEY,
    KEY_HASH,
    PARAMETERS,
    REWARD_ADDRESS,
    SCRIPT,
    SCRIPT_HASH,
    VOTES,
    transaction,
)

KEY_CREDENTIAL, SCRIPT_CREDENTIAL = Credential(False, KEY_HASH), Credential(True, SCRIPT_HASH)
FULL_POOL, BARE_POOL = [certificate for certificate in CERTIFICATES if certificate[0] == 3]


def decode(body: dict[int, Any]) -> Body:
    return decode_transaction(transaction(body)).body


def certificate(parts: list[Any]) -> Certificate:
    (found,) = decode({4: [parts]}).certificates
    return found


def _replaced(parts: list[Any], place: int, part: Any) -> list[Any]:
    return [*parts[:place], part, *parts[place + 1 :]]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([0, KEY], Certificate(0, KEY_CREDENTIAL)),
        ([1, SCRIPT], Certificate(1, SCRIPT_CREDENTIAL)),
        ([2, KEY, SCRIPT_HASH], Certificate(2, KEY_CREDENTIAL, pool=SCRIPT_HASH)),
        ([4, KEY_HASH, 99], Certificate(4, pool=KEY_HASH, epoch=99)),
        ([7, KEY, 10], Certificate(7, KEY_CREDENTIAL, deposit=10)),
        ([8, SCRIPT, 11], Certificate(8, SCRIPT_CREDENTIAL, deposit=11)),
        ([11, KEY, KEY_HASH, 12], Certificate(11, KEY_CREDENTIAL, 12, KEY_HASH)),
        ([17, KEY, 16], Certificate(17, KEY_CREDENTIAL, 16)),
    ],
)
def test_the_parts_that_rules_read(parts: list[Any], expected: Certificate) -> None:
    assert certificate(parts) == expected


@pytest.mark.parametrize("kind", [9, 10, 12, 13])
def test_delegation_of_votes(kind: int) -> None:
    pool = [KEY_HASH] if kind in (10, 13) else []
    deposit = [7] if kind in (12, 13) else []
    dreps = {0: KEY_CREDENTIAL, 1: Credential(True, KEY_HASH), 2: None, 3: None}
    found = []
    for drep_kind, drep in dreps.items():
        named = [drep_kind] if drep is None else [drep_kind, KEY_HASH]
        found.append(certificate([kind, KEY, *pool, named, *deposit]))
        assert found[-1].drep == drep
        assert found[-1].pool == (KEY_HASH if pool else None)
        assert found[-1].deposit == (7 if deposit else None)
    assert len(set(found)) == 4


def test_a_pool_registration() -> None:
    found = certificate(FULL_POOL)
    assert found.kind == 3
    assert found.pool == KEY_HASH
    assert found.pool_cost == 2
    assert found.pool_reward_account == REWARD_ADDRESS
    assert set(found.pool_owners) == {KEY_HASH, SCRIPT_HASH}
    assert certificate(BARE_POOL).pool_owners == ()


@pytest.mark.parametrize(
    ("margin", "expected"),
    [
        ([2, 4], Fraction(1, 2)),
        ([-1, -2], Fraction(1, 2)),
        ([Tagged(2, b"\0\1"), Tagged(2, b"\2")], Fraction(1, 2)),
        ([Tagged(3, b""), Tagged(3, b"\1")], Fraction(1, 2)),
        ([1, 2**64 - 1], Fraction(1, 2**64 - 1)),
        ([2**64 - 1, Tagged(2, (2**65 - 2).to_bytes(9, "big"))], Fraction(1, 2)),
    ],
    ids=str,
)
def test_a_margin_may_be_a_ratio_of_any_integers(margin: list[Any], expected: Fraction) -> None:
    assert certificate(_replaced(FULL_POOL, 5, Tagged(30, margin))).details[2] == expected


def test_a_set_of_certificates_differs_in_all_its_parts() -> None:
    assert len(decode({4: AsSet(CERTIFICATES)}).certificates) == len(CERTIFICATES)


@pytest.mark.parametrize("parts", CERTIFICATES, ids=lambda parts: f"kind {parts[0]}")
def test_no_certificate_may_come_twice(parts: list[Any]) -> None:
    with pytest.raises(DecodeError, match="twice"):
        decode({4: [parts, [0, SCRIPT], parts]})


def test_the_same_owners_in_another_order_are_the_same_certificate() -> None:
    other = [AsSet(part.elements[::-1]) if isinstance(part, AsSet) else part for part in FULL_POOL]
    with pytest.raises(DecodeError, match="twice"):
        decode({4: [FULL_POOL, other]})


@pytest.mark.parametrize("parts", CERTIFICATES, ids=lambda parts: f"kind {parts[0]}")
def test_certificates_with_a_part_too_few_or_too_many(parts: list[Any]) -> None:
    for wrong in (parts[:-1], [*parts, 0]):
        with pytest.raises(DecodeError):
            decode({4: [wrong]})


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([5, KEY_HASH, KEY_HASH, HASH_32], "there is no certificate of kind 5"),
        ([6, [0, {}]], "there is no certificate of kind 6"),
        ([19, KEY], "there is no certificate of kind 19"),
        ([0, [2, KEY_HASH]], "the kind of a credential must be at most 1"),
        ([0, [0, HASH_32]], "the hash of a credential must be 28 bytes, not 32"),
        ([7, KEY, -1], "the deposit of a certificate must be an unsigned integer"),
        ([9, KEY, [2, KEY_HASH]], "a DRep must have 1 elements, not 2"),
        ([9, KEY, [0]], "a DRep must have 2 elements, not 1"),
        ([9, KEY, [4]], "the kind of a DRep must be at most 3"),
        ([18, KEY, ["x" * 129, HASH_32]], "the URL of an anchor must be at most 128 bytes"),
        ([18, KEY, ["x", b""]], "the hash of an anchor must be 32 bytes, not 0"),
        (_replaced(FULL_POOL, 1, HASH_32), "the id of a pool must be 28 bytes, not 32"),
        (_replaced(FULL_POOL, 5, Tagged(30, [2, 1])), "the margin of a pool must be a fraction of"),
        (_replaced(FULL_POOL, 5, Tagged(30, [1, 0])), "the margin of a pool must be a fraction of"),
        (_replaced(FULL_POOL, 5, Tagged(30, [-1, 2])), "the margin of a pool must be a fraction"),
        (_replaced(FULL_POOL, 5, [1, 2]), "the margin of a pool must be tagged"),
        (_replaced(FULL_POOL, 5, Tagged(30, [1, 2, 3])), "the margin of a pool must have 2"),
        (_replaced(FULL_POOL, 5, Tagged(30, [-1, -(2**64)])), "in 64 bits each"),
        (_replaced(FULL_POOL, 5, Tagged(30, [1, Tagged(2, b"\1" + bytes(8))])), "in 64 bits each"),
        (_replaced(FULL_POOL, 5, Tagged(30, [1, Raw(b"\xc2\x5f\x41\1\xff")])), "in its head"),
        (
            _replaced(FULL_POOL, 5, Tagged(30, [Tagged(2, bytes(65)), 1])),
            "must be at most 64 bytes",
        ),
        (_replaced(FULL_POOL, 5, Tagged(30, [1, Tagged(4, b"\1")])), "must be an integer"),
        (_replaced(FULL_POOL, 5, Tagged(30, [1, Raw(b"\xd8\2\x41\1")])), "must be an integer"),
        (_replaced(FULL_POOL, 6, KEY_HASH), "a reward address must be 29 bytes"),
        (_replaced(FULL_POOL, 7, [KEY_HASH] * 2), "the owners of a pool must not have an element"),
        (_replaced(FULL_POOL, 8, [[3, "x"]]), "the kind of a relay must be at most 2"),
        (_replaced(FULL_POOL, 8, [[0, 65536, None, None]]), "a port must be at most 65535"),
        (_replaced(FULL_POOL, 8, [[0, 1, bytes(3), None]]), "an IPv4 address must be 4 bytes"),
        (_replaced(FULL_POOL, 8, [[0, 1, None, bytes(4)]]), "an IPv6 address must be 16 bytes"),
        (_replaced(FULL_POOL, 8, [[1, "x"]]), "a relay must have 3 elements, not 2"),
        (_replaced(FULL_POOL, 9, ["x" * 129, b""]), "the metadata URL of a pool must be at most"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_certificates_that_the_ledger_refuses(parts: list[Any], message: str) -> None:
    with pytest.raises(DecodeError) as refusal:
        certificate(parts)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("votes", "message"),
    [
        ({}, "voting procedures (body key 19) must not be empty"),
        (Pairs([([0, KEY_HASH], {})]), "the votes of a voter must not be empty"),
        (Pairs([([5, KEY_HASH], Pairs([]))]), "the kind of a voter must be at most 4"),
        (Pairs(VOTES.pairs + VOTES.pairs[:1]), "have a voter twice"),
        (
            Pairs([([0, KEY_HASH], Pairs([(ACTION_ID, [0, None])] * 2))]),
            "must not vote twice on an action",
        ),
        (Pairs([([0, KEY_HASH], Pairs([(ACTION_ID, [3, None])]))]), "a vote must be at most 2"),
        (Pairs([([0, KEY_HASH], Pairs([([HASH_32, 65536], [0, None])]))]), "must be at most 65535"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_votes_that_the_ledger_refuses(votes: object, message: str) -> None:
    with pytest.raises(DecodeError) as refusal:
        decode({19: votes})
    assert message in str(refusal.value)


@pytest.mark.parametrize("action", ACTIONS, ids=str)
def test_actions_with_a_part_too_few_or_too_many(action: list[Any]) -> None:
    [proposal] = decode({20: [[1, REWARD_ADDRESS, action, ANCHOR]]}).proposals
    assert (proposal.deposit, proposal.return_address) == (1, REWARD_ADDRESS)
    assert proposal.action.kind == action[0]
    for wrong in (action[:-1], [*action, None], [*action, 0]):
        with pytest.raises(DecodeError):
            decode({20: [[1, REWARD_ADDRESS, wrong, ANCHOR]]})


@pytest.mark.parametrize("number", range(len(ACTIONS)))
def test_no_proposal_may_come_twice(number: int) -> None:
    proposal = [1, REWARD_ADDRESS, ACTIONS[number], ANCHOR]
    with pytest.raises(DecodeError, match="twice"):
        decode({20: AsSet([proposal, [2, *proposal[1:]], proposal])})


@given(st.sampled_from(sorted(PARAMETERS)))
def test_parameters_of_the_wrong_type(key: int) -> None:
    wrongs: tuple[Any, ...] = (None, -1, "9", [], [[]], Tagged(30, [1, 0]), 2**64 - 1)
    for wrong in wrongs:
        update = {**PARAMETERS, key: wrong}
        if wrong == 2**64 - 1 and PARAMETERS[key] == 9 and key in (0, 1, 5, 6, 16, 17, 30, 31):
            continue  # an amount of lovelace, which may be this large
        with pytest.raises(DecodeError):
            decode({20: [[1, REWARD_ADDRESS, [0, None, update, None], ANCHOR]]})


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ([7], "the kind of a governance action must be at most 6"),
        ([0, None, {12: 1}, None], "a parameter update has no key 12"),
        ([0, None, Pairs([(0, 1), (0, 1)]), None], "a parameter update has the key 0 twice"),
        ([0, None, {10: Tagged(30, [3, 2])}, None], "must be a fraction of at most 1"),
        ([0, None, {18: Pairs([(0, []), (0, [])])}, None], "cost models must not have a key twice"),
        ([0, None, {25: [HALF] * 4}, None], "must have 5 elements, not 4"),
        ([0, None, {}, HASH_32], "the hash of the guardrails script must be 28 bytes, not 32"),
        ([1, None, [2**32, 0]], "a major version must be at most"),
        ([2, Pairs([(REWARD_ADDRESS, 1)] * 2), None], "treasury withdrawals must not have a key"),
        ([2, {KEY_HASH: 1}, None], "a reward address must be 29 bytes"),
        ([4, None, [KEY, KEY], Pairs([]), HALF], "the committee members to remove must not have"),
        ([5, None, [ANCHOR]], "a constitution must have 2 elements, not 1"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_actions_that_the_ledger_refuses(action: list[Any], message: str) -> None:
    with pytest.raises(DecodeError) as refusal:
        decode({20: [[1, REWARD_ADDRESS, action, ANCHOR]]})
    assert message in str(refusal.value)


@pytest.mark.parametrize("proposal", [[1, REWARD_ADDRESS, [6]], [1, KEY_HASH, [6], ANCHOR], []])
def test_proposals_that_the_ledger_refuses(proposal: list[Any]) -> None:
    with pytest.raises(DecodeError):
        decode({20: [proposal]})
    with pytest.raises(DecodeError, match="must not be empty"):
        decode({20: []})
