"""The number of messages: none to poll, one a block, three a payment; and connections."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import AwaitsBlocks, ChainUnavailable, EvaluatesScripts, ReadsLedgerState
from facilitator.testing.clock import ManualClock
from facilitator.testing.threads import together
from facilitator_ogmios.client import STATE_CONNECTIONS
from facilitator_ogmios.health import examine
from facilitator_ogmios.provider import Ogmios
from support.ogmios import OgmiosUnderTest, provider_of, scripted
from support.upstream import Asked, Drip, Reply, Upstream, reply, serving


def test_following_costs_one_message_a_block_and_none_to_poll(chain: OgmiosUnderTest) -> None:
    before = chain.provider.tip()
    chain.make_block()
    chain.api.counters.reset()
    for number in range(1, 6):
        chain.make_block()
        assert chain.provider.await_block(before.point, 60)
        for _ in range(10):
            assert len(chain.provider.blocks_after(before.point)) == number + 1
            assert not chain.provider.await_block(chain.provider.tip().point, 0)
    assert set(chain.api.counts()["by_endpoint"]) == {"nextBlock"}
    assert chain.api.counts()["total"] in (5, 6)  # the first may be that of the block before


def test_parameters_and_eras_cost_nothing_again(chain: OgmiosUnderTest) -> None:
    chain.provider.parameters()
    chain.api.counters.reset()
    for _ in range(3):
        chain.provider.parameters()
        chain.provider.eras()
    assert chain.api.counts()["total"] == 0


def test_many_threads_share_a_few_connections(chain: OgmiosUnderTest) -> None:
    chain.provider.tip()
    ref = OutputRef(b"\xab" * 32, 0)
    together([lambda: chain.provider.outputs([ref])] * 16)
    assert len(chain.provider._client._states._idle) <= STATE_CONNECTIONS


def test_a_connection_that_was_closed_meanwhile_is_replaced(chain: OgmiosUnderTest) -> None:
    ref = chain.fund()
    assert chain.provider.outputs([ref])
    chain.api.faults.cut_before("queryLedgerState/utxo", times=1)
    assert chain.provider.outputs([ref])
    chain.api.faults.cut_before("queryLedgerState/utxo", times=2)
    with pytest.raises(ChainUnavailable, match="connection to Ogmios failed"):
        chain.provider.outputs([ref])
    assert chain.provider.outputs([ref])


def test_an_answer_that_does_not_come_is_not_waited_for(chain: OgmiosUnderTest) -> None:
    ref = chain.fund()
    chain.provider.tip()
    chain.provider._client.timeout = 0.2
    chain.api.faults.latency(2000, "queryLedgerState/utxo", times=1)
    with pytest.raises(ChainUnavailable, match="did not answer in time"):
        chain.provider.outputs([ref])
    chain.provider._client.timeout = 60
    assert chain.provider.outputs([ref])


def test_a_message_that_is_too_large_is_an_error(clock: ManualClock) -> None:
    with scripted({"queryNetwork/startTime": "x" * 1000}) as server:
        provider = provider_of(server.url, clock)
        provider._client.target = provider._client.target._replace(max_message_bytes=100)
        provider._client._states._target = provider._client.target
        with pytest.raises(ChainUnavailable, match="connection to Ogmios failed"):
            provider.network_magic()
        provider.close()


def test_a_header_is_sent_along_and_not_shown(clock: ManualClock) -> None:
    answers = {
        "queryNetwork/startTime": "2022-06-01T00:00:00Z",
        "queryNetwork/genesisConfiguration": {"networkMagic": 1},
    }
    with scripted(answers) as server:
        provider = provider_of(server.url, clock, headers={"api-key": "secret"})
        assert provider.network_magic() == 1
        assert "secret" not in repr(provider) + repr(vars(provider))
        provider.close()
    assert server.headers[0]["api-key"] == "secret"


def test_what_it_can_do() -> None:
    for capability in (AwaitsBlocks, EvaluatesScripts, ReadsLedgerState):
        assert issubclass(Ogmios, capability)


@pytest.fixture
def upstream() -> Iterator[Callable[[Callable[[Asked], Reply]], Upstream]]:
    """Starts a server that answers as it is set up."""
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(serving(answer))


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, {"version": "v6.6.0"}, "version 6.6"),
        (202, {"version": "v6.14.0 (0c5e0d1)", "connectionStatus": "connected"}, "version 6.14"),
        (200, {"version": "7.0.0"}, "version 7.0"),
        (200, {"version": "v8.1.0"}, "version 8.1, newer than what is known"),
        (200, {"version": "nightly"}, "a version that is not known"),
        (200, {"version": "v6.5.2"}, "its version 6.5 is too old: at least 6.6 is needed"),
        (200, {"version": "v5.6.0"}, "its version 5.6 is too old: at least 6.6 is needed"),
        (500, {"connectionStatus": "disconnected"}, "Ogmios is not connected to its node"),
        (200, {"version": 7}, "something unforeseen: version is no text"),
        (200, [], "something unforeseen: health is no object"),
        (404, b"<html>", "something unforeseen: health is no JSON"),
    ],
)
def test_the_health_tells_the_version(
    upstream: Callable[[Callable[[Asked], Reply]], Upstream],
    clock: ManualClock,
    status: int,
    body: object,
    words: str,
) -> None:
    server = upstream(lambda _: reply(status, body))
    provider = provider_of(f"ws{server.url.removeprefix('http')}", clock)
    try:
        found = provider.examine()
    except ChainUnavailable as error:
        found = error.detail
    assert words in found
    assert server.asked[0].path == "/health"


def test_a_health_that_drips_is_an_outage(
    upstream: Callable[[Callable[[Asked], Reply]], Upstream], clock: ManualClock
) -> None:
    """Each byte comes in time, and the answer would be whole after four seconds."""
    over = threading.Event()
    body = b" " * 400 + b'{"version": "v6.14.0"}'
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    server = upstream(lambda _: Drip(whole, over))
    target = provider_of(f"ws{server.url.removeprefix('http')}", clock)._client.target
    with pytest.raises(ChainUnavailable, match="cannot connect to Ogmios"):
        examine(target, 0.3)
    over.set()


def test_a_health_that_cannot_be_had_is_an_outage(clock: ManualClock) -> None:
    target = provider_of("ws://127.0.0.1:1", clock)._client.target
    with pytest.raises(ChainUnavailable, match="cannot connect to Ogmios"):
        examine(target, 60)
