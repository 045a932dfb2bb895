"""A Conway transaction without Plutus scripts, votes and proposals, read from the CDDL."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from support.slow_ledger.plain_cbor import (
    ARRAY,
    BYTES,
    MAP,
    NEGATIVE,
    SIMPLE,
    TEXT,
    UNSIGNED,
    Item,
    Malformed,
    blob,
    elements,
    integer,
    members,
    pairs,
    parse,
    plain,
    tagged,
)
from support.slow_ledger.plain_output import (
    Asset,
    PlainOutput,
    check_native,
    known_fields,
    multiasset,
    output,
    script_hash,
)

Ref = tuple[bytes, int]

BODY_KEYS = {*range(6), 7, 8, 9, 11, *range(13, 19), 21, 22}
WITNESS_KEYS = {0, 1, 2, 4}
NULL, FALSE, TRUE = 22, 20, 21


@dataclass(frozen=True)
class PlainTransaction:
    id: bytes
    size: int
    is_valid: bool
    inputs: list[Ref]
    outputs: list[PlainOutput]
    body: dict[int, Item]
    """All fields by key."""
    certificates: list[Any]
    withdrawals: dict[bytes, int]
    mint: dict[Asset, int]
    collateral: list[Ref]
    references: list[Ref]
    required: list[bytes]
    collateral_return: PlainOutput | None
    vkeys: list[tuple[bytes, bytes]]
    scripts: dict[bytes, Item]
    bootstraps: list[tuple[bytes, bytes, bytes, bytes]]
    datums: Item | None
    auxiliary: bytes | None
    longest_metadata_string: int

    def number(self, key: int) -> int | None:
        """A body field that is a number, if it is there."""
        return integer(self.body[key]) if key in self.body else None


def read_transaction(raw: bytes) -> PlainTransaction:
    """Raises :class:`Malformed` where the ledger's decoder refuses."""
    body_item, witness_item, valid, auxiliary = elements(parse(raw), 4)
    if valid.major != SIMPLE or valid.value not in (FALSE, TRUE):
        raise Malformed("is_valid")
    body = known_fields(body_item, BODY_KEYS)
    witnesses = known_fields(witness_item, WITNESS_KEYS)
    if not {0, 1, 2} <= body.keys():
        raise Malformed("a field that must be there")
    for key in {2, 3, 8, 17, 21, 22} & body.keys():
        integer(body[key], least=1 if key == 22 else 0)
    for key in {7, 11} & body.keys():
        blob(body[key], 32)
    if 15 in body:
        integer(body[15], most=255)
    has_auxiliary = auxiliary.major != SIMPLE or auxiliary.value != NULL
    longest = _check_auxiliary(auxiliary) if has_auxiliary else 0
    return PlainTransaction(
        id=blake2b(body_item.raw, digest_size=32).digest(),
        size=1 + sum(len(part.raw) for part in (body_item, witness_item, auxiliary)),
        is_valid=valid.value == TRUE,
        inputs=[_ref(item) for item in members(body[0], may_be_empty=True)],
        outputs=[output(item) for item in elements(body[1])],
        body=body,
        certificates=[_certificate(item) for item in _set(body, 4)],
        withdrawals=_withdrawals(body),
        mint=_mint(body),
        collateral=[_ref(item) for item in _set(body, 13)],
        references=[_ref(item) for item in _set(body, 18)],
        required=[blob(item, 28) for item in _set(body, 14)],
        collateral_return=output(body[16]) if 16 in body else None,
        vkeys=[_vkey(item) for item in _set(witnesses, 0, may_repeat=True)],
        scripts=_scripts(witnesses),
        bootstraps=[_bootstrap(item) for item in _set(witnesses, 2, may_repeat=True)],
        datums=witnesses.get(4),
        auxiliary=auxiliary.raw if has_auxiliary else None,
        longest_metadata_string=longest,
    )


def _set(fields: dict[int, Item], key: int, *, may_repeat: bool = False) -> list[Item]:
    return members(fields[key], may_repeat=may_repeat) if key in fields else []


def _ref(item: Item) -> Ref:
    transaction_id, index = elements(item, 2)
    return blob(transaction_id, 32), integer(index, most=2**16 - 1)


def check_reward_address(address: bytes) -> None:
    if len(address) != 29 or address[0] not in (0xE0, 0xE1, 0xF0, 0xF1):
        raise Malformed("not a reward address")


def _withdrawals(body: dict[int, Item]) -> dict[bytes, int]:
    if 5 not in body:
        return {}
    found = {blob(address): integer(amount) for address, amount in pairs(body[5])}
    for address in found:
        check_reward_address(address)
    if not found:
        raise Malformed("no withdrawal")
    return found


def _mint(body: dict[int, Item]) -> dict[Asset, int]:
    if 9 not in body:
        return {}
    found = multiasset(body[9], -(2**63), 2**63 - 1)
    if not found:
        raise Malformed("nothing minted")
    return found


def _vkey(item: Item) -> tuple[bytes, bytes]:
    key, signature = elements(item, 2)
    return blob(key, 32), blob(signature, 64)


def _bootstrap(item: Item) -> tuple[bytes, bytes, bytes, bytes]:
    key, signature, chain_code, attributes = elements(item, 4)
    return blob(key, 32), blob(signature, 64), blob(chain_code), blob(attributes)


def _scripts(witnesses: dict[int, Item]) -> dict[bytes, Item]:
    found = {}
    for script in _set(witnesses, 1, may_repeat=True):
        check_native(script)
        found[script_hash(0, script.raw)] = script
    return found


_LENGTHS = {0: 2, 1: 2, 2: 3, 3: 10, 4: 3, 7: 3, 8: 3, 9: 3, 10: 4, 11: 4, 12: 4, 13: 5}
_LENGTHS |= {16: 4, 17: 3, 18: 3}


def _certificate(item: Item) -> Any:
    """The certificate's plain values, in the CDDL's order."""
    kind = integer(elements(item)[0])
    if kind not in _LENGTHS:
        raise Malformed("no such certificate")
    elements(item, _LENGTHS[kind])
    if kind == 3:
        check_reward_address(blob(item.value[6]))
    return plain(item)


def _check_auxiliary(item: Item) -> int:
    """The bytes of the longest string in metadata."""
    if item.major == MAP:
        return _check_metadata(item)
    if item.major == ARRAY:
        metadata, scripts = elements(item, 2)
        for script in elements(scripts):
            check_native(script)
        return _check_metadata(metadata)
    fields = known_fields(tagged(item, 259), {0, 1})
    for script in elements(fields[1]) if 1 in fields else []:
        check_native(script)
    return _check_metadata(fields[0]) if 0 in fields else 0


def _check_metadata(item: Item) -> int:
    for label, _ in pairs(item):
        integer(label)
    return max((_check_metadatum(content) for _, content in pairs(item)), default=0)


def _check_metadatum(item: Item) -> int:
    if item.major == ARRAY:
        return max(map(_check_metadatum, item.value), default=0)
    if item.major == MAP:
        return max((_check_metadatum(each) for pair in item.value for each in pair), default=0)
    if item.major in (BYTES, TEXT):
        return len(item.value.encode() if item.major == TEXT else item.value)
    if item.major not in (UNSIGNED, NEGATIVE):
        raise Malformed("metadata")
    return 0
