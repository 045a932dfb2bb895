"""What certificates are about, and which facts they and withdrawals are compared with.

Certificate kinds are the CDDL's numbers.
"""

from facilitator.cardano.address import reward_credential
from facilitator.cardano.state import StateQuery
from facilitator.cardano.transaction import Body

REGISTERS_ACCOUNT = frozenset({0, 7, 11, 12, 13})
DEREGISTERS_ACCOUNT = frozenset({1, 8})
DELEGATES = frozenset({2, 9, 10})
REGISTERS_POOL = frozenset({3})
RETIRES_POOL = frozenset({4})
COMMITTEE = frozenset({14, 15})
REGISTERS_DREP = frozenset({16})
DEREGISTERS_DREP = frozenset({17})
UPDATES_DREP = frozenset({18})
ABOUT_ACCOUNTS = REGISTERS_ACCOUNT | DEREGISTERS_ACCOUNT | DELEGATES
ABOUT_DREPS = REGISTERS_DREP | DEREGISTERS_DREP | UPDATES_DREP

_NOTHING = StateQuery()


def state_touched(body: Body) -> StateQuery:
    """Which facts the body's certificates, withdrawals and claims are compared with."""
    if not body.certificates and not body.withdrawals and body.treasury is None:
        return _NOTHING
    accounts = set(map(reward_credential, body.withdrawals or ()))
    pools, dreps = set(), set()
    for certificate in body.certificates:
        if certificate.credential is not None:
            if certificate.kind in ABOUT_ACCOUNTS:
                accounts.add(certificate.credential)
            elif certificate.kind in ABOUT_DREPS:
                dreps.add(certificate.credential)
        if certificate.pool is not None:
            pools.add(certificate.pool)
        if certificate.drep is not None:
            dreps.add(certificate.drep)
    return StateQuery(
        frozenset(accounts), frozenset(pools), frozenset(dreps), body.treasury is not None
    )
