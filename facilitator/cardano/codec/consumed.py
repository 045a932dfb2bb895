"""The outputs that a transaction in a block took out of the UTxO set, by its CBOR.

Read loosely, by cbor2: what is on the chain is valid, in whatever form, and following goes on.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cbor2

from facilitator.cardano.transaction import OutputRef

_INPUTS, _COLLATERAL, _SUB_TRANSACTIONS = 0, 13, 23


def read_consumed_refs(raw: bytes, scripts_succeeded: Callable[[], bool]) -> Sequence[OutputRef]:
    """Return the inputs of a transaction and of its sub-transactions, or its collateral.

    The type of each element, not their number, shows the shape: Conway's has its flag before the
    auxiliary data, Dijkstra's after them or not at all. Without a flag ``scripts_succeeded`` is
    asked, where scripts may have failed. Raises whatever cbor2 raises, and :class:`ValueError`,
    for bytes that are no transaction.
    """
    parts = cbor2.loads(raw)
    body = parts[0]
    succeeded = _flag_of(parts)
    if succeeded is None:
        succeeded = not body.get(_COLLATERAL) or scripts_succeeded()
    if not succeeded:
        return _refs(body[_COLLATERAL])
    return [ref for each in _levels(body) for ref in _refs(each[_INPUTS])]


def _flag_of(parts: Sequence[Any]) -> bool | None:
    match parts:
        case [_, _, bool(flag), _] | [_, _, _, bool(flag)]:
            return flag
        case [_, _, _]:
            return None
    raise ValueError(f"a transaction of {len(parts)} elements without a flag")


def _levels(body: Mapping[int, Any]) -> Sequence[Mapping[int, Any]]:
    """Return the body, and those of its sub-transactions."""
    return [body, *(sub[0] for sub in _items(body.get(_SUB_TRANSACTIONS, ())))]


def _items(tagged: Any) -> Sequence[Any]:
    """Return the items of a list that may be tagged as a set."""
    items: Sequence[Any] = tagged.value if isinstance(tagged, cbor2.CBORTag) else tagged
    return items


def _refs(inputs: Any) -> Sequence[OutputRef]:
    refs = [OutputRef(output_id, index) for output_id, index in _items(inputs)]
    if not all(type(ref.transaction_id) is bytes and type(ref.index) is int for ref in refs):
        raise ValueError("an input is no reference")
    return refs
