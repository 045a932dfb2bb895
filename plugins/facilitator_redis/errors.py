"""redis-py's errors as sentences for callers and operators. None of them holds a password."""

import re

from redis import exceptions
from redis.sentinel import MasterNotFoundError

from facilitator.plugin import Complaint
from facilitator_redis.address import Address


class NotReplicated(exceptions.ResponseError):
    """Too few replicas have a change, which may not last."""


NoAnswer = (exceptions.RedisError, exceptions.RedisClusterException)
"""The base classes of redis-py's errors."""

_AWAY = "the storage cannot be reached"
_NOT_READY = "the storage is not ready"
_SLOW = "the storage does not answer in time"
_REFUSES = "the storage refuses to work"

_FORBIDS = "forbids this user a command or a key that the facilitator needs; see its access rules"
_FORBIDDEN_IN_A_SCRIPT = ("ACL failure in script", "The user executing the script")
_REPLICA = (
    "is a replica; wait until its name leads to the new primary, or name the primary or its"
    " Sentinels in redis.url"
)

_CODE = re.compile(r"[A-Z]{3,}(?= |$)")
_NO_REPLICAS = "has too few replicas to take changes; see its min-replicas-to-write"
_DEMOTED = ("UNBLOCKED", "WAIT cannot be used with replica")
"""The beginnings of answers to ``WAIT`` of a server that has just become a replica."""
_OF_THE_COMMAND = frozenset({"BUSY", "MISCONF", "NOPROTO", "WRONGTYPE"})
"""Codes of errors that another server would answer with as well, or that only time mends."""
_OF_A_PROXY = re.compile(
    r"upstream|no server|host is down|server closed|connection (refused|reset|timed out)", re.I
)
"""Matches what proxies answer when the server behind them is away."""

_ADVICE: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str, str], ...] = (
    (
        (exceptions.AuthenticationError, exceptions.AuthenticationWrongNumberOfArgsError),
        _REFUSES,
        "refuses the user or the password; check those in redis.url",
    ),
    (exceptions.NoPermissionError, _REFUSES, _FORBIDS),
    (exceptions.BusyLoadingError, _NOT_READY, "is still loading its data; wait until it has"),
    (exceptions.MaxConnectionsError, _REFUSES, "is used by too many threads at once"),
    ((exceptions.ReadOnlyError, exceptions.MasterDownError), _NOT_READY, _REPLICA),
    (
        NotReplicated,
        _NOT_READY,
        "has a change that too few of its replicas have; see INFO replication, or lower"
        " redis.replicas",
    ),
    (exceptions.OutOfMemoryError, _REFUSES, "is full; raise its maxmemory"),
    (
        (
            exceptions.ClusterDownError,
            exceptions.ClusterError,
            exceptions.SlotNotCoveredError,
            exceptions.TryAgainError,
        ),
        _NOT_READY,
        "is a Cluster that is down; see CLUSTER INFO on its nodes",
    ),
    (
        exceptions.AskError,  # and MOVED
        _NOT_READY,
        "is a node of a Cluster; begin redis.url with redis+cluster:// and name its nodes",
    ),
    (
        MasterNotFoundError,
        _AWAY,
        "reports no server that is up; check that its Sentinels can be reached, accept the login"
        " and know the service (SENTINEL MASTERS)",
    ),
    (exceptions.TimeoutError, _SLOW, "does not answer in time"),
)

_WRONG_SERVER = (
    exceptions.AskError,
    exceptions.BusyLoadingError,
    exceptions.ClusterDownError,
    exceptions.MasterDownError,
    exceptions.ReadOnlyError,
    exceptions.TryAgainError,
)


def is_wrong_server(error: Exception) -> bool:
    """Return True if the server did nothing because it is not, or not yet, the one to ask.

    After a failover the former primary answers so on connections that are still open. Another
    connection, by the same name, may lead to the new one.
    """
    error = _answer(error)
    if isinstance(error, _WRONG_SERVER):
        return True
    if type(error) is not exceptions.ResponseError:
        return False
    code = _code(error)
    if code is None:
        return _OF_A_PROXY.search(str(error)) is not None
    return code not in _OF_THE_COMMAND and not _is_demoted(error)


def is_refusal(error: Exception) -> bool:
    """Return True if the right server was there and refused this one command."""
    return (
        isinstance(error, exceptions.ResponseError)
        and not is_wrong_server(error)
        and not _is_demoted(error)
    )


def lost_its_login(address: Address, error: Exception) -> bool:
    """Return True if an open connection is no longer logged in, though there is a password."""
    is_refused = isinstance(error, exceptions.AuthenticationError)
    return is_refused and "required" in str(error) and address.password is not None


def explained(address: Address, error: Exception) -> Complaint:
    """Return the sentences for the error."""
    public, advice = _sentences(_answer(error))
    return Complaint(public, f"Redis at {address} {advice}")


def _answer(error: Exception) -> Exception:
    """Return the server's answer behind an error of redis-py, if it has wrapped one."""
    if isinstance(error.__context__, exceptions.ReadOnlyError):
        return error.__context__  # behind Sentinel, it makes that a lost connection
    if isinstance(error, exceptions.RedisClusterException) and isinstance(
        error.__cause__, exceptions.RedisError
    ):
        return error.__cause__  # for which no node could be asked for the others
    return error


def _sentences(error: Exception) -> tuple[str, str]:
    for kind, public, advice in _ADVICE:
        if isinstance(error, kind):
            return public, advice
    if _is_demoted(error):
        return _NOT_READY, _REPLICA
    if _code(error) == "NOREPLICAS":
        return _NOT_READY, _NO_REPLICAS
    if isinstance(error, exceptions.ResponseError):
        # The rest of the text may quote arguments.
        said = str(error).partition(", with args")[0][:200]
        if said.startswith(_FORBIDDEN_IN_A_SCRIPT):
            return _REFUSES, _FORBIDS
        return _REFUSES, f"refuses a command: {said}"
    return _AWAY, f"cannot be reached{_reason(error)}; start it, or correct redis.url"


def _is_demoted(error: Exception) -> bool:
    """Return True if the server became a replica after the change, which it may have made."""
    return str(error).startswith(_DEMOTED)


def _code(error: Exception) -> str | None:
    """Return the code with which the server's answer begins, if that is not ``ERR``.

    redis-py takes that off, and newer versions of it say so.
    """
    if getattr(error, "status_code", None) == "ERR":
        return None
    found = _CODE.match(str(error))
    return found[0] if found else None


def _reason(error: BaseException) -> str:
    """Return the operating system's message in brackets, if there is one."""
    cause: BaseException | None = error
    while cause is not None and not (isinstance(cause, OSError) and cause.strerror):
        cause = cause.__cause__ or cause.__context__
    return f" ({cause.strerror})" if isinstance(cause, OSError) else ""
