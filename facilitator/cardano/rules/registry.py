"""A working copy of the ledger state, which certificates are applied to one after another."""

from facilitator.cardano.rules.failure import Failure
from facilitator.cardano.state import Account, LedgerState
from facilitator.cardano.transaction import Credential


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
        self._treasury = state.treasury

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
        if self._treasury is None:
            raise UnknownFactError("the treasury's balance")
        return self._treasury

    def set_account(self, credential: Credential, account: Account | None) -> None:
        """Register, change or (with ``None``) deregister the account."""
        self._accounts[credential] = account

    def add_pool(self, pool: bytes) -> None:
        """Register the pool."""
        self._pools[pool] = True

    def set_drep(self, credential: Credential, deposit: int | None) -> None:
        """Register or (with ``None``) deregister the DRep."""
        self._dreps[credential] = deposit
