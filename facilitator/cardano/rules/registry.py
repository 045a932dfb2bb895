"""A working copy of the ledger state, to which certificates are applied in order."""

from collections.abc import Mapping

from facilitator.cardano.rules.failure import Failure
from facilitator.cardano.state import (
    Account,
    ActionPurpose,
    CommitteeMember,
    LedgerState,
    OpenProposal,
)
from facilitator.cardano.transaction import ActionId, Credential


class UnknownFactError(Exception):
    """A rule needs a fact that the given ledger state lacks; the text names it."""


def describe(credential: Credential) -> str:
    """Return the credential as text for a message."""
    return f"{'script' if credential.is_script else 'key'} {credential.hash.hex()}"


def refuse_amount(rule: str, named: int, right: int) -> Failure:
    """Return the failure of a certificate that names a wrong deposit or refund."""
    return Failure(rule, f"the certificate names {named} lovelace, the deposit is {right}")


class Registry:
    """The registrations, with all changes so far; the initial state does not change."""

    def __init__(self, state: LedgerState | None) -> None:
        """Copy the facts as of the tip; ``None`` stands for no known facts."""
        state = state or LedgerState()
        self._accounts = dict(state.accounts)
        self._pools = dict(state.pools)
        self._dreps = dict(state.dreps)
        self._committee = None if state.committee is None else dict(state.committee)
        self._unchanging = state

    def account(self, credential: Credential) -> Account | None:
        """Return the account, ``None`` if not registered. Raises :class:`UnknownFactError`."""
        if credential not in self._accounts:
            raise UnknownFactError(f"the account of stake {describe(credential)}")
        return self._accounts[credential]

    def has_pool(self, pool: bytes) -> bool:
        """Return True if the pool is registered. Raises :class:`UnknownFactError`."""
        if pool not in self._pools:
            raise UnknownFactError(f"the registration of pool {pool.hex()}")
        return self._pools[pool]

    def drep(self, credential: Credential) -> int | None:
        """Return a DRep's deposit, ``None`` if not registered. Raises :class:`UnknownFactError`."""
        if credential not in self._dreps:
            raise UnknownFactError(f"the registration of DRep {describe(credential)}")
        return self._dreps[credential]

    def treasury(self) -> int:
        """Return the treasury's balance in lovelace. Raises :class:`UnknownFactError`."""
        if self._unchanging.treasury is None:
            raise UnknownFactError("the treasury's balance")
        return self._unchanging.treasury

    def committee(self) -> Mapping[Credential, CommitteeMember]:
        """Return the committee by cold credential. Raises :class:`UnknownFactError`."""
        if self._committee is None:
            raise UnknownFactError("the committee")
        return self._committee

    def proposal(self, action: ActionId) -> OpenProposal | None:
        """Return the action's open proposal, if there is one. Raises :class:`UnknownFactError`."""
        if action not in self._unchanging.proposals:
            raise UnknownFactError(f"whether {action} is an open proposal")
        return self._unchanging.proposals[action]

    def root(self, purpose: ActionPurpose) -> ActionId | None:
        """Return the last enacted action of the purpose. Raises :class:`UnknownFactError`."""
        if purpose not in self._unchanging.roots:
            name = purpose.name.lower().replace("_", " ")
            raise UnknownFactError(f"the last enacted action of the purpose {name}")
        return self._unchanging.roots[purpose]

    def guardrails(self) -> bytes | None:
        """Return the hash of the guardrails script in force. Raises :class:`UnknownFactError`."""
        if self._unchanging.constitution is None:
            raise UnknownFactError("the constitution's guardrails script")
        return self._unchanging.constitution.guardrails

    def set_account(self, credential: Credential, account: Account | None) -> None:
        """Register, change or (with ``None``) deregister the account."""
        self._accounts[credential] = account

    def add_pool(self, pool: bytes) -> None:
        """Register the pool."""
        self._pools[pool] = True

    def set_drep(self, credential: Credential, deposit: int | None) -> None:
        """Register or (with ``None``) deregister the DRep."""
        self._dreps[credential] = deposit

    def set_committee_member(self, cold: Credential, member: CommitteeMember) -> None:
        """Replace the record of the member's cold credential, if the committee is known."""
        if self._committee is not None:
            self._committee[cold] = member
