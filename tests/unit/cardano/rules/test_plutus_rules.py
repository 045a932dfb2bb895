"""What must come with a Plutus script, though no script is evaluated: it is always refused."""

import zlib
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import pytest

from facilitator.cardano.rules import Failure, needed, outputs
from facilitator.cardano.rules.plutus import encode_language_views
from facilitator.cardano.rules.resolved import resolve
from facilitator.cardano.transaction import (
    ActionId,
    Certificate,
    Credential,
    Language,
    Redeemer,
    Script,
    Vote,
    Voter,
)
from support.ledger_values import (
    ENVIRONMENT,
    FEE,
    HELD,
    INPUT,
    KEY_HASH,
    PAID,
    PARAMETERS,
    POLICY,
    SECOND_INPUT,
    THIRD_INPUT,
    UTXO,
    broken,
    native,
    output,
    plutus,
    reward_address,
    script_address,
    transaction,
)

DATUM = b"\x18\x2a"
DATUM_HASH = blake2b(DATUM, digest_size=32).digest()
SPEND = Redeemer(0, 0, b"\x01", 0, 0)
REDEEMERS_SPAN = b"\xa1\x82\x00\x00\x82\x01\x82\x00\x00"
DATUMS_SPAN = b"\xd9\x01\x02\x81" + DATUM
VIEWS = {
    Language.PLUTUS_V1: bytes.fromhex("a1410044") + b"\x9f\x01\x02\xff",
    Language.PLUTUS_V2: bytes.fromhex("a101820304"),
    Language.PLUTUS_V3: bytes.fromhex("a102820506"),
}
"""The encoding of each language's cost model on its own, written out by hand."""
COLLATERAL = SECOND_INPUT


def spend(
    script: Script,
    *,
    datum: dict[str, Any] | None = None,
    witnesses: dict[str, Any] | None = None,
    collateral_output: Any = None,
    **body: Any,
) -> dict[str, str]:
    """What spending from the script breaks; all that it needs is there unless changed."""
    spent = output(address=script_address(script), **(datum or {"datum_hash": DATUM_HASH}))
    utxo = {INPUT: spent, COLLATERAL: collateral_output or output(1_000_000)}
    given = {
        "scripts": {script.hash: script},
        "datums": (DATUM,),
        "datums_span": DATUMS_SPAN,
        "redeemers": (SPEND,),
        "redeemers_span": REDEEMERS_SPAN,
        **(witnesses or {}),
    }
    datums = given["datums_span"] if given["datums"] else b""
    hashed = given["redeemers_span"] + datums + VIEWS[script.language]
    fields = {
        "collateral": (COLLATERAL,),
        "script_data_hash": blake2b(hashed, digest_size=32).digest(),
        **body,
    }
    return broken(transaction(witnesses=given, **fields), utxo)


LANGUAGES = [Language.PLUTUS_V1, Language.PLUTUS_V2, Language.PLUTUS_V3]
NO_DATUM = {"datums": (), "datums_span": None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_complete_plutus_spend_is_refused_only_for_its_script(language: Language) -> None:
    assert spend(plutus(language)).keys() == {"NotJudged"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_datums_needed(language: Language) -> None:
    script = plutus(language)
    without = spend(script, witnesses=NO_DATUM)
    assert DATUM_HASH.hex() in without["MissingRequiredDatums"]
    inline = spend(script, datum={"datum": DATUM}, witnesses=NO_DATUM)
    unsupported = "CollectErrors:BadTranslation:InlineDatumsNotSupported"
    assert inline.keys() == {"NotJudged"} | ({unsupported} if language == 1 else set())
    bare = spend(script, datum={"datum": None}, witnesses=NO_DATUM)
    assert ("UnspendableUTxONoDatumHash" in bare) == (language != Language.PLUTUS_V3)


def test_datums_beyond_those_needed_belong_to_an_output_or_a_reference_input() -> None:
    extra, hidden = b"\x07", output(address=b"\x60" + KEY_HASH)
    digest = blake2b(extra, digest_size=32).digest()
    given = {"datums": (extra,), "datums_span": b"\x81" + extra}
    hashed = b"\xa0" + b"\x81" + extra + b"\xa0"
    body: dict[str, Any] = {
        "script_data_hash": blake2b(hashed, digest_size=32).digest(),
        "witnesses": given,
    }
    assert broken(transaction(**body)).keys() == {"NotAllowedSupplementalDatums"}
    made = (output(PAID, datum_hash=digest),)
    assert broken(transaction(outputs=made, **body)) == {}
    spare = output(datum_hash=digest)
    assert broken(transaction(collateral_return=spare, **body)) == {}
    utxo = {**UTXO, THIRD_INPUT: spare, SECOND_INPUT: hidden}
    assert broken(transaction(reference_inputs=(THIRD_INPUT,), **body), utxo) == {}
    other = broken(transaction(reference_inputs=(SECOND_INPUT,), **body), utxo)
    assert other.keys() == {"NotAllowedSupplementalDatums"}


def test_redeemers_fit_what_needs_them() -> None:
    script = plutus(Language.PLUTUS_V2)
    none = spend(script, witnesses={"redeemers": (), "redeemers_span": b"\xa0"})
    assert none["MissingRedeemers"] == "redeemers are missing for spending 0"
    wrong = spend(script, witnesses={"redeemers": (SPEND._replace(tag=1),)})
    assert {"MissingRedeemers", "ExtraRedeemers"} <= wrong.keys()
    two = spend(script, witnesses={"redeemers": (SPEND, SPEND._replace(index=1))})
    assert two["ExtraRedeemers"] == "no Plutus script needs redeemers for spending 1"
    assert "MissingRedeemers" not in two


def test_the_integrity_hash_is_there_exactly_when_it_is_needed() -> None:
    script = plutus(Language.PLUTUS_V1)
    for claimed in (None, bytes(32)):
        assert "PPViewHashesDontMatch" in spend(script, script_data_hash=claimed)
    tx = transaction(script_data_hash=bytes(32))
    assert broken(tx).keys() == {"PPViewHashesDontMatch"}
    eleven = replace(ENVIRONMENT, parameters=replace(PARAMETERS, protocol_major=11))
    assert broken(tx, env=eleven).keys() == {"ScriptIntegrityHashMismatch"}


def test_language_views_are_in_the_order_of_their_keys() -> None:
    v1, v2, v3 = (VIEWS[language][1:] for language in LANGUAGES)
    assert encode_language_views(set(LANGUAGES), PARAMETERS) == b"\xa3" + v2 + v3 + v1
    assert encode_language_views(set(), PARAMETERS) == b"\xa0"


def test_a_language_without_cost_model_is_null() -> None:
    bare = replace(PARAMETERS, cost_models={})
    assert encode_language_views({Language.PLUTUS_V2}, bare) == bytes.fromhex("a101f6")
    assert encode_language_views({Language.PLUTUS_V1}, bare) == bytes.fromhex("a1410041f6")


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ({"collateral": (COLLATERAL,) * 4}, None),
        ({"collateral_output": output(address=script_address(native(b"")))}, "ScriptsNotPaidUTxO"),
        ({"collateral_output": output(assets={POLICY: 1})}, "CollateralContainsNonADA"),
        ({"collateral_output": output(300_000)}, None),
        ({"collateral_output": output(299_999)}, "InsufficientCollateral"),
        ({"total_collateral": 1_000_000}, None),
        ({"total_collateral": 999_999}, "IncorrectTotalCollateralField"),
        ({"collateral_return": output(700_000, size=0), "total_collateral": 300_000}, None),
        ({"collateral_return": output(700_001, size=0)}, "InsufficientCollateral"),
        (
            {
                "collateral_output": output(2_000_000, {POLICY: 1}),
                "collateral_return": output(1_000_000, {POLICY: 1}),
            },
            None,
        ),
        ({"collateral_return": output(700_000, {POLICY: 1}, size=0)}, "CollateralContainsNonADA"),
    ],
)
def test_collateral(body: dict[str, Any], rule: str | None) -> None:
    """A fee of 200,000 lovelace at 150 % needs 300,000."""
    assert FEE == 200_000
    found = spend(plutus(Language.PLUTUS_V3), **body).keys()
    assert found == ({"NotJudged", rule} if rule else {"NotJudged"})


def test_redeemers_need_collateral() -> None:
    found = spend(plutus(Language.PLUTUS_V3), collateral=())
    assert found.keys() == {"NotJudged", "NoCollateralInputs", "InsufficientCollateral"}


def test_the_number_of_collateral_inputs_is_limited_even_without_scripts() -> None:
    refs = tuple(INPUT._replace(index=n) for n in range(4))
    utxo = {ref: output() for ref in refs}
    assert broken(transaction(inputs=refs[:1], collateral=refs[:3]), utxo) == {}
    four = broken(transaction(inputs=refs[:1], collateral=refs), utxo)
    assert four.keys() == {"TooManyCollateralInputs"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_plutus_scripts_are_well_formed_wherever_they_are(language: Language) -> None:
    good, bad = plutus(language), plutus(language, b"invalid")
    assert bad.hash.hex() in spend(bad)["MalformedScriptWitnesses"]
    for script, rules in ((good, set()), (bad, {"MalformedReferenceScripts"})):
        assert broken(transaction(outputs=(output(PAID, script=script),))).keys() == rules
        spare = output(PAID, script=script)
        assert broken(transaction(collateral_return=spare)).keys() == rules
    large = transaction(outputs=(output(PAID, script=bad),), size=PARAMETERS.max_tx_size + 1)
    assert broken(large).keys() >= {"MaxTxSizeUTxO"}
    assert "MalformedReferenceScripts" not in broken(large)
    data = b"\xd9\x01\x03\xa0"
    digest = blake2b(data, digest_size=32).digest()
    for code, rules in ((good.body, set()), (bad.body, {"InvalidMetadata"})):
        tx = transaction(auxiliary_data=data, auxiliary_data_hash=digest)
        assert broken(replace(tx, auxiliary_plutus=((language, code),))).keys() == rules
    assert broken(transaction(outputs=(output(PAID, script=native(b"\x00")),))) == {}


def test_items_are_counted_in_the_ledgers_order() -> None:
    """Inputs and policies by bytes, script credentials before keys, certificates as listed."""
    first, last = plutus(Language.PLUTUS_V3, b"\x01"), plutus(Language.PLUTUS_V3, b"\x02")
    key, script = Credential(False, bytes(28)), Credential(True, b"\xff" * 28)
    tx = transaction(
        inputs=(SECOND_INPUT, INPUT),
        mint={b"\x02" * 28 + b"b": 1, b"\x01" * 28: 1, b"\x02" * 28 + b"a": 1},
        certificates=(Certificate(0, script), Certificate(1, key), Certificate(1, script)),
        withdrawals={reward_address(key): 0, reward_address(script): 0},
        votes=tuple(
            Vote(Voter(kind, voter), ActionId(bytes(32), 0), 1)
            for kind, voter in (
                (4, bytes(28)),
                (2, bytes(28)),
                (3, first.hash),
                (0, bytes(28)),
                (1, last.hash),
            )
        ),
    )
    utxo = {INPUT: output(), SECOND_INPUT: output(address=script_address(first))}
    found = needed.find_scripts(resolve(tx, ENVIRONMENT, utxo, None))
    assert found.needed == (
        (0, 1, first.hash),
        (1, 0, b"\x01" * 28),
        (1, 1, b"\x02" * 28),
        (2, 2, script.hash),
        (3, 0, script.hash),
        (4, 0, last.hash),
        (4, 2, first.hash),
    )


def test_byron_addresses_have_few_attributes() -> None:
    for length, refused in ((64, False), (65, True)):
        attribute = b"\xa1\x05\x58" + bytes([length]) + bytes(length)
        payload = b"\x83\x58\x1c" + bytes(28) + attribute + b"\x00"
        crc = b"\x1a" + zlib.crc32(payload).to_bytes(4, "big")
        address = b"\x82\xd8\x18\x58" + bytes([len(payload)]) + payload + crc
        tx = transaction(outputs=(output(HELD, address=address),))
        failure = outputs.boot_address_attributes_too_big(tx, ENVIRONMENT)
        assert isinstance(failure, Failure) == refused
