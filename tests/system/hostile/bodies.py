"""Bodies of ``/verify``, ``/settle``, ``/status`` and ``/inspect`` that are wrong somewhere.

Most are a valid body of which a part was replaced, removed or doubled, so that what is wrong lies
deep; the others are no JSON at all.
"""

import base64
import json
from collections.abc import Iterator, Mapping, MutableMapping
from copy import deepcopy
from random import Random
from typing import Any

SIZES = (1, 100, 4_000, 17_000, 40_000, 70_000)
"""Around the limits of a transaction and of a body."""

_RAW = "raw token "
"""Begins the strings that stand for JSON which no Python value is written as."""
_AGAIN = " again"
"""Ends the names of members that are written without it: a second member of that name."""

RAW = {
    _RAW + each: each
    for each in (
        "NaN", "Infinity", "-Infinity", "1e400", "-0", "1" * 400, "1.0", "0x10", "01", "+1", "'2'",
        "undefined", "True", r'"\ud800"', r'"\udc00\ud800"', r'"\u0000"', '"\x01"', r'"\x41"',
        '"2', "tru", "", '{"a":1,"a":2}', "[" * 300 + "]" * 300, '{"a":' * 900 + "1" + "}" * 900,
    )
}  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 2, 1.5, 2**31, 2**53, 2**63, 2**64 - 1, -(2**63), "", " ", "2",
    "0", "null", "é", "\u202e", "\x00", "../../etc/passwd", "${jndi:ldap://x}", "' OR 1=1 --",
    "%s%n", "{0}", [], {}, [[]], {"": ""}, [None], {"__proto__": {"a": 1}}, *RAW,
)  # fmt: skip
AMOUNTS = (
    "0", "-1", "+10000", " 10000 ", "010000", "1e6", "1.0", "0x10", "9" * 20, "9" * 21, "9" * 5000,
    "\u0661\u0662\u0663", "1_000", "", "18446744073709551616", "2000000\n",
)  # fmt: skip
NETWORKS = (
    "cardano:mainnet", "cardano:preview", "cip34:1-764824073", "cip34:0-9", "eip155:8453",
    "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", "cardano:preprod ", "CARDANO:PREPROD", ":", "",
    "cardano:", "x" * 3000, "cardano:preprod\x00",
)  # fmt: skip
ASSETS = (
    "ada", "Lovelace", "lovelace.", "." * 200, "ab" * 28, "ab" * 28 + ".", "AB" * 28 + ".00",
    "ab" * 28 + "." + "00" * 33, "ab" * 28 + ".0", "zz" * 28 + ".00", "",
)  # fmt: skip
ADDRESSES = (
    "addr1", "addr_test1", "addr_test1" + "q" * 90, "addr_test1" + "b" * 2000, "stake_test1uq",
    "0x" + "ab" * 20, "Ae2tdPwUPEZ", "1" * 3000,
    "addr_test1vqpum5zt6p64d67y9mujujndsqkf4knvupmnx76",
)  # fmt: skip
NONCES = (
    "", "#", "#0", "ab" * 32, "ab" * 32 + "#", "ab" * 32 + "#-1", "ab" * 32 + "#00",
    "ab" * 32 + "#99999999", "AB" * 32 + "#0", "zz" * 32 + "#0", "ab" * 32 + "#0 ", "#" * 5000,
    "ab" * 32 + "#0", "ab" * 32 + "#\u0661",
)  # fmt: skip
HEADS = bytes((0x00, 0x1B, 0x20, 0x5F, 0x80, 0x9A, 0x9F, 0xA0, 0xBF, 0xC2, 0xD8, 0xF7, 0xFB, 0xFF))
"""First bytes of CBOR items that announce more than there is, or never end."""

Node = tuple[MutableMapping[str, Any], str]


class Bodies:
    """Makes one wrong body after another."""

    def __init__(self, chance: Random, valid: Mapping[str, Any]) -> None:
        """Start from this valid body of ``/verify``."""
        self._chance = chance
        self._valid = json.dumps(valid)
        self._transaction = base64.b64decode(valid["paymentPayload"]["payload"]["transaction"])

    def payment(self) -> bytes:
        """For ``/verify``, ``/settle`` and ``/inspect``."""
        if self._chance.random() < 0.15:
            return self._no_json(self._valid.encode())
        document = json.loads(self._valid)
        for _ in range(self._chance.choice((1, 1, 1, 2, 3))):
            self._change(document)
        return self._written(document)

    def status(self) -> bytes:
        """For ``/status``."""
        document = {"transaction": "ab" * 32}
        if self._chance.random() < 0.3:
            return self._no_json(json.dumps(document).encode())
        self._replace(document, "transaction")
        return self._written(document)

    def _change(self, document: dict[str, Any]) -> None:
        parent, name = self._chance.choice(list(_nodes(document)) or [(document, "x402Version")])
        match self._chance.randrange(10):
            case 0:
                del parent[name]
            case 1:
                parent[self._chance.choice((name.upper(), name + " ", "", name * 50))] = parent[
                    name
                ]
            case 2:
                other, key = self._chance.choice(list(_nodes(document)))
                parent[name] = deepcopy(other[key])
            case 3:
                parent[name + _AGAIN] = parent[name]
                if self._chance.random() < 0.5:  # the last one counts
                    self._replace(parent, name)
            case 4 | 5:
                self._replace_known(document)
            case _:
                self._replace(parent, name)

    def _replace(self, parent: MutableMapping[str, Any], name: str) -> None:
        choice = self._chance.random()
        if choice < 0.1:
            parent[name] = self._chance.choice("a\n0 é") * self._chance.choice(SIZES)
        elif choice < 0.15:
            parent[name] = [0] * (self._chance.choice(SIZES) // 3)
        else:
            parent[name] = deepcopy(self._chance.choice(VALUES))

    def _replace_known(self, document: dict[str, Any]) -> None:
        """Give a field another value of its own kind, to both sides so that they agree."""
        name, values = self._chance.choice(
            (("amount", AMOUNTS), ("network", NETWORKS), ("asset", ASSETS), ("payTo", ADDRESSES),
             ("nonce", NONCES), ("transaction", ()), ("transaction", ()), ("transaction", ()))
        )  # fmt: skip
        value = self._chance.choice(values) if values else self._base64()
        for parent, key in list(_nodes(document)):
            if key == name:
                parent[key] = value

    def _base64(self) -> str:
        """A transaction that is wrong, or written wrongly."""
        text = base64.b64encode(self._cbor()).decode()
        match self._chance.randrange(8):
            case 0:
                return text.rstrip("=") + "==="
            case 1:
                return text.replace("A", "-").replace("B", "_")
            case 2:
                return "\n".join(text[at : at + 76] for at in range(0, len(text), 76))
            case 3:
                return text[: self._chance.randrange(len(text) + 1)]
            case _:
                return text

    def _cbor(self) -> bytes:
        raw = bytearray(self._transaction)
        for _ in range(self._chance.choice((1, 1, 2, 5))):
            place = self._chance.randrange(len(raw) + 1)
            match self._chance.randrange(6):
                case 0:
                    raw[place : place + 1] = self._chance.randbytes(1)
                case 1:
                    raw[place : place + 1] = bytes([self._chance.choice(HEADS)])
                case 2:
                    del raw[place : place + self._chance.randrange(1, 40)]
                case 3:
                    raw[place:place] = self._chance.randbytes(self._chance.randrange(1, 20))
                case 4:
                    head = bytes([self._chance.choice(HEADS)])
                    raw[place:place] = head * self._chance.choice((1, 9, 300, 9_000))
                case _:
                    del raw[place:]
        return bytes(raw)

    def _no_json(self, valid: bytes) -> bytes:
        chance = self._chance
        place = chance.randrange(len(valid))
        match chance.randrange(9):
            case 0:
                return valid[:place]
            case 1:
                return valid[:place] + chance.randbytes(chance.randrange(1, 6)) + valid[place:]
            case 2:
                return valid.decode().encode(chance.choice(("utf-16", "utf-32", "utf-8-sig")))
            case 3:
                depth = chance.choice((10, 1_000, 60_000))
                return chance.choice((b"[", b'{"a":', b'[{},"')) * (depth // 3)
            case 4:
                return chance.choice(
                    (b"", b"null", b"1", b'"text"', b"[]", b"NaN", b"{}{}", b"\x00")
                )
            case 5:
                return b"[" + valid + b"]"
            case 6:
                return valid + chance.choice((b",", b"}", b"\x00", b" " * 70_000, valid))
            case 7:
                return b" " * chance.choice(SIZES) + valid
            case _:
                flipped = valid[place] ^ 1 << chance.randrange(8)
                return valid[:place] + bytes([flipped]) + valid[place + 1 :]

    @staticmethod
    def _written(document: object) -> bytes:
        text = json.dumps(document)
        for stand_in, token in RAW.items():
            text = text.replace(json.dumps(stand_in), token)
        return text.replace(_AGAIN + '":', '":').encode()


def _nodes(document: object) -> Iterator[Node]:
    """Every member of every object in the document."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield document, name
            yield from _nodes(value)
    elif isinstance(document, list):
        for value in document:
            yield from _nodes(value)
