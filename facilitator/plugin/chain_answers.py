"""Checks of what a plugin's chain provider answers, beyond the types: what would be misread.

Ids and hashes are compared as text. One in capitals equals none, and nothing would say so: a
transaction would be awaited for ever, or taken for another one that spent its inputs.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from facilitator.cardano.transaction import OutputRef
from facilitator.plugin.answers import WrongAnswer
from facilitator.roles.chain import Block, InBlock, Spent, Tip
from facilitator.roles.chain_spenders import SpentBy

_HASH = re.compile(r"[0-9a-f]{64}")
_ID_BYTES = 32


def _check_outputs(answer: Mapping[OutputRef, Any], *arguments: Any, **named: Any) -> None:
    for ref in _asked(arguments, named):
        status = answer.get(ref)
        if status is None:
            raise WrongAnswer(f"the answer lacks {ref}")
        if isinstance(status, Spent) and status.by is not None:
            _check_hash(status.by)


def _check_transactions(answer: Mapping[str, Any], *arguments: Any, **named: Any) -> None:
    for each in _asked(arguments, named):
        if each not in answer:
            raise WrongAnswer(f"the answer lacks {each}")
        _check_place(answer[each])


def _asked(arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
    """Return the only argument."""
    return [*arguments, *named.values()][0]


def _check_place(status: Any, *_: Any, **__: Any) -> None:
    if isinstance(status, InBlock):
        _check_hash(status.point.block)


def _check_spender(found: Any, *arguments: Any, **named: Any) -> None:
    if isinstance(found, SpentBy):
        ref = _asked(arguments, named)
        _check_hash(found.transaction_id)
        _check_place(found.block)
        if ref not in found.inputs:
            raise WrongAnswer(f"{found.transaction_id} does not spend {ref}")


def _check_tip(tip: Tip) -> None:
    _check_hash(tip.point.block)


def _check_blocks(blocks: Sequence[Block], *_: Any, **__: Any) -> None:
    for block in blocks:
        for each in (block.point.block, *block.transactions):
            _check_hash(each)
        for ref in block.spent:
            _check_ref(ref)
    for before, after in pairwise(blocks):
        is_next = (after.parent, after.height) == (before.point.block, before.height + 1)
        if not is_next or after.point.slot <= before.point.slot:
            raise WrongAnswer(f"block {after.height} does not follow {before.height}")


def _check_ref(ref: OutputRef) -> None:
    made_by = ref.transaction_id
    if not isinstance(made_by, bytes) or len(made_by) != _ID_BYTES:
        raise WrongAnswer(f"{made_by!r:.80} is no transaction's id of {_ID_BYTES} bytes")


def _check_hash(text: str, *_: Any, **__: Any) -> None:
    if not _HASH.fullmatch(text):
        raise WrongAnswer(f"{text!r:.80} is no hash in lowercase hex")


CHAIN_CHECKS: Mapping[str, Callable[..., None]] = {
    "outputs": _check_outputs,
    "blocks_after": _check_blocks,
    "submit": _check_hash,
    "tip": _check_tip,
    "transaction": _check_place,
    "transactions": _check_transactions,
    "spender": _check_spender,
}
"""By method of a provider, what raises :class:`WrongAnswer` for an answer that would be misread.

Each gets the answer, which is of the type that the protocol names, and the method's arguments, some
of them by name.
"""
