"""The mempool of Ogmios' node."""

from collections.abc import Collection

from facilitator.cardano.ogmios.fields import Malformed
from facilitator_ogmios.client import Client, Session


def find_waiting(client: Client, transactions: Collection[str]) -> frozenset[str]:
    """Return those of the transactions (ids) that wait in the mempool.

    Raises :class:`ChainUnavailable`.
    """

    def look(session: Session) -> frozenset[str]:
        session.ask("acquireMempool", _anything)
        found = [each for each in transactions if session.ask("hasTransaction", _flag, id=each)]
        # Without it, the next one here would wait until the mempool changes.
        session.ask("releaseMempool", _anything)
        return frozenset(found)

    return client.session(look)


def _anything(result: object) -> None:
    """Take any result."""


def _flag(result: object) -> bool:
    if not isinstance(result, bool):
        raise Malformed("hasTransaction is neither true nor false")
    return result
