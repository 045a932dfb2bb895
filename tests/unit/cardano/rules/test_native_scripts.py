"""Native scripts against a plain restatement of what they mean."""

from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.cardano.scripts import NativeScriptContext, native_script_holds
from support.ledger_values import (
    INPUT,
    KEY,
    KEY_HASH,
    OTHER_KEY,
    OTHER_KEY_HASH,
    PAID,
    POLICY,
    SECOND_INPUT,
    UTXO,
    broken,
    native,
    output,
    script_address,
    transaction,
)

KEYS = [bytes([n]) * 28 for n in range(4)]
SLOTS = st.integers(0, 20) | st.just(2**64 - 1)
LEAVES = (
    st.sampled_from(KEYS).map(lambda key: [0, key])
    | SLOTS.map(lambda slot: [4, slot])
    | SLOTS.map(lambda slot: [5, slot])
)
SCRIPTS = st.recursive(
    LEAVES,
    lambda inner: (
        st.tuples(st.sampled_from([1, 2]), st.lists(inner, max_size=4)).map(list)
        | st.tuples(st.just(3), st.integers(-2, 5), st.lists(inner, max_size=4)).map(list)
    ),
    max_leaves=20,
)
WITNESSED = st.builds(
    NativeScriptContext,
    keys=st.frozensets(st.sampled_from(KEYS)),
    start=st.none() | st.integers(0, 20),
    end=st.none() | st.integers(0, 20),
)


def restated(script: Any, witnessed: NativeScriptContext) -> bool:
    kind = script[0]
    if kind == 0:
        return script[1] in witnessed.keys
    if kind == 4:
        return witnessed.start is not None and witnessed.start >= script[1]
    if kind == 5:
        return witnessed.end is not None and witnessed.end <= script[1]
    verdicts = [restated(inner, witnessed) for inner in script[-1]]
    if kind == 1:
        return all(verdicts)
    return any(verdicts) if kind == 2 else sum(verdicts) >= script[1]


def encode(script: Any, data: st.DataObject) -> bytes:
    """The script in CBOR, each array with its length in front or with a break behind."""
    content = b""
    for item in script:
        if isinstance(item, list):
            content += _array([encode(inner, data) for inner in item], data)
        else:
            content += cbor2.dumps(item)
    return _frame(len(script), content, data)


def _array(items: list[bytes], data: st.DataObject) -> bytes:
    return _frame(len(items), b"".join(items), data)


def _frame(length: int, content: bytes, data: st.DataObject) -> bytes:
    if data.draw(st.booleans()):
        return b"\x9f" + content + b"\xff"
    return bytes([0x80 + length]) + content


@given(script=SCRIPTS, witnessed=WITNESSED, data=st.data())
def test_evaluation_agrees_with_the_restatement(
    script: Any, witnessed: NativeScriptContext, data: st.DataObject
) -> None:
    assert native_script_holds(encode(script, data), witnessed) == restated(script, witnessed)


@pytest.mark.parametrize("kind", [b"\x82\x01\x81", b"\x82\x02\x81", b"\x83\x03\x01\x81"])
def test_depth_costs_no_python_stack(kind: bytes) -> None:
    for key, holds in ((KEYS[0], True), (KEYS[1], False)):
        script = kind * 20_000 + b"\x82\x00\x58\x1c" + key
        assert native_script_holds(script, NativeScriptContext({KEYS[0]}, None, None)) == holds


@given(raw=st.binary(max_size=40))
def test_what_is_no_script_holds_for_nobody(raw: bytes) -> None:
    everything = NativeScriptContext(set(KEYS), 2**63, 0)
    if native_script_holds(raw, everything):
        assert restated(cbor2.loads(raw), everything)
    assert not native_script_holds(raw + b"\x00", everything)


SIGNED = native(cbor2.dumps([0, OTHER_KEY_HASH]))
TIMED = native(cbor2.dumps([1, [[0, KEY_HASH], [4, 900], [5, 1100]]]))


def with_script(script: Any) -> dict[str, Any]:
    return {"scripts": {script.hash: script}}


def test_a_native_script_input_needs_its_script_and_what_that_asks() -> None:
    utxo = {INPUT: output(address=script_address(SIGNED))}
    assert broken(transaction(), utxo).keys() == {"MissingScriptWitnessesUTXOW"}
    unsigned = transaction(witnesses=with_script(SIGNED))
    assert broken(unsigned, utxo).keys() == {"ScriptWitnessNotValidatingUTXOW"}
    signed = transaction(signers=(OTHER_KEY,), witnesses=with_script(SIGNED))
    assert broken(signed, utxo) == {}


def test_a_reference_script_stands_in_for_a_witnessed_one() -> None:
    locked = {INPUT: output(address=script_address(SIGNED))}
    holder = output(script=SIGNED, script_size=len(SIGNED.body))
    utxo = {**locked, SECOND_INPUT: holder}
    body: dict[str, Any] = {"reference_inputs": (SECOND_INPUT,), "signers": (OTHER_KEY,)}
    assert broken(transaction(**body), utxo) == {}
    both = transaction(witnesses=with_script(SIGNED), **body)
    assert broken(both, utxo).keys() == {"ExtraneousScriptWitnessesUTXOW"}
    spent = transaction(
        inputs=(INPUT, SECOND_INPUT), outputs=(output(PAID + 10_000_000),), signers=(KEY, OTHER_KEY)
    )
    assert broken(spent, utxo) == {}


def test_a_script_that_nothing_needs_is_refused() -> None:
    tx = transaction(witnesses=with_script(SIGNED))
    assert broken(tx).keys() == {"ExtraneousScriptWitnessesUTXOW"}


@pytest.mark.parametrize(
    ("start", "end", "holds"),
    [(900, 1100, True), (950, 1050, True), (899, 1100, False), (900, 1101, False)],
)
def test_time_locks_compare_with_the_interval(start: int, end: int, holds: bool) -> None:
    utxo = {INPUT: output(address=script_address(TIMED))}
    tx = transaction(witnesses=with_script(TIMED), invalid_before=start, invalid_hereafter=end)
    assert broken(tx, utxo).keys() == (set() if holds else {"ScriptWitnessNotValidatingUTXOW"})


def test_minting_needs_the_policys_script() -> None:
    mint = {TIMED.hash + b"coin": 5}
    made: dict[str, Any] = {"mint": mint, "outputs": (output(PAID, mint),)}
    assert broken(transaction(**made)).keys() == {"MissingScriptWitnessesUTXOW"}
    within: dict[str, Any] = {"invalid_before": 900, "invalid_hereafter": 1100}
    assert broken(transaction(witnesses=with_script(TIMED), **made, **within)) == {}
    stray = {POLICY + b"coin": 5}
    tx = transaction(mint=stray, outputs=(output(PAID, stray),))
    assert POLICY.hex() in broken(tx)["MissingScriptWitnessesUTXOW"]


def test_missing_inputs_leave_out_what_scripts_they_might_provide() -> None:
    tx = transaction(reference_inputs=(SECOND_INPUT,))
    utxo = {INPUT: output(address=script_address(SIGNED))}
    assert broken(tx, utxo).keys() == {"BadInputsUTxO"}
    assert broken(transaction(), UTXO) == {}
