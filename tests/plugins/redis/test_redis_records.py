"""Claims that a former version has left, and their short form."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from typing import Any

import orjson
import pytest
import redis

from facilitator.roles.claim import Claim, ClaimState
from facilitator.roles.storage import StorageUnavailable
from facilitator.testing.examples import example_claim
from facilitator_redis.names import Names
from facilitator_redis.records import claim_of, record_of
from facilitator_redis.storage import RedisStorage
from support.redis_servers import RedisServer, needs_redis
from support.redis_storages import open_redis

pytestmark = needs_redis

CLAIM = example_claim(
    state=ClaimState.SUBMITTED, version=3, nonce='a "nonce"\n', answer=b"{}", details=b'{"fee":1}'
)


def former_record(claim: Claim) -> str:
    """The version, a space, and the fields as JSON, bytes in base64."""
    values = asdict(claim)
    for name in ("transaction", "answer", "record", "details"):
        values[name] = None if values[name] is None else b64encode(values[name]).decode()
    return f"{claim.version} {orjson.dumps(values).decode()}"


@pytest.fixture
def names(prefix: str) -> Names:
    return Names(prefix)


@pytest.fixture
def storage(redis_server: RedisServer, names: Names) -> Iterator[RedisStorage]:
    """A storage with a claim of the former form."""
    redis_server.command("SET", names.claim(CLAIM.transaction_id), former_record(CLAIM))
    redis_server.command("ZADD", names.open_claims, "100", CLAIM.transaction_id)
    with closing(open_redis(redis_server.url, names.prefix)) as storage:
        yield storage


def test_a_claim_of_the_former_form_is_read(storage: RedisStorage) -> None:
    assert storage.claim(CLAIM.transaction_id) == CLAIM
    assert list(storage.open_claims()) == [CLAIM]
    assert storage.add_claim(example_claim()) == CLAIM


def test_it_is_changed_as_any_other(storage: RedisStorage) -> None:
    settled = CLAIM.changed(state=ClaimState.SETTLED)
    assert not storage.change_claim(example_claim(version=4, follows="another"))
    assert storage.change_claim(settled)
    assert storage.claim(CLAIM.transaction_id) == settled
    assert storage.forget_claims(200.0) == 1


def test_it_is_removed_by_who_knows_it(storage: RedisStorage) -> None:
    assert not storage.remove_claim(CLAIM.changed())
    assert storage.remove_claim(CLAIM)
    assert storage.claim(CLAIM.transaction_id) is None
    assert not storage.open_claims()


def test_a_change_of_the_former_form_waits_for_the_ledger(
    storage: RedisStorage, redis_server: RedisServer, names: Names
) -> None:
    redis_server.command("XADD", names.outbox, "*", "claim", former_record(CLAIM))
    storage.keep_changes()
    settled = CLAIM.changed(state=ClaimState.SETTLED)
    assert storage.change_claim(settled)
    assert [change.claim for change in storage.changes(10)] == [CLAIM, settled]


def test_a_record_takes_less_than_half() -> None:
    assert len(record_of(CLAIM)) < len(former_record(CLAIM)) / 2


@pytest.mark.parametrize("record", [b"", b"3", b'3 "nonce":""\n\x02', b'x "nonce":""\n\x01'])
def test_a_record_of_a_newer_version_is_refused_by_name(record: bytes) -> None:
    with pytest.raises(StorageUnavailable) as caught:
        claim_of(CLAIM.transaction_id, record)
    assert "a newer facilitator wrote it" in caught.value.detail


def test_a_change_that_cannot_be_read_keeps_back_its_own_claim_alone(
    storage: RedisStorage, redis_server: RedisServer, names: Names
) -> None:
    """A newer facilitator of the fleet wrote it. Those after it of that claim stay in order."""
    other = example_claim(transaction_id="c2" * 32, state=ClaimState.SUBMITTED)
    storage.keep_changes()
    redis_server.command("XADD", names.outbox, "*", "id", CLAIM.transaction_id, "claim", "0 7")
    settled = CLAIM.changed(state=ClaimState.SETTLED)
    assert storage.change_claim(settled)
    storage.add_claim(other)
    (change,) = storage.changes(10)
    assert change.claim == other
    storage.forget_changes([change.name])
    with pytest.raises(StorageUnavailable, match="cannot be read"):
        storage.changes(10)
    assert storage.count_changes() == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"id": CLAIM.transaction_id, "more": "1"},
        {"id": b"\xff", "claim": record_of(CLAIM)},
        {"claim": "3 {}"},
    ],
    ids=["no record", "an id that is no text", "no id"],
)
def test_an_entry_of_no_known_form_keeps_back_no_other(
    storage: RedisStorage, redis_server: RedisServer, names: Names, fields: dict[Any, Any]
) -> None:
    """Which claim an entry without an id is about is not known: it keeps back none."""
    former = example_claim(transaction_id="c2" * 32, version=3, state=ClaimState.SUBMITTED)
    with redis.Redis.from_url(redis_server.url) as client:
        client.xadd(names.outbox, fields)
    redis_server.command("XADD", names.outbox, "*", "claim", former_record(former))
    (change,) = storage.changes(10)
    assert change.claim == former
    storage.forget_changes([change.name])
    with pytest.raises(StorageUnavailable) as caught:
        storage.changes(10)
    assert "a newer facilitator wrote it" in caught.value.detail


def test_many_changes_that_cannot_be_read_keep_back_no_others(
    storage: RedisStorage, redis_server: RedisServer, names: Names
) -> None:
    storage.keep_changes()
    for number in range(5):
        redis_server.command("XADD", names.outbox, "*", "id", f"{number}", "claim", "0 7")
    readable = example_claim(transaction_id="c2" * 32, state=ClaimState.SUBMITTED)
    storage.add_claim(readable)
    (change,) = storage.changes(2)
    assert change.claim == readable
