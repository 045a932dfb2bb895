"""psycopg's errors as sentences for callers and operators. None of them holds a password."""

import psycopg
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout

from facilitator.plugin import Complaint
from facilitator_postgres.address import Address


class NoAnswer(psycopg.OperationalError):
    """The server did not answer in time. It is not known if it has made the change."""


class NotConfirmed(psycopg.OperationalError):
    """The server made the change, and warns that it may not last."""


_AWAY = "the storage cannot be reached"
_NOT_READY = "the storage is not ready"
_SLOW = "the storage does not answer in time"
_REFUSES = "the storage refuses to work"
_FULL = "the storage is full"

_STANDBY = (
    "takes no changes: it is a standby, or read-only; wait until the name leads to the new primary,"
    " or name all servers in postgres.url"
)
_ADVICE: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str, str], ...] = (
    (errors.ReadOnlySqlTransaction, _NOT_READY, _STANDBY),
    (
        NotConfirmed,
        _NOT_READY,
        "has a change that its standby may not have; see synchronous_standby_names",
    ),
    ((NoAnswer, errors.ConnectionTimeout), _SLOW, "does not answer in time"),
    (
        PoolTimeout,
        _SLOW,
        "gives no connection in time; it is away, or all of postgres.connections are in use",
    ),
    (errors.TooManyConnections, _REFUSES, "has no connection left; raise its max_connections"),
    (errors.DiskFull, _FULL, "has no space left on its disk"),
    (
        errors.InsufficientPrivilege,
        _REFUSES,
        "forbids this user what the facilitator needs; see its grants",
    ),
    (
        (errors.UndefinedTable, errors.UndefinedFunction, errors.InvalidSchemaName),
        _REFUSES,
        "has lost the tables; start the facilitator again, which makes them",
    ),
)

_NOTHING_DONE = (
    errors.ReadOnlySqlTransaction,
    errors.CannotConnectNow,
    errors.SerializationFailure,
    errors.DeadlockDetected,
    PoolClosed,
)
_CLOSED_TO_US = (
    errors.InsufficientPrivilege,
    errors.InvalidSchemaName,
    errors.UndefinedFunction,
    errors.UndefinedTable,
)
_OF_THE_SERVER = ("08", "53", "57", "58")
"""Classes of SQLSTATE that are about the server or the connection, not about the statement."""


def is_refusal(error: psycopg.Error) -> bool:
    """Return True if the right server was there and refused this one statement."""
    if error.sqlstate is None or isinstance(error, errors.ReadOnlySqlTransaction):
        return False
    return not error.sqlstate.startswith(_OF_THE_SERVER)


def may_be_another_server(error: psycopg.Error) -> bool:
    """Return True if another connection may lead to a server that does what this one will not.

    A server that lacks the tables or forbids their use may be the former one of a name.
    """
    return not is_refusal(error) or isinstance(error, _CLOSED_TO_US)


def is_lost_connection(error: psycopg.Error) -> bool:
    """Return True if another connection may do at once what this one has not answered."""
    waited = (NoAnswer, NotConfirmed, PoolTimeout, errors.ConnectionTimeout)
    return not is_refusal(error) and not isinstance(error, waited)


def has_done_nothing(error: psycopg.Error) -> bool:
    """Return True if the server surely changed nothing and another try may help."""
    return isinstance(error, _NOTHING_DONE)


def explained(address: Address, error: psycopg.Error) -> Complaint:
    """Return the sentences for the error."""
    public, advice = _sentences(error)
    return Complaint(public, f"{address} {advice}")


def _sentences(error: psycopg.Error) -> tuple[str, str]:
    for kind, public, advice in _ADVICE:
        if isinstance(error, kind):
            return public, advice
    said = (error.diag.message_primary or str(error).partition("\n")[0])[:300]
    if error.sqlstate is not None:
        return _REFUSES, f"refuses: {said}"
    if "session is read-only" in said:
        return _NOT_READY, _STANDBY
    if "password" in said:
        return _REFUSES, "refuses the user or the password; check those in postgres.url"
    return _AWAY, f"cannot be reached ({said}); start it, or correct postgres.url"
