"""The transaction body of either level (CDDL ``transaction_body``, ``sub_transaction_body``)."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from facilitator.cardano.cbor import DecodeError, Reader
from facilitator.cardano.codec.body import FIELDS, read_outputs_with
from facilitator.cardano.codec.dijkstra.fields import (
    intervals_reader,
    read_direct_deposits,
    read_guards,
    read_required_guards,
)
from facilitator.cardano.codec.dijkstra.outputs import read_output
from facilitator.cardano.transaction import Body, DijkstraFields, Transaction

_Field: TypeAlias = tuple[str, Callable[[Reader], object]]

_FEE, _COLLATERAL, _GUARDS, _COLLATERAL_RETURN, _TOTAL_COLLATERAL, _SUBS = 2, 13, 14, 16, 17, 23
_TOP_ONLY = (_FEE, _COLLATERAL, _COLLATERAL_RETURN, _TOTAL_COLLATERAL, _SUBS, 27)

_OLD: Mapping[int, _Field] = {
    **FIELDS,
    1: ("outputs", read_outputs_with(read_output)),
    _COLLATERAL_RETURN: ("collateral_return", read_output),
}
_NEW: Mapping[int, _Field] = {
    _GUARDS: ("guards", read_guards),
    24: ("required_guards", read_required_guards),
    25: ("direct_deposits", read_direct_deposits),
    26: ("balances", intervals_reader(26)),
    27: ("starting_balances", intervals_reader(27)),
}


def read_top_body(reader: Reader, read_subs: Callable[[Reader], tuple[Transaction, ...]]) -> Body:
    """Return a top level's body. Raises :class:`DecodeError`."""
    new = {**_NEW, _SUBS: ("subs", read_subs)}
    return _read_body(reader, {**_OLD, **new}, new, (0, 1, _FEE), is_sub=False)


def read_sub_body(reader: Reader) -> Body:
    """Return a sub-transaction's body; its fee is 0. Raises :class:`DecodeError`."""
    fields = {key: each for key, each in {**_OLD, **_NEW}.items() if key not in _TOP_ONLY}
    return _read_body(reader, fields, _NEW, (0, 1), is_sub=True)


def _read_body(
    reader: Reader,
    fields: Mapping[int, _Field],
    new: Mapping[int, _Field],
    required: tuple[int, ...],
    *,
    is_sub: bool,
) -> Body:
    what = "the body of a sub-transaction" if is_sub else "the transaction body"
    own: dict[str, Any] = {}
    added: dict[str, Any] = {}
    keys: set[int] = set()
    for _ in reader.map(what):
        key = reader.unsigned(f"a key of {what}")
        if key not in fields:
            raise DecodeError(f"{what} has no key {key} in Dijkstra")
        if key in keys:
            raise DecodeError(f"{what} has the key {key} twice")
        keys.add(key)
        name, read = fields[key]
        (added if key in new else own)[name] = read(reader)
    for key in required:
        if key not in keys:
            raise DecodeError(f"{what} must have {fields[key][0]} (key {key})")
    signers = tuple(guard.hash for guard in added.get("guards", ()) if not guard.is_script)
    return Body(
        **({"fee": 0} | own),
        required_signers=signers,
        dijkstra=DijkstraFields(**added, is_sub=is_sub),
    )
