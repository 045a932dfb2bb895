"""One of several processes that use one storage: prints what was acknowledged to it, as JSON.

python hammer.py compete WHERE NAME    compete for the same claims, versions and inputs
python hammer.py write WHERE           add and change claims until it is killed
python hammer.py crowd WHERE           the same in many threads

WHERE is the path of an SQLite file or the URL of a Redis or a PostgreSQL.
"""

import itertools
import json
import sys
import threading
from collections.abc import Iterator

from facilitator.roles.claim import ClaimState
from facilitator.roles.storage import Storage
from facilitator.testing.examples import example_claim, example_reservation

ROUNDS = 40
THREADS = 8
SHARED = "ff" * 32


def opened(where: str) -> Storage:
    """The storage; of the plugins, only its own is imported."""
    if where.startswith("postgresql"):
        from facilitator_postgres.address import parse_address as parse_postgres
        from facilitator_postgres.database import Database
        from facilitator_postgres.migration import migrate
        from facilitator_postgres.storage import PostgresStorage

        database = Database(parse_postgres(where), "hammer", size=8, timeout_seconds=30.0)
        migrate(database)
        return PostgresStorage(database)
    if not where.startswith("redis"):
        from facilitator_sqlite.storage import SqliteStorage

        return SqliteStorage(where)
    from facilitator_redis.address import parse_address
    from facilitator_redis.server import Server
    from facilitator_redis.storage import RedisStorage

    return RedisStorage(Server(parse_address(where), timeout_seconds=30.0), prefix="hammer")


def compete(storage: Storage, name: str) -> None:
    owners, inputs, versions = {}, [], []
    storage.add_claim(example_claim(transaction_id=SHARED))
    for number in range(ROUNDS):
        transaction_id = f"{number:064x}"
        owners[transaction_id] = storage.add_claim(
            example_claim(transaction_id=transaction_id, owner=name)
        ).owner
        reservation = example_reservation(f"{number} of {name}", [f"{number}#0"], payer=name)
        if storage.reserve(reservation, now=0.0, limit=ROUNDS) is None:
            inputs.append(number)
        current = storage.claim(SHARED)
        assert current is not None
        changed = current.changed(owner=name)
        if storage.change_claim(changed):
            versions.append(changed.version)
    print(json.dumps({"owners": owners, "inputs": inputs, "versions": versions}))


def write(storage: Storage, first: int = 0, step: int = 1) -> Iterator[tuple[str, int]]:
    for number in itertools.count(first, step):
        claim = example_claim(transaction_id=f"{number:064x}", transaction=b"\x00" * 3000)
        storage.add_claim(claim)
        yield claim.transaction_id, 0
        storage.change_claim(claim.changed(state=ClaimState.SUBMITTED))
        yield claim.transaction_id, 1


def tell(acknowledged: Iterator[tuple[str, int]]) -> None:
    for each in acknowledged:
        sys.stdout.write(json.dumps(each) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    task, where, *names = sys.argv[1:]
    if task == "compete":
        sys.stdin.readline()  # all start at once, before the file is there
        compete(opened(where), *names)
    else:
        threads = THREADS if task == "crowd" else 1
        storage = opened(where)
        for first in range(threads):
            threading.Thread(target=tell, args=[write(storage, first, threads)]).start()
