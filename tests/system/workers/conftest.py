from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from facilitator.clock import SystemClock
from facilitator.testing.running import NETWORK
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from support.process import SERVE
from workers.fleet import Fleet


@pytest.fixture
def devnet() -> Iterator[Devnet]:
    """It makes blocks only when told to."""
    with closing(Devnet(NETWORK, SystemClock())) as devnet:
        yield devnet


@pytest.fixture
def start(tmp_path: Path, devnet: Devnet) -> Iterator[Callable[..., Fleet]]:
    """Start a facilitator: ``start(FACILITATOR_SERVER__WORKERS="3")``."""
    with ExitStack() as stack:
        api = stack.enter_context(BlockfrostApi(devnet))
        yield lambda program=SERVE, **environ: stack.enter_context(
            closing(Fleet(tmp_path, api, environ, program))
        )
