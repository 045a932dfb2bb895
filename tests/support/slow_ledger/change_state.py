"""Changes that a ledger state decides over: withdrawals, certificates, the treasury.

Each says whether it found something to change. A transaction is signed after it was changed, so
that no rule hides behind a signature that broke.
"""

from dataclasses import replace
from typing import Any

from support.cbor_forms import AsSet, Tagged
from support.slow_ledger.draft import Draft


def withdrawn(draft: Draft) -> bool:
    """Another amount, another's account, another network, or twice the account."""
    if not draft.withdrawals:
        return False
    address = draft.random.choice(list(draft.withdrawals))
    kind = draft.random.randrange(3)
    if kind == 0:
        draft.withdrawals[address] = max(0, draft.withdrawals[address] + 1)
    else:
        amount = draft.withdrawals.pop(address)
        header = bytes([address[0] ^ 1]) if kind == 1 else address[:1]
        hash_ = address[1:] if kind == 1 else draft.world.keys[-1].hash
        draft.withdrawals[header + hash_] = amount
    return True


def any_withdrawal(draft: Draft) -> bool:
    """From whoever it may be: registered or not, voting or not."""
    is_script, hash_ = draft.world.someone(draft.random)
    account = draft.world.facts.accounts.get((is_script, hash_))
    address = bytes([0xE0 | is_script << 4 | draft.network]) + hash_
    draft.withdrawals[address] = account.reward if account is not None else 0
    draft.authorize((is_script, hash_))
    return True


def any_certificate(draft: Draft) -> bool:
    """One that takes no notice of what is registered."""
    random, world = draft.random, draft.world
    who, other = world.credential(world.someone(random)), world.credential(world.someone(random))
    pool, parameters = random.choice(world.keys).hash, draft.parameters
    deposit = parameters.key_deposit + random.choice([0, 0, 1])
    drep_deposit = parameters.drep_deposit + random.choice([0, 0, -1])
    kinds: list[list[Any]] = [
        [0, who],
        [1, who],
        [2, who, pool],
        [4, pool, random.choice([99, 100, 101, 118, 119])],
        [7, who, deposit],
        [8, who, deposit],
        [9, who, other],
        [10, who, pool, other],
        [11, who, pool, deposit],
        [12, who, other, deposit],
        [13, who, pool, other, deposit],
        [16, who, drep_deposit, None],
        [17, who, drep_deposit],
        [18, who, None],
    ]
    certificate = random.choice(kinds)
    if certificate in draft.certificates:
        return False
    draft.certificates.insert(random.randint(0, len(draft.certificates)), certificate)
    if certificate[0] in (0, 7, 11, 12, 13):
        draft.locked += parameters.key_deposit
    elif certificate[0] in (1, 8):
        account = world.facts.accounts.get((who[0] == 1, who[1]))
        draft.locked -= account.deposit if account is not None else 0
    elif certificate[0] == 16:
        draft.locked += parameters.drep_deposit
    elif certificate[0] == 17:
        draft.locked -= world.facts.dreps.get((who[0] == 1, who[1]), 0)
    draft.authorize((who[0] == 1, who[1]))
    draft.authorize((False, pool))
    return True


def pool_registration(draft: Draft) -> bool:
    """Off by one, for another network, with an owner who may not sign; or the same pool twice."""
    if draft.parameters.protocol_major > 10:
        return False
    random, keys, network = draft.random, draft.world.keys, draft.network
    number = random.randrange(len(keys))
    cost = draft.parameters.min_pool_cost + random.choice([-1, 0, 0, 0])
    account = bytes([0xE0 | random.choice([network, network, 1 - network])]) + keys[0].hash
    metadata = ["https://example.org", bytes(random.choice([31, 32, 32, 33]))]
    for pledge in range(random.choice([1, 2])):
        terms = [bytes(32), pledge, cost, Tagged(30, [0, 1]), account]
        certificate = [3, keys[number].hash, *terms, AsSet([keys[-1].hash]), [], metadata]
        draft.certificates.append(certificate)
    if keys[number].hash not in draft.world.facts.pools:
        draft.locked += draft.parameters.pool_deposit
    draft.signers |= {number, random.choice([0, len(keys) - 1, len(keys) - 1])}
    return True


def deposits(draft: Draft) -> bool:
    """The same certificates while other deposits are in force."""
    draft.parameters = replace(
        draft.parameters,
        key_deposit=draft.parameters.key_deposit + draft.random.choice([0, 1]),
        drep_deposit=draft.parameters.drep_deposit + draft.random.choice([0, 1]),
    )
    return bool(draft.certificates)


def treasury(draft: Draft) -> bool:
    draft.fields[21] = draft.world.facts.treasury + draft.random.choice([-1, 0, 1])
    return True


STATE = (
    withdrawn,
    any_withdrawal,
    any_certificate,
    pool_registration,
    deposits,
    treasury,
)
