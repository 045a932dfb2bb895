from collections.abc import Callable

import pytest

from facilitator.roles.storage import Storage
from facilitator.testing.storage import StorageContract
from facilitator_memory.storage import MemoryStorage


class TestMemoryStorage(StorageContract):
    @pytest.fixture
    def open_storage(self) -> Callable[[], Storage]:
        return MemoryStorage
