"""Transactions put together from their parts, whatever the ledger would think of them."""

import zlib
from collections.abc import Mapping
from typing import Any

from support.cbor_forms import AsSet, Definite, Pairs, PlainForm, Raw, Tagged, encode

KEY_HASH = bytes(range(28))
SCRIPT_HASH = bytes(range(100, 128))
HASH_32 = bytes(range(32))
ADDRESS = b"\x60" + KEY_HASH
BYRON_ROOT = bytes(range(28, 56))
REWARD_ADDRESS = b"\xe0" + KEY_HASH
VKEY, SIGNATURE = bytes(32), bytes(64)
ANCHOR = ["https://example.org", HASH_32]
KEY, SCRIPT = [0, KEY_HASH], [1, SCRIPT_HASH]
NATIVE_SCRIPT = [3, 1, [[0, KEY_HASH], [1, []], [2, [[4, 5], [5, 2**64 - 1]]]]]
HALF = Tagged(30, [1, 2])
DATUM = Tagged(121, [1, -1, b"\0", {2: [b""]}, Tagged(102, [7, []]), Tagged(1280, [])])

ABSENT = ...
"""In place of a value: the key is left out."""

CERTIFICATES: list[list[Any]] = [
    [0, KEY],
    [1, SCRIPT],
    [2, KEY, KEY_HASH],
    [
        *[3, KEY_HASH, HASH_32, 1, 2, HALF, REWARD_ADDRESS, AsSet([KEY_HASH, SCRIPT_HASH])],
        [[0, 3001, bytes(4), None], [0, None, None, bytes(16)], [1, 1, "a.b"], [2, "c.d"]],
        ["https://example.org", HASH_32],
    ],
    [*[3, KEY_HASH, HASH_32, 1, 2, HALF, REWARD_ADDRESS, AsSet([])], [], None],
    [4, KEY_HASH, 99],
    [7, KEY, 10],
    [8, KEY, 11],
    [9, KEY, [0, KEY_HASH]],
    [9, KEY, [1, SCRIPT_HASH]],
    [9, KEY, [2]],
    [9, KEY, [3]],
    [10, KEY, KEY_HASH, [2]],
    [11, KEY, KEY_HASH, 12],
    [12, KEY, [3], 13],
    [13, KEY, KEY_HASH, [0, KEY_HASH], 14],
    [14, KEY, SCRIPT],
    [15, KEY, None],
    [15, KEY, ANCHOR],
    [16, KEY, 15, ANCHOR],
    [17, KEY, 16],
    [18, KEY, None],
]

ACTION_ID = [HASH_32, 7]
PARAMETERS: dict[int, Any] = {
    **dict.fromkeys((0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 17, 22, 23, 24, 27, 28, 29, 30, 31, 32), 9),
    **dict.fromkeys((9, 10, 11, 33), HALF),
    18: {0: [1, -2], 200: []},
    19: [HALF, HALF],
    20: [1, 2],
    21: [3, 4],
    25: [HALF] * 5,
    26: [HALF] * 10,
}
ACTIONS: list[list[Any]] = [
    [0, ACTION_ID, PARAMETERS, KEY_HASH],
    [0, None, {}, None],
    [1, None, [10, 0]],
    [2, {REWARD_ADDRESS: 5}, None],
    [3, ACTION_ID],
    [4, None, AsSet([KEY, SCRIPT]), Pairs([(KEY, 5), (SCRIPT, 6)]), HALF],
    [5, None, [ANCHOR, SCRIPT_HASH]],
    [6],
]
VOTES = Pairs(
    [
        ([0, KEY_HASH], Pairs([(ACTION_ID, [0, None]), ([HASH_32, 8], [1, ANCHOR])])),
        ([4, KEY_HASH], Pairs([(ACTION_ID, [2, None])])),
    ]
)

MINIMAL_BODY: dict[int, Any] = {0: AsSet([[HASH_32, 0]]), 1: [[ADDRESS, 10]], 2: 5}

FULL_BODY: dict[int, Any] = {
    0: AsSet([[HASH_32, 0], [HASH_32, 65535]]),
    1: [
        {
            0: ADDRESS,
            1: [2, {KEY_HASH: {b"": 1, b"name": 2**64 - 1}, SCRIPT_HASH: {bytes(32): 3}}],
            2: [1, Tagged(24, encode(DATUM))],
            3: Tagged(24, encode([0, NATIVE_SCRIPT])),
        },
        {0: b"\x00" + 2 * KEY_HASH, 1: 10, 2: [0, HASH_32], 3: Tagged(24, encode([3, b"code"]))},
        [b"\x51" + KEY_HASH + b"\x81\x00\x02\x03", [10, {}]],
        [ADDRESS, 11, HASH_32],
    ],
    2: 2**64 - 1,
    3: 1000,
    4: AsSet(CERTIFICATES),
    5: {REWARD_ADDRESS: 0, b"\xf1" + SCRIPT_HASH: 7},
    7: HASH_32,
    8: 900,
    9: {KEY_HASH: {b"a": -(2**63), b"b": 2**63 - 1}},
    11: HASH_32,
    13: AsSet([[HASH_32, 1]]),
    14: AsSet([KEY_HASH]),
    15: 0,
    16: [ADDRESS, 12],
    17: 13,
    18: AsSet([[HASH_32, 2]]),
    19: VOTES,
    20: AsSet([[100 + number, REWARD_ADDRESS, ACTIONS[number], ANCHOR] for number in range(8)]),
    21: 14,
    22: 15,
}

FULL_WITNESSES: dict[int, Any] = {
    0: AsSet([[VKEY, SIGNATURE]]),
    1: AsSet([Raw(encode(NATIVE_SCRIPT))]),
    2: AsSet([[VKEY, SIGNATURE, bytes(32), b"\xa0"]]),
    3: AsSet([b"one"]),
    4: AsSet([Raw(encode(DATUM))]),
    5: Pairs([([0, 2**32 - 1], Definite([Raw(encode(DATUM)), [2, 2**63 - 1]]))]),
    6: AsSet([b"two"]),
    7: AsSet([b"three"]),
}

FULL_AUXILIARY = Tagged(
    259,
    {
        0: {0: {1: [b"b", "text", -1]}, 2**64 - 1: ""},
        1: [NATIVE_SCRIPT],
        2: [b"one"],
        3: [b"two"],
        4: [b"three"],
    },
)


def byron_address(
    attributes: Any, kind: Any = 0, root: bytes = BYRON_ROOT, *, crc: int = 0
) -> bytes:
    """A Byron address, its checksum off by ``crc``."""
    payload = encode([root, attributes, kind])
    return encode([Tagged(24, payload), zlib.crc32(payload) + crc])


def transaction(
    body: Mapping[int, Any] | None = None,
    witnesses: Any = None,
    is_valid: Any = True,
    auxiliary: Any = None,
    form: PlainForm | None = None,
) -> bytes:
    """A minimal transaction with these values in its body instead of, or besides, its own."""
    fields = {**MINIMAL_BODY, **(body or {})}
    present = {key: value for key, value in fields.items() if value is not ABSENT}
    return encode([present, witnesses or {}, is_valid, auxiliary], form)
