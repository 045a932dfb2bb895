"""The encoding of the transactions that are built: Conway's CDDL, with maps and tagged sets."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import cbor2

from facilitator.cardano.rules.outputs import OUTPUT_OVERHEAD
from facilitator.cardano.transaction import OutputRef, Value
from facilitator.plugin import Signature

_SET, _CBOR_DATA = 258, 24
_INLINE = 1
_POLICY_BYTES = 28
_SPENDING = 0
_VKEYS = 0
REDEEMERS, PLUTUS_V3_SCRIPTS = 5, 7
"""Their keys in a witness set (CDDL ``transaction_witness_set``)."""


class NewOutput(NamedTuple):
    """An output that a transaction creates."""

    address: bytes
    value: Value
    datum: bytes | None = None
    """The CBOR of its inline datum."""

    def minimum(self, coins_per_byte: int) -> int:
        """Return the least lovelace that it may hold (Babbage UTXO, ``getMinCoinTxOut``)."""
        return coins_per_byte * (OUTPUT_OVERHEAD + len(cbor2.dumps(self.primitive())))

    def primitive(self) -> dict[int, Any]:
        """Return the output for cbor2."""
        found: dict[int, Any] = {0: self.address, 1: _value(self.value)}
        if self.datum is not None:
            found[2] = [_INLINE, cbor2.CBORTag(_CBOR_DATA, self.datum)]
        return found


class Units(NamedTuple):
    """The budget of a script."""

    memory: int
    steps: int


class Unsigned(NamedTuple):
    """A transaction that lacks its signatures."""

    body: bytes
    """The CBOR of its body."""
    witnesses: Mapping[int, bytes]
    """The CBOR of its other witnesses, by their key in the witness set."""
    signers: frozenset[bytes]
    """Hashes (28 bytes) of the keys whose signatures its fee pays for."""

    @property
    def id(self) -> bytes:
        """The transaction's id: Blake2b-256 of the body."""
        return blake2b(self.body, digest_size=32).digest()

    def with_signatures(self, signatures: Iterable[Signature]) -> bytes:
        """Return the CBOR of the transaction with these signatures of :attr:`id`."""
        found = [[each.public_key, each.signature] for each in signatures]
        fields = dict(self.witnesses)
        if found:
            fields[_VKEYS] = cbor2.dumps(as_set(found))
        return b"\x84" + self.body + _encode_map(sorted(fields.items())) + b"\xf5\xf6"


def as_set(items: Iterable[Any]) -> cbor2.CBORTag:
    """Return the items as a set for cbor2."""
    return cbor2.CBORTag(_SET, list(items))


def refs_as_set(refs: Iterable[OutputRef]) -> cbor2.CBORTag:
    """Return references to outputs as a set for cbor2, in the ledger's order."""
    return as_set(map(list, sorted(refs)))


def encode_redeemers(
    inputs: Iterable[OutputRef], redeemers: Mapping[OutputRef, bytes], units: Sequence[Units]
) -> bytes:
    """Return the CBOR of the redeemers of inputs, whose units are in the ledger's order."""
    spent = [
        (index, redeemers[ref]) for index, ref in enumerate(sorted(inputs)) if ref in redeemers
    ]
    return _encode_head(len(spent)) + b"".join(
        cbor2.dumps([_SPENDING, index]) + b"\x82" + data + cbor2.dumps(list(allowed))
        for (index, data), allowed in zip(spent, units, strict=True)
    )


def _value(value: Value) -> Any:
    if not value.assets:
        return value.lovelace
    policies: dict[bytes, dict[bytes, int]] = {}
    for asset, quantity in sorted(value.assets.items()):
        policies.setdefault(asset[:_POLICY_BYTES], {})[asset[_POLICY_BYTES:]] = quantity
    return [value.lovelace, policies]


def _encode_map(fields: Sequence[tuple[int, bytes]]) -> bytes:
    return _encode_head(len(fields)) + b"".join(cbor2.dumps(key) + raw for key, raw in fields)


def _encode_head(entries: int) -> bytes:
    """Return the head of a map, which differs from that of a number by the major type."""
    length = cbor2.dumps(entries)
    return bytes([length[0] | 0xA0]) + length[1:]
