from collections.abc import Callable
from pathlib import Path

import pytest

from facilitator.roles.storage import Storage
from facilitator.testing.storage import (
    HoldsWithClaimContract,
    SharesChainContract,
    StorageContract,
    StoresApiKeysContract,
)
from facilitator_sqlite.storage import SqliteStorage
from support.sqlite_files import run_sql


class TestSqliteStorage(
    StorageContract, HoldsWithClaimContract, SharesChainContract, StoresApiKeysContract
):
    @pytest.fixture
    def open_storage(self, tmp_path: Path) -> Callable[[], Storage]:
        return lambda: SqliteStorage(str(tmp_path / "facilitator.db"))

    @pytest.fixture
    def cut(self, tmp_path: Path) -> Callable[[], None]:
        return lambda: (tmp_path / "facilitator.db").unlink()

    @pytest.fixture
    def spoil(self, tmp_path: Path) -> Callable[[str], None]:
        def write_another(transaction_id: str) -> None:
            statement = (
                f"UPDATE claims SET record = x'02' WHERE transaction_id = x'{transaction_id}'"
            )
            run_sql(tmp_path / "facilitator.db", statement)

        return write_another
