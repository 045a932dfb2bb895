"""The transaction body (CDDL ``transaction_body``, Conway)."""

from collections.abc import Callable, Mapping
from typing import Any

from facilitator.cardano.cbor import (
    MAX_UINT8,
    MAX_UINT16,
    MAX_UINT64,
    DecodeError,
    Reader,
    read_set,
)
from facilitator.cardano.codec.certificates import read_certificates, read_reward_account
from facilitator.cardano.codec.governance import read_proposals, read_voting_procedures
from facilitator.cardano.codec.outputs import read_multiasset, read_output
from facilitator.cardano.transaction import Assets, Body, Output, OutputRef

_REQUIRED = {"inputs": 0, "outputs": 1, "fee": 2}


def read_body(reader: Reader) -> Body:
    """Return the body at the reader's position. Raises :class:`DecodeError`."""
    fields: dict[str, Any] = {}
    for _ in reader.map("the transaction body"):
        key = reader.unsigned("a key of the transaction body")
        field = FIELDS.get(key)
        if field is None:
            raise DecodeError(f"the transaction body has no key {key} in Conway")
        name, read = field
        if name in fields:
            raise DecodeError(f"the transaction body has the key {key} twice")
        fields[name] = read(reader)
    for name, key in _REQUIRED.items():
        if name not in fields:
            raise DecodeError(f"the transaction body must have {name} (key {key})")
    return Body(**fields)


def _read_input(reader: Reader) -> OutputRef:
    length = reader.record(2, "an input")
    reference = OutputRef(
        reader.fixed(32, "the transaction id of an input"),
        reader.unsigned("the index of an input", MAX_UINT16),
    )
    reader.close(length, "an input")
    return reference


def _read_inputs(reader: Reader) -> tuple[OutputRef, ...]:
    return tuple([_read_input(reader) for _ in reader.set("inputs (body key 0)")])


def read_outputs_with(read: Callable[[Reader], Output]) -> Callable[[Reader], tuple[Output, ...]]:
    """Return the function that reads a body's outputs, each by ``read``."""
    return lambda reader: tuple([read(reader) for _ in reader.array("outputs (body key 1)")])


def _read_withdrawals(reader: Reader) -> Mapping[bytes, int]:
    amounts: dict[bytes, int] = {}
    for _ in reader.map("withdrawals (body key 5)"):
        account = read_reward_account(reader)
        if account in amounts:
            raise DecodeError(f"withdrawals (body key 5) have {account.hex()} twice")
        amounts[account] = reader.unsigned("a withdrawn amount")
    if not amounts:
        raise DecodeError("withdrawals (body key 5) must not be empty")
    return amounts


def _read_mint(reader: Reader) -> Assets:
    assets = read_multiasset(reader, minting=True)
    if not assets:
        raise DecodeError("mint (body key 9) must not be empty")
    return assets


def _read_donation(reader: Reader) -> int:
    donation = reader.unsigned("the donation (body key 22)")
    if donation == 0:
        raise DecodeError("the donation (body key 22) must not be 0")
    return donation


def _unsigned_reader(what: str, largest: int = MAX_UINT64) -> Callable[[Reader], int]:
    return lambda reader: reader.unsigned(what, largest)


def _hash_reader(what: str) -> Callable[[Reader], bytes]:
    return lambda reader: reader.fixed(32, what)


def _references_reader(what: str) -> Callable[[Reader], tuple[OutputRef, ...]]:
    return lambda reader: read_set(reader, _read_input, what)


def _read_required_signers(reader: Reader) -> tuple[bytes, ...]:
    what = "required signers (body key 14)"
    return read_set(reader, lambda item: item.fixed(28, "a required signer"), what)


FIELDS: dict[int, tuple[str, Callable[[Reader], object]]] = {
    0: ("inputs", _read_inputs),
    1: ("outputs", read_outputs_with(read_output)),
    2: ("fee", _unsigned_reader("fee (body key 2)")),
    3: ("invalid_hereafter", _unsigned_reader("the last slot (body key 3)")),
    4: ("certificates", read_certificates),
    5: ("withdrawals", _read_withdrawals),
    7: ("auxiliary_data_hash", _hash_reader("the auxiliary data hash (body key 7)")),
    8: ("invalid_before", _unsigned_reader("the first slot (body key 8)")),
    9: ("mint", _read_mint),
    11: ("script_data_hash", _hash_reader("the script data hash (body key 11)")),
    13: ("collateral", _references_reader("collateral inputs (body key 13)")),
    14: ("required_signers", _read_required_signers),
    15: ("network_id", _unsigned_reader("the network id (body key 15)", MAX_UINT8)),
    16: ("collateral_return", read_output),
    17: ("total_collateral", _unsigned_reader("the total collateral (body key 17)")),
    18: ("reference_inputs", _references_reader("reference inputs (body key 18)")),
    19: ("votes", read_voting_procedures),
    20: ("proposals", read_proposals),
    21: ("treasury", _unsigned_reader("the treasury (body key 21)")),
    22: ("donation", _read_donation),
}
"""Field of :class:`Body` and its read function, by key of the body. Key 6 ended with Babbage."""
