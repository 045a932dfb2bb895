"""A working copy of the ledger state, which certificates are applied to one after another."""

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
    """The credential for a message."""
    return f"{'script' if credential.is_script else 'key'} {credential.hash.hex()}"


def wrong_amount(rule: str, named: int, right: int) -> Failure:
    """The failure of a certificate that names another deposit or refund than it should."""
    return Failure(rule, f"the certificate names {named} lovelace, the deposit is {right}")


class Registry:
    """Who is registered, with the changes made so far; the state it began with stays as it is."""

    def __init__(self, state: LedgerState | None) -> None:
        """Begin with the facts as of the tip."""
        state = state or LedgerState()
        self._accounts = dict(state.accounts)
        self._pools = dict(state.pools)
        self._dreps = dict(state.dreps)
        self._committee = None if state.committee is None else dict(state.committee)
        self._unchanging = state

    def account(self, credential: Credential) -> Account | None:
        """The account, or ``None`` when it is not registered. Raises :class:`UnknownFactError`."""
        if credential not in self._accounts:
            raise UnknownFactError(f"the account of stake {describe(credential)}")
        return self._accounts[credential]

    def pool(self, pool: bytes) -> bool:
        """Whether the pool is registered. Raises :class:`UnknownFactError`."""
        if pool not in self._pools:
            raise UnknownFactError(f"the registration of pool {pool.hex()}")
        return self._pools[pool]

    def drep(self, credential: Credential) -> int | None:
        """The DRep's deposit, ``None`` when not registered. Raises :class:`UnknownFactError`."""
        if credential not in self._dreps:
            raise UnknownFactError(f"the registration of DRep {describe(credential)}")
        return self._dreps[credential]

    def treasury(self) -> int:
        """What the treasury holds, in lovelace. Raises :class:`UnknownFactError`."""
        if self._unchanging.treasury is None:
            raise UnknownFactError("the treasury's balance")
        return self._unchanging.treasury

    def committee(self) -> Mapping[Credential, CommitteeMember]:
        """The committee by cold credential. Raises :class:`UnknownFactError`."""
        if self._committee is None:
            raise UnknownFactError("the committee")
        return self._committee

    def proposal(self, action: ActionId) -> OpenProposal | None:
        """The open proposal of the action, if it is one. Raises :class:`UnknownFactError`."""
        if action not in self._unchanging.proposals:
            raise UnknownFactError(f"whether {action} is an open proposal")
        return self._unchanging.proposals[action]

    def root(self, purpose: ActionPurpose) -> ActionId | None:
        """The last enacted action of the purpose. Raises :class:`UnknownFactError`."""
        if purpose not in self._unchanging.roots:
            name = purpose.name.lower().replace("_", " ")
            raise UnknownFactError(f"the last enacted action of the purpose {name}")
        return self._unchanging.roots[purpose]

    def guardrails(self) -> bytes | None:
        """The hash of the guardrails script in force. Raises :class:`UnknownFactError`."""
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
        """Record what the member's cold credential did."""
        if self._committee is not None:
            self._committee[cold] = member
