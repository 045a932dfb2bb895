"""The terms of requirements for ``script``; the hashes are those that Evolution SDK 0.5.9 makes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.exact.script_terms import ScriptTerms, read_script_terms
from facilitator.roles.refused import Refused
from facilitator.x402.reasons import Reason

FLAT = "010100223489086d65726368616e74004c0106d8799f4101ff0001"
CODE = f"581b{FLAT}"
"""A program of two lambdas over a byte string and data."""
HASH = "2af2a10ee0e769292750078f80053e2426dade4dd7dadecd8101af85"
TRUE = "8e2b7d3800b635d036fc14c0ea47e70a86b579624571a961d3e88dde"


def extra(kind: object = "plutusV3", code: object = CODE, **fields: object) -> dict[str, Any]:
    return {"script": {"type": kind, "code": code}, **fields}


def with_parameter(kind: object, value: object) -> dict[str, Any]:
    return extra(parameters={"one": {"type": kind, "value": value}})


def script_hash(declared: dict[str, Any]) -> str:
    return read_script_terms(declared).script_hash.hex()


def refusal(declared: dict[str, Any]) -> str:
    with pytest.raises(Refused) as refused:
        read_script_terms(declared)
    assert refused.value.reason is Reason.REQUIREMENTS
    return refused.value.message


def test_a_hash_alone() -> None:
    assert read_script_terms({"scriptHash": HASH}) == ScriptTerms(bytes.fromhex(HASH), None)
    assert script_hash({"scriptHash": HASH, "script": None, "parameters": {"a": 1}}) == HASH


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("plutusV1", "c297afd1fea0901079de618458199268be0044cbcf9217d05fce524d"),
        ("plutusV2", "af0a2851011d57275848e0dcbe0829ccefc82278c4bc092e99fd753f"),
        ("plutusV3", HASH),
    ],
)
def test_a_script_in_each_language(kind: str, expected: str) -> None:
    for code in (CODE, FLAT, f"581d{CODE}"):
        assert script_hash(extra(kind, code)) == expected


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("bytes", "c0ffee" * 40, "e386ee0c42fa379cbeda989b06e40c3cc3e00326d877f619a09d054a"),
        ("string", "żółw", "524227a8751ba379a5085f3fa79bfbc2c24f79ffabf87ecda944d0e3"),
        ("integer", "-7", "64d38a896747a6252c82e837b3cc09b1c9db39d3d9bc355029bb39b5"),
        ("bigint", -7, "64d38a896747a6252c82e837b3cc09b1c9db39d3d9bc355029bb39b5"),
        ("integer", -7.0, "64d38a896747a6252c82e837b3cc09b1c9db39d3d9bc355029bb39b5"),
        ("bigint", str(2**200), "d57bfaf189904692218488ee4c7f5e3cf13369ea76d4c54b65b9f683"),
        ("boolean", True, TRUE),
        ("boolean", False, "104bd92a9f0d963f13cb5dc2b7319bd9c14611c29affed9875f1e9fc"),
    ],
)
def test_a_parameter_of_each_type(kind: str, value: object, expected: str) -> None:
    assert script_hash(with_parameter(kind, value)) == expected


def test_parameters_come_in_the_order_of_javascript() -> None:
    names = ["later", "11", "earlier", "4", "04", "4294967295", "4294967294"]
    parameters = {
        name: {"type": "integer", "value": number} for number, name in enumerate(names, 1)
    }
    expected = "450e522ace29b4ce3537f6acf6fd16aec3078b80cb8e2f3582c2ce9d"
    assert script_hash(extra(parameters=parameters)) == expected


def test_a_script_counts_before_a_hash() -> None:
    """The hash may be that of the script without its parameters."""
    assert script_hash({**with_parameter("boolean", True), "scriptHash": HASH}) == TRUE


def test_a_datum_is_taken_as_it_is() -> None:
    assert read_script_terms(extra(datum="D8798101")).datum == bytes.fromhex("d8798101")
    assert read_script_terms(extra(datum=None)).datum is None
    assert read_script_terms({"scriptHash": HASH, "datum": "01"}).datum == b"\x01"


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({}, "extra must have a script, or as scriptHash"),
        ({"scriptHash": HASH.upper()}, "56 lowercase hex digits"),
        ({"scriptHash": HASH[:-1]}, "56 lowercase hex digits"),
        ({"scriptHash": 7}, "56 lowercase hex digits"),
        ({"script": CODE}, "extra.script must have a type"),
        (extra("native"), "one of plutusV1, plutusV2, plutusV3"),
        (extra({}), "one of plutusV1, plutusV2, plutusV3"),
        (extra(code=None), "extra.script.code must be"),
        (extra(code=""), "extra.script.code must be"),
        (extra(code=CODE.upper()), "extra.script.code must be"),
        (extra(code=CODE[:-1]), "extra.script.code must be"),
        (extra(code="00" * 16_386), "longer than 16385 bytes"),
        (extra(code=CODE[:-2]), "is not a Plutus script"),
        (extra(code="8201"), "is not a Plutus script"),
        (extra(parameters=[]), "extra.parameters must be an object"),
        (extra(parameters={"a": 1}), "extra.parameters['a'] must have a type"),
        (with_parameter("list", []), "extra.parameters['one'] must have a type"),
        (with_parameter("bytes", "Hello World"), "extra.parameters['one']"),
        (with_parameter("bytes", "ABCD"), "extra.parameters['one']"),
        (with_parameter("string", 5), "extra.parameters['one']"),
        (with_parameter("integer", True), "extra.parameters['one']"),
        (with_parameter("integer", 1.5), "extra.parameters['one']"),
        (with_parameter("integer", 2**53), "a string beyond 2^53 - 1"),
        (with_parameter("integer", "-0"), "extra.parameters['one']"),
        (with_parameter("integer", "01"), "extra.parameters['one']"),
        (with_parameter("integer", "+1"), "extra.parameters['one']"),
        (with_parameter("integer", "٣"), "extra.parameters['one']"),
        (with_parameter("integer", "1" * 129), "of at most 128 digits"),
        (with_parameter("boolean", 1), "extra.parameters['one']"),
        (extra(datum=""), "extra.datum must be the CBOR"),
        (extra(datum="d8 79"), "extra.datum must be the CBOR"),
        (extra(datum=5), "extra.datum must be the CBOR"),
        (extra(datum="f6"), "extra.datum is not Plutus data"),
        (extra(datum="0101"), "extra.datum is not Plutus data"),
        (extra("plutusV1", datum="01"), "no Plutus V1 script spend"),
    ],
)
def test_what_is_refused(declared: dict[str, Any], message: str) -> None:
    assert message in refusal(declared)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
VALUES = JSON | st.sampled_from([HASH, CODE, "d87980", "01"])
PARAMETERS = st.fixed_dictionaries(
    {}, optional={"type": st.sampled_from(["bytes", "integer", "boolean"]) | JSON, "value": VALUES}
)
SCRIPTS = st.fixed_dictionaries(
    {}, optional={"type": st.sampled_from(["plutusV1", "plutusV3"]) | JSON, "code": VALUES}
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "script": SCRIPTS | JSON,
            "scriptHash": VALUES,
            "parameters": st.dictionaries(st.text(max_size=5), PARAMETERS, max_size=3) | JSON,
            "datum": VALUES,
        },
    )
)
def test_anything_else_is_refused_too(declared: dict[str, Any]) -> None:
    try:
        reason, found = None, read_script_terms(declared).script_hash
    except Refused as refused:
        reason, found = refused.reason, bytes(28)
    assert reason in (None, Reason.REQUIREMENTS)
    assert len(found) == 28
