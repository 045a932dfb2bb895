"""The ledger state and its changes by transactions.

There are no epoch boundaries: no rewards are paid and no pool retires.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import replace
from typing import TypeVar

from facilitator.cardano.addresses.address import reward_credential
from facilitator.cardano.rules import (
    Environment,
    Failure,
    ledger_verdicts,
    static_failures,
    touched,
)
from facilitator.cardano.rules.evaluation import Evaluator, script_verdicts
from facilitator.cardano.state import Account, LedgerState, StateQuery
from facilitator.cardano.transaction import Body, Certificate, Credential, OutputRef, Transaction
from facilitator.plugin import Spent, Unspent
from facilitator_devnet.effects import made_by, spent_by

# Kinds of certificates by what they do (Conway CDDL, ``certificate``).
REGISTERS = frozenset({0, 7, 11, 12, 13})
DEREGISTERS = frozenset({1, 8})
DELEGATES_STAKE = frozenset({2, 10, 11, 13})
DELEGATES_VOTE = frozenset({9, 10, 12, 13})
ABOUT_STAKE = REGISTERS | DEREGISTERS | DELEGATES_STAKE | DELEGATES_VOTE
REGISTERS_POOL = 3
REGISTERS_DREP = 16
DEREGISTERS_DREP = 17

K = TypeVar("K")
V = TypeVar("V")


class Ledger:
    """Outputs with the spent ones, and registrations; a missing entry never existed."""

    def __init__(
        self,
        outputs: MutableMapping[OutputRef, Unspent | Spent] | None = None,
        accounts: MutableMapping[Credential, Account | None] | None = None,
        pools: MutableMapping[bytes, bool] | None = None,
        dreps: MutableMapping[Credential, int | None] | None = None,
    ) -> None:
        """Begin with these mappings, which are changed in place."""
        self.outputs = {} if outputs is None else outputs
        self.accounts = {} if accounts is None else accounts
        self.pools = {} if pools is None else pools
        self.dreps = {} if dreps is None else dreps

    def write(self, changes: Ledger) -> Ledger:
        """Take over the changes; return the changes that undo them."""
        return Ledger(
            _write(self.outputs, changes.outputs, Spent()),
            _write(self.accounts, changes.accounts, None),
            _write(self.pools, changes.pools, False),
            _write(self.dreps, changes.dreps, None),
        )

    def state(self, query: StateQuery) -> LedgerState:
        """Return the facts asked for, without the treasury, which is not kept."""
        return LedgerState(
            accounts=_read(self.accounts, query.accounts, None),
            pools=_read(self.pools, query.pools, False),
            dreps=_read(self.dreps, query.dreps, None),
        )

    def failures(
        self, transaction: Transaction, env: Environment, evaluator: Evaluator
    ) -> list[Failure]:
        """Return the reasons why the ledger refuses the transaction; empty if it is valid.

        As in the ledger, scripts run only if nothing else is wrong, and only then they are a
        reason.
        """
        refs, query = touched(transaction)
        found = _read(self.outputs, refs, Spent())
        utxo = {ref: got.output for ref, got in found.items() if isinstance(got, Unspent)}
        failures = static_failures(transaction, env)
        run = None if failures else evaluator
        for rule, failure in ledger_verdicts(transaction, env, utxo, self.state(query), run):
            if failure is not None and not (failures and rule is script_verdicts):
                failures.append(failure)
        return failures

    def apply(self, transaction: Transaction, key_deposit: int) -> None:
        """Apply the transaction without judging it (Conway ``LEDGER``)."""
        spent = Spent(transaction.id.hex())
        self.outputs.update(dict.fromkeys(spent_by(transaction), spent))
        for index, output in made_by(transaction).items():
            self.outputs[OutputRef(transaction.id, index)] = Unspent(output)
        if transaction.is_valid:
            self._apply_registrations(transaction.body, key_deposit)

    def _apply_registrations(self, body: Body, key_deposit: int) -> None:
        for address, amount in (body.withdrawals or {}).items():
            self._withdraw(reward_credential(address), amount)
        for certificate in body.certificates:
            self._certify(certificate, key_deposit)

    def _withdraw(self, credential: Credential, amount: int) -> None:
        account = self.accounts.get(credential)
        if account is not None:
            self.accounts[credential] = replace(account, reward=account.reward - amount)

    def _certify(self, certificate: Certificate, key_deposit: int) -> None:
        kind, credential = certificate.kind, certificate.credential
        if kind == REGISTERS_POOL and certificate.pool is not None:
            self.pools[certificate.pool] = True
        elif credential is None:
            return
        elif kind == REGISTERS_DREP:
            self.dreps[credential] = certificate.deposit
        elif kind == DEREGISTERS_DREP:
            self._retire_drep(credential)
        elif kind in ABOUT_STAKE:
            account = self.accounts.get(credential)
            self.accounts[credential] = _certified(account, certificate, key_deposit)

    def _retire_drep(self, drep: Credential) -> None:
        """Remove the DRep and its delegations (Conway ``GOVCERT``)."""
        self.dreps[drep] = None
        for credential, account in list(self.accounts.items()):
            if account is not None and account.drep == drep.hash.hex():
                self.accounts[credential] = replace(account, drep=None)


class Draft(Ledger):
    """A ledger with changes over another one, which it does not change."""

    def __init__(self, base: Ledger) -> None:
        """Begin without changes."""
        self.changes = changes = Ledger()
        super().__init__(
            ChainMap(changes.outputs, base.outputs),
            ChainMap(changes.accounts, base.accounts),
            ChainMap(changes.pools, base.pools),
            ChainMap(changes.dreps, base.dreps),
        )


def _write(target: MutableMapping[K, V], changes: Mapping[K, V], absent: V) -> dict[K, V]:
    undo = _read(target, changes, absent)
    target.update(changes)
    return undo


def _read(source: Mapping[K, V], keys: Iterable[K], absent: V) -> dict[K, V]:
    return {key: source.get(key, absent) for key in keys}


def _certified(
    account: Account | None, certificate: Certificate, key_deposit: int
) -> Account | None:
    kind, drep = certificate.kind, certificate.drep
    if kind in REGISTERS:
        account = Account(certificate.deposit or key_deposit, reward=0)
    if kind in DEREGISTERS or account is None:
        return None
    if kind in DELEGATES_STAKE:
        account = replace(account, pool=certificate.pool)
    if kind in DELEGATES_VOTE:
        account = replace(account, drep=drep.hash.hex() if drep else "predefined")
    return account
