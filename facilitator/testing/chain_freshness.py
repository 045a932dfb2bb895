"""Contract tests of answers that are asked for again, of many things at once, from many threads."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TypeVar

from facilitator.cardano.transaction import OutputRef
from facilitator.roles.chain import InBlock, OutputStatus, Point, Spent, Unspent
from facilitator.roles.chain_errors import ChainUnavailable, NotFoundSince
from facilitator.testing.chain_under_test import NOWHERE, ChainUnderTest, statuses
from facilitator.testing.races import racetrack

MANY = 120
THREADS = 4
ROUNDS = 8
TRIES = 10

Answer = TypeVar("Answer")


class FreshnessContract:
    """The part of :class:`~facilitator.testing.chain.ChainProviderContract` on repeated queries."""

    def test_no_answer_outlives_the_block_that_changes_it(self, chain: ChainUnderTest) -> None:
        """Each is asked for before a block, after it, and once it has been rolled back.

        A provider may need some calls to find out that its chain has changed.
        """
        provider, ref = chain.provider, chain.fund()
        before = provider.tip()
        raw = chain.spend(ref)
        transaction_id = provider.submit(raw)
        made = OutputRef(bytes.fromhex(transaction_id), 0)

        assert statuses(provider, ref) == [Unspent]
        assert not isinstance(provider.outputs([made])[made], Unspent)
        assert not _is_in_block(chain, transaction_id)
        assert transaction_id not in _transactions(chain, before.point)

        chain.make_block()
        assert statuses(provider, ref, made) == [Spent, Unspent]
        assert _is_in_block(chain, transaction_id)
        assert transaction_id in _transactions(chain, before.point)

        chain.roll_back(provider.tip().height - before.height)
        rolled_back = _answered(lambda: provider.outputs([ref, made]))
        assert not isinstance(rolled_back[ref], Spent)
        assert not isinstance(rolled_back[made], Unspent)
        assert not _is_in_block(chain, transaction_id)
        assert transaction_id not in _transactions(chain, before.point)

    def test_every_transaction_of_a_block_is_reported(self, chain: ChainUnderTest) -> None:
        """With all that it spent."""
        refs = [chain.fund(), chain.fund()]
        before = chain.provider.tip()
        ids = [chain.provider.submit(chain.spend(ref)) for ref in refs]
        chain.make_block()
        blocks = chain.provider.blocks_after(before.point)
        assert set(ids) <= {each for block in blocks for each in block.transactions}
        assert set(refs) <= {each for block in blocks for each in block.spent}

    def test_many_outputs_in_any_collection_are_answered(self, chain: ChainUnderTest) -> None:
        """They come in a set, too, and one of a transaction says nothing of another."""
        ref = chain.fund()
        never = [OutputRef(ref.transaction_id, 60_000 + n) for n in range(MANY)]
        answer = chain.provider.outputs(frozenset({ref, *never}))
        assert set(answer) == {ref, *never}
        assert [each for each in answer if isinstance(answer[each], Unspent)] == [ref]

    def test_many_threads_get_their_own_answers(self, chain: ChainUnderTest) -> None:
        """None of them gets that of another."""
        provider = chain.provider
        refs = [chain.fund() for _ in range(THREADS)]
        held = [provider.outputs([ref])[ref] for ref in refs]
        ids = [provider.submit(chain.spend(chain.fund())) for _ in range(THREADS)]
        chain.make_block()
        blocks = [provider.transaction(each) for each in ids[1:]]
        with racetrack(THREADS, provider) as track:
            for _ in range(ROUNDS):
                assert track.together([partial(_outputs, chain, ref) for ref in refs]) == [
                    {ref: status} for ref, status in zip(refs, held, strict=True)
                ]
                found = track.together(
                    [partial(_look_up, chain, each) for each in [NOWHERE, *ids[1:]]]
                )
                assert found == [None, *blocks]


def _answered(call: Callable[[], Answer]) -> Answer:
    """Return the answer, which may be unavailable at first."""
    for _ in range(TRIES - 1):
        with suppress(ChainUnavailable):
            return call()
    return call()


def _look_up(chain: ChainUnderTest, transaction_id: str) -> InBlock | None:
    """Return the block of the transaction, if it is in one."""
    try:
        status = _answered(lambda: chain.provider.transaction(transaction_id))
    except NotFoundSince:
        return None
    return status if isinstance(status, InBlock) else None


def _outputs(chain: ChainUnderTest, ref: OutputRef) -> Mapping[OutputRef, OutputStatus]:
    return _answered(lambda: chain.provider.outputs([ref]))


def _is_in_block(chain: ChainUnderTest, transaction_id: str) -> bool:
    return _look_up(chain, transaction_id) is not None


def _transactions(chain: ChainUnderTest, point: Point) -> list[str]:
    """Return the transactions of all blocks after the point, which may come in parts."""
    found: list[str] = []
    while blocks := chain.provider.blocks_after(point):
        found += [each for block in blocks for each in block.transactions]
        point = blocks[-1].point
    return found
