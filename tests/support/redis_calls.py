"""Each call of a storage in Redis, and calls that are made again until they work."""

from collections.abc import Callable
from typing import TypeVar

from facilitator.roles.storage import StorageUnavailable
from facilitator.testing.examples import example_claim, example_reservation
from facilitator.testing.waiting import eventually
from facilitator_redis.storage import RedisStorage

Result = TypeVar("Result")

CALLS: list[Callable[[RedisStorage], object]] = [
    lambda storage: storage.add_claim(example_claim()),
    lambda storage: storage.claim("c1" * 32),
    lambda storage: storage.change_claim(example_claim(version=1)),
    lambda storage: storage.remove_claim(example_claim()),
    lambda storage: storage.open_claims(),
    lambda storage: storage.forget_claims(0.0),
    lambda storage: storage.reserve(example_reservation(), 0.0, 1),
    lambda storage: storage.release("c1" * 32),
    lambda storage: storage.cancel("c1" * 32),
    lambda storage: storage.is_reserved("c1" * 32, 0.0),
    lambda storage: storage.bound_to("key", 0.0),
    lambda storage: storage.bind_key("key", "first", 1.0, 0.0),
    lambda storage: storage.change_key("key", "first", "second", 1.0),
    lambda storage: storage.server_time(),
    lambda storage: storage.ping(),
    lambda storage: storage.lead("cardano:preprod", "one", 0.0, 1.0),
    lambda storage: storage.resign("cardano:preprod", "one"),
    lambda storage: storage.publish("cardano:preprod", "one", 1, b"", [], 1),
    lambda storage: storage.published("cardano:preprod", 0),
    lambda storage: storage.share_outputs("cardano:preprod", {}, 1.0),
    lambda storage: storage.shared_outputs("cardano:preprod", ["aa#0"]),
]


def works(call: Callable[[], object]) -> bool:
    """Whether it does now; what it raises can only be that the storage is unavailable."""
    try:
        call()
    except StorageUnavailable:
        return False
    return True


def at_last(call: Callable[[], Result]) -> Result:
    """What it returns, once the storage is available."""
    results: list[Result] = []
    eventually(lambda: works(lambda: results.append(call())))
    return results[0]
