"""The parts of the ledger that one transaction alone can use: two that name one are rivals."""

from collections.abc import Iterator

from facilitator.cardano.rules.certificates import (
    DEREGISTERS_ACCOUNT,
    DEREGISTERS_DREP,
    REGISTERS_ACCOUNT,
    REGISTERS_DREP,
    REGISTERS_POOL,
)
from facilitator.cardano.transaction import Body

_ACCOUNTS = REGISTERS_ACCOUNT | DEREGISTERS_ACCOUNT
_DREPS = REGISTERS_DREP | DEREGISTERS_DREP
_SCRIPT_BIT = 0x10


def single_uses(body: Body, network: str) -> frozenset[str]:
    """Return names for all that the transaction uses up on the network (canonical id).

    Its inputs, ``<transaction id>#<index>``; and by their credentials the accounts and DReps that
    it registers or deregisters, and the accounts whose rewards it withdraws. A withdrawal takes
    all rewards or nothing: of nothing, any number of transactions can be made.

    A registration of kind 0 counts, though anyone can make it for any account: once it has landed,
    a second one cannot. It is valid while the account is not registered, when nothing but another
    registration could land in its place.

    Every registration of a pool counts, since no byte shows if it is the first. That one alone pays
    a deposit: of two that pay it, the second no longer balances.
    """
    inputs = frozenset(map(str, body.inputs))
    if not (body.certificates or body.withdrawals):
        return inputs
    # An output is on one network. The same keys have an account on each.
    return inputs.union(f"{network} {name}" for name in _credentials(body))


def _credentials(body: Body) -> Iterator[str]:
    for certificate in body.certificates:
        credential = certificate.credential
        if credential is not None and certificate.kind in _ACCOUNTS:
            yield _name("account", credential.hash, is_script=credential.is_script)
        elif credential is not None and certificate.kind in _DREPS:
            yield _name("DRep", credential.hash, is_script=credential.is_script)
        elif certificate.pool is not None and certificate.kind in REGISTERS_POOL:
            yield _name("pool", certificate.pool, is_script=False)
    for address, lovelace in (body.withdrawals or {}).items():
        if lovelace:
            yield _name("account", address[1:], is_script=bool(address[0] & _SCRIPT_BIT))


def _name(what: str, credential: bytes, *, is_script: bool) -> str:
    return f"{what} {'script' if is_script else 'key'} {credential.hex()}"
