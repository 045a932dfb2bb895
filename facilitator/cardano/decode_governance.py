"""Voting and proposal procedures (CDDL, Conway). Their bytes are kept for the rules to come."""

from collections.abc import Callable

from facilitator.cardano.cbor import (
    MAX_INT64,
    MAX_UINT8,
    MAX_UINT16,
    MAX_UINT32,
    DecodeError,
    Reader,
    read_set,
)
from facilitator.cardano.decode_certificates import (
    anchor,
    credential,
    fraction,
    optional_anchor,
    reward_account,
    unit_interval,
)

_STAKE_POOL_VOTER = 4
_ABSTAIN = 2

Voter = tuple[int, bytes]
Fields = tuple[object, ...]


def voting_procedures(reader: Reader) -> tuple[tuple[Voter, ...], bytes]:
    """The voters, and the bytes of their votes as received."""
    start = reader.pos
    voters: set[Voter] = set()
    for _ in reader.map("voting procedures (body key 19)"):
        voter = _voter(reader)
        if voter in voters:
            raise DecodeError("voting procedures (body key 19) have a voter twice")
        voters.add(voter)
        _votes(reader)
    if not voters:
        raise DecodeError("voting procedures (body key 19) must not be empty")
    return tuple(sorted(voters)), reader.raw[start : reader.pos]


def _voter(reader: Reader) -> Voter:
    length = reader.record(2, "a voter")
    voter = (
        reader.unsigned("the kind of a voter", _STAKE_POOL_VOTER),
        reader.fixed(28, "the hash of a voter"),
    )
    reader.close(length, "a voter")
    return voter


def _votes(reader: Reader) -> None:
    actions: set[Voter] = set()
    for _ in reader.map("the votes of a voter"):
        action = _action_id(reader)
        if action in actions:
            raise DecodeError("a voter must not vote twice on an action")
        actions.add(action)
        length = reader.record(2, "a vote")
        reader.unsigned("a vote", _ABSTAIN)
        optional_anchor(reader)
        reader.close(length, "a vote")
    if not actions:
        raise DecodeError("the votes of a voter must not be empty")


def _action_id(reader: Reader) -> tuple[int, bytes]:
    length = reader.record(2, "the id of an action")
    transaction = reader.fixed(32, "the transaction id of an action")
    index = reader.unsigned("the index of an action", MAX_UINT16)
    reader.close(length, "the id of an action")
    return index, transaction


def proposals(reader: Reader) -> tuple[tuple[int, ...], bytes]:
    """The deposits of the proposals, and the bytes of the proposals as received."""
    start = reader.pos
    found = read_set(reader, _proposal, "proposal procedures (body key 20)")
    return tuple([deposit for deposit, _ in found]), reader.raw[start : reader.pos]


def _proposal(reader: Reader) -> tuple[int, Fields]:
    length = reader.record(4, "a proposal")
    deposit = reader.unsigned("the deposit of a proposal")
    rest = (reward_account(reader), _action(reader), anchor(reader))
    reader.close(length, "a proposal")
    return deposit, rest


def _action(reader: Reader) -> Fields:
    length = reader.array_length("a governance action")
    kind = reader.unsigned("the kind of a governance action", max(_ACTIONS))
    parts = _ACTIONS[kind]
    reader.expect(length, 1 + len(parts), f"a governance action of kind {kind}")
    found = (kind, *[part(reader) for part in parts])
    reader.close(length, "a governance action")
    return found


def _previous(reader: Reader) -> tuple[int, bytes] | None:
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
) -> Callable[[Reader], frozenset[tuple[object, object]]]:
    """What reads a map whose keys must differ."""

    def read(reader: Reader) -> frozenset[tuple[object, object]]:
        found: dict[object, object] = {}
        for _ in reader.map(what):
            name = key(reader)
            if name in found:
                raise DecodeError(f"{what} must not have a key twice")
            found[name] = value(reader)
        return frozenset(found.items())

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
"""By key of a parameter update (CDDL ``protocol_param_update``)."""


def _parameter_update(reader: Reader) -> object:
    found: dict[int, object] = {}
    for _ in reader.map("a parameter update"):
        key = reader.unsigned("a key of a parameter update")
        if key not in _PARAMETERS:
            raise DecodeError(f"a parameter update has no key {key} in Conway")
        if key in found:
            raise DecodeError(f"a parameter update has the key {key} twice")
        found[key] = _PARAMETERS[key](reader)
    return frozenset(found.items())


_ACTIONS: dict[int, tuple[Callable[[Reader], object], ...]] = {
    0: (_previous, _parameter_update, _guardrail),
    1: (_previous, _version),
    2: (_mapping(reward_account, _unsigned("an amount"), "treasury withdrawals"), _guardrail),
    3: (_previous,),
    4: (
        _previous,
        _removed_members,
        _mapping(credential, _unsigned("an epoch"), "the committee members to add"),
        _unit,
    ),
    5: (_previous, _constitution),
    6: (),
}
"""By kind of governance action (CDDL ``gov_action``), what comes after the kind."""
