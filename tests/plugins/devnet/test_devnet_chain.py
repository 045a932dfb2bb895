"""Blocks, slots and rollbacks of the devnet."""

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.clock import SystemClock
from facilitator.roles.chain import InBlock, InMempool, NotFound, Unspent
from facilitator.roles.chain_errors import ChainUnavailable, PointNotFound, SubmissionRejected
from facilitator.testing.clock import ManualClock
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import wallets
from facilitator_devnet.wallet import InsufficientFundsError

Payment = Callable[..., bytes]
PEOPLE = wallets("cardano:preprod")


def slot_of(clock: ManualClock) -> int:
    return KNOWN_ERAS["cardano:preprod"].slot_at(int(clock.time() * 1000))


@settings(max_examples=30)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=8))
def test_slots_follow_the_clock_and_never_repeat(steps: list[int]) -> None:
    clock = ManualClock(1_790_000_000)
    devnet = Devnet("cardano:preprod", clock)
    last = devnet.tip().point.slot
    assert last < slot_of(clock)
    for seconds in steps:
        clock.advance(seconds)
        slot = devnet.produce_block().point.slot
        assert slot == max(slot_of(clock), last + 1)
        last = slot
    devnet.close()


def test_a_rollback_returns_transactions_to_the_mempool(devnet: Devnet, payment: Payment) -> None:
    ids = []
    for sender in ("alice", "bob"):
        ids.append(devnet.submit(payment(devnet, sender=sender)))
        devnet.produce_block()
    waiting = devnet.submit(payment(devnet, sender="carol"))
    devnet.rollback(2)
    assert devnet.tip().height == 0
    assert {type(devnet.transaction(each)) for each in [*ids, waiting]} == {InMempool}
    assert devnet.produce_block().transactions == (*ids, waiting)


def test_a_rollback_can_drop_transactions(devnet: Devnet, payment: Payment) -> None:
    raw = payment(devnet)
    transaction_id = devnet.submit(raw)
    devnet.produce_block()
    follow_up = devnet.submit(payment(devnet, sender="bob"))
    devnet.rollback(1, drop=True)
    assert devnet.transaction(transaction_id) == NotFound()
    assert devnet.transaction(follow_up) == InMempool()
    ref = decode_transaction(raw).body.inputs[0]
    assert isinstance(devnet.outputs([ref])[ref], Unspent)
    assert devnet.submit(raw) == transaction_id


def test_what_hangs_on_a_dropped_transaction_is_dropped(devnet: Devnet, payment: Payment) -> None:
    devnet.submit(payment(devnet, 900_000_000))
    devnet.produce_block()
    dependent = devnet.submit(payment(devnet, 5_500_000_000, sender="merchant"))
    devnet.rollback(1, drop=True)
    assert devnet.transaction(dependent) == NotFound()


def test_what_has_expired_meanwhile_is_dropped_by_a_rollback(
    devnet: Devnet, clock: ManualClock, payment: Payment
) -> None:
    transaction_id = devnet.submit(payment(devnet, valid_slots=10))
    devnet.produce_block()
    clock.advance(60)
    devnet.rollback(1)
    assert devnet.transaction(transaction_id) == NotFound()


def test_blocks_are_undone_newest_first(devnet: Devnet, payment: Payment) -> None:
    genesis = {name: devnet.outputs_at(each.address) for name, each in PEOPLE.items()}
    devnet.submit(payment(devnet, 900_000_000))
    devnet.produce_block()
    devnet.submit(payment(devnet, 5_500_000_000, sender="merchant"))
    devnet.produce_block()
    devnet.rollback(2, drop=True)
    assert {name: devnet.outputs_at(each.address) for name, each in PEOPLE.items()} == genesis


def test_a_point_must_name_a_block_and_its_slot(devnet: Devnet, payment: Payment) -> None:
    transaction_id = devnet.submit(payment(devnet))
    point = devnet.produce_block().point
    devnet.produce_block()
    for wrong in (point._replace(slot=point.slot + 1), point._replace(block=transaction_id)):
        with pytest.raises(PointNotFound):
            devnet.blocks_after(wrong)
    assert len(devnet.blocks_after(point)) == 1


def test_remade_blocks_have_other_hashes(devnet: Devnet, clock: ManualClock) -> None:
    seen: set[str] = set()
    genesis = devnet.tip().point
    for _ in range(4):
        for _ in range(3):
            devnet.produce_block()
        blocks = devnet.blocks_after(genesis)
        assert [block.height for block in blocks] == [1, 2, 3]
        assert not seen & {block.point.block for block in blocks}
        seen |= {block.point.block for block in blocks}
        devnet.rollback(3)
        with pytest.raises(PointNotFound):
            devnet.blocks_after(blocks[0].point)
    assert slot_of(clock) == genesis.slot + 1


@pytest.mark.parametrize("blocks", [-1, 0, 3])
def test_a_rollback_needs_that_many_blocks(devnet: Devnet, blocks: int) -> None:
    devnet.produce_block()
    tip = devnet.produce_block()
    with pytest.raises(ValueError, match="1 to 2 blocks"):
        devnet.rollback(blocks)
    assert devnet.tip().point == tip.point


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(["pay"] * 9)  # more than alice has outputs for while no block comes
@given(st.lists(st.sampled_from(["pay", "block", "undo", "drop"]), max_size=14))
def test_lovelace_is_neither_made_nor_lost(payment: Payment, steps: list[str]) -> None:
    """Whatever happens, the outputs and the fees in blocks make up what genesis gave."""
    clock = ManualClock(1_790_000_000)
    devnet = Devnet("cardano:preprod", clock)
    genesis = devnet.tip().point
    raws: dict[str, bytes] = {}
    supply = _lovelace(devnet)
    for step in steps:
        if step == "pay":
            with suppress(InsufficientFundsError):
                raw = payment(devnet, 2_000_000 + len(raws), valid_slots=1000)
                raws[devnet.submit(raw)] = raw
        elif step == "block":
            devnet.produce_block()
        elif devnet.tip().height:
            devnet.rollback(1, drop=step == "drop")
        chain = [each for block in devnet.blocks_after(genesis) for each in block.transactions]
        fees = sum(decode_transaction(raws[each]).body.fee for each in chain)
        assert _lovelace(devnet) + fees == supply
    devnet.close()


def _lovelace(devnet: Devnet) -> int:
    ledger = devnet._chain.ledger
    unspent = [each for each in ledger.outputs.values() if isinstance(each, Unspent)]
    return sum(each.output.value.lovelace for each in unspent)


def test_blocks_come_by_themselves(payment: Payment) -> None:
    devnet = Devnet("cardano:preprod", SystemClock(), block_seconds=0.01)
    transaction_id = devnet.submit(payment(devnet, valid_slots=100_000))
    point = devnet.tip().point
    while not isinstance(devnet.transaction(transaction_id), InBlock):
        assert devnet.await_block(point, 10)
        point = devnet.tip().point
    devnet.close()


def test_closing_wakes_whoever_waits_for_a_block(devnet: Devnet) -> None:
    answers = []
    point = devnet.tip().point
    waiter = threading.Thread(target=lambda: answers.append(devnet.await_block(point, 60)))
    waiter.start()
    devnet.close()
    waiter.join(60)
    assert answers == [False]
    with pytest.raises(ChainUnavailable, match="closed"):
        devnet.tip()


def test_a_block_wakes_every_waiter(devnet: Devnet) -> None:
    point, answers = devnet.tip().point, []
    waiters = [
        threading.Thread(target=lambda: answers.append(devnet.await_block(point, 60)))
        for _ in range(5)
    ]
    for waiter in waiters:
        waiter.start()
    devnet.produce_block()
    for waiter in waiters:
        waiter.join(60)
    assert answers == [True] * 5


def test_fifty_threads_submitting_one_transaction_see_one_id(
    devnet: Devnet, payment: Payment
) -> None:
    raw = payment(devnet)
    ids = _at_once([lambda: devnet.submit(raw)] * 50)
    assert ids == [decode_transaction(raw).id.hex()] * 50
    assert devnet.produce_block().transactions == (ids[0],)


def test_of_conflicting_transactions_exactly_one_is_taken(devnet: Devnet, payment: Payment) -> None:
    raws = [payment(devnet, 2_000_000 + number) for number in range(50)]

    def submit(raw: bytes) -> str | None:
        try:
            return devnet.submit(raw)
        except SubmissionRejected:
            return None

    taken = [each for each in _at_once([partial(submit, raw) for raw in raws]) if each]
    assert len(taken) == 1
    assert devnet.produce_block().transactions == tuple(taken)


def _at_once(calls: list[Callable[[], str | None]]) -> list[str | None]:
    barrier, results = threading.Barrier(len(calls)), []

    def run(call: Callable[[], str | None]) -> None:
        barrier.wait(60)
        results.append(call())

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results
