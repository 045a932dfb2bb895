"""What the contexts of Plutus scripts cannot tell of a transaction, by language."""

from dataclasses import replace
from typing import Any
from zlib import crc32

import pytest

from facilitator.cardano.rules import Environment, ledger_failures
from facilitator.cardano.transaction import (
    Action,
    ActionId,
    ActionKind,
    Certificate,
    Credential,
    Language,
    Output,
    OutputRef,
    Proposal,
    Redeemer,
    Vote,
    Voter,
)
from support.ledger_values import (
    ENVIRONMENT,
    INPUT,
    PARAMETERS,
    SECOND_INPUT,
    THIRD_INPUT,
    native,
    output,
    plutus,
    reward_address,
    transaction,
)

V1, V2, V3 = Language.PLUTUS_V1, Language.PLUTUS_V2, Language.PLUTUS_V3
LANGUAGES = [V1, V2, V3]
BYRON_ROOT = b"\x83\x58\x1c" + bytes(28) + b"\xa0\x00"
BYRON = b"\x82\xd8\x18\x58\x21" + BYRON_ROOT + b"\x1a" + crc32(BYRON_ROOT).to_bytes(4, "big")
PREFIX = "CollectErrors:"
VOTE = Vote(Voter(4, bytes(28)), ActionId(bytes(32), 0), 1)
PROPOSAL = Proposal(
    0, reward_address(Credential(False, bytes(28))), Action(ActionKind.INFO), ("", bytes(32))
)


def collect_errors(
    *languages: Language,
    utxo: dict[OutputRef, Output] | None = None,
    env: Environment = ENVIRONMENT,
    **body: Any,
) -> set[str]:
    """Why the contexts of minting scripts in these languages cannot be made."""
    scripts = [plutus(language) if language else native(b"") for language in languages]
    tx = transaction(
        witnesses={
            "scripts": {script.hash: script for script in scripts},
            "redeemers": (Redeemer(1, 0, b"\x00", 0, 0),),
        },
        mint={script.hash: 1 for script in scripts},
        **body,
    )
    found = ledger_failures(tx, env, {INPUT: output(), **(utxo or {})}, None)
    rules = [failure.rule for failure in found if failure.rule.startswith(PREFIX)]
    assert len(set(rules)) == len(rules)
    return {rule.removeprefix(PREFIX).removeprefix("BadTranslation:") for rule in rules}


@pytest.mark.parametrize("language", [Language.NATIVE, *LANGUAGES])
def test_a_plain_transaction_can_be_told_to_all(language: Language) -> None:
    assert collect_errors(language) == set()


def test_each_language_needed_has_a_cost_model() -> None:
    only_v2 = replace(ENVIRONMENT, parameters=replace(PARAMETERS, cost_models={1: (3, 4), 9: ()}))
    assert collect_errors(V2, env=only_v2) == set()
    assert collect_errors(Language.NATIVE, env=only_v2) == set()
    for needed in ((V1,), (V3,), (V2, V3)):
        assert collect_errors(*needed, env=only_v2) == {"NoCostModel"}


@pytest.mark.parametrize("language", [Language.NATIVE, *LANGUAGES])
@pytest.mark.parametrize(
    ("rule", "output_", "languages"),
    [
        ("ByronTxOutInContext", output(address=BYRON), {V1, V2, V3}),
        ("InlineDatumsNotSupported", output(datum=b"\x00"), {V1}),
        ("", output(script=plutus(V2), datum_hash=bytes(32)), set()),
    ],
)
def test_outputs_spent_read_and_made(
    rule: str, output_: Output, languages: set[Language], language: Language
) -> None:
    expected = {rule} if language in languages else set()
    assert collect_errors(language, utxo={INPUT: output_}) == expected
    assert collect_errors(language, outputs=(output(), output_)) == expected
    read: dict[str, Any] = {"utxo": {SECOND_INPUT: output_}, "reference_inputs": (SECOND_INPUT,)}
    assert collect_errors(language, **read) == expected
    paid: dict[str, Any] = {"utxo": {THIRD_INPUT: output_}, "collateral": (THIRD_INPUT,)}
    assert collect_errors(language, collateral_return=output_, **paid) == set()


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        ("VotingProceduresFieldNotSupported", {"votes": (VOTE,)}),
        ("ProposalProceduresFieldNotSupported", {"proposals": (PROPOSAL,)}),
        ("TreasuryDonationFieldNotSupported", {"donation": 1}),
        ("CurrentTreasuryFieldNotSupported", {"treasury": 0}),
        *[("CertificateNotSupported", {"certificates": (Certificate(kind),)}) for kind in (9, 18)],
    ],
)
def test_conway_features_are_only_for_plutus_v3(rule: str, body: dict[str, Any]) -> None:
    assert collect_errors(V3, **body) == set()
    assert collect_errors(Language.NATIVE, **body) == set()
    for languages in ((V1,), (V2,), (V1, V2), (V2, V3)):
        assert collect_errors(*languages, **body) == {rule}


def test_certificates_that_older_contexts_have() -> None:
    kinds = [kind for kind in range(19) if kind not in (5, 6)]
    there = [kind for kind in kinds if not collect_errors(V1, certificates=(Certificate(kind),))]
    assert there == [0, 1, 2, 3, 4, 7, 8]


def test_reference_inputs_that_are_spent_as_well() -> None:
    both: dict[str, Any] = {
        "reference_inputs": (INPUT, SECOND_INPUT),
        "utxo": {SECOND_INPUT: output()},
    }
    later = replace(ENVIRONMENT, parameters=replace(PARAMETERS, protocol_major=11))
    assert collect_errors(V3, env=later, **both) == {"ReferenceInputsNotDisjointFromInputs"}
    assert collect_errors(V2, env=later, **both) == set()
    assert collect_errors(V3, env=later, reference_inputs=(SECOND_INPUT,)) == set()
    assert collect_errors(V3, **both) == set()
