"""What is known of outputs costs one question, and is never trusted beyond what was followed."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import Output, OutputRef, Transaction
from facilitator.chain import follower
from facilitator.chain.absent_outputs import ABSENT_SECONDS, MAX_ABSENT, AbsentOutputs
from facilitator.chain.block_window import WINDOW
from facilitator.chain.followed_chain import FollowedChain, build_followed_chain
from facilitator.chain.follower import Follower
from facilitator.chain.utxo_cache import MAX_OUTPUTS, UtxoCache
from facilitator.roles.allowance import NOT_ASKED
from facilitator.roles.chain import OutputStatus, Spent, Unspent
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE, MERCHANT, genesis_utxos
from facilitator.testing.running import NETWORK, NOW
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import pay
from facilitator_memory.storage import MemoryStorage
from support.applied import AppliedBlocks
from support.polled import PolledChain


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def devnet(clock: ManualClock) -> Iterator[Devnet]:
    with closing(Devnet(NETWORK, clock)) as devnet:
        yield devnet


@pytest.fixture
def polled(devnet: Devnet) -> PolledChain:
    return PolledChain(devnet)


@pytest.fixture
def chain(polled: PolledChain, clock: ManualClock) -> Iterator[FollowedChain]:
    faults: list[BaseException] = []
    chain = build_followed_chain(polled, MemoryStorage(), clock, faults.append)
    with closing(chain.follower):
        yield chain
    assert faults == []


@pytest.fixture
def applied(chain: FollowedChain) -> AppliedBlocks:
    return AppliedBlocks(chain.follower)


def utxo(number: int = 0) -> tuple[OutputRef, Output]:
    return list(genesis_utxos(ALICE).items())[number]


def spending(devnet: Devnet, ref: OutputRef, output: Output) -> Transaction:
    """A payment out of the output, in the mempool."""
    raw = pay(
        ALICE,
        {ref: output},
        MERCHANT.address,
        2_000_000,
        parameters=PARAMETERS,
        ttl=devnet.tip().point.slot + 1000,
    )
    devnet.submit(raw)
    return decode_transaction(raw)


def ask(chain: FollowedChain, ref: OutputRef) -> OutputStatus:
    return chain.outputs.outputs([ref])[ref]


def test_an_output_is_asked_for_once(chain: FollowedChain, polled: PolledChain) -> None:
    ref, output = utxo()
    assert [ask(chain, ref) for _ in range(3)] == [Unspent(output)] * 3
    assert polled.calls["outputs"] == 1


def test_only_what_is_not_known_is_asked_for(chain: FollowedChain, polled: PolledChain) -> None:
    (first, _), (second, _) = utxo(0), utxo(1)
    ask(chain, first)
    assert set(chain.outputs.outputs([first, second])) == {first, second}
    assert polled.calls["outputs"] == 2
    ask(chain, second)
    assert polled.calls["outputs"] == 2


def test_what_is_not_unspent_is_asked_for_again_after_some_seconds(
    devnet: Devnet, polled: PolledChain, clock: ManualClock
) -> None:
    """An indexer may learn of it any moment, and repeats of junk must cost nothing."""
    follower = Follower(polled, clock, lambda _: None)
    cache = UtxoCache(polled, follower, absent=AbsentOutputs(clock.time))
    nowhere = OutputRef(b"\xab" * 32, 0)
    with closing(follower):
        assert [cache.outputs([nowhere])[nowhere] for _ in range(3)] == [Spent()] * 3
        assert polled.calls["outputs"] == 1
        clock.advance(ABSENT_SECONDS)
        devnet.load({nowhere: utxo()[1]})
        assert isinstance(cache.outputs([nowhere])[nowhere], Unspent)
        assert polled.calls["outputs"] == 2


def test_a_block_that_makes_what_was_absent_is_believed_at_once(
    chain: FollowedChain, devnet: Devnet, applied: AppliedBlocks, polled: PolledChain
) -> None:
    ref, output = utxo()
    transaction = spending(devnet, ref, output)
    change = OutputRef(transaction.id, 1)
    assert not isinstance(ask(chain, change), Unspent)
    devnet.produce_block()
    applied.await_newest(devnet)
    assert isinstance(ask(chain, change), Unspent)
    assert polled.calls["outputs"] == 2


def test_absent_outputs_that_are_kept_are_bounded() -> None:
    absent = AbsentOutputs()
    refs = [OutputRef(number.to_bytes(32), 0) for number in range(MAX_ABSENT + 1)]
    absent.keep(dict.fromkeys(refs, Spent()))
    assert list(absent.known(refs)) == refs[1:]


def test_outputs_that_were_not_asked_for_are_not_kept() -> None:
    absent = AbsentOutputs()
    absent.keep({utxo()[0]: NOT_ASKED})
    assert absent.known([utxo()[0]]) == {}


def test_a_block_that_spends_it_is_heard_of(
    chain: FollowedChain, devnet: Devnet, applied: AppliedBlocks, polled: PolledChain
) -> None:
    ref, output = utxo()
    ask(chain, ref)
    transaction = spending(devnet, ref, output)
    devnet.produce_block()
    applied.await_newest(devnet)
    assert ask(chain, ref) == Spent(transaction.id.hex())
    assert polled.calls["outputs"] == 2


def test_an_answer_older_than_the_block_that_spent_it_is_corrected(
    chain: FollowedChain, devnet: Devnet, applied: AppliedBlocks, polled: PolledChain
) -> None:
    """As when the call is overtaken, or answered by a backend that lags."""
    ref, output = utxo()
    chain.follower.follow()

    def overtake() -> None:
        polled.answered_outputs = lambda: None
        spending(devnet, ref, output)
        devnet.produce_block()
        applied.await_newest(devnet)

    polled.answered_outputs = overtake
    assert ask(chain, ref) == Spent()
    assert isinstance(ask(chain, ref), Spent)


def test_a_rollback_makes_everything_unknown(
    chain: FollowedChain, devnet: Devnet, applied: AppliedBlocks, polled: PolledChain
) -> None:
    ref, output = utxo()
    transaction = spending(devnet, ref, output)
    devnet.produce_block()
    applied.await_newest(devnet)
    change = OutputRef(transaction.id, 1)
    assert isinstance(ask(chain, change), Unspent)
    devnet.rollback(1, drop=True)
    devnet.produce_block()
    applied.await_newest(devnet)
    assert ask(chain, change) == Spent()
    assert ask(chain, ref) == Unspent(output)
    assert polled.calls["outputs"] == 3


def test_a_rollback_deeper_than_the_window_makes_everything_unknown(
    chain: FollowedChain, devnet: Devnet, applied: AppliedBlocks
) -> None:
    ref, output = utxo()
    transaction = spending(devnet, ref, output)
    for _ in range(WINDOW + 20):
        devnet.produce_block()
    applied.await_newest(devnet)
    change = OutputRef(transaction.id, 1)
    assert isinstance(ask(chain, change), Unspent)
    devnet.rollback(WINDOW + 20, drop=True)
    devnet.produce_block()
    applied.await_newest(devnet)
    assert ask(chain, change) == Spent()


def test_nothing_is_trusted_while_the_chain_cannot_be_followed(
    chain: FollowedChain, devnet: Devnet, polled: PolledChain
) -> None:
    """It is not said to be unspent; once the provider answers again, it is asked anew."""
    ref, output = utxo()
    ask(chain, ref)
    polled.is_down = True
    eventually(lambda: chain.follower.epoch is None)
    with pytest.raises(ChainUnavailable):
        ask(chain, ref)
    spending(devnet, ref, output)
    devnet.produce_block()
    polled.is_down = False
    assert isinstance(ask(chain, ref), Spent)


def test_change_of_what_settled_here_needs_no_question(
    chain: FollowedChain, devnet: Devnet, applied: AppliedBlocks, polled: PolledChain
) -> None:
    ref, output = utxo()
    chain.follower.follow()
    transaction = spending(devnet, ref, output)
    devnet.produce_block()
    applied.await_newest(devnet)
    chain.outputs.add_created(transaction)
    change = OutputRef(transaction.id, 1)
    assert ask(chain, change) == Unspent(transaction.body.outputs[1])
    assert polled.calls["outputs"] == 0


def test_change_that_was_spent_at_once_is_not_taken_for_unspent(
    chain: FollowedChain, devnet: Devnet, applied: AppliedBlocks
) -> None:
    ref, output = utxo()
    chain.follower.follow()
    first = spending(devnet, ref, output)
    change = OutputRef(first.id, 1)
    second = spending(devnet, change, first.body.outputs[1])
    devnet.produce_block()
    applied.await_newest(devnet)
    chain.outputs.add_created(first)
    assert ask(chain, change) == Spent(second.id.hex())


def test_what_a_node_refused_is_asked_for_again(chain: FollowedChain, polled: PolledChain) -> None:
    ref, _ = utxo()
    ask(chain, ref)
    chain.outputs.forget([ref])
    ask(chain, ref)
    assert polled.calls["outputs"] == 2


def test_following_ends_when_nobody_asks_and_trust_with_it(
    chain: FollowedChain, devnet: Devnet, polled: PolledChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "LINGER_POLLS", 2)
    ref, output = utxo()
    ask(chain, ref)
    eventually(lambda: chain.follower.epoch is None)
    asked = polled.calls["blocks_after"]
    spending(devnet, ref, output)
    devnet.produce_block()
    assert isinstance(ask(chain, ref), Spent)
    assert polled.calls["tip"] == 2
    assert polled.calls["blocks_after"] <= asked + 1


def test_a_provider_that_is_told_of_blocks_is_always_asked(
    devnet: Devnet, clock: ManualClock
) -> None:
    """It is close by, and knows better than whoever follows it."""
    chain = build_followed_chain(devnet, MemoryStorage(), clock, lambda _: None)
    with closing(chain.follower):
        ref, output = utxo()
        assert isinstance(ask(chain, ref), Unspent)
        spending(devnet, ref, output)
        devnet.produce_block()
        assert isinstance(ask(chain, ref), Spent)


def test_what_is_kept_is_bounded(chain: FollowedChain, devnet: Devnet, polled: PolledChain) -> None:
    _, output = utxo()
    first = OutputRef(b"\1" * 32, 0)
    many = {OutputRef(number.to_bytes(32), 0): output for number in range(MAX_OUTPUTS)}
    devnet.load({first: output, **many})
    ask(chain, first)
    chain.outputs.outputs(list(many))
    assert polled.calls["outputs"] == 2
    ask(chain, first)
    assert polled.calls["outputs"] == 3


def test_nothing_of_before_a_rest_is_left(
    chain: FollowedChain,
    devnet: Devnet,
    applied: AppliedBlocks,
    polled: PolledChain,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And what is heard of after it counts, though nobody asked for an output yet."""
    ref, output = utxo()
    with monkeypatch.context() as soon:
        soon.setattr(follower, "LINGER_POLLS", 2)
        ask(chain, ref)
        eventually(lambda: chain.follower.epoch is None)
    spending(devnet, ref, output)
    chain.follower.follow()
    devnet.produce_block()
    applied.await_newest(devnet)
    stale = {ref: Unspent(output)}
    polled.outputs = lambda _: stale  # type: ignore[assignment, method-assign]
    assert ask(chain, ref) == Spent()
