"""Ledger state beyond the UTxO set that a transaction can touch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from facilitator.cardano.transaction import Action, ActionId, Credential


@dataclass(frozen=True, slots=True)
class Account:
    """A registered stake credential. Amounts are in lovelace."""

    deposit: int
    reward: int
    drep: str | None = None
    """What it delegates its vote to; withdrawing needs a delegation (Conway ``LEDGER``)."""
    pool: bytes | None = None


@dataclass(frozen=True, slots=True)
class CommitteeMember:
    """What the ledger knows of a committee member's cold credential."""

    elected: bool
    """Whether it is in the committee in office, its term expired or not."""
    proposed: bool = False
    """Whether an open proposal to update the committee would add it."""
    hot: Credential | None = None
    """The hot credential it authorized last; ``None`` when it resigned or never did."""
    resigned: bool = False


class ActionPurpose(Enum):
    """Which actions follow one another (the ledger's ``GovActionPurpose``)."""

    PARAMETERS = auto()
    HARD_FORK = auto()
    COMMITTEE = auto()
    CONSTITUTION = auto()


@dataclass(frozen=True, slots=True)
class OpenProposal:
    """A proposal that is neither enacted nor removed."""

    action: Action
    expires_after: int
    """The last epoch in which it can be voted on."""


@dataclass(frozen=True, slots=True)
class Constitution:
    """What rules read of the constitution in force."""

    guardrails: bytes | None
    """The hash of its guardrails script; ``None`` when it has none."""


@dataclass(frozen=True, slots=True)
class StateQuery:
    """Which facts a transaction's verdict depends on; false when on none."""

    accounts: frozenset[Credential] = frozenset()
    """Stake credentials."""
    pools: frozenset[bytes] = frozenset()
    """Pool ids: the operators' key hashes."""
    dreps: frozenset[Credential] = frozenset()
    treasury: bool = False
    committee: bool = False
    proposals: frozenset[ActionId] = frozenset()
    """Actions that are voted on or followed."""
    roots: frozenset[ActionPurpose] = frozenset()
    """Purposes whose last enacted action is followed."""
    constitution: bool = False

    def __bool__(self) -> bool:
        """Whether any fact is asked for."""
        return self != _NOTHING


_NOTHING = StateQuery()


@dataclass(frozen=True, slots=True)
class LedgerState:
    """Facts as of the tip.

    A key that was asked for and is ``None`` (or false) is not registered; a key that is not there
    is not known, and no verdict is built on it.
    """

    accounts: Mapping[Credential, Account | None] = field(default_factory=dict)
    pools: Mapping[bytes, bool] = field(default_factory=dict)
    """Whether each pool is registered."""
    dreps: Mapping[Credential, int | None] = field(default_factory=dict)
    """The deposit, in lovelace, that each registered DRep paid."""
    treasury: int | None = None
    """What the treasury holds, in lovelace; ``None`` when not known."""
    committee: Mapping[Credential, CommitteeMember] | None = None
    """By cold credential, everyone elected or proposed or who authorized a hot credential or
    resigned; ``None`` when not known."""
    proposals: Mapping[ActionId, OpenProposal | None] = field(default_factory=dict)
    """Which actions are open proposals."""
    roots: Mapping[ActionPurpose, ActionId | None] = field(default_factory=dict)
    """The action of each purpose that was enacted last; ``None`` where none ever was."""
    constitution: Constitution | None = None
    """``None`` when not known."""
