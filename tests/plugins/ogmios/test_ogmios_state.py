"""Ledger state: of one point, by the forms of each version, and what no version says."""

from collections.abc import Mapping
from contextlib import closing
from typing import Any

import pytest

from facilitator.cardano.addresses import bech32
from facilitator.cardano.state import Account, StateQuery
from facilitator.cardano.transaction import ActionId, Credential
from facilitator.plugin import ChainUnavailable
from facilitator.testing.clock import ManualClock
from facilitator_ogmios.ledger_state import read_ledger_state
from support.ogmios import Error, OgmiosUnderTest, provider_of, scripted
from support.ogmios_state import POINT, state

KEY = Credential(is_script=False, hash=b"\xab" * 28)
SCRIPT = Credential(is_script=True, hash=b"\xcd" * 28)
POOL = b"\x11" * 28
POOL_NAME = bech32.encode("pool", POOL)
ACTION = ActionId(b"\x22" * 32, 3)

ADA = {"ada": {"lovelace": 7}}
NO_METHOD = Error(-32_600, "unknown method in 'method'")


def test_the_devnets_registrations_are_seen(chain: OgmiosUnderTest) -> None:
    chain.devnet.load({}, {KEY: Account(2_000_000, 5, drep="abstain"), SCRIPT: None})
    with chain.devnet.chain() as devnet:
        devnet.ledger.pools[POOL] = True
        devnet.ledger.dreps[SCRIPT] = 500
    query = StateQuery(
        accounts=frozenset({KEY, SCRIPT}),
        pools=frozenset({POOL, b"\x12" * 28}),
        dreps=frozenset({KEY, SCRIPT}),
    )
    found = chain.provider.ledger_state(query)
    assert found.accounts == {KEY: Account(2_000_000, 5, drep="abstain"), SCRIPT: None}
    assert found.pools == {POOL: True, b"\x12" * 28: False}
    assert found.dreps == {KEY: None, SCRIPT: 500}


def test_facts_that_the_devnet_does_not_keep_are_unknown(chain: OgmiosUnderTest) -> None:
    query = StateQuery(treasury=True, constitution=True, proposals=frozenset({ACTION}))
    found = chain.provider.ledger_state(query)
    assert (found.treasury, found.constitution, found.proposals) == (None, None, {})
    assert (found.committee, found.roots) == (None, {})


def account(credential: Credential, **fields: Any) -> Mapping[str, Any]:
    origin = "script" if credential.is_script else "verificationKey"
    shown = {"from": origin, "credential": credential.hash.hex()}
    return {**shown, "rewards": ADA, "deposit": ADA, **fields}


def test_accounts_are_a_list_since_6_13(clock: ManualClock) -> None:
    pool = {"stakePool": {"id": POOL_NAME}}
    rows = [account(KEY, **pool), account(SCRIPT, delegateRepresentative={"type": "registered"})]
    found = state(clock, StateQuery(accounts=frozenset({KEY, SCRIPT})), rewardAccountSummaries=rows)
    assert found.accounts == {KEY: Account(7, 7, pool=POOL), SCRIPT: Account(7, 7, "registered")}


@pytest.mark.parametrize(
    ("fields", "known"),
    [
        ({"stakePool": {"id": POOL_NAME}}, {KEY: Account(7, 7, pool=POOL)}),
        ({"delegateRepresentative": {"type": "abstain"}}, {KEY: Account(7, 7, "abstain")}),
        ({"delegate": {"id": POOL_NAME}}, {}),
        ({}, {}),
    ],
)
def test_accounts_are_a_map_before_which_may_not_say_all(
    clock: ManualClock, fields: Any, known: Any
) -> None:
    """Before 6.12 it does not say if there is a delegation to a DRep."""
    rows = {KEY.hash.hex(): {"rewards": ADA, "deposit": ADA, **fields}}
    query = StateQuery(accounts=frozenset({KEY, SCRIPT}))
    found = state(clock, query, rewardAccountSummaries=rows)
    assert found.accounts == {**known, SCRIPT: None}


def test_who_just_retired_is_shown_without_what_makes_one_registered(clock: ManualClock) -> None:
    drep = {"type": "registered", "id": KEY.hash.hex(), "from": "verificationKey"}
    found = state(
        clock,
        StateQuery(pools=frozenset({POOL}), dreps=frozenset({KEY})),
        stakePools={POOL_NAME: {"id": POOL_NAME}},
        delegateRepresentatives=[{"type": "abstain"}, drep],
    )
    assert (found.pools, found.dreps) == ({POOL: False}, {KEY: None})


def test_a_version_without_a_query_leaves_its_facts_unknown(clock: ManualClock) -> None:
    query = StateQuery(dreps=frozenset({KEY}), proposals=frozenset({ACTION}))
    found = state(clock, query, delegateRepresentatives=NO_METHOD, governanceProposals=NO_METHOD)
    assert (found.dreps, found.proposals) == ({}, {})


@pytest.mark.parametrize(
    "rows",
    [
        None,
        [{}],
        [account(SCRIPT)],
        [account(KEY, **{"from": "nowhere"})],
        [account(KEY, deposit=7)],
        [account(KEY, stakePool={"id": "pool1nothing"})],
        {"zz": {}},
    ],
)
def test_accounts_that_none_would_give_are_no_verdict(clock: ManualClock, rows: Any) -> None:
    with pytest.raises(ChainUnavailable):
        state(clock, StateQuery(accounts=frozenset({KEY})), rewardAccountSummaries=rows)


@pytest.mark.parametrize("code", [2000, 2001, 2002, 2003])
def test_a_state_that_is_gone_is_no_verdict(clock: ManualClock, code: int) -> None:
    with (
        scripted({"acquireLedgerState": Error(code)}) as server,
        closing(provider_of(server.url, clock)) as provider,
        pytest.raises(ChainUnavailable, match=str(code)),
    ):
        read_ledger_state(provider._client, POINT, StateQuery(treasury=True))
