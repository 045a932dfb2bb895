"""The rules over ledger state once more: withdrawals, then each certificate on top of the last.

From the Conway specification (LEDGER, CERTS, DELEG, GOVCERT) and Shelley's POOL, in the same terms
as :mod:`slow_ledger.slow_rules`.
"""

from collections.abc import Iterator
from typing import Any

from support.slow_ledger.slow_rules import UTXO_RULES
from support.slow_ledger.slow_view import PlainAccount, View, Who, who
from support.slow_ledger.slow_witnesses import WITNESS_RULES

ABSTAIN, NO_CONFIDENCE = 2, 3


class Registered:
    """Who is registered, changed by one certificate after another."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.accounts = dict(view.facts.accounts)
        self.pools = set(view.facts.pools)
        self.dreps = dict(view.facts.dreps)

    def register(self, credential: Who, deposit: int | None) -> Iterator[str]:
        """``ConwayRegCert``."""
        if deposit is not None and deposit != self.view.parameters.key_deposit:
            yield "IncorrectDepositDELEG"
        if credential in self.accounts:
            yield "StakeKeyRegisteredDELEG"
        self.accounts[credential] = PlainAccount(
            self.view.parameters.key_deposit, reward=0, votes=False
        )

    def deregister(self, credential: Who, refund: int | None) -> Iterator[str]:
        """``ConwayUnRegCert``."""
        account = self.accounts.pop(credential, None)
        if account is None:
            yield "StakeKeyNotRegisteredDELEG"
            return
        if refund is not None and refund != account.deposit:
            yield "IncorrectDepositDELEG"
        if account.reward != 0:
            yield "StakeKeyHasNonZeroRewardAccountBalanceDELEG"

    def delegate(self, credential: Who) -> Iterator[str]:
        """``ConwayDelegCert``."""
        if credential not in self.accounts:
            yield "StakeKeyNotRegisteredDELEG"

    def to_pool(self, pool: bytes) -> Iterator[str]:
        if pool not in self.pools:
            yield "DelegateeStakePoolNotRegisteredDELEG"

    def to_drep(self, drep: tuple[Any, ...]) -> Iterator[str]:
        """Protocol version 9 lets votes be delegated to anyone."""
        if drep[0] in (ABSTAIN, NO_CONFIDENCE) or self.view.parameters.protocol_major == 9:
            return
        if who((drep[0], drep[1])) not in self.dreps:
            yield "DelegateeDRepNotRegisteredDELEG"

    def register_pool(self, fields: list[Any]) -> Iterator[str]:
        operator, _vrf, _pledge, cost, _margin, account, _owners, _relays, metadata = fields
        if account[0] & 1 != self.view.network_id:
            yield "WrongNetworkPOOL"
        if isinstance(metadata[1], bytes) and len(metadata[1]) > 32:
            yield "PoolMedataHashTooBig"
        if cost < self.view.parameters.min_pool_cost:
            yield "StakePoolCostTooLowPOOL"
        self.pools.add(operator)

    def retire_pool(self, pool: bytes, epoch: int) -> Iterator[str]:
        parameters = self.view.parameters
        if pool not in self.pools:
            yield "StakePoolNotRegisteredOnKeyPOOL"
        if epoch <= parameters.epoch or epoch > parameters.epoch + parameters.max_epoch:
            yield "StakePoolRetirementWrongEpochPOOL"

    def register_drep(self, drep: Who, deposit: int) -> Iterator[str]:
        if deposit != self.view.parameters.drep_deposit:
            yield "ConwayDRepIncorrectDeposit"
        if drep in self.dreps:
            yield "ConwayDRepAlreadyRegistered"
        self.dreps[drep] = self.view.parameters.drep_deposit

    def deregister_drep(self, drep: Who, refund: int) -> Iterator[str]:
        paid = self.dreps.pop(drep, None)
        if paid is None:
            yield "ConwayDRepNotRegistered"
        elif paid != refund:
            yield "ConwayDRepIncorrectRefund"

    def update_drep(self, drep: Who) -> Iterator[str]:
        if drep not in self.dreps:
            yield "ConwayDRepNotRegistered"


def apply(registered: Registered, certificate: Any) -> Iterator[str]:
    """What one certificate breaks, by its kind (CDDL ``certificate``)."""
    kind, *fields = certificate
    if kind == 3:
        yield from registered.register_pool(fields)
        return
    if kind == 4:
        yield from registered.retire_pool(fields[0], fields[1])
        return
    credential = who(fields[0])
    if kind in (0, 7, 11, 12, 13):
        yield from registered.register(credential, None if kind == 0 else fields[-1])
    elif kind in (1, 8):
        yield from registered.deregister(credential, None if kind == 1 else fields[-1])
    elif kind in (2, 9, 10):
        yield from registered.delegate(credential)
    elif kind == 16:
        yield from registered.register_drep(credential, fields[1])
    elif kind == 17:
        yield from registered.deregister_drep(credential, fields[1])
    elif kind == 18:
        yield from registered.update_drep(credential)
    if kind in (2, 10, 11, 13):
        yield from registered.to_pool(fields[1])
    if kind in (9, 12):
        yield from registered.to_drep(fields[1])
    if kind in (10, 13):
        yield from registered.to_drep(fields[2])


def ledger_state(view: View) -> Iterator[str]:
    """Conway LEDGER and CERTS, which leave alone what is marked as failing its scripts."""
    if not view.tx.is_valid:
        return
    claimed = view.tx.number(21)
    if claimed is not None and claimed != view.facts.treasury:
        yield "ConwayTreasuryValueMismatch"
    registered = Registered(view)
    for address, amount in view.tx.withdrawals.items():
        credential = (address[0] >> 4 == 15, address[1:])
        account = registered.accounts.get(credential)
        if account is None or account.reward != amount:
            yield "WithdrawalsNotInRewardsCERTS"
        votes = credential[0] or (account is not None and account.votes)
        if view.parameters.protocol_major >= 10 and not votes:
            yield "ConwayWdrlNotDelegatedToDRep"
        if account is not None:
            registered.accounts[credential] = PlainAccount(account.deposit, 0, account.votes)
    for certificate in view.tx.certificates:
        yield from apply(registered, certificate)


def broken(view: View | None) -> set[str]:
    """The names of all predicates that fail for the transaction; none if the ledger takes it."""
    if view is None:
        return {"DecodingFailure"}
    return {name for rule in (*UTXO_RULES, *WITNESS_RULES, ledger_state) for name in rule(view)}
