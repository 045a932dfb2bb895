"""Ledger state beyond the UTxO set that a transaction can touch."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from facilitator.cardano.transaction import Credential


@dataclass(frozen=True, slots=True)
class Account:
    """A registered stake credential. Amounts are in lovelace."""

    deposit: int
    reward: int
    drep: str | None = None
    """What it delegates its vote to; withdrawing needs a delegation (Conway ``LEDGER``)."""
    pool: bytes | None = None


@dataclass(frozen=True, slots=True)
class StateQuery:
    """Which facts a transaction's verdict depends on; false when on none."""

    accounts: frozenset[Credential] = frozenset()
    """Stake credentials."""
    pools: frozenset[bytes] = frozenset()
    """Pool ids: the operators' key hashes."""
    dreps: frozenset[Credential] = frozenset()
    treasury: bool = False

    def __bool__(self) -> bool:
        """Whether any fact is asked for."""
        return bool(self.accounts or self.pools or self.dreps or self.treasury)


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
