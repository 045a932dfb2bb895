"""What wallets sign for Conway, judged at protocol version 12.

It has the same verdict, except for what ended with version 11, by its name, and for what version 12
is the first to allow.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import cbor2
import pytest

from facilitator.cardano.codec.dijkstra.any_era import decode_by_version
from facilitator.cardano.codec.transaction_decoder import DecodeError, decode_transaction
from facilitator.cardano.ended_forms import EndedForm
from facilitator.cardano.rules import Environment, ledger_failures, static_failures, touched
from facilitator.cardano.rules.era import failures_after_the_fork
from facilitator.cardano.state import LedgerState
from facilitator.x402.networks import cardano_network
from support.dijkstra import without_flag
from support.wallets import accounts, cases, parameters, utxos

pytestmark = pytest.mark.once

Case = Mapping[str, Any]

SET, NO_SET = b"\xd9\x01\x02", b"\xd9\x01\x03"
"""The tag of a set, and a tag that means nothing to cbor2."""

NEW_NAMES = {
    "ConwayIncompleteWithdrawals": None,  # a part may be withdrawn
    "ConwayWdrlNotDelegatedToDRep": None,  # no DRep is needed to withdraw
    "ConwayWithdrawalsMissingAccounts": "WithdrawalAccountsMissing",
    "ConwayTreasuryValueMismatch": "DijkstraTreasuryValueMismatch",
    "StakeKeyRegisteredDELEG": "DelegAccountAlreadyRegistered",
    "WrongNetworkWithdrawal": "WithdrawalAddressesWithWrongNetwork",
}
"""The failures at version 12 by those at version 11; ``None`` where it fails no more."""


def raw(case: Case) -> bytes:
    """The transaction; nothing when its spelling isn't even base64."""
    try:
        return base64.b64decode(case["payload"]["transaction"] or "", validate=True)
    except binascii.Error:
        return b""


def verdict(case: Case, transaction: bytes, major: int) -> set[str]:
    """The names of what decoder and rules refuse, at that protocol version."""
    known = replace(parameters(case["protocol_parameters"]), protocol_major=major)
    env = Environment(case["now_slot"], cardano_network(case["network"]).network_id, known)
    try:
        tx = decode_by_version(transaction, major)
    except DecodeError as error:
        return {"DecodingFailure", str(error).partition(":")[0]}
    state = LedgerState({**dict.fromkeys(touched(tx)[1].accounts), **accounts(case)})
    failures = static_failures(tx, env) + ledger_failures(tx, env, utxos(case), state)
    return {failure.rule for failure in failures}


def ended_forms(transaction: bytes) -> set[EndedForm]:
    """The forms in it that ended, found without the decoders."""
    # Of a set, cbor2 would not show what is twice in it.
    body, witnesses, is_valid, _ = cbor2.loads(transaction.replace(SET, NO_SET))
    return set(_list_ended_forms(body, witnesses, is_valid))


def _list_ended_forms(body: Any, witnesses: Any, is_valid: bool) -> Iterator[EndedForm]:
    def items(key: int) -> list[Any]:
        found = witnesses.get(key, [])
        return list(found.value if isinstance(found, cbor2.CBORTag) else found)

    if not is_valid:
        yield EndedForm.FALSE_VALIDITY_FLAG
    certificates = body.get(4, ())
    if any(each[0] in (0, 1) for each in getattr(certificates, "value", certificates)):
        yield EndedForm.CERTIFICATE_WITHOUT_DEPOSIT
    if isinstance(witnesses.get(5), list):
        yield EndedForm.LISTED_REDEEMERS
    for key in (0, 1, 2, 4):
        parts = [repr(each) for each in items(key)]
        if len(set(parts)) != len(parts):
            yield EndedForm.DUPLICATE_WITNESS
    if any(len(each[2]) != 32 for each in items(2)):
        yield EndedForm.CHAIN_CODE_SIZE
    for output in body[1]:
        value = output[1]
        if isinstance(value, list) and not value[1]:
            yield EndedForm.EMPTY_MULTI_ASSET


GOOD = [case for case in cases() if case["kind"] == "good"]
DECODED = []
for each in cases():
    try:
        decode_transaction(raw(each))
    except DecodeError:
        continue
    DECODED.append(each)


def ids(selected: list[dict[str, Any]]) -> list[str]:
    return [case["id"] for case in selected]


def test_the_corpus_shows_the_rule_and_the_exceptions() -> None:
    forms = [ended_forms(raw(case)) for case in GOOD]
    assert sum(not found for found in forms) > 500
    assert {form for found in forms for form in found} >= {
        EndedForm.CERTIFICATE_WITHOUT_DEPOSIT,
        EndedForm.DUPLICATE_WITNESS,
    }


@pytest.mark.parametrize("case", GOOD, ids=ids(GOOD))
def test_good_payments_stay_good_or_are_refused_by_name(case: Case) -> None:
    transaction = raw(case)
    ended = ended_forms(transaction)
    found = verdict(case, transaction, 12)
    assert found == ({"DecodingFailure", *ended} if ended else set())
    now = decode_transaction(transaction)
    known = replace(parameters(case["protocol_parameters"]), protocol_major=11)
    after = failures_after_the_fork(now, Environment(case["now_slot"], 0, known))
    assert {failure.rule for failure in after} == ended
    if not ended:
        assert decode_by_version(transaction, 12).id == now.id


@pytest.mark.parametrize("case", DECODED, ids=ids(DECODED))
def test_either_envelope_has_the_verdict_of_the_other(case: Case) -> None:
    transaction = raw(case)
    before, after = verdict(case, transaction, 11), verdict(case, transaction, 12)
    expected = {NEW_NAMES.get(name, name) for name in before} - {None}
    own = verdict(case, without_flag(transaction), 12)
    assert "DecodingFailure" in verdict(case, without_flag(transaction), 11)
    ended = ended_forms(transaction)
    if not ended:
        assert after == own == expected
        return
    assert after & ended
    if ended == {EndedForm.FALSE_VALIDITY_FLAG}:
        assert own == expected - {"ValidationTagMismatch"}
    else:
        assert own & ended
