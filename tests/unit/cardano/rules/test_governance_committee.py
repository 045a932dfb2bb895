"""Committee members authorize hot credentials and resign."""

import pytest

from facilitator.cardano.rules import touched
from facilitator.cardano.state import CommitteeMember, LedgerState
from facilitator.cardano.transaction import Certificate, Credential
from support.governance import ME
from support.ledger_values import KEY, OTHER_KEY, OTHER_KEY_HASH, UTXO, broken, transaction

HOT, NEXT = Credential(False, b"\x0c" * 28), Credential(True, b"\x0d" * 28)
AUTHORIZE, ROTATE, RESIGN = (
    Certificate(14, ME, hot=HOT),
    Certificate(14, ME, hot=NEXT),
    Certificate(15, ME),
)
UNKNOWN, RESIGNED = "ConwayCommitteeIsUnknown", "ConwayCommitteeHasPreviouslyResigned"


@pytest.mark.parametrize(
    ("member", "certificates", "rules"),
    [
        (CommitteeMember(elected=True), [AUTHORIZE], set()),
        (CommitteeMember(elected=True), [AUTHORIZE, ROTATE], set()),
        (CommitteeMember(elected=True, hot=HOT), [ROTATE], set()),
        (CommitteeMember(elected=True), [RESIGN], set()),
        (CommitteeMember(elected=True, hot=HOT), [ROTATE, RESIGN], set()),
        (CommitteeMember(elected=False, proposed=True), [AUTHORIZE], set()),
        (CommitteeMember(elected=False, proposed=True), [RESIGN], set()),
        (CommitteeMember(elected=False, hot=HOT), [ROTATE], {UNKNOWN}),
        (CommitteeMember(elected=False, hot=HOT), [RESIGN], {UNKNOWN}),
        (None, [AUTHORIZE], {UNKNOWN}),
        (None, [RESIGN], {UNKNOWN}),
        (CommitteeMember(elected=True, resigned=True), [AUTHORIZE], {RESIGNED}),
        (CommitteeMember(elected=True, resigned=True), [RESIGN], {RESIGNED}),
        (CommitteeMember(elected=False, resigned=True), [RESIGN], {RESIGNED, UNKNOWN}),
        (CommitteeMember(elected=True), [RESIGN, AUTHORIZE], {RESIGNED}),
    ],
)
def test_authorizations_and_resignations(
    member: CommitteeMember | None, certificates: list[Certificate], rules: set[str]
) -> None:
    state = LedgerState(committee={} if member is None else {ME: member})
    tx = transaction(certificates=tuple(certificates))
    assert broken(tx, UTXO, state).keys() == rules
    assert state.committee == ({} if member is None else {ME: member})


@pytest.mark.parametrize("kind", [14, 15])
def test_the_cold_key_signs(kind: int) -> None:
    cold = Credential(False, OTHER_KEY_HASH)
    tx = transaction(certificates=(Certificate(kind, cold, hot=ME if kind == 14 else None),))
    state = LedgerState(committee={cold: CommitteeMember(elected=True)})
    assert broken(tx, UTXO, state).keys() == {"MissingVKeyWitnessesUTXOW"}
    signed = transaction(certificates=tx.body.certificates, signers=(KEY, OTHER_KEY))
    assert broken(signed, UTXO, state) == {}


@pytest.mark.parametrize("state", [None, LedgerState()])
def test_an_unknown_committee_is_never_guessed(state: LedgerState | None) -> None:
    tx = transaction(certificates=(AUTHORIZE,))
    found = broken(tx, UTXO, state)
    assert found.keys() == {"NotJudged"}
    assert "the committee" in found["NotJudged"]
    assert touched(tx)[1].committee
