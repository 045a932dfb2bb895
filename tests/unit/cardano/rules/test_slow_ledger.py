"""The rules in use and their slow re-statement agree on every generated transaction.

``FACILITATOR_TEST_GENERATED=100000 pytest tests/unit/cardano/rules/test_slow_ledger.py``
generates as many as named, at least 1000; with ``-rP`` it also says how many broke which rule.
"""

import os
from collections import Counter
from collections.abc import Mapping
from functools import cache

import pytest

from facilitator.cardano.codec.transaction_decoder import (
    DecodeError,
    decode_output,
    decode_transaction,
)
from facilitator.cardano.rules import (
    Environment,
    ledger_failures,
    static_failures,
    touched,
)
from facilitator.cardano.state import Account, LedgerState, StateQuery
from facilitator.cardano.transaction import Credential, Output, OutputRef
from support.slow_ledger.draft import Case
from support.slow_ledger.generate import Generator
from support.slow_ledger.plain_transaction import Ref
from support.slow_ledger.slow_certificates import broken
from support.slow_ledger.slow_view import Facts, look

pytestmark = pytest.mark.once

SEEDS = 10
COUNT = max(1000, int(os.environ.get("FACILITATOR_TEST_GENERATED", "5000")))
ACCEPTED = "accepted"

RENAMED = {
    "DepositIncorrectDELEG": "IncorrectDepositDELEG",
    "RefundIncorrectDELEG": "IncorrectDepositDELEG",
    "ScriptIntegrityHashMismatch": "PPViewHashesDontMatch",
    "ConwayWithdrawalsMissingAccounts": "WithdrawalsNotInRewardsCERTS",
    "ConwayIncompleteWithdrawals": "WithdrawalsNotInRewardsCERTS",
}
"""What predicates are called from protocol version 11 on, and were before."""


@cache
def decoded_output(raw: bytes) -> Output:
    return decode_output(raw)


def judged(case: Case, facts: Facts) -> set[str]:
    """The rules that the transaction breaks, as the verification of a payment finds them."""
    try:
        tx = decode_transaction(case.raw)
    except DecodeError:
        return {"DecodingFailure"}
    env = Environment(case.slot, case.network_id, case.parameters)
    refs, query = touched(tx)
    failures = static_failures(tx, env)
    failures += ledger_failures(tx, env, answered(refs, case.utxo), known(query, facts))
    return {RENAMED.get(failure.rule, failure.rule) for failure in failures}


def answered(refs: frozenset[OutputRef], utxo: Mapping[Ref, bytes]) -> dict[OutputRef, Output]:
    """What a chain provider says of the outputs asked for, and of no others."""
    return {ref: decoded_output(utxo[ref]) for ref in refs if ref in utxo}


def known(query: StateQuery, facts: Facts) -> LedgerState | None:
    """What a chain provider says of the ledger state asked for, and of nothing else."""
    if not query:
        return None
    return LedgerState(
        accounts={credential: account(credential, facts) for credential in query.accounts},
        pools={pool: pool in facts.pools for pool in query.pools},
        dreps={credential: facts.dreps.get(credential) for credential in query.dreps},
        treasury=facts.treasury if query.treasury else None,
    )


def account(credential: Credential, facts: Facts) -> Account | None:
    held = facts.accounts.get(credential)
    if held is None:
        return None
    return Account(held.deposit, held.reward, "drep" if held.votes else None)


def slowly_judged(case: Case, facts: Facts) -> set[str]:
    return broken(look(case.raw, case.utxo, facts, case.slot, case.network_id, case.parameters))


def agree(fast: set[str], slow: set[str]) -> bool:
    """Whether both accept, or both refuse by the same predicates.

    Where inputs are missing, the rules in use leave out what then can't be told, while the ledger
    goes on with the inputs that are there. An input that is listed twice doesn't stop them. And
    they balance with the refund that a DRep claims, the ledger with the one it is due.
    """
    if "DecodingFailure" in slow:
        return "DecodingFailure" in fast
    if "BadInputsUTxO" in slow:
        return "BadInputsUTxO" in fast and fast <= slow
    if slow & {"ConwayDRepNotRegistered", "ConwayDRepIncorrectRefund"}:
        return fast | {"ValueNotConservedUTxO"} == slow | {"ValueNotConservedUTxO"}
    return fast == slow


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_slow_statement_of_the_rules_agrees(seed: int) -> None:
    generator = Generator(seed)
    facts = generator.world.facts
    verdicts: Counter[str] = Counter()
    for number in range(COUNT // SEEDS):
        case = generator.case()
        fast, slow = judged(case, facts), slowly_judged(case, facts)
        assert agree(fast, slow), (
            f"transaction {number} of seed {seed}, changed in {case.changes}: the rules find "
            f"{fast or 'nothing'}, slowly stated {slow or 'nothing'}: {case.raw.hex()}"
        )
        assert case.changes or not slow, (
            f"transaction {number} of seed {seed} was to be good: {slow}"
        )
        verdicts.update(slow or {ACCEPTED})
    print(dict(verdicts.most_common()))
    assert COUNT // SEEDS // 3 < verdicts[ACCEPTED] < COUNT // SEEDS * 2 // 3
