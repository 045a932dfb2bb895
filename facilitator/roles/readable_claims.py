"""The claims of a storage that can be read: one that cannot hides no other."""

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from facilitator.roles.claim import Claim
from facilitator.roles.storage import StorageUnavailable

_Row = TypeVar("_Row")


class ReadableClaims:
    """Reads many claims at once. For use by many threads.

    A claim may have been written by a newer facilitator, as while a fleet is upgraded or after a
    way back, or be damaged. If it ended the look at all open claims, no settlement would be taken
    up any more.
    """

    def __init__(
        self, log: logging.Logger, unreadable: type[Exception] = StorageUnavailable
    ) -> None:
        """Log claims whose reading raises ``unreadable``, each when it is seen first."""
        self._log = log
        self._unreadable = unreadable
        self._known: frozenset[str] = frozenset()

    def read(
        self, rows: Iterable[_Row], read: Callable[[_Row], Claim], id_of: Callable[[_Row], str]
    ) -> list[Claim]:
        """Return the claims in the rows, in their order, without those that cannot be read.

        ``id_of`` returns the id of a row's transaction.
        """
        found, unreadable = [], []
        for row in rows:
            try:
                found.append(read(row))
            except self._unreadable:
                unreadable.append(id_of(row))
        for each in unreadable:
            if each not in self._known:
                self._log.error(
                    "the claim on %s cannot be read, so that its settlement is not followed here: a"
                    " newer facilitator wrote it, or it is damaged",
                    each,
                )
        self._known = frozenset(unreadable)
        return found
