"""The fields that are new at protocol version 12, against their rules."""

from dataclasses import replace
from typing import Any

import cbor2
import pytest

from facilitator.cardano.state import Account, LedgerState
from facilitator.cardano.transaction import (
    BalanceInterval,
    Certificate,
    Credential,
    DijkstraFields,
    Language,
    Redeemer,
    Script,
)
from support.ledger_values import (
    ENVIRONMENT,
    HELD,
    INPUT,
    KEY,
    KEY_HASH,
    OTHER_KEY,
    OTHER_KEY_HASH,
    PAID,
    PARAMETERS,
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

TWELVE = replace(ENVIRONMENT, parameters=replace(PARAMETERS, protocol_major=12))
ME = Credential(is_script=False, hash=KEY_HASH)
OTHER = Credential(is_script=False, hash=OTHER_KEY_HASH)
MINE = reward_address(ME)
FOREIGN = b"\xe1" + KEY_HASH
HOLDS_7 = LedgerState({ME: Account(deposit=2_000_000, reward=7)})
NOBODY = LedgerState({ME: None})
ALWAYS = native(cbor2.dumps([1, []]))
BY_GUARD = native(cbor2.dumps([6, [0, OTHER_KEY_HASH]]))
V3, V4 = plutus(Language.PLUTUS_V3), plutus(Language.PLUTUS_V4)


def guard(script: Script) -> Credential:
    return Credential(is_script=True, hash=script.hash)


def judged(state: LedgerState | None = None, **fields: Any) -> dict[str, str]:
    """What a transaction with these fields of the body breaks, those of Dijkstra among them."""
    names = DijkstraFields.__dataclass_fields__
    new = {name: fields.pop(name) for name in [*fields] if name in names}
    env, utxo = fields.pop("env", TWELVE), fields.pop("utxo", UTXO)
    return broken(transaction(dijkstra=DijkstraFields(**new), **fields), utxo, state, env)


def test_a_plain_payment_is_good() -> None:
    assert judged() == {}


def test_before_version_12_it_has_no_place() -> None:
    assert judged(env=ENVIRONMENT).keys() == {"DecoderFailure"}


def test_sub_transactions_are_refused_by_name() -> None:
    sub = transaction(dijkstra=DijkstraFields(is_sub=True))
    assert judged(subs=(sub,)).keys() == {"BatchNotAccepted"}
    assert "LoneSubTransaction" in judged(is_sub=True)


# --- Guards ---------------------------------------------------------------------------------------


def test_a_key_guard_signs() -> None:
    fields: dict[str, Any] = {"guards": (OTHER,), "required_signers": (OTHER_KEY_HASH,)}
    assert judged(**fields).keys() == {"MissingVKeyWitnessesUTXOW"}
    assert (
        broken(
            transaction(
                signers=(KEY, OTHER_KEY),
                dijkstra=DijkstraFields(guards=(OTHER,)),
                required_signers=(OTHER_KEY_HASH,),
            ),
            env=TWELVE,
        )
        == {}
    )


@pytest.mark.parametrize("witnessed", [True, False])
def test_a_native_guard_is_there_and_holds(witnessed: bool) -> None:
    scripts = {ALWAYS.hash: ALWAYS} if witnessed else None
    found = judged(guards=(guard(ALWAYS),), witnesses={"scripts": scripts})
    assert found.keys() == (set() if witnessed else {"MissingScriptWitnessesUTXOW"})


def test_a_native_script_may_require_a_guard() -> None:
    utxo = {INPUT: output(), SECOND_INPUT: output(address=script_address(BY_GUARD))}
    fields: dict[str, Any] = {
        "inputs": (INPUT, SECOND_INPUT),
        "outputs": (output(PAID + HELD),),
        "signers": (KEY, OTHER_KEY),
        "utxo": utxo,
        "witnesses": {"scripts": {BY_GUARD.hash: BY_GUARD}},
    }
    assert judged(**fields).keys() == {"ScriptWitnessNotValidatingUTXOW"}
    guarded: dict[str, Any] = {"guards": (OTHER,), "required_signers": (OTHER_KEY_HASH,)}
    assert judged(**fields, **guarded) == {}


def test_a_required_signer_of_conway_is_a_guard() -> None:
    utxo = {INPUT: output(), SECOND_INPUT: output(address=script_address(BY_GUARD))}
    tx = transaction(
        inputs=(INPUT, SECOND_INPUT),
        outputs=(output(PAID + HELD),),
        signers=(KEY, OTHER_KEY),
        witnesses={"scripts": {BY_GUARD.hash: BY_GUARD}},
        required_signers=(OTHER_KEY_HASH,),
    )
    assert broken(tx, utxo) == {}


def test_required_guards_are_guards_of_the_top_level() -> None:
    fields: dict[str, Any] = {"required_guards": {ME: None}}
    assert judged(**fields).keys() == {"MissingRequiredGuards"}
    assert judged(guards=(ME,), required_signers=(KEY_HASH,), **fields) == {}


@pytest.mark.parametrize(
    ("required", "is_right"),
    [
        ({ME: None}, True),
        ({ME: b"\x00"}, False),
        ({guard(ALWAYS): None}, True),
        ({guard(ALWAYS): b"\x00"}, False),
    ],
)
def test_only_a_plutus_guard_has_a_datum(
    required: dict[Credential, bytes | None], is_right: bool
) -> None:
    found = judged(
        guards=(ME, guard(ALWAYS)),
        required_signers=(KEY_HASH,),
        required_guards=required,
        witnesses={"scripts": {ALWAYS.hash: ALWAYS}},
    )
    assert found.keys() == (set() if is_right else {"MalformedGuardDatums"})


# --- Scripts of Plutus ----------------------------------------------------------------------------

COLLATERAL = {THIRD_INPUT: output(5_000_000)}


def spending(script: Script, tag: int = 0, **fields: Any) -> dict[str, str]:
    """What a transaction breaks that runs the script, to spend or as a guard."""
    utxo = {INPUT: output(), SECOND_INPUT: output(address=script_address(script)), **COLLATERAL}
    return judged(
        inputs=(INPUT, SECOND_INPUT),
        outputs=(output(2 * HELD - 2_000_000),),
        fee=2_000_000,
        collateral=(THIRD_INPUT,),
        utxo=utxo,
        witnesses={
            "scripts": {script.hash: script},
            "redeemers": (Redeemer(tag, 1, b"\x00", 1, 1),),
            "redeemers_span": b"\xa0",
        },
        **fields,
    )


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ({"direct_deposits": {MINE: 1}}, "DirectDepositsNotSupported"),
        ({"balances": {MINE: BalanceInterval(7, 8)}}, "AccountBalanceIntervalsNotSupported"),
        (
            {"starting_balances": {MINE: BalanceInterval(7, 8)}},
            "AccountBalanceIntervalsNotSupported",
        ),
        ({"guards": (guard(ALWAYS),)}, "GuardScriptHashesNotSupported"),
        ({"required_guards": {ME: None}}, "RequiredTopLevelGuardsNotSupported"),
    ],
)
def test_older_plutus_cannot_be_shown_new_fields(field: dict[str, Any], name: str) -> None:
    assert f"CollectErrors:BadTranslation:{name}" in spending(V3, state=HOLDS_7, **field)


def test_plutus_v4_is_not_judged_and_nothing_is_said_of_it() -> None:
    assert spending(V4).keys() == {"NotJudged"}
    assert "Plutus V4" in spending(V4)["NotJudged"]
    kept = output(PAID, script=V4, script_size=len(V4.body))
    assert judged(outputs=(kept,)).keys() == {"NotJudged"}


def test_a_guard_that_is_plutus_needs_a_redeemer_of_its_own() -> None:
    found = judged(guards=(guard(V3),), witnesses={"scripts": {V3.hash: V3}})
    assert "redeemers are missing for guarding 0" in found["MissingRedeemers"]


# --- Accounts -------------------------------------------------------------------------------------


def test_a_direct_deposit_is_produced_and_its_account_exists() -> None:
    fields: dict[str, Any] = {"direct_deposits": {MINE: 5}, "outputs": (output(PAID - 5),)}
    assert judged(HOLDS_7, **fields) == {}
    assert judged(NOBODY, **fields).keys() == {"DirectDepositAccountsMissing"}
    assert judged(HOLDS_7, direct_deposits={MINE: 5}).keys() == {"ValueNotConservedUTxO"}
    assert judged(None, **fields).keys() == {"NotJudged"}


def test_a_direct_deposit_may_go_to_an_account_that_it_registers() -> None:
    found = judged(
        NOBODY,
        direct_deposits={MINE: 5},
        certificates=(Certificate(7, ME, deposit=2_000_000),),
        outputs=(output(PAID - 2_000_005),),
    )
    assert found == {}


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("direct_deposits", "DirectDepositAddressesWithWrongNetwork"),
        ("balances", "WrongNetworkInAccountBalanceIntervals"),
        ("starting_balances", "WrongNetworkInStartingAccountBalanceIntervals"),
    ],
)
def test_accounts_are_this_networks(field: str, name: str) -> None:
    value: object = 0 if field == "direct_deposits" else BalanceInterval(7, None)
    assert name in judged(HOLDS_7, **{field: {FOREIGN: value}})


@pytest.mark.parametrize("field", ["balances", "starting_balances"])
@pytest.mark.parametrize(
    ("interval", "holds"),
    [
        (BalanceInterval(7, 8), True),
        (BalanceInterval(7, None), True),
        (BalanceInterval(None, 8), True),
        (BalanceInterval(8, None), False),
        (BalanceInterval(None, 7), False),
        (BalanceInterval(0, 7), False),
    ],
)
def test_balances_hold_before_withdrawals(
    field: str, interval: BalanceInterval, holds: bool
) -> None:
    starting = "Starting" if field == "starting_balances" else ""
    name = f"{starting}AccountBalanceIntervals"
    fields: dict[str, Any] = {
        field: {MINE: interval},
        "withdrawals": {MINE: 7},
        "outputs": (output(PAID + 7),),
    }
    assert judged(HOLDS_7, **fields).keys() == (set() if holds else {f"BalancesOutside{name}"})
    assert f"MissingAccountsIn{name}" in judged(NOBODY, **fields)


def test_balances_of_accounts_without_a_network_are_not_judged() -> None:
    assert judged(HOLDS_7, balances={ME: BalanceInterval(7, 8)}).keys() == {"NotJudged"}


@pytest.mark.parametrize(
    ("state", "amount", "name"),
    [
        (HOLDS_7, 7, None),
        (HOLDS_7, 3, None),
        (HOLDS_7, 8, "WithdrawalAmountsExceedingOriginalBalance"),
        (NOBODY, 0, "WithdrawalAccountsMissing"),
    ],
)
def test_a_part_may_be_withdrawn_and_needs_no_drep(
    state: LedgerState, amount: int, name: str | None
) -> None:
    found = judged(state, withdrawals={MINE: amount}, outputs=(output(PAID + amount),))
    assert found.keys() == ({name} if name else set())


def test_where_older_plutus_runs_all_is_withdrawn() -> None:
    assert "WithdrawalAmountsInexactInLegacyMode" in spending(
        V3, state=HOLDS_7, withdrawals={MINE: 3}
    )
    assert "WithdrawalAmountsInexactInLegacyMode" not in spending(
        V3, state=HOLDS_7, withdrawals={MINE: 7}
    )


# --- Other names ----------------------------------------------------------------------------------


def test_failures_have_the_names_of_the_era() -> None:
    assert "WithdrawalAddressesWithWrongNetwork" in judged(HOLDS_7, withdrawals={FOREIGN: 7})
    registered = judged(HOLDS_7, certificates=(Certificate(7, ME, deposit=2_000_000),))
    assert "DelegAccountAlreadyRegistered" in registered
    unknown = judged(LedgerState(dreps={ME: None}), certificates=(Certificate(17, ME, deposit=1),))
    assert "DijkstraDRepNotRegistered" in unknown


def test_no_collateral_goes_back_to_a_pointer_address() -> None:
    pointer = output(2_000_000, address=b"\x40" + KEY_HASH + b"\x01\x02\x03")
    assert judged(collateral_return=pointer).keys() == {"PtrPresentInCollateralReturn"}
    assert broken(transaction(collateral_return=pointer)) == {}
