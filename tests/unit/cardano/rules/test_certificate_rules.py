"""Certificates, withdrawals and claims against accounts, pools, DReps and the treasury."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.cardano.state import Account, LedgerState
from facilitator.cardano.transaction import Certificate, Credential
from support.ledger_values import (
    ENVIRONMENT,
    HELD,
    INPUT,
    KEY_HASH,
    PAID,
    PARAMETERS,
    UTXO,
    broken,
    output,
    reward_address,
    transaction,
)

ME = Credential(False, KEY_HASH)
SCRIPT = Credential(True, b"\x0d" * 28)
POOL = KEY_HASH
DREP = Credential(False, b"\x0e" * 28)
HERE = Account(deposit=2_000_000, reward=0, drep="drep_always_abstain")
REGISTERED = LedgerState({ME: HERE}, {POOL: True}, {ME: 500_000_000, DREP: 500_000_000}, 77)
NOBODY = LedgerState({ME: None}, {POOL: False}, {ME: None, DREP: None}, 77)
KEY, POOL_DEPOSIT, DREP_DEPOSIT = 2_000_000, 500_000_000, 500_000_000
POOL_FIELDS: dict[str, Any] = {"pool_cost": 170_000_000, "pool_reward_account": b"\xe0" + KEY_HASH}

NINE, ELEVEN = (
    replace(ENVIRONMENT, parameters=replace(PARAMETERS, protocol_major=major)) for major in (9, 11)
)


def judged(
    certificates: Sequence[Certificate],
    state: LedgerState | None,
    deposit: int = 0,
    **rest: Any,
) -> dict[str, str]:
    """What a transaction with the certificates breaks; it locks up ``deposit`` lovelace."""
    utxo = {INPUT: output(HELD + 2 * POOL_DEPOSIT)}
    change = output(PAID + 2 * POOL_DEPOSIT - deposit)
    tx = transaction(certificates=tuple(certificates), outputs=(change,))
    return broken(tx, utxo, state, **rest)


ACCEPTED = [
    ([Certificate(0, ME)], NOBODY, KEY),
    ([Certificate(7, ME, deposit=KEY)], NOBODY, KEY),
    ([Certificate(1, ME)], REGISTERED, -KEY),
    ([Certificate(8, ME, deposit=KEY)], REGISTERED, -KEY),
    ([Certificate(2, ME, pool=POOL)], REGISTERED, 0),
    ([Certificate(9, ME)], REGISTERED, 0),
    ([Certificate(9, ME, drep=DREP)], REGISTERED, 0),
    ([Certificate(10, ME, pool=POOL, drep=DREP)], REGISTERED, 0),
    ([Certificate(0, ME), Certificate(1, ME)], NOBODY, 0),
    ([Certificate(1, ME), Certificate(7, ME, deposit=KEY)], REGISTERED, 0),
    ([Certificate(3, pool=POOL, **POOL_FIELDS)], NOBODY, POOL_DEPOSIT),
    ([Certificate(3, pool=POOL, **POOL_FIELDS)], REGISTERED, 0),
    ([Certificate(3, pool=POOL, pool_metadata_hash=bytes(32), **POOL_FIELDS)], REGISTERED, 0),
    ([Certificate(3, pool=POOL, **POOL_FIELDS)] * 2, NOBODY, POOL_DEPOSIT),
    ([Certificate(4, pool=POOL, epoch=101)], REGISTERED, 0),
    ([Certificate(4, pool=POOL, epoch=118)], REGISTERED, 0),
    ([Certificate(16, ME, deposit=DREP_DEPOSIT)], NOBODY, DREP_DEPOSIT),
    ([Certificate(17, ME, deposit=DREP_DEPOSIT)], REGISTERED, -DREP_DEPOSIT),
    ([Certificate(18, ME)], REGISTERED, 0),
    (
        [Certificate(3, pool=POOL, **POOL_FIELDS), Certificate(11, ME, pool=POOL, deposit=KEY)],
        NOBODY,
        POOL_DEPOSIT + KEY,
    ),
    (
        [Certificate(16, ME, deposit=DREP_DEPOSIT), Certificate(12, ME, drep=ME, deposit=KEY)],
        NOBODY,
        DREP_DEPOSIT + KEY,
    ),
]


@pytest.mark.parametrize(("certificates", "state", "deposit"), ACCEPTED)
def test_good_certificates_and_their_exact_deposits(
    certificates: list[Certificate], state: LedgerState, deposit: int
) -> None:
    assert judged(certificates, state, deposit) == {}
    assert judged(certificates, state, deposit + 1).keys() == {"ValueNotConservedUTxO"}
    assert judged(certificates, state, deposit - 1).keys() == {"ValueNotConservedUTxO"}


@pytest.mark.parametrize(
    ("certificates", "state", "rule"),
    [
        ([Certificate(0, ME)], REGISTERED, "StakeKeyRegisteredDELEG"),
        ([Certificate(0, ME), Certificate(7, ME, deposit=KEY)], NOBODY, "StakeKeyRegisteredDELEG"),
        ([Certificate(7, ME, deposit=KEY + 1)], NOBODY, "IncorrectDepositDELEG"),
        ([Certificate(1, ME)], NOBODY, "StakeKeyNotRegisteredDELEG"),
        ([Certificate(8, ME, deposit=KEY - 1)], REGISTERED, "IncorrectDepositDELEG"),
        ([Certificate(2, ME, pool=POOL)], NOBODY, "StakeKeyNotRegisteredDELEG"),
        ([Certificate(2, ME, pool=POOL)], NOBODY, "DelegateeStakePoolNotRegisteredDELEG"),
        ([Certificate(9, ME, drep=DREP)], NOBODY, "DelegateeDRepNotRegisteredDELEG"),
        ([Certificate(1, ME), Certificate(9, ME)], REGISTERED, "StakeKeyNotRegisteredDELEG"),
        ([Certificate(3, pool=POOL, pool_cost=169_999_999)], NOBODY, "StakePoolCostTooLowPOOL"),
        ([Certificate(4, pool=POOL, epoch=101)], NOBODY, "StakePoolNotRegisteredOnKeyPOOL"),
        ([Certificate(4, pool=POOL, epoch=100)], REGISTERED, "StakePoolRetirementWrongEpochPOOL"),
        ([Certificate(4, pool=POOL, epoch=119)], REGISTERED, "StakePoolRetirementWrongEpochPOOL"),
        ([Certificate(16, ME, deposit=DREP_DEPOSIT)], REGISTERED, "ConwayDRepAlreadyRegistered"),
        ([Certificate(16, ME, deposit=1)], NOBODY, "ConwayDRepIncorrectDeposit"),
        ([Certificate(17, ME, deposit=DREP_DEPOSIT)], NOBODY, "ConwayDRepNotRegistered"),
        ([Certificate(17, ME, deposit=1)], REGISTERED, "ConwayDRepIncorrectRefund"),
        ([Certificate(18, ME)], NOBODY, "ConwayDRepNotRegistered"),
        (
            [Certificate(3, pool=POOL, pool_metadata_hash=bytes(33), **POOL_FIELDS)],
            NOBODY,
            "PoolMedataHashTooBig",
        ),
        (
            [Certificate(3, pool=POOL, pool_cost=KEY * 100, pool_reward_account=b"\xe1" + POOL)],
            NOBODY,
            "WrongNetworkPOOL",
        ),
    ],
)
def test_bad_certificates(certificates: list[Certificate], state: LedgerState, rule: str) -> None:
    assert rule in judged(certificates, state)


def test_an_account_keeps_no_reward_behind() -> None:
    state = LedgerState({ME: replace(HERE, reward=5)})
    rule = "StakeKeyHasNonZeroRewardAccountBalanceDELEG"
    assert judged([Certificate(1, ME)], state, -KEY).keys() == {rule}
    tx = transaction(
        certificates=(Certificate(1, ME),),
        withdrawals={reward_address(ME): 5},
        outputs=(output(PAID + 5 + KEY),),
    )
    assert broken(tx, UTXO, state) == {}


def test_protocol_version_9_lets_votes_go_to_anyone_and_anyone_withdraw() -> None:
    state = LedgerState({ME: replace(HERE, drep=None)}, {}, {DREP: None})
    assert judged([Certificate(9, ME, drep=DREP)], state, env=NINE) == {}
    tx = transaction(withdrawals={reward_address(ME): 0})
    assert broken(tx, UTXO, state, NINE) == {}
    assert broken(tx, UTXO, state).keys() == {"ConwayWdrlNotDelegatedToDRep"}


@given(reward=st.integers(0, 2**40), off=st.sampled_from([-1, 0, 1]))
def test_a_withdrawal_takes_exactly_the_reward(reward: int, off: int) -> None:
    amount = max(0, reward + off)
    tx = transaction(withdrawals={reward_address(ME): amount}, outputs=(output(PAID + amount),))
    state = LedgerState({ME: replace(HERE, reward=reward)})
    rules = set() if amount == reward else {"WithdrawalsNotInRewardsCERTS"}
    assert broken(tx, UTXO, state).keys() == rules


def test_withdrawing_without_an_account_is_refused() -> None:
    tx = transaction(withdrawals={reward_address(ME): 0})
    found = broken(tx, UTXO, NOBODY).keys()
    assert found == {"WithdrawalsNotInRewardsCERTS", "ConwayWdrlNotDelegatedToDRep"}


def test_wrong_withdrawals_fail_by_other_names_from_protocol_version_11_on() -> None:
    tx = transaction(withdrawals={reward_address(ME): 0})
    found = broken(tx, UTXO, NOBODY, ELEVEN).keys()
    assert found == {"ConwayWithdrawalsMissingAccounts", "ConwayWdrlNotDelegatedToDRep"}
    holding = LedgerState({ME: replace(HERE, reward=1)})
    assert broken(tx, UTXO, holding, ELEVEN).keys() == {"ConwayIncompleteWithdrawals"}


def test_a_script_withdraws_without_delegating_its_vote() -> None:
    tx = transaction(withdrawals={reward_address(SCRIPT): 0})
    state = LedgerState({SCRIPT: Account(KEY, 0)})
    assert broken(tx, UTXO, state).keys() == {"MissingScriptWitnessesUTXOW"}


@pytest.mark.parametrize(
    ("body", "fact"),
    [
        ({"withdrawals": {reward_address(ME): 0}}, "account"),
        ({"certificates": (Certificate(1, ME),)}, "account"),
        ({"certificates": (Certificate(2, ME, pool=POOL),)}, "pool"),
        ({"certificates": (Certificate(3, pool=POOL, **POOL_FIELDS),)}, "pool"),
        ({"certificates": (Certificate(18, ME),)}, "DRep"),
        ({"treasury": 77}, "treasury"),
    ],
)
@pytest.mark.parametrize("state", [None, LedgerState()])
def test_facts_that_are_not_known_are_never_guessed(
    body: dict[str, Any], fact: str, state: LedgerState | None
) -> None:
    found = broken(transaction(**body), UTXO, state)
    assert found.keys() == {"NotJudged"}
    assert fact in found["NotJudged"]


def test_the_treasury_holds_what_the_body_says() -> None:
    assert broken(transaction(treasury=77), UTXO, REGISTERED) == {}
    found = broken(transaction(treasury=78), UTXO, REGISTERED)
    assert found.keys() == {"ConwayTreasuryValueMismatch"}


@pytest.mark.parametrize(
    ("certificate", "state", "rule"),
    [
        (Certificate(7, ME, deposit=KEY + 1), NOBODY, "DepositIncorrectDELEG"),
        (Certificate(8, ME, deposit=KEY + 1), REGISTERED, "RefundIncorrectDELEG"),
    ],
)
def test_protocol_version_11_tells_deposits_from_refunds(
    certificate: Certificate, state: LedgerState, rule: str
) -> None:
    deposit = KEY if certificate.kind == 7 else -KEY
    assert judged([certificate], state, deposit, env=ELEVEN).keys() == {rule}
    ten = judged([certificate], state, deposit)
    assert ten.keys() == {"IncorrectDepositDELEG"}


def test_new_pools_are_not_judged_where_vrf_keys_must_be_unique() -> None:
    certificates = [Certificate(3, pool=POOL, **POOL_FIELDS)]
    assert judged(certificates, NOBODY, POOL_DEPOSIT, env=ELEVEN).keys() == {"NotJudged"}


def test_judging_leaves_the_given_state_as_it_is() -> None:
    accounts = {ME: replace(HERE, reward=5)}
    tx = transaction(certificates=(Certificate(1, ME),), withdrawals={reward_address(ME): 5})
    broken(tx, UTXO, LedgerState(accounts))
    assert accounts == {ME: replace(HERE, reward=5)}
