from collections.abc import Callable

import pytest

from facilitator.roles.storage import Storage
from facilitator.testing.storage import (
    HoldsWithClaimContract,
    StorageContract,
    StoresApiKeysContract,
)
from facilitator_memory.storage import MemoryStorage


class TestMemoryStorage(StorageContract, HoldsWithClaimContract, StoresApiKeysContract):
    @pytest.fixture
    def open_storage(self) -> Callable[[], Storage]:
        return MemoryStorage
