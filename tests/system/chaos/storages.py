"""The storages of a run."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from chaos.kept import Kept, KeptInFile, KeptSeparately
from chaos.kept_postgres import KeptInPostgres, KeptWithStandby
from chaos.kept_redis import KeptInRedis, KeptReplicated, KeptSwitched
from facilitator.testing.waiting import eventually
from support.postgres_servers import replicated as replicated_postgres
from support.postgres_servers import running as running_postgres
from support.redis_servers import is_linked, replicated, running


@contextmanager
def storage(kind: str, folder: Path) -> Iterator[Kept]:
    """A storage of the kind, which ends with the block."""
    match kind:
        case "sqlite" | "unlogged":
            yield KeptInFile(folder / "facilitator.db")
        case "separate":
            yield KeptSeparately(folder)
        case "redis":
            with running(folder / "redis", "--appendfsync", "always") as server:
                yield KeptInRedis(server.url, server, folder / "ledger.db")
        case "sentinel":
            with (
                replicated(folder / "redis", replicas=2) as servers,
                closing(KeptReplicated(servers, folder / "ledger.db")) as kept,
            ):
                yield kept
        case "postgres":
            with running_postgres() as database:
                yield KeptInPostgres(database.url, database)
        case "standby":
            with (
                replicated_postgres() as (primary, standby),
                closing(KeptWithStandby(primary, standby)) as kept,
            ):
                yield kept
        case "switched":
            with switched(folder / "redis") as kept:
                yield kept
        case _:
            raise NotImplementedError(kind)


@contextmanager
def switched(folder: Path) -> Iterator[KeptSwitched]:
    """A server and its replica behind one address."""
    with running(folder / "one") as one:
        of_one = ("--replicaof", f"127.0.0.1 {one.port}")
        with running(folder / "other", *of_one) as other:
            eventually(lambda: is_linked(other))
            with closing(KeptSwitched(one, other, folder / "ledger.db")) as kept:
                yield kept
