"""Voting and proposal procedures (CDDL, Conway)."""

from collections.abc import Callable, Iterator
from typing import Any

from facilitator.cardano.cbor import (
    MAX_INT64,
    MAX_UINT8,
    MAX_UINT16,
    MAX_UINT32,
    DecodeError,
    Reader,
    read_all,
    read_set,
)
from facilitator.cardano.cbor_dijkstra import DijkstraReader
from facilitator.cardano.codec.certificates import (
    read_anchor,
    read_credential,
    read_fraction,
    read_optional_anchor,
    read_reward_account,
    read_unit_interval,
)
from facilitator.cardano.transaction import Action, ActionId, ActionKind, Proposal, Vote, Voter

_STAKE_POOL_VOTER = 4
_ABSTAIN = 2

Fields = tuple[object, ...]


def read_voting_procedures(reader: Reader) -> tuple[Vote, ...]:
    """Return the votes by ascending voter and action."""
    votes: list[Vote] = []
    voters: set[Voter] = set()
    for _ in reader.map("voting procedures (body key 19)"):
        voter = _read_voter(reader)
        if voter in voters:
            raise DecodeError("voting procedures (body key 19) have a voter twice")
        voters.add(voter)
        votes += _read_votes(reader, voter)
    if not voters:
        raise DecodeError("voting procedures (body key 19) must not be empty")
    return tuple(sorted(votes))


def _read_voter(reader: Reader) -> Voter:
    length = reader.record(2, "a voter")
    voter = Voter(
        reader.unsigned("the kind of a voter", _STAKE_POOL_VOTER),
        reader.fixed(28, "the hash of a voter"),
    )
    reader.close(length, "a voter")
    return voter


def _read_votes(reader: Reader, voter: Voter) -> Iterator[Vote]:
    actions: set[ActionId] = set()
    for _ in reader.map("the votes of a voter"):
        action = _read_action_id(reader)
        if action in actions:
            raise DecodeError("a voter must not vote twice on an action")
        actions.add(action)
        length = reader.record(2, "a vote")
        yield Vote(voter, action, reader.unsigned("a vote", _ABSTAIN))
        read_optional_anchor(reader)
        reader.close(length, "a vote")
    if not actions:
        raise DecodeError("the votes of a voter must not be empty")


def _read_action_id(reader: Reader) -> ActionId:
    length = reader.record(2, "the id of an action")
    action = ActionId(
        reader.fixed(32, "the transaction id of an action"),
        reader.unsigned("the index of an action", MAX_UINT16),
    )
    reader.close(length, "the id of an action")
    return action


def read_proposals(reader: Reader) -> tuple[Proposal, ...]:
    """Return the proposals: at least one, each once."""
    return read_set(reader, _read_proposal, "proposal procedures (body key 20)")


def _read_proposal(reader: Reader) -> Proposal:
    length = reader.record(4, "a proposal")
    proposal = Proposal(
        reader.unsigned("the deposit of a proposal"),
        read_reward_account(reader),
        _read_action(reader),
        read_anchor(reader),
    )
    reader.close(length, "a proposal")
    return proposal


def decode_action(raw: bytes) -> Action:
    """Return a single governance action (CDDL ``gov_action``), as chain providers return it.

    Raises :class:`DecodeError` if the ledger would not decode it.
    """
    return read_all(raw, _read_action, "the governance action")


def _read_action(reader: Reader) -> Action:
    length = reader.array_length("a governance action")
    kind = ActionKind(reader.unsigned("the kind of a governance action", max(_ACTIONS)))
    parts = _ACTIONS[kind]
    reader.expect(length, 1 + len(parts), f"a governance action of kind {kind}")
    fields = {name: read(reader) for name, read in parts.items()}
    reader.close(length, "a governance action")
    return Action(kind, **fields)


def _read_previous(reader: Reader) -> ActionId | None:
    return None if reader.take_null() else _read_action_id(reader)


def _read_guardrail(reader: Reader) -> bytes | None:
    return None if reader.take_null() else reader.fixed(28, "the hash of the guardrails script")


def _read_version(reader: Reader) -> Fields:
    length = reader.record(2, "a protocol version")
    found = (reader.unsigned("a major version", MAX_UINT32), reader.unsigned("a minor version"))
    reader.close(length, "a protocol version")
    return found


def _mapping_reader(
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


def _unsigned_reader(what: str, largest: int = 2**64 - 1) -> Callable[[Reader], int]:
    return lambda reader: reader.unsigned(what, largest)


def _read_removed_members(reader: Reader) -> Fields:
    found = read_set(reader, read_credential, "the committee members to remove", may_be_empty=True)
    return tuple(sorted(found))


def _read_interval(reader: Reader) -> object:
    return read_fraction(reader, "a protocol parameter")


def _read_unit(reader: Reader) -> object:
    return read_unit_interval(reader, "a protocol parameter, quorum or voting threshold")


def _array_reader(
    size: int, part: Callable[[Reader], object], what: str
) -> Callable[[Reader], Fields]:
    def read(reader: Reader) -> Fields:
        length = reader.record(size, what)
        found = tuple([part(reader) for _ in range(size)])
        reader.close(length, what)
        return found

    return read


def _read_constitution(reader: Reader) -> Fields:
    length = reader.record(2, "a constitution")
    found = (read_anchor(reader), _read_guardrail(reader))
    reader.close(length, "a constitution")
    return found


def _read_cost_model(reader: Reader) -> tuple[int, ...]:
    return tuple([reader.int64("a cost") for _ in reader.array("a cost model")])


_COIN = _unsigned_reader("a protocol parameter")
_UINT32 = _unsigned_reader("a protocol parameter", MAX_UINT32)
_UINT16 = _unsigned_reader("a protocol parameter", MAX_UINT16)
_EXECUTION_UNITS = _array_reader(
    2, _unsigned_reader("execution units", MAX_INT64), "execution units"
)

_PARAMETERS: dict[int, Callable[[Reader], object]] = {
    **dict.fromkeys((0, 1, 5, 6, 16, 17, 30, 31), _COIN),
    **dict.fromkeys((2, 3, 7, 22, 28, 29, 32), _UINT32),
    **dict.fromkeys((4, 8, 23, 24, 27), _UINT16),
    **dict.fromkeys((9, 33), _read_interval),
    **dict.fromkeys((10, 11), _read_unit),
    18: _mapping_reader(_unsigned_reader("a language", MAX_UINT8), _read_cost_model, "cost models"),
    19: _array_reader(2, _read_interval, "the prices of execution"),
    **dict.fromkeys((20, 21), _EXECUTION_UNITS),
    25: _array_reader(5, _read_unit, "the voting thresholds of pools"),
    26: _array_reader(10, _read_unit, "the voting thresholds of DReps"),
}
"""Read functions by key of a parameter update (CDDL ``protocol_param_update``)."""


def _read_optional_interval(reader: Reader) -> object:
    return None if reader.take_null() else _read_interval(reader)


_DIJKSTRA_PARAMETERS = {
    **_PARAMETERS,
    **dict.fromkeys((34, 35, 36), _UINT32),
    37: _read_interval,
    38: _read_optional_interval,
    39: _read_unit,
}
"""Those of Dijkstra: reference scripts (34 to 37), pledge leverage and pool margin (38, 39)."""


def _read_parameter_update(reader: Reader) -> Fields:
    found: dict[int, object] = {}
    is_dijkstra = isinstance(reader, DijkstraReader)
    known = _DIJKSTRA_PARAMETERS if is_dijkstra else _PARAMETERS
    for _ in reader.map("a parameter update"):
        key = reader.unsigned("a key of a parameter update")
        if key not in known:
            era = "Dijkstra" if is_dijkstra else "Conway"
            raise DecodeError(f"a parameter update has no key {key} in {era}")
        if key in found:
            raise DecodeError(f"a parameter update has the key {key} twice")
        found[key] = known[key](reader)
    return tuple(sorted(found.items()))


def _read_threshold(reader: Reader) -> Fields:
    return (_read_unit(reader),)


_ACTIONS: dict[int, dict[str, Callable[[Reader], Any]]] = {
    ActionKind.PARAMETER_CHANGE: {
        "previous": _read_previous,
        "parameters": _read_parameter_update,
        "guardrails": _read_guardrail,
    },
    ActionKind.HARD_FORK_INITIATION: {"previous": _read_previous, "version": _read_version},
    ActionKind.TREASURY_WITHDRAWALS: {
        "withdrawals": _mapping_reader(
            read_reward_account, _unsigned_reader("an amount"), "treasury withdrawals"
        ),
        "guardrails": _read_guardrail,
    },
    ActionKind.NO_CONFIDENCE: {"previous": _read_previous},
    ActionKind.UPDATE_COMMITTEE: {
        "previous": _read_previous,
        "removed": _read_removed_members,
        "added": _mapping_reader(
            read_credential, _unsigned_reader("an epoch"), "the committee members to add"
        ),
        "details": _read_threshold,
    },
    ActionKind.NEW_CONSTITUTION: {"previous": _read_previous, "details": _read_constitution},
    ActionKind.INFO: {},
}
"""Fields of :class:`Action` that follow the kind, by kind of governance action."""
