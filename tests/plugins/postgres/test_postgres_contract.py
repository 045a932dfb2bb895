from collections.abc import Callable, Iterator

import pytest

from facilitator.roles.storage import Storage
from facilitator.testing.storage import (
    SharesOutputsContract,
    StorageContract,
    StoresApiKeysContract,
)
from support.postgres_servers import PostgresServer, needs_postgres
from support.postgres_storages import open_postgres

pytestmark = needs_postgres


class TestPostgresStorage(StorageContract, SharesOutputsContract, StoresApiKeysContract):
    @pytest.fixture
    def open_storage(self, postgres_server: PostgresServer, schema: str) -> Callable[[], Storage]:
        return lambda: open_postgres(postgres_server.url, schema)

    @pytest.fixture
    def cut(self, postgres_server: PostgresServer) -> Iterator[Callable[[], None]]:
        yield postgres_server.kill
        if postgres_server.process.poll() is not None:
            postgres_server.start()

    @pytest.fixture
    def spoil(self, postgres_server: PostgresServer, schema: str) -> Callable[[str], None]:
        def write_another(transaction_id: str) -> None:
            postgres_server.run(
                f"UPDATE {schema}.claims SET record = '\\x02'"
                f" WHERE transaction_id = '{transaction_id}'"
            )

        return write_another
