from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from facilitator.api import probe
from facilitator.chain.failover import circuit_breaker
from facilitator.testing.running import NETWORK
from support.paired import Paired, installed

FOREVER = 1e9


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Paired]]:
    """Start a facilitator over ``alpha`` with ``beta`` on standby.

    A breaker that opened stays so, but with ``cooling=0``, when every call is a trial; every
    ``/health`` looks again.
    """
    monkeypatch.setattr(probe, "FRESH_SECONDS", 0)
    with ExitStack() as stack:

        def start(cooling: float = FOREVER, kind: str = "CountedDevnet") -> Paired:
            devnet = (kind, NETWORK)
            stack.enter_context(installed(tmp_path / "site", alpha=devnet, beta=devnet))
            monkeypatch.setattr(circuit_breaker, "MIN_COOLING_SECONDS", cooling)
            monkeypatch.setattr(circuit_breaker, "MAX_COOLING_SECONDS", cooling)
            settings = {
                "FACILITATOR_PLUGINS": "alpha,beta,memory",
                "FACILITATOR_CHAIN__FALLBACK": "beta",
                "FACILITATOR_SETTLEMENT__WAIT_SECONDS": "0",
            }
            running = Paired(tmp_path, settings=settings)
            stack.callback(running.close)
            return running

        yield start
