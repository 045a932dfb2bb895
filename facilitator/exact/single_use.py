"""The parts of the ledger that one transaction alone can use: two that name one are rivals."""

from collections.abc import Iterator

from facilitator.cardano.rules.certificates import (
    DEREGISTERS_ACCOUNT,
    DEREGISTERS_DREP,
    REGISTERS_ACCOUNT,
    REGISTERS_DREP,
)
from facilitator.cardano.transaction import Body

_ACCOUNTS = REGISTERS_ACCOUNT | DEREGISTERS_ACCOUNT
_DREPS = REGISTERS_DREP | DEREGISTERS_DREP
_SCRIPT_BIT = 0x10


def single_uses(body: Body) -> frozenset[str]:
    """Return names for all that the transaction uses up.

    Its inputs, ``<transaction id>#<index>``; and by their credentials the accounts and DReps that
    it registers or deregisters, and the accounts whose rewards it withdraws. A withdrawal takes
    all rewards or nothing: of nothing, any number of transactions can be made.
    """
    inputs = frozenset(map(str, body.inputs))
    if not (body.certificates or body.withdrawals):
        return inputs
    return inputs.union(_credentials(body))


def _credentials(body: Body) -> Iterator[str]:
    for certificate in body.certificates:
        credential = certificate.credential
        if credential is not None and certificate.kind in _ACCOUNTS:
            yield _name("account", credential.hash, is_script=credential.is_script)
        elif credential is not None and certificate.kind in _DREPS:
            yield _name("DRep", credential.hash, is_script=credential.is_script)
    for address, lovelace in (body.withdrawals or {}).items():
        if lovelace:
            yield _name("account", address[1:], is_script=bool(address[0] & _SCRIPT_BIT))


def _name(what: str, credential: bytes, *, is_script: bool) -> str:
    return f"{what} {'script' if is_script else 'key'} {credential.hex()}"
