"""The same act on many things, with threads and where the system gives none."""

import threading
from collections.abc import Iterator

import pytest

from facilitator.roles.chain import InMempool
from facilitator.roles.claim import ClaimState
from facilitator.settlement.tracking.parallel import Parallel
from facilitator.settlement.tracking.tracker import Tracker
from facilitator.testing.running import NOW
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet
from facilitator_memory.storage import MemoryStorage
from support.tracked import claim_on, state_of

NUMBERS = range(20)


@pytest.fixture
def parallel() -> Iterator[Parallel]:
    made = Parallel(4, "parallel of this test")
    yield made
    made.close()


def no_more_threads(monkeypatch: pytest.MonkeyPatch, name: str, given: int = 0) -> None:
    """Have the system give only so many threads of a name that begins so."""
    start, left = threading.Thread.start, [None] * given

    def give(thread: threading.Thread) -> None:
        if thread.name.startswith(name):
            if not left:
                raise RuntimeError("can't start new thread")
            left.pop()
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", give)


def test_acts_run_at_the_same_time(parallel: Parallel) -> None:
    together = threading.Barrier(4)
    parallel.run(lambda _: together.wait(60), range(4))


@pytest.mark.parametrize("given", [0, 1])
def test_all_is_done_without_further_threads(
    parallel: Parallel, monkeypatch: pytest.MonkeyPatch, given: int
) -> None:
    done: list[int] = []
    no_more_threads(monkeypatch, "parallel", given)
    parallel.run(done.append, NUMBERS)
    assert set(done) == set(NUMBERS)


def test_it_keeps_no_threads_where_there_are_too_few(
    parallel: Parallel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other parts of the process need some, too. It tries for all of them the next time."""
    caller, done_by_it = threading.current_thread(), threading.Event()

    def act(_: int) -> None:
        if threading.current_thread() is caller:
            done_by_it.set()
        assert done_by_it.wait(60)

    with monkeypatch.context() as few:
        no_more_threads(few, "parallel", 2)
        parallel.run(act, range(3))
    eventually(lambda: not [t for t in threading.enumerate() if t.name.startswith("parallel")])
    test_acts_run_at_the_same_time(parallel)


@pytest.mark.parametrize("given", [0, 4])
def test_what_an_act_raises_is_raised(
    parallel: Parallel, monkeypatch: pytest.MonkeyPatch, given: int
) -> None:
    no_more_threads(monkeypatch, "parallel", given)
    with pytest.raises(ZeroDivisionError):
        parallel.run(lambda number: 1 // (number - 5), NUMBERS)


def test_a_block_confirms_payments_where_no_further_thread_can_start(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block may be the last for a while: what it confirms must not wait for the next."""
    claims = [storage.add_claim(claim_on(n, ClaimState.SUBMITTED, NOW - 1)) for n in range(2)]
    tracker.start()
    no_more_threads(monkeypatch, "")
    for claim in claims:
        eventually(lambda: isinstance(devnet.transaction(claim.transaction_id), InMempool))  # noqa: B023
    devnet.produce_block()
    devnet.produce_block()
    eventually(lambda: {state_of(storage, one) for one in claims} == {ClaimState.SETTLED})
