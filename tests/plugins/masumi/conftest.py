"""A facilitator that knows Masumi's escrow and holds nothing for what it verified."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from facilitator.testing.running import Running


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    environ = {
        "FACILITATOR_PLUGINS": "devnet,memory,masumi",
        "FACILITATOR_RESERVATION__TTL_SECONDS": "0",
    }
    with closing(Running(tmp_path_factory.mktemp("masumi"), settings=environ)) as started:
        yield started
