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
    """The DRep it delegates to; withdrawing needs a delegation (Conway ``LEDGER``)."""
    pool: bytes | None = None


@dataclass(frozen=True, slots=True)
class CommitteeMember:
    """The ledger's record of a committee member's cold credential."""

    elected: bool
    """True if it is in the committee in office, even with an expired term."""
    proposed: bool = False
    """True if an open proposal to update the committee would add it."""
    hot: Credential | None = None
    """The hot credential it authorized last; ``None`` if it authorized none or resigned."""
    resigned: bool = False


class ActionPurpose(Enum):
    """A group of actions that follow one another (the ledger's ``GovActionPurpose``)."""

    PARAMETERS = auto()
    HARD_FORK = auto()
    COMMITTEE = auto()
    CONSTITUTION = auto()


@dataclass(frozen=True, slots=True)
class OpenProposal:
    """A proposal that was neither enacted nor removed."""

    action: Action
    expires_after: int
    """The last epoch that allows votes on it."""


@dataclass(frozen=True, slots=True)
class Constitution:
    """The part of the constitution in force that rules read."""

    guardrails: bytes | None
    """The hash of its guardrails script; ``None`` if it has none."""


@dataclass(frozen=True, slots=True)
class StateQuery:
    """The facts that a transaction's verdict depends on; false if there are none."""

    accounts: frozenset[Credential] = frozenset()
    """Stake credentials."""
    pools: frozenset[bytes] = frozenset()
    """Pool ids: the operators' key hashes."""
    dreps: frozenset[Credential] = frozenset()
    treasury: bool = False
    committee: bool = False
    proposals: frozenset[ActionId] = frozenset()
    """Actions that votes are on or that proposals follow."""
    roots: frozenset[ActionPurpose] = frozenset()
    """Purposes whose last enacted action the verdict needs."""
    constitution: bool = False

    def __bool__(self) -> bool:
        """Return True if the query asks for any fact."""
        return self is not NO_FACTS and self != NO_FACTS


NO_FACTS = StateQuery()
"""The query of a transaction that depends on no ledger state, as most payments."""


@dataclass(frozen=True, slots=True)
class LedgerState:
    """Facts as of the tip.

    A key with the value ``None`` (or false) was queried and is not registered. An absent key is
    not known, and no verdict uses it.
    """

    accounts: Mapping[Credential, Account | None] = field(default_factory=dict)
    pools: Mapping[bytes, bool] = field(default_factory=dict)
    """True for each registered pool."""
    dreps: Mapping[Credential, int | None] = field(default_factory=dict)
    """The deposit, in lovelace, of each registered DRep."""
    treasury: int | None = None
    """The treasury's balance in lovelace; ``None`` if not known."""
    committee: Mapping[Credential, CommitteeMember] | None = None
    """Members by cold credential: those elected or proposed, and those that authorized a hot
    credential or resigned. ``None`` if not known."""
    proposals: Mapping[ActionId, OpenProposal | None] = field(default_factory=dict)
    """The open proposals by action."""
    roots: Mapping[ActionPurpose, ActionId | None] = field(default_factory=dict)
    """The last enacted action of each purpose; ``None`` if there is none yet."""
    constitution: Constitution | None = None
    """The constitution in force; ``None`` if not known."""
