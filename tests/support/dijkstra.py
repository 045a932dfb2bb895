"""Transactions of Dijkstra, put together from the CDDL, and a writer of random ones."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

from facilitator.cardano.cbor import Reader
from facilitator.cardano.codec.body import read_body
from facilitator.cardano.codec.witnesses import read_witnesses
from support.cbor_forms import AsSet, Pairs, PlainForm, Raw, Tagged, encode
from support.transactions import (
    ABSENT,
    ADDRESS,
    DATUM,
    FULL_AUXILIARY,
    FULL_BODY,
    FULL_WITNESSES,
    HALF,
    HASH_32,
    KEY,
    KEY_HASH,
    MINIMAL_BODY,
    NATIVE_SCRIPT,
    REWARD_ADDRESS,
    SCRIPT,
    SCRIPT_HASH,
)

GOLDEN = Path(
    os.environ.get(
        "FACILITATOR_DIJKSTRA_GOLDEN", Path(__file__).parents[3] / "shared" / "dijkstra-golden"
    )
)
"""The folder with the ledger's golden transactions, which are not part of the project."""

FLAG_FIRST, NO_FLAG, FLAG_LAST = range(3)
"""The envelopes: Conway's, Dijkstra's, and Dijkstra's in a block."""

SCRIPT_ADDRESS = b"\xf0" + SCRIPT_HASH
GUARD_SCRIPT = [1, [[6, KEY], [6, SCRIPT], NATIVE_SCRIPT]]

_POOL = [*[3, KEY_HASH, HASH_32], [bytes(96), bytes(48)], 1, 2, HALF, REWARD_ADDRESS, AsSet([])]

SUB_BODY: dict[int, Any] = {
    0: AsSet([[HASH_32, 9]]),
    1: [[ADDRESS, 10]],
    14: AsSet([KEY]),
    24: Pairs([(KEY, None), (SCRIPT, Raw(encode(DATUM)))]),
    25: {REWARD_ADDRESS: 5},
    26: Pairs([(REWARD_ADDRESS, 7)]),
}

TOP_BODY: dict[int, Any] = {
    **FULL_BODY,
    1: [
        {0: ADDRESS, 1: 10, 3: Tagged(24, encode([4, b"v4"]))},
        {0: ADDRESS, 1: 10, 3: Tagged(24, encode([0, GUARD_SCRIPT]))},
    ],
    4: AsSet([*FULL_BODY[4].elements[2:], [*_POOL, [], None]]),
    14: AsSet([KEY, SCRIPT]),
    23: AsSet([[SUB_BODY, {}, None]]),
    24: Pairs([(SCRIPT, None)]),
    25: {REWARD_ADDRESS: 5, SCRIPT_ADDRESS: 0},
    26: Pairs([(REWARD_ADDRESS, [1, 2]), (SCRIPT_ADDRESS, [None, 2])]),
    27: Pairs([(REWARD_ADDRESS, [1, None]), (SCRIPT_ADDRESS, 0)]),
}

TOP_WITNESSES: dict[int, Any] = {
    **FULL_WITNESSES,
    1: AsSet([Raw(encode(GUARD_SCRIPT))]),
    5: Pairs([([6, 1], [Raw(encode(DATUM)), [2, 3]])]),
}

TOP_AUXILIARY = Tagged(
    259,
    {
        0: Raw(encode(FULL_AUXILIARY.value[0])),
        1: [GUARD_SCRIPT],
        5: [b"v4"],
    },
)


def transaction(
    body: Mapping[int, Any] | None = None,
    witnesses: Any = None,
    auxiliary: Any = None,
    *,
    envelope: int = NO_FLAG,
    flag: bool = True,
    form: PlainForm | None = None,
) -> bytes:
    """A transaction in one of the envelopes; without ``body`` a minimal one."""
    fields = {**MINIMAL_BODY, **(body or {})}
    present = {key: value for key, value in fields.items() if value is not ABSENT}
    parts = [present, witnesses or {}, auxiliary]
    if envelope == FLAG_FIRST:
        parts.insert(2, flag)
    elif envelope == FLAG_LAST:
        parts.append(flag)
    return encode(parts, form)


def sub_transaction(body: Mapping[int, Any] | None = None, form: PlainForm | None = None) -> bytes:
    """A sub-transaction by itself."""
    return encode([body or SUB_BODY, {}, None], form)


def without_flag(transaction: bytes) -> bytes:
    """The same body, witnesses and auxiliary data in Dijkstra's own envelope."""
    reader = Reader(transaction)
    reader.array_length("the transaction")
    start = reader.pos
    read_body(reader)
    read_witnesses(reader)
    flag = reader.pos
    opening = b"\x9f" if transaction[0] == 0x9F else b"\x83"
    return opening + transaction[start:flag] + transaction[flag + 1 :]


def random_body(random: Random) -> dict[int, Any]:
    """A body with what is required and a random part of the rest."""
    optional = [key for key in TOP_BODY if key not in MINIMAL_BODY]
    chosen = random.sample(optional, random.randint(0, len(optional)))
    return {**MINIMAL_BODY, **{key: TOP_BODY[key] for key in chosen}}


def golden_transactions() -> Iterator[tuple[str, bytes]]:
    """The ledger's golden transactions by file name, as CBOR or hexadecimal."""
    for path in sorted(GOLDEN.glob("*tx.cbor")):
        yield path.name, path.read_bytes()
    for path in sorted(GOLDEN.glob("*tx.hex")):
        yield path.name, bytes.fromhex(path.read_text())
