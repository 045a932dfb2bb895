"""The hard fork of a devnet: its versions, its mempool, and its blocks' transactions."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from facilitator.cardano.codec.consumed import read_consumed_refs
from facilitator.cardano.codec.dijkstra.any_era import decode_from_chain
from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import InBlock, InMempool, NotFound, SubmissionRejected
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE, MERCHANT, genesis_utxos
from facilitator_devnet.blockfrost.view import View
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.protocol import ProtocolSchedule
from facilitator_devnet.wallet import build, sign
from support.dijkstra import without_flag

NETWORK = "cardano:preprod"
NOW = 1_790_000_000.0
FORK_IN = 100
REFS = list(genesis_utxos(ALICE))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def devnet(clock: ManualClock) -> Iterator[Devnet]:
    with closing(Devnet(NETWORK, clock, schedule=ProtocolSchedule(version=11))) as devnet:
        devnet.fork(devnet.now() + FORK_IN)
        yield devnet


def spend(ref: OutputRef, signatures: int = 1) -> bytes:
    """A payment of Conway; a second signature is the first one again."""
    held = genesis_utxos(ALICE)[ref].value
    outputs = [(MERCHANT.address, held._replace(lovelace=held.lovelace - 200_000))]
    return sign(build([ref], outputs, 200_000, None), [ALICE.payment_key] * signatures)


def test_the_version_changes_with_the_first_block_of_the_fork(
    devnet: Devnet, clock: ManualClock
) -> None:
    assert devnet.parameters().protocol_major == 11
    clock.advance(FORK_IN)
    assert devnet.parameters().protocol_major == 11
    devnet.produce_block()
    assert devnet.parameters().protocol_major == 12


def test_each_version_takes_its_own_envelopes(devnet: Devnet, clock: ManualClock) -> None:
    with pytest.raises(SubmissionRejected, match="4 elements, not 3"):
        devnet.submit(without_flag(spend(REFS[0])))
    devnet.submit(spend(REFS[0]))
    clock.advance(FORK_IN)
    devnet.submit(without_flag(spend(REFS[1])))
    devnet.submit(spend(REFS[2]))
    assert len(devnet.produce_block().transactions) == 3


def test_the_mempool_loses_at_the_fork_what_has_ended(devnet: Devnet, clock: ManualClock) -> None:
    kept = devnet.submit(spend(REFS[0]))
    dropped = devnet.submit(spend(REFS[1], signatures=2))
    assert isinstance(devnet.transaction(dropped), InMempool)
    clock.advance(FORK_IN)
    devnet.produce_block()
    assert isinstance(devnet.transaction(kept), InBlock)
    assert isinstance(devnet.transaction(dropped), NotFound)


def test_a_block_of_version_12_has_the_flag_last(devnet: Devnet, clock: ManualClock) -> None:
    before = devnet.submit(spend(REFS[0]))
    devnet.produce_block()
    clock.advance(FORK_IN)
    after = [devnet.submit(spend(REFS[1])), devnet.submit(without_flag(spend(REFS[2])))]
    devnet.produce_block()
    with devnet.chain() as chain:
        view = View(chain, chain.tip.height)
        told = {name: view.cbor(view.entry(name)) for name in (before, *after)}
    assert told[before] == spend(REFS[0])
    for number, name in enumerate(after, start=1):
        assert told[name][0] == 0x84
        assert told[name][-1:] == b"\xf5"
        assert decode_from_chain(told[name]).id.hex() == name
        assert read_consumed_refs(told[name], lambda: False) == [REFS[number]]


def test_a_devnet_with_a_file_knows_what_came_before_the_fork(
    tmp_path: Path, clock: ManualClock
) -> None:
    path = str(tmp_path / "devnet.sqlite")
    schedule = ProtocolSchedule(12)
    with closing(Devnet(NETWORK, clock, path=path, schedule=schedule)) as devnet:
        name = devnet.submit(without_flag(spend(REFS[0])))
        waiting = without_flag(spend(REFS[1]))
        clock.advance(1)
        devnet.produce_block()
        other = devnet.submit(waiting)
    with closing(Devnet(NETWORK, clock, path=path, schedule=schedule)) as devnet:
        assert isinstance(devnet.transaction(name), InBlock)
        assert isinstance(devnet.transaction(other), InMempool)
