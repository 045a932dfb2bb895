"""Voting and proposal procedures (CDDL, Conway)."""

from collections.abc import Callable, Iterator
from typing import Any

from facilitator.cardano.codec.cbor import (
    MAX_INT64,
    MAX_UINT8,
    MAX_UINT16,
    MAX_UINT32,
    DecodeError,
    Reader,
    read_all,
    read_set,
)
from facilitator.cardano.codec.certificates import (
    anchor,
    credential,
    fraction,
    optional_anchor,
    reward_account,
    unit_interval,
)
from facilitator.cardano.transaction import Action, ActionId, ActionKind, Proposal, Vote, Voter

_STAKE_POOL_VOTER = 4
_ABSTAIN = 2

Fields = tuple[object, ...]


def voting_procedures(reader: Reader) -> tuple[Vote, ...]:
    """Return the votes by ascending voter and action."""
    votes: list[Vote] = []
    voters: set[Voter] = set()
    for _ in reader.map("voting procedures (body key 19)"):
        voter = _voter(reader)
        if voter in voters:
            raise DecodeError("voting procedures (body key 19) have a voter twice")
        voters.add(voter)
        votes += _votes(reader, voter)
    if not voters:
        raise DecodeError("voting procedures (body key 19) must not be empty")
    return tuple(sorted(votes))


def _voter(reader: Reader) -> Voter:
    length = reader.record(2, "a voter")
    voter = Voter(
        reader.unsigned("the kind of a voter", _STAKE_POOL_VOTER),
        reader.fixed(28, "the hash of a voter"),
    )
    reader.close(length, "a voter")
    return voter


def _votes(reader: Reader, voter: Voter) -> Iterator[Vote]:
    actions: set[ActionId] = set()
    for _ in reader.map("the votes of a voter"):
        action = _action_id(reader)
        if action in actions:
            raise DecodeError("a voter must not vote twice on an action")
        actions.add(action)
        length = reader.record(2, "a vote")
        yield Vote(voter, action, reader.unsigned("a vote", _ABSTAIN))
        optional_anchor(reader)
        reader.close(length, "a vote")
    if not actions:
        raise DecodeError("the votes of a voter must not be empty")


def _action_id(reader: Reader) -> ActionId:
    length = reader.record(2, "the id of an action")
    action = ActionId(
        reader.fixed(32, "the transaction id of an action"),
        reader.unsigned("the index of an action", MAX_UINT16),
    )
    reader.close(length, "the id of an action")
    return action


def proposals(reader: Reader) -> tuple[Proposal, ...]:
    """Return the proposals: at least one, each once."""
    return read_set(reader, _proposal, "proposal procedures (body key 20)")


def _proposal(reader: Reader) -> Proposal:
    length = reader.record(4, "a proposal")
    proposal = Proposal(
        reader.unsigned("the deposit of a proposal"),
        reward_account(reader),
        _action(reader),
        anchor(reader),
    )
    reader.close(length, "a proposal")
    return proposal


def decode_action(raw: bytes) -> Action:
    """Return a single governance action (CDDL ``gov_action``), as chain providers return it.

    Raises :class:`DecodeError` if the ledger would not decode it.
    """
    return read_all(raw, _action, "the governance action")


def _action(reader: Reader) -> Action:
    length = reader.array_length("a governance action")
    kind = ActionKind(reader.unsigned("the kind of a governance action", max(_ACTIONS)))
    parts = _ACTIONS[kind]
    reader.expect(length, 1 + len(parts), f"a governance action of kind {kind}")
    fields = {name: read(reader) for name, read in parts.items()}
    reader.close(length, "a governance action")
    return Action(kind, **fields)


def _previous(reader: Reader) -> ActionId | None:
    return None if reader.take_null() else _action_id(reader)


def _guardrail(reader: Reader) -> bytes | None:
    return None if reader.take_null() else reader.fixed(28, "the hash of the guardrails script")


def _version(reader: Reader) -> Fields:
    length = reader.record(2, "a protocol version")
    found = (reader.unsigned("a major version", MAX_UINT32), reader.unsigned("a minor version"))
    reader.close(length, "a protocol version")
    return found


def _mapping(
    key: Callable[[Reader], object], value: Callable[[Reader], object], what: str
) -> Callable[[Reader], Fields]:
    """Return a function that reads a map with unique keys as pairs by ascending key."""

    def read(reader: Reader) -> Fields:
        found: dict[Any, object] = {}
        for _ in reader.map(what):
            name = key(reader)
            if name in found:
                raise DecodeError(f"{what} must not have a key twice")
            found[name] = value(reader)
        return tuple(sorted(found.items()))

    return read


def _unsigned(what: str, largest: int = 2**64 - 1) -> Callable[[Reader], int]:
    return lambda reader: reader.unsigned(what, largest)


def _removed_members(reader: Reader) -> Fields:
    found = read_set(reader, credential, "the committee members to remove", may_be_empty=True)
    return tuple(sorted(found))


def _interval(reader: Reader) -> object:
    return fraction(reader, "a protocol parameter")


def _unit(reader: Reader) -> object:
    return unit_interval(reader, "a protocol parameter, quorum or voting threshold")


def _array_of(size: int, part: Callable[[Reader], object], what: str) -> Callable[[Reader], Fields]:
    def read(reader: Reader) -> Fields:
        length = reader.record(size, what)
        found = tuple([part(reader) for _ in range(size)])
        reader.close(length, what)
        return found

    return read


def _constitution(reader: Reader) -> Fields:
    length = reader.record(2, "a constitution")
    found = (anchor(reader), _guardrail(reader))
    reader.close(length, "a constitution")
    return found


def _cost_model(reader: Reader) -> tuple[int, ...]:
    return tuple([reader.int64("a cost") for _ in reader.array("a cost model")])


_COIN = _unsigned("a protocol parameter")
_UINT32 = _unsigned("a protocol parameter", MAX_UINT32)
_UINT16 = _unsigned("a protocol parameter", MAX_UINT16)
_EXECUTION_UNITS = _array_of(2, _unsigned("execution units", MAX_INT64), "execution units")

_PARAMETERS: dict[int, Callable[[Reader], object]] = {
    **dict.fromkeys((0, 1, 5, 6, 16, 17, 30, 31), _COIN),
    **dict.fromkeys((2, 3, 7, 22, 28, 29, 32), _UINT32),
    **dict.fromkeys((4, 8, 23, 24, 27), _UINT16),
    **dict.fromkeys((9, 33), _interval),
    **dict.fromkeys((10, 11), _unit),
    18: _mapping(_unsigned("a language", MAX_UINT8), _cost_model, "cost models"),
    19: _array_of(2, _interval, "the prices of execution"),
    **dict.fromkeys((20, 21), _EXECUTION_UNITS),
    25: _array_of(5, _unit, "the voting thresholds of pools"),
    26: _array_of(10, _unit, "the voting thresholds of DReps"),
}
"""Read functions by key of a parameter update (CDDL ``protocol_param_update``)."""


def _parameter_update(reader: Reader) -> Fields:
    found: dict[int, object] = {}
    for _ in reader.map("a parameter update"):
        key = reader.unsigned("a key of a parameter update")
        if key not in _PARAMETERS:
            raise DecodeError(f"a parameter update has no key {key} in Conway")
        if key in found:
            raise DecodeError(f"a parameter update has the key {key} twice")
        found[key] = _PARAMETERS[key](reader)
    return tuple(sorted(found.items()))


def _threshold(reader: Reader) -> Fields:
    return (_unit(reader),)


_ACTIONS: dict[int, dict[str, Callable[[Reader], Any]]] = {
    ActionKind.PARAMETER_CHANGE: {
        "previous": _previous,
        "parameters": _parameter_update,
        "guardrails": _guardrail,
    },
    ActionKind.HARD_FORK_INITIATION: {"previous": _previous, "version": _version},
    ActionKind.TREASURY_WITHDRAWALS: {
        "withdrawals": _mapping(reward_account, _unsigned("an amount"), "treasury withdrawals"),
        "guardrails": _guardrail,
    },
    ActionKind.NO_CONFIDENCE: {"previous": _previous},
    ActionKind.UPDATE_COMMITTEE: {
        "previous": _previous,
        "removed": _removed_members,
        "added": _mapping(credential, _unsigned("an epoch"), "the committee members to add"),
        "details": _threshold,
    },
    ActionKind.NEW_CONSTITUTION: {"previous": _previous, "details": _constitution},
    ActionKind.INFO: {},
}
"""Fields of :class:`Action` that follow the kind, by kind of governance action."""
