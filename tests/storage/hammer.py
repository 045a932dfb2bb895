"""One of several processes that use one SQLite file: prints what was acknowledged to it, as JSON.

python hammer.py compete FILE NAME    compete for the same claims, versions and inputs
python hammer.py write FILE           add and change claims until it is killed
"""

import itertools
import json
import sys
from collections.abc import Iterator

from facilitator.settlement.claim import ClaimState
from facilitator.testing.examples import example_claim, example_reservation
from facilitator_sqlite.storage import SqliteStorage

ROUNDS = 40
SHARED = "ff" * 32


def compete(storage: SqliteStorage, name: str) -> None:
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


def write(storage: SqliteStorage) -> Iterator[tuple[str, int]]:
    for number in itertools.count():
        claim = example_claim(transaction_id=f"{number:064x}", transaction=b"\x00" * 3000)
        storage.add_claim(claim)
        yield claim.transaction_id, 0
        storage.change_claim(claim.changed(state=ClaimState.SUBMITTED))
        yield claim.transaction_id, 1


if __name__ == "__main__":
    task, path, *names = sys.argv[1:]
    if task == "compete":
        sys.stdin.readline()  # all start at once, before the file is there
        compete(SqliteStorage(path), *names)
    else:
        for acknowledged in write(SqliteStorage(path)):
            print(json.dumps(acknowledged), flush=True)
