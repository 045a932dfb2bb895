from collections.abc import Iterator
from pathlib import Path

import pytest

from support.web import Client, serving


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server whose service says yes to everything."""
    folder: Path = tmp_path_factory.mktemp("api")
    with serving(folder) as client:
        yield client
