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


class TestSqliteStorage(
    StorageContract, HoldsWithClaimContract, SharesChainContract, StoresApiKeysContract
):
    @pytest.fixture
    def open_storage(self, tmp_path: Path) -> Callable[[], Storage]:
        return lambda: SqliteStorage(str(tmp_path / "facilitator.db"))

    @pytest.fixture
    def cut(self, tmp_path: Path) -> Callable[[], None]:
        return lambda: (tmp_path / "facilitator.db").unlink()
