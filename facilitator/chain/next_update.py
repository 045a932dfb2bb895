"""Asks a provider what has changed after the blocks that are known."""

from facilitator.chain.block_window import BlockWindow
from facilitator.chain.chain_update import ChainUpdate
from facilitator.roles.chain import ChainProvider, Tip
from facilitator.roles.chain_errors import PointNotFound

CATCH_UP = 10
"""Number of new blocks at once from which on there may be more by now."""


def next_update(chain: ChainProvider, window: BlockWindow) -> ChainUpdate:
    """Return the provider's next update after the window's newest block.

    Raises :class:`~facilitator.roles.chain_errors.ChainUnavailable`.
    """
    last = window.tip
    try:
        blocks = chain.blocks_after(last.point)
    except PointNotFound:
        return _step_back(chain, window)
    if not blocks:
        return ChainUpdate(last)
    if blocks[0].parent != last.point.block:
        return _step_back(chain, window)
    return ChainUpdate(Tip(blocks[-1].point, blocks[-1].height), tuple(blocks))


def _step_back(chain: ChainProvider, window: BlockWindow) -> ChainUpdate:
    """Return the rollback of the newest block, or a jump to the tip if none remains known."""
    if len(window) < 2:
        return ChainUpdate(chain.tip(), contiguous=False)
    before = window.before_tip
    return ChainUpdate(before, rolled_back_to=before.height)


def jump(chain: ChainProvider, last: Tip, worth_reading: int) -> ChainUpdate | None:
    """Return a jump to the tip if more blocks than that were missed after ``last``.

    Raises :class:`~facilitator.roles.chain_errors.ChainUnavailable`.
    """
    tip = chain.tip()
    if tip.height - last.height <= worth_reading:
        return None
    return ChainUpdate(tip, contiguous=False)


def shows_tip(update: ChainUpdate) -> bool:
    """Return True if its last block was the newest one when the provider was asked."""
    return len(update.blocks) < CATCH_UP and update.rolled_back_to is None
