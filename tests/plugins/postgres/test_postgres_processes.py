from contextlib import closing

from support.hammering import assert_agreed, compete, written_until_killed
from support.postgres_servers import PostgresServer, needs_postgres, running
from support.postgres_storages import open_postgres

pytestmark = needs_postgres


def test_processes_that_share_a_server_agree(postgres_server: PostgresServer) -> None:
    """All of them find no tables, and one makes them."""
    told = compete(postgres_server.url)
    with closing(open_postgres(postgres_server.url, "hammer")) as storage:
        assert_agreed(told, storage)


def test_a_killed_server_loses_nothing_that_it_acknowledged() -> None:
    with running() as server:
        acknowledged = written_until_killed(server.url, 60)
        server.kill()
        server.start()
        with closing(open_postgres(server.url, "hammer")) as storage:
            for transaction_id, version in acknowledged.items():
                claim = storage.claim(transaction_id)
                assert claim is not None
                assert claim.version >= version
