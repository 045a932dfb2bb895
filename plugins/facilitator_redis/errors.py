"""redis-py's errors as sentences that say what to do. None of them holds a password."""

from redis import exceptions
from redis.sentinel import MasterNotFoundError

from facilitator_redis.address import Address


class NotReplicated(exceptions.ResponseError):
    """Too few replicas have a change, which may not last."""


_FORBIDS = "forbids this user a command or a key that the facilitator needs; see its access rules"
_FORBIDDEN_IN_A_SCRIPT = ("ACL failure in script", "The user executing the script")

_ADVICE: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (
        (exceptions.AuthenticationError, exceptions.AuthenticationWrongNumberOfArgsError),
        "refuses the user or the password; check those in redis.url",
    ),
    (exceptions.NoPermissionError, _FORBIDS),
    (exceptions.BusyLoadingError, "is still loading its data; wait until it has"),
    (exceptions.MaxConnectionsError, "is used by too many threads at once"),
    (
        (exceptions.ReadOnlyError, exceptions.MasterDownError),
        "is a replica; name the primary in redis.url, or its Sentinels",
    ),
    (
        NotReplicated,
        "has a change that too few of its replicas have; see INFO replication, or lower"
        " redis.replicas",
    ),
    (exceptions.OutOfMemoryError, "is full; raise its maxmemory"),
    (exceptions.ClusterDownError, "is a Cluster that is down; see CLUSTER INFO on its nodes"),
    (
        MasterNotFoundError,
        "reports no server that is up; check that its Sentinels can be reached, accept the login"
        " and know the service (SENTINEL MASTERS)",
    ),
    (exceptions.TimeoutError, "does not answer in time"),
)

NoAnswer = (exceptions.RedisError, exceptions.RedisClusterException)
"""The base classes of redis-py's errors."""


def is_refusal(error: Exception) -> bool:
    """Return True if the server was there and refused this one command."""
    return isinstance(error, exceptions.ResponseError) and not isinstance(
        error, exceptions.ClusterDownError
    )


def explained(address: Address, error: Exception) -> str:
    """Return the sentence for the error."""
    for kind, advice in _ADVICE:
        if isinstance(error, kind):
            return f"Redis at {address} {advice}"
    if is_refusal(error):
        # The rest of the text may quote arguments.
        said = str(error).partition(", with args")[0][:200]
        if said.startswith(_FORBIDDEN_IN_A_SCRIPT):
            return f"Redis at {address} {_FORBIDS}"
        return f"Redis at {address} refuses a command: {said}"
    return f"Redis at {address} cannot be reached{_reason(error)}; start it, or correct redis.url"


def _reason(error: BaseException) -> str:
    """Return the operating system's message in brackets, if there is one."""
    cause: BaseException | None = error
    while cause is not None and not (isinstance(cause, OSError) and cause.strerror):
        cause = cause.__cause__ or cause.__context__
    return f" ({cause.strerror})" if isinstance(cause, OSError) else ""
