"""Certificates that the ledger takes, each in the state that the ones before it leave behind."""

from dataclasses import replace
from typing import Any

from support.cbor_forms import AsSet, Tagged
from support.slow_ledger.draft import Draft
from support.slow_ledger.slow_view import PlainAccount, Who
from support.slow_ledger.world import PARAMETERS

ANCHOR = ["https://example.org", bytes(32)]


def certify(draft: Draft) -> None:
    """Certificates, each in a state that the ones before it leave behind; mostly."""
    random, accounts = draft.random, dict(draft.world.facts.accounts)
    for address in draft.withdrawals:
        who = (address[0] >> 4 == 15, address[1:])
        accounts[who] = replace(accounts[who], reward=0)
    dreps, pools = dict(draft.world.facts.dreps), set(draft.world.facts.pools)
    for _ in range(random.choice([1, 1, 1, 2, 4])):
        kind = random.choice([_about_account, _about_account, _about_drep, _about_pool])
        if kind is _about_account:
            certificate = _about_account(draft, accounts, dreps, pools)
        elif kind is _about_drep:
            certificate = _about_drep(draft, dreps)
        else:
            certificate = _about_pool(draft, pools)
        if certificate is not None and certificate not in draft.certificates:
            draft.certificates.append(certificate)


def _about_account(
    draft: Draft, accounts: dict[Who, PlainAccount], dreps: dict[Who, int], pools: set[bytes]
) -> list[Any] | None:
    random, world, parameters = draft.random, draft.world, draft.parameters
    who = world.someone(random)
    credential, account = world.credential(who), accounts.get(who)
    some = random.choice(sorted(dreps)) if dreps else (False, bytes(28))
    drep = random.choice([world.credential(some), [2], [3]])
    pool = random.choice(sorted(pools))
    if account is None:
        kind = random.choice([0, 0, 7, 7, 11, 12, 13])
        accounts[who] = PlainAccount(parameters.key_deposit, 0, votes=False)
        draft.locked += parameters.key_deposit
        middles: dict[int, list[Any]] = {11: [pool], 12: [drep], 13: [pool, drep]}
        if kind == 0:
            return [0, credential]
        draft.authorize(who)
        return [kind, credential, *middles.get(kind, []), parameters.key_deposit]
    draft.authorize(who)
    if not account.reward and random.random() < 0.6:
        del accounts[who]
        draft.locked -= account.deposit
        return random.choice([[1, credential], [8, credential, account.deposit]])
    return random.choice(
        [[2, credential, pool], [9, credential, drep], [10, credential, pool, drep]]
    )


def _about_drep(draft: Draft, dreps: dict[Who, int]) -> list[Any]:
    random, world = draft.random, draft.world
    who = world.someone(random)
    draft.authorize(who)
    credential, anchor = world.credential(who), random.choice([None, ANCHOR])
    if who not in dreps:
        dreps[who] = draft.parameters.drep_deposit
        draft.locked += dreps[who]
        return [16, credential, dreps[who], anchor]
    if random.random() < 0.5:
        return [18, credential, anchor]
    paid = dreps.pop(who)
    draft.locked -= paid
    return [17, credential, paid]


def _about_pool(draft: Draft, pools: set[bytes]) -> list[Any] | None:
    random, keys = draft.random, draft.world.keys
    number = random.randrange(10)
    pool = keys[number].hash
    draft.signers.add(number)
    if pool in pools and random.random() < 0.5:
        return [4, pool, PARAMETERS.epoch + random.choice([1, 5, 18])]
    if draft.parameters.protocol_major > 10:
        return None
    if pool not in pools:
        pools.add(pool)
        draft.locked += draft.parameters.pool_deposit
    owners = random.sample(range(len(keys)), random.choice([0, 1, 2]))
    draft.signers.update(owners)
    account = bytes([0xE0 | draft.network]) + keys[0].hash
    cost = PARAMETERS.min_pool_cost + random.choice([0, 1000])
    metadata = random.choice([None, ["https://example.org", bytes(32)]])
    hashes = AsSet([keys[owner].hash for owner in owners])
    relay = [1, 3001, "relay.example.org"]
    margin = Tagged(30, [1, 20])
    return [3, pool, bytes(32), 5, cost, margin, account, hashes, [relay], metadata]
