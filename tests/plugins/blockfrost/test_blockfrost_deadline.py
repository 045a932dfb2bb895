"""A verdict has a deadline, which holds for all calls to Blockfrost together."""

import threading
from collections.abc import Callable

import pytest

from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import (
    NOT_ASKED,
    Allowance,
    AllowanceLate,
    ChainUnavailable,
    Unspent,
    allowing,
)
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE
from facilitator_blockfrost.provider import Blockfrost
from support.upstream import Asked, Reply, Silence, Upstream, by_path, problem

Start = Callable[[Callable[[Asked], Reply]], Upstream]
REF = OutputRef(b"\x11" * 32, 0)
UNSPENT = {
    "address": ALICE.bech32,
    "amount": [{"unit": "lovelace", "quantity": "5000000"}],
    "output_index": 0,
    "data_hash": None,
    "inline_datum": None,
    "collateral": False,
    "reference_script_hash": None,
    "consumed_by_tx": None,
}


def test_no_call_waits_beyond_it(upstream: Start, provider_of: Callable[..., Blockfrost]) -> None:
    over = threading.Event()
    provider = provider_of(upstream(lambda _: Silence(over)), timeout=60.0)
    with (
        allowing(Allowance("", questions=6, most=24, seconds=0.05)),
        pytest.raises(AllowanceLate, match=r"within 0\.05 s"),
    ):
        provider.outputs([REF])
    over.set()


def test_outputs_found_before_it_are_kept(
    upstream: Start, provider_of: Callable[..., Blockfrost]
) -> None:
    """So that the next try gets further."""
    over, other = threading.Event(), OutputRef(b"\x22" * 32, 0)
    replies = {
        f"/txs/{REF.transaction_id.hex()}/utxos": {"outputs": [UNSPENT]},
        f"/txs/{other.transaction_id.hex()}/utxos": Silence(over),
    }
    provider = provider_of(upstream(by_path(replies)), timeout=60.0)
    with allowing(Allowance("", questions=6, most=24, seconds=0.5)):
        found = provider.outputs([REF, other])
    assert (type(found[REF]), found[other]) == (Unspent, NOT_ASKED)
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
