"""An optional protocol of a storage: API keys, which a whole fleet sees at once.

Every method is atomic and may be called from many threads and processes at once.
``facilitator.testing.storage`` holds the contract tests.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable


class Scope(StrEnum):
    """The purpose of a key. None includes another."""

    PAY = "pay"
    """The operations on payments: ``/verify``, ``/settle``, ``/cancel`` and ``/inspect``."""
    OPERATE = "operate"
    """The endpoints that are for the operator alone."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key, without the key itself. It is kept for ever, so that its name is never another's."""

    name: str
    """1 to 64 letters, digits, ``.``, ``_`` and ``-``, of ASCII; the first is no sign."""
    digest: str
    """The SHA-256 of the key, in lowercase hex."""
    scope: Scope
    """The only one that it has."""
    per_minute: int | None
    """Requests that it may make in any minute; ``None`` for as many as the settings say."""
    created_at: float
    """Unix seconds."""
    expires_at: float | None = None
    """Unix seconds from which it is not valid; ``None`` for a key without an end."""
    revoked_at: float | None = None
    """Unix seconds; ``None`` unless it was revoked."""
    used_at: float | None = None
    """Unix seconds of its last use, to a minute or so; ``None`` before the first."""

    def is_valid(self, now: float) -> bool:
        """Return True unless it was revoked or has expired."""
        return self.revoked_at is None and not self.has_expired(now)

    def has_expired(self, now: float) -> bool:
        """Return True from its end on."""
        return self.expires_at is not None and self.expires_at <= now


@runtime_checkable
class StoresApiKeys(Protocol):
    """A storage that keeps API keys.

    Every method raises :class:`~facilitator.roles.storage.StorageUnavailable`. Then it is unknown
    if a change was made, and the call may be repeated. An acknowledged addition and an acknowledged
    revocation are as durable as a change of a claim.
    """

    def add_api_key(self, key: ApiKey) -> bool:
        """Write the key unless its name or its digest was ever taken; return True if written.

        Returns True too if the stored key equals ``key``, so that after a lost reply the caller may
        call again.
        """
        ...

    def api_key(self, digest: str) -> ApiKey | None:
        """Return the key with this digest, valid or not, if there is one. Costs one read."""
        ...

    def api_keys(self) -> Sequence[ApiKey]:
        """Return all keys, valid or not, oldest first by ``created_at``."""
        ...

    def revoke_api_key(self, name: str, now: float) -> bool:
        """Revoke the key of this name; return False if there is none.

        One that was revoked before keeps its time.
        """
        ...

    def note_api_key_use(self, name: str, now: float) -> None:
        """Set the last use of the key of this name to ``now``, unless it has a later one.

        No other key is changed. It need not be durable.
        """
        ...
