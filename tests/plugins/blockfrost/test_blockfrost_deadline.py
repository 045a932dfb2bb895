"""A verdict has a deadline, which holds for all calls to Blockfrost together."""

import threading
from collections.abc import Callable

import pytest

from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import Allowance, AllowanceLate, ChainUnavailable, allowing
from facilitator.testing.clock import ManualClock
from facilitator_blockfrost.provider import Blockfrost
from support.upstream import Asked, Reply, Silence, Upstream, problem

Start = Callable[[Callable[[Asked], Reply]], Upstream]
REF = OutputRef(b"\x11" * 32, 0)


def test_no_call_waits_beyond_it(upstream: Start, provider_of: Callable[..., Blockfrost]) -> None:
    over = threading.Event()
    provider = provider_of(upstream(lambda _: Silence(over)), timeout=60.0)
    with (
        allowing(Allowance("", questions=6, most=24, seconds=0.05)),
        pytest.raises(AllowanceLate, match=r"within 0\.05 s"),
    ):
        provider.outputs([REF])
    over.set()


def test_nothing_is_asked_after_it(
    upstream: Start, provider_of: Callable[..., Blockfrost], clock: ManualClock
) -> None:
    server = upstream(lambda _: problem(404))
    allowance = Allowance("", questions=6, most=24, seconds=5, clock=clock.time)
    clock.advance(5)
    with allowing(allowance), pytest.raises(AllowanceLate):
        provider_of(server).outputs([REF])
    assert server.count("/utxos") == 0


def test_a_server_that_fails_is_no_late_one(
    upstream: Start, provider_of: Callable[..., Blockfrost]
) -> None:
    """It counts against the provider, so that another is asked."""
    provider = provider_of(upstream(lambda _: problem(503)))
    with (
        allowing(Allowance("", questions=6, most=24, seconds=0.3)),
        pytest.raises(ChainUnavailable, match="503") as failure,
    ):
        provider.outputs([REF])
    assert not isinstance(failure.value, AllowanceLate)
