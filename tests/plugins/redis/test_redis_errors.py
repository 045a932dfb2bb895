"""Each answer of a server that does not do what it was asked for, as redis-py reads it."""

import pytest
from redis import exceptions
from redis._parsers.base import BaseParser

from facilitator_redis.address import parse_address
from facilitator_redis.errors import (
    explained,
    is_refusal,
    is_wrong_server,
    lost_its_login,
)

ADDRESS = parse_address("redis://user:hidden@redis.example:6379")


def parsed(answer: str) -> Exception:
    """Return the error that redis-py makes of the answer."""
    error: Exception = BaseParser.parse_error(answer)  # type: ignore[no-untyped-call]
    return error


WRONG_SERVER = [
    "READONLY You can't write against a read only replica.",
    "READONLY You can't write against a read only replica. script: f0, on @user_script:3.",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "LOADING Redis is loading the dataset in memory",
    "CLUSTERDOWN Hash slot not served",
    "CLUSTERDOWN The cluster is down",
    "MOVED 866 192.0.2.7:6379",
    "ASK 866 192.0.2.7:6379",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "NOREPLICAS Not enough good replicas to write.",
    "REDIRECT 192.0.2.7:6379",
    "ERR Connection refused",
    "ERR Host is down",
    "ERR no server connection available",
    "no upstream host",
    "upstream failure",
]
REFUSALS = [
    "OOM command not allowed when used memory > 'maxmemory'.",
    "NOPERM this user has no permissions to run the 'set' command",
    "MISCONF Errors writing to the AOF file: No space left on device",
    "WRONGTYPE Operation against a key holding the wrong kind of value",
    "BUSY Redis is busy running a script.",
    "ERR unknown command 'EVALSHA'",
    "ERR value is not an integer or out of range",
]


@pytest.mark.parametrize("answer", WRONG_SERVER)
def test_an_answer_of_a_server_that_is_not_the_one_to_ask(answer: str) -> None:
    """It has done nothing: another connection may lead to the one that does."""
    error = parsed(answer)
    assert is_wrong_server(error)
    assert not is_refusal(error)


@pytest.mark.parametrize("answer", REFUSALS)
def test_an_answer_about_the_command(answer: str) -> None:
    error = parsed(answer)
    assert is_refusal(error)
    assert not is_wrong_server(error)


@pytest.mark.parametrize(
    "answer",
    [
        "UNBLOCKED force unblock from blocking operation, instance state changed",
        "ERR WAIT cannot be used with replica instances.",
    ],
)
def test_a_demotion_after_a_change_says_nothing_of_it(answer: str) -> None:
    """The replicas may or may not have it."""
    error = parsed(answer)
    assert not is_wrong_server(error)
    assert not is_refusal(error)


@pytest.mark.parametrize(
    ("answer", "lost"),
    [
        ("NOAUTH Authentication required.", True),
        ("WRONGPASS invalid username-password pair or user is disabled.", False),
    ],
)
def test_a_login_that_was_lost_is_not_one_that_is_refused(answer: str, lost: bool) -> None:
    error = parsed(answer)
    assert lost_its_login(ADDRESS, error) is lost
    assert not lost_its_login(parse_address("redis://redis.example"), error)
    assert not is_wrong_server(error)


@pytest.mark.parametrize(
    "error",
    [
        *map(parsed, WRONG_SERVER + REFUSALS),
        exceptions.TimeoutError("Timeout reading from redis.example:6379"),
        exceptions.ConnectionError("Error 111 connecting to redis.example:6379"),
        exceptions.RedisClusterException("Redis Cluster cannot be connected: redis.example:6379"),
        parsed("NOAUTH Authentication required."),
    ],
)
def test_callers_learn_nothing_of_the_server(error: Exception) -> None:
    public, detail = explained(ADDRESS, error)
    assert public in {
        "the storage cannot be reached",
        "the storage does not answer in time",
        "the storage is not ready",
        "the storage refuses to work",
    }
    assert detail.startswith("Redis at redis.example:6379 ")
    assert "hidden" not in detail


def test_a_cluster_that_no_node_shows_is_explained_by_their_answer() -> None:
    error = exceptions.RedisClusterException("Redis Cluster cannot be connected")
    error.__cause__ = parsed("WRONGPASS invalid username-password pair")
    assert "refuses the user or the password" in explained(ADDRESS, error).detail


def test_a_former_primary_behind_sentinel_is_one() -> None:
    """redis-py makes a lost connection of its answer."""
    error = exceptions.ConnectionError("The previous master is now a slave")
    error.__context__ = parsed(WRONG_SERVER[0])
    assert is_wrong_server(error)
    assert "is a replica" in explained(ADDRESS, error).detail
