"""Dijkstra's decoder takes every form of its CDDL, and names what ended with Conway."""

from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.dijkstra.any_era import (
    decode_any_era,
    decode_by_version,
    decode_from_chain,
)
from facilitator.cardano.codec.dijkstra.transaction import (
    decode_dijkstra,
    decode_dijkstra_in_block,
    decode_sub_transaction,
)
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.ended_forms import EndedForm, EndedFormError
from facilitator.cardano.transaction import BalanceInterval, Credential, Language, Transaction
from support import dijkstra
from support.cbor_forms import AsSet, ChunkedForm, Definite, Pairs, PlainForm, Raw, encode
from support.dijkstra import FLAG_FIRST, FLAG_LAST, NO_FLAG, SUB_BODY, TOP_BODY, TOP_WITNESSES
from support.fuzz import HEADS
from support.transactions import (
    ADDRESS,
    DATUM,
    HASH_32,
    KEY,
    KEY_HASH,
    NATIVE_SCRIPT,
    REWARD_ADDRESS,
    SCRIPT,
    SCRIPT_HASH,
    SIGNATURE,
    VKEY,
)

KEY_GUARD = Credential(is_script=False, hash=KEY_HASH)
SCRIPT_GUARD = Credential(is_script=True, hash=SCRIPT_HASH)
DATUM_CBOR = encode(DATUM)
DECODERS: dict[int, Callable[[bytes], Transaction]] = {
    FLAG_FIRST: decode_dijkstra,
    NO_FLAG: decode_dijkstra,
    FLAG_LAST: decode_dijkstra_in_block,
}


def full(envelope: int = NO_FLAG, form: PlainForm | None = None) -> bytes:
    return dijkstra.transaction(
        TOP_BODY, TOP_WITNESSES, dijkstra.TOP_AUXILIARY, envelope=envelope, form=form
    )


def test_the_new_fields_have_their_values() -> None:
    tx = decode_dijkstra(full())
    new = tx.body.dijkstra
    assert new is not None
    assert new.guards == (KEY_GUARD, SCRIPT_GUARD)
    assert tx.body.required_signers == (KEY_HASH,)
    assert new.required_guards == {SCRIPT_GUARD: None}
    assert new.direct_deposits == {REWARD_ADDRESS: 5, dijkstra.SCRIPT_ADDRESS: 0}
    assert new.balances == {
        REWARD_ADDRESS: BalanceInterval(1, 2),
        dijkstra.SCRIPT_ADDRESS: BalanceInterval(None, 2),
    }
    assert new.starting_balances == {
        REWARD_ADDRESS: BalanceInterval(1, None),
        dijkstra.SCRIPT_ADDRESS: BalanceInterval(0, 1),
    }
    assert not new.is_sub
    assert [each.tag for each in tx.witnesses.redeemers] == [6]
    assert tx.auxiliary_plutus == ((Language.PLUTUS_V4, b"v4"),)
    scripts = [output.script for output in tx.body.outputs]
    assert [script and script.language for script in scripts] == [
        Language.PLUTUS_V4,
        Language.NATIVE,
    ]


def test_a_sub_transaction_has_its_own_id_and_fields() -> None:
    alone = decode_sub_transaction(dijkstra.sub_transaction())
    tx = decode_dijkstra(full())
    assert tx.body.dijkstra is not None
    (sub,) = tx.body.dijkstra.subs
    assert sub == alone
    assert sub.id == blake2b(encode(SUB_BODY), digest_size=32).digest()
    assert sub.body.fee == 0
    assert sub.body.dijkstra is not None
    assert sub.body.dijkstra.is_sub
    assert sub.body.dijkstra.required_guards == {KEY_GUARD: None, SCRIPT_GUARD: DATUM_CBOR}
    assert sub.body.dijkstra.balances == {REWARD_ADDRESS: BalanceInterval(7, 8)}


@pytest.mark.parametrize("envelope", [FLAG_FIRST, NO_FLAG, FLAG_LAST])
def test_every_envelope_has_the_same_id_and_counts_the_same_bytes(envelope: int) -> None:
    tx = DECODERS[envelope](full(envelope))
    without_flag = full(NO_FLAG)
    assert tx.size == len(without_flag)
    assert tx.id == decode_dijkstra(without_flag).id
    assert tx.is_valid


def test_a_transaction_in_a_block_may_have_failed() -> None:
    raw = dijkstra.transaction(envelope=FLAG_LAST, flag=False)
    assert not decode_dijkstra_in_block(raw).is_valid
    assert decode_from_chain(raw).is_valid is False


@pytest.mark.parametrize("envelope", [FLAG_FIRST, NO_FLAG, FLAG_LAST])
@given(seed=st.integers(0, 2**32))
def test_any_form_has_the_same_content(envelope: int, seed: int) -> None:
    random = Random(seed)
    body = dijkstra.random_body(random)
    plain = decode_dijkstra(dijkstra.transaction(body, TOP_WITNESSES))
    written = dijkstra.transaction(body, TOP_WITNESSES, envelope=envelope, form=ChunkedForm(random))
    tx = DECODERS[envelope](written)
    assert tx.body.inputs == plain.body.inputs
    assert tx.body.certificates == plain.body.certificates
    assert tx.body.withdrawals == plain.body.withdrawals
    assert tx.body.mint == plain.body.mint
    assert tx.witnesses.scripts == plain.witnesses.scripts
    assert tx.witnesses.redeemers == plain.witnesses.redeemers
    assert tx.body.dijkstra is not None
    assert plain.body.dijkstra is not None
    assert tx.body.dijkstra.guards == plain.body.dijkstra.guards
    assert tx.body.dijkstra.required_guards == plain.body.dijkstra.required_guards
    assert tx.body.dijkstra.balances == plain.body.dijkstra.balances


@given(st.integers(0, 2**32))
def test_bytes_that_are_none_of_its_transactions_end_in_a_decode_error(seed: int) -> None:
    random = Random(seed)
    raw = bytearray(full(random.choice([FLAG_FIRST, NO_FLAG, FLAG_LAST])))
    for _ in range(random.choice([1, 1, 2, 8])):
        place = random.randrange(len(raw))
        raw[place : place + random.randint(0, 2)] = random.choices(HEADS, k=random.randint(0, 2))
    for decode in (decode_dijkstra, decode_dijkstra_in_block, decode_sub_transaction):
        with suppress(DecodeError):
            decode(bytes(raw))


# --- What ended with Conway -----------------------------------------------------------------------

ENDED: dict[EndedForm, bytes] = {
    EndedForm.FALSE_VALIDITY_FLAG: dijkstra.transaction(envelope=FLAG_FIRST, flag=False),
    EndedForm.CERTIFICATE_WITHOUT_DEPOSIT: dijkstra.transaction({4: AsSet([[0, KEY]])}),
    EndedForm.LISTED_REDEEMERS: dijkstra.transaction(
        witnesses={5: [[0, 0, Raw(DATUM_CBOR), [1, 2]]]}
    ),
    EndedForm.DUPLICATE_WITNESS: dijkstra.transaction(
        witnesses={0: AsSet([[VKEY, SIGNATURE]] * 2)}
    ),
    EndedForm.EMPTY_MULTI_ASSET: dijkstra.transaction({1: [[ADDRESS, [10, {}]]]}),
    EndedForm.CHAIN_CODE_SIZE: dijkstra.transaction(
        witnesses={2: AsSet([[VKEY, SIGNATURE, bytes(31), b"\xa0"]])}
    ),
}


@pytest.mark.parametrize(("form", "raw"), ENDED.items(), ids=list(ENDED))
def test_what_ended_is_refused_by_its_name(form: EndedForm, raw: bytes) -> None:
    with pytest.raises(EndedFormError, match=f"^{form}: ") as caught:
        decode_dijkstra(raw)
    assert caught.value.form is form


@pytest.mark.parametrize(
    "witnesses",
    [
        {0: AsSet([[VKEY, SIGNATURE]] * 2)},
        {1: AsSet([NATIVE_SCRIPT] * 2)},
        {2: AsSet([[VKEY, SIGNATURE, bytes(32), b"\xa0"], [VKEY, bytes(64), bytes(32), b"\xa0"]])},
        {4: AsSet([Raw(DATUM_CBOR)] * 2)},
    ],
)
def test_no_set_of_witnesses_has_an_element_twice(witnesses: Any) -> None:
    with pytest.raises(EndedFormError, match=r"^DuplicateWitness: "):
        decode_dijkstra(dijkstra.transaction(witnesses=witnesses))
    assert decode_transaction(dijkstra.transaction(witnesses=witnesses, envelope=FLAG_FIRST))


def test_a_certificate_of_kind_1_ended_too() -> None:
    with pytest.raises(EndedFormError, match="kind 1 must be one of kind 8"):
        decode_dijkstra(dijkstra.transaction({4: AsSet([[1, KEY]])}))


# --- What is no transaction -----------------------------------------------------------------------

REFUSED = {
    "an empty map of deposits": {25: {}},
    "an interval without a bound": {26: Pairs([(REWARD_ADDRESS, [None, None])])},
    "an account twice": {26: Pairs([(REWARD_ADDRESS, 1), (REWARD_ADDRESS, 2)])},
    "a guard twice": {14: AsSet([KEY, KEY])},
    "a key hash among credentials": {14: AsSet([SCRIPT, KEY_HASH])},
    "no sub-transaction": {23: AsSet([])},
    "a sub-transaction twice, with other witnesses": {
        23: AsSet([[SUB_BODY, {}, None], [SUB_BODY, {0: AsSet([[VKEY, SIGNATURE]])}, None]])
    },
    "a sub-transaction with a fee": {23: AsSet([[{**SUB_BODY, 2: 1}, {}, None]])},
    "a sub-transaction in one": {
        23: AsSet([[{**SUB_BODY, 23: AsSet([[SUB_BODY, {}, None]])}, {}, None]])
    },
    "a sub-transaction with starting balances": {
        23: AsSet([[{**SUB_BODY, 27: Pairs([(REWARD_ADDRESS, 1)])}, {}, None]])
    },
    "an unknown key": {28: 1},
    "a script of another language": {1: [{0: ADDRESS, 1: 10, 3: Raw(b"\xd8\x18\x43\x82\x05\x40")}]},
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=list(REFUSED))
def test_bodies_that_the_ledger_does_not_decode(body: dict[int, Any]) -> None:
    with pytest.raises(DecodeError):
        decode_dijkstra(dijkstra.transaction(body))


@pytest.mark.parametrize("flags", [(True, True), (None, None, True), (7,), ()])
def test_other_envelopes_are_none(flags: tuple[Any, ...]) -> None:
    body = {0: AsSet([[HASH_32, 0]]), 1: [[ADDRESS, 10]], 2: 5}
    with pytest.raises(DecodeError):
        decode_from_chain(encode([body, {}, *flags]))


def test_a_chunk_states_its_length() -> None:
    nested = b"\x5f\x5f\x41a\xff\xff"
    body = {0: AsSet([[Raw(nested), 0]])}
    with pytest.raises(DecodeError, match="length"):
        decode_dijkstra(dijkstra.transaction(body))


def test_a_fixed_array_may_leave_its_length_open() -> None:
    indefinite = Raw(b"\x9f" + DATUM_CBOR + encode([1, 2]) + b"\xff")
    redeemers = Pairs([([0, 0], indefinite)])
    raw = dijkstra.transaction(witnesses={5: redeemers})
    assert decode_dijkstra(raw).witnesses.redeemers[0].memory == 1
    definite = {5: Pairs([([0, 0], Definite([Raw(DATUM_CBOR), [1, 2]]))])}
    assert decode_dijkstra(dijkstra.transaction(witnesses=definite)).id == decode_dijkstra(raw).id


# --- By version, and by neither -------------------------------------------------------------------


def test_the_version_decides_which_decoder_reads() -> None:
    newer, older = dijkstra.transaction(), ENDED[EndedForm.EMPTY_MULTI_ASSET]
    conway = dijkstra.transaction({1: [[ADDRESS, [10, {}]]]}, envelope=FLAG_FIRST)
    assert decode_by_version(newer, 12).body.dijkstra is not None
    assert decode_by_version(conway, 11).body.dijkstra is None
    for raw, major in ((newer, 11), (conway, 12), (older, 12)):
        with pytest.raises(DecodeError):
            decode_by_version(raw, major)


def test_of_any_era_the_older_one_is_tried_first() -> None:
    assert decode_any_era(dijkstra.transaction(envelope=FLAG_FIRST)).body.dijkstra is None
    assert decode_any_era(dijkstra.transaction()).body.dijkstra is not None
    assert decode_any_era(dijkstra.sub_transaction()).body.dijkstra.is_sub  # type: ignore[union-attr]
    with pytest.raises(DecodeError, match=r"^ListedRedeemers: "):
        decode_any_era(ENDED[EndedForm.LISTED_REDEEMERS])
    with pytest.raises(DecodeError, match="4 elements, not 2"):
        decode_any_era(encode([{}, {}]))


GOLDEN = list(dijkstra.golden_transactions())


@pytest.mark.once
@pytest.mark.skipif(not GOLDEN, reason="FACILITATOR_DIJKSTRA_GOLDEN names no golden transactions")
def test_the_ledgers_golden_transactions_decode() -> None:
    for name, raw in GOLDEN:
        tx = decode_dijkstra(raw)
        assert tx.size == len(raw), name
        assert tx.raw == raw
