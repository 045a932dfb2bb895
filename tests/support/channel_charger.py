"""A process that charges a channel, and says each count once it is durable."""

import sys

from facilitator_channels.seller.store import ChannelStore, Records
from facilitator_channels.seller.stores.postgres import PostgresStore
from facilitator_channels.seller.stores.redis import RedisStore
from facilitator_channels.seller.stores.sqlite import SqliteStore
from facilitator_channels.seller.testing import charge_one

CHANNEL = "11" * 32


def open_store(kind: str, address: str, name: str) -> ChannelStore:
    if kind == "sqlite":
        return SqliteStore(address, busy_seconds=60)
    if kind == "redis":
        return RedisStore(address, name, timeout_seconds=60)
    return PostgresStore(address, name, timeout_seconds=60)


def main(kind: str, address: str, name: str, count: str) -> None:
    """Charge 1 so many times."""
    records = Records(open_store(kind, address, name))
    print("ready", flush=True)
    for _ in range(int(count)):
        print(records.change(CHANNEL, charge_one) + 1, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
