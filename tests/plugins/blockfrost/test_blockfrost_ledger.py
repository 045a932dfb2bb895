"""What else Blockfrost is asked: accounts, and its node's verdict on Plutus scripts."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import cbor2
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facilitator.cardano.rules.evaluation import ScriptFailure
from facilitator.cardano.state import Account, StateQuery
from facilitator.cardano.transaction import Credential
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator_blockfrost import client as client_module
from facilitator_blockfrost.ledger_state import KEY_DEPOSIT
from facilitator_blockfrost.provider import Blockfrost, HostedBlockfrost
from support.upstream import CUT, Asked, Reply, Upstream, by_path, problem, reply

Start = Callable[[Callable[[Asked], Reply]], Upstream]
ProviderOf = Callable[..., HostedBlockfrost]


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "FIRST_BACKOFF", 0.001)


# --- Accounts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        problem(400, "Invalid path. Please check https://docs.blockfrost.io/"),
        reply(405, {}),
        reply(200, {"registered": True, "withdrawable_amount": "1"}),
    ],
)
def test_an_account_that_the_server_does_not_show_whole_is_unknown(
    accounts: Any, answer: Reply
) -> None:
    assert accounts(answer) == {}


def test_accounts_are_unknown_where_there_are_none(
    upstream: Start, provider_of: ProviderOf, parameters: dict[str, Any]
) -> None:
    """Some servers answer 404 to a path that they do not have."""
    block = {"hash": "ab" * 32, "height": 7}
    known = {
        "/epochs/latest/parameters": parameters,
        "/blocks/latest": block,
        "/blocks/0/next": [],
    }
    provider = provider_of(upstream(by_path(known)))
    assert "/accounts/{stake_address} (payments" in provider.examine()
    assert provider.ledger_state(StateQuery(accounts=frozenset({KEY}))).accounts == {}


KEY, SCRIPT = Credential(False, b"\x07" * 28), Credential(True, b"\x08" * 28)
KEY_ADDRESS = "stake_test1uqrswpc8qurswpc8qurswpc8qurswpc8qurswpc8qurswpcjx2auh"


def account(**changes: Any) -> dict[str, Any]:
    return {
        "active": True,
        "registered": True,
        "withdrawable_amount": "319154618165",
        "drep_id": "drep_always_abstain",
        **changes,
    }


@pytest.fixture
def accounts(upstream: Start, provider_of: ProviderOf, parameters: dict[str, Any]) -> Any:
    """The account of :data:`KEY` as it is told, when the API answers so."""

    def ask(told: Any, **changes: Any) -> Mapping[Credential, Account | None]:
        replies = {"/epochs/latest/parameters": {**parameters, **changes}}
        if told is not None:
            replies[f"/accounts/{KEY_ADDRESS}"] = told
        provider = provider_of(upstream(by_path(replies)))
        return provider.ledger_state(StateQuery(accounts=frozenset({KEY}), treasury=True)).accounts

    return ask


@pytest.fixture
def parameters() -> dict[str, Any]:
    """As Blockfrost has them, any values."""
    names = "min_fee_a min_fee_b coins_per_utxo_size max_tx_size max_val_size pool_deposit epoch"
    names += " min_pool_cost drep_deposit gov_action_deposit collateral_percent price_mem e_max"
    names += " max_collateral_inputs min_fee_ref_script_cost_per_byte price_step max_tx_ex_mem"
    names += " max_tx_ex_steps protocol_major_ver protocol_minor_ver"
    return {**dict.fromkeys(names.split(), 1), "key_deposit": str(KEY_DEPOSIT)}


def test_a_registered_account_has_its_reward_and_its_delegation(accounts: Any) -> None:
    expected = Account(KEY_DEPOSIT, 319_154_618_165, drep="drep_always_abstain")
    assert accounts(account()) == {KEY: expected}
    assert accounts(account(drep_id=None))[KEY].drep is None


def test_an_account_that_is_not_registered_is_none(accounts: Any) -> None:
    assert accounts(account(registered=False)) == {KEY: None}
    assert accounts(None) == {KEY: None}


@pytest.mark.parametrize(
    "changes", [{"registered": None}, {"withdrawable_amount": "-1"}, {"drep_id": 7}]
)
def test_a_strange_account_is_no_verdict(accounts: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(ChainUnavailable, match="unforeseen"):
        accounts(account(**changes))


def test_what_accounts_paid_is_not_known_once_the_deposit_changes(accounts: Any) -> None:
    assert accounts(account(), key_deposit="3000000") == {}


def test_scripts_and_mainnet_have_addresses_of_their_own(
    upstream: Start, client_of: Callable[..., Any], clock: Any, parameters: dict[str, Any]
) -> None:
    server = upstream(by_path({"/epochs/latest/parameters": parameters}))
    client = client_of(server)
    provider = Blockfrost("cardano:mainnet", client, clock, poll_seconds=1)
    provider.ledger_state(StateQuery(accounts=frozenset({SCRIPT})))
    assert server.asked[-1].path.startswith("/v0/accounts/stake17")


def test_nothing_else_is_known(
    upstream: Start, provider_of: ProviderOf, parameters: dict[str, Any]
) -> None:
    server = upstream(by_path({"/epochs/latest/parameters": parameters}))
    query = StateQuery(
        pools=frozenset({b"\x01" * 28}), dreps=frozenset({KEY}), treasury=True, committee=True
    )
    state = provider_of(server).ledger_state(query)
    assert (state.accounts, state.pools, state.dreps) == ({}, {}, {})
    assert (state.treasury, state.committee, state.constitution) == (None, None, None)


# --- Plutus scripts ---------------------------------------------------------------------------

BODY = f"a300d9010281825820{'01' * 32}00018182581d60{'07' * 28}1a004c4b400200"
REDEEMERS = {(0, 0): [0, [1000, 2000]], (3, 1): [0, [10, 20]]}
"""A spending script and a withdrawing one, with their budgets."""
TRANSACTION = b"\x84" + bytes.fromhex(BODY) + cbor2.dumps({5: REDEEMERS}) + b"\xf5\xf6"


def used(*runs: tuple[str, int, int, int]) -> dict[str, Any]:
    result = [
        {
            "validator": {"purpose": purpose, "index": index},
            "budget": {"memory": memory, "cpu": steps},
        }
        for purpose, index, memory, steps in runs
    ]
    return {"jsonrpc": "2.0", "method": "evaluateTransaction", "result": result, "id": None}


def failed(code: int, data: Any = None) -> dict[str, Any]:
    error = {"code": code, "message": "No\n luck.", "data": data}
    return {"jsonrpc": "2.0", "method": "evaluateTransaction", "error": error}


def script_error(code: int) -> dict[str, Any]:
    return {
        "validator": {"purpose": "spend", "index": 0},
        "error": {"code": code, "message": "why", "data": {}},
    }


WITHIN = used(("spend", 0, 1000, 2000), ("withdraw", 1, 1, 1))


def test_scripts_that_succeed_within_their_budget(upstream: Start, provider_of: ProviderOf) -> None:
    server = upstream(lambda _: reply(200, WITHIN))
    assert list(provider_of(server).evaluate(TRANSACTION, {})) == []
    (asked,) = server.asked
    assert asked.path == "/v0/utils/txs/evaluate/utxos?version=6"
    assert asked.headers["content-type"] == "application/json"
    assert orjson.loads(asked.body) == {"cbor": TRANSACTION.hex(), "additionalUtxoSet": []}


@pytest.mark.parametrize("over", [(1001, 2000), (1000, 2001)])
def test_a_script_over_its_budget_fails(
    upstream: Start, provider_of: ProviderOf, over: tuple[int, int]
) -> None:
    answer = used(("spend", 0, *over), ("withdraw", 1, 10, 20))
    (failure,) = provider_of(upstream(lambda _: reply(200, answer))).evaluate(TRANSACTION, {})
    assert (failure.tag, failure.item) == (0, 0)
    assert f"{over[0]} memory and {over[1]} steps" in failure.error


@pytest.mark.parametrize(("code", "why"), [(3012, "ends in an error"), (3161, "needs more")])
@pytest.mark.parametrize("status", [200, 400])
def test_a_failing_script_is_named(
    upstream: Start, provider_of: ProviderOf, code: int, why: str, status: int
) -> None:
    answer = failed(3010, [script_error(code)])
    (failure,) = provider_of(upstream(lambda _: reply(status, answer))).evaluate(TRANSACTION, {})
    assert isinstance(failure, ScriptFailure)
    assert str(failure).startswith("spending 0: it ")
    assert why in failure.error


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, used(("spend", 0, 1000, 2000))),
        reply(200, used(("spend", 0, 1, 2), ("juggle", 1, 1, 1))),
        reply(200, failed(3004)),
        reply(200, failed(3010, [])),
        reply(200, failed(3010, [script_error(3117)])),
        reply(200, {"type": "jsonwsp/response", "result": {"EvaluationResult": {}}}),
        reply(200, b"<html>"),
        problem(404),
        problem(500),
        CUT,
    ],
)
def test_anything_short_of_a_verdict_on_every_script_is_none(
    upstream: Start, provider_of: ProviderOf, answer: Reply
) -> None:
    with pytest.raises(ChainUnavailable):
        provider_of(upstream(lambda _: answer)).evaluate(TRANSACTION, {})


ANY = st.recursive(
    st.none() | st.integers(-5, 10**10) | st.sampled_from(["spend", "x", "withdraw", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["validator", "budget", "purpose", "index", "memory", "cpu", "code"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)
EVALUATIONS = st.one_of(
    ANY,
    ANY.map(lambda result: {"jsonrpc": "2.0", "result": result}),
    ANY.map(lambda error: {"jsonrpc": "2.0", "error": error}),
    ANY.map(lambda data: failed(3010, data)),
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answer=EVALUATIONS)
def test_any_json_is_a_verdict_or_a_typed_error(
    upstream: Start, provider_of: ProviderOf, answer: Any
) -> None:
    provider = provider_of(upstream(lambda _: reply(200, orjson.dumps(answer))))
    with suppress(ChainUnavailable):
        failures = provider.evaluate(TRANSACTION, {})
        assert all(isinstance(each, ScriptFailure) for each in failures)
    provider.close()
