"""Transactions on a devnet that lock outputs at Plutus scripts and spend them.

They are encoded here, apart from the code that judges them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import cbor2

from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import Unspent
from facilitator_devnet.cost_models import PLUTUS_V1, PLUTUS_V2, PLUTUS_V3
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import wallets
from facilitator_devnet.wallet import SET_TAG
from support.plutus_programs import program
from support.plutus_runs import ERROR, UNIT, call

V1, V2, V3 = 1, 2, 3
SPEND, MINT, CERTIFY, REWARD = 0, 1, 2, 3
EQUALS_DATA, TRACE, IF_THEN_ELSE = 47, 28, 26
FEE, LOCKED = 1_000_000, 5_000_000
BUDGET = (1_000_000, 1_000_000_000)
ALICE = wallets("cardano:preprod")["alice"]

_LOOP = ("lam", ("apply", ("var", 1), ("var", 1)))


def _old(term: Any) -> bytes:
    """A program of Plutus V1 or V2, which takes datum, redeemer and context."""
    code = program(("lam", ("lam", ("lam", term))))
    return code.replace(b"\x01\x01\x00", b"\x01\x00\x00", 1)


SAME_AS_DATUM = _old(
    ("force", call(
        IF_THEN_ELSE, call(EQUALS_DATA, ("var", 3), ("var", 2)), ("delay", UNIT), ("delay", ERROR),
        forces=1,
    ))
)  # fmt: skip
"""Of V1 and V2: succeeds if the redeemer is the datum."""
SUCCEEDS = program(("lam", UNIT))
"""Of V3."""
FAILS = program(("lam", call(TRACE, ("con", (2,), b"no entry"), ("lam", ERROR), forces=1)))
"""Of V3: returns a function after a trace, not a unit."""
ENDS = program(("lam", ERROR))
ENDLESS = program(("lam", ("apply", _LOOP, _LOOP)))
"""Of V3: uses up any budget."""


@dataclass(frozen=True)
class Script:
    """A Plutus script and its places."""

    language: int
    code: bytes

    @property
    def hash(self) -> bytes:
        return blake2b(bytes([self.language]) + self.code, digest_size=28).digest()

    @property
    def address(self) -> bytes:
        return b"\x70" + self.hash

    @property
    def reward_address(self) -> bytes:
        return b"\xf0" + self.hash


def output(
    address: bytes,
    lovelace: int,
    *,
    datum: Any = None,
    datum_hash: bytes | None = None,
    script: Script | None = None,
    assets: Any = None,
) -> dict[int, Any]:
    """An output; ``datum`` is an inline one."""
    made: dict[int, Any] = {0: address, 1: [lovelace, assets] if assets else lovelace}
    if datum is not None:
        made[2] = [1, cbor2.CBORTag(24, cbor2.dumps(datum))]
    if datum_hash is not None:
        made[2] = [0, datum_hash]
    if script is not None:
        made[3] = cbor2.CBORTag(24, cbor2.dumps([script.language, script.code]))
    return made


@dataclass
class Spend:
    """A transaction signed by ``alice``; without collateral unless redeemers are there."""

    inputs: Sequence[OutputRef]
    outputs: Sequence[dict[int, Any]]
    fee: int = FEE
    scripts: Sequence[Script] = ()
    """Those in the witness set."""
    redeemers: Mapping[tuple[int, int], Any] = field(default_factory=dict)
    """The data by purpose and index."""
    budget: tuple[int, int] = BUDGET
    datums: Sequence[Any] = ()
    languages: Sequence[int] = ()
    """The languages of scripts that are run; those of ``scripts`` if empty."""
    collateral: Sequence[OutputRef] = ()
    is_valid: bool = True
    more: Mapping[int, Any] = field(default_factory=dict)
    """Further fields of the body."""
    signed: bool = True

    @property
    def raw(self) -> bytes:
        redeemers = cbor2.dumps(
            {pointer: [data, self.budget] for pointer, data in self.redeemers.items()}
        )
        datums = cbor2.dumps(cbor2.CBORTag(SET_TAG, list(self.datums))) if self.datums else b""
        body: dict[int, Any] = {0: [[*ref] for ref in self.inputs], 1: self.outputs, 2: self.fee}
        body |= self.more
        if self.redeemers or datums:
            languages = self.languages or [each.language for each in self.scripts]
            views = language_views(set(languages)) if self.redeemers else b"\xa0"
            hashed = (redeemers if self.redeemers else b"\xa0") + datums + views
            body.setdefault(11, blake2b(hashed, digest_size=32).digest())
        if self.collateral:
            body[13] = [[*ref] for ref in self.collateral]
        encoded = cbor2.dumps(body)
        signature = ALICE.sign(blake2b(encoded, digest_size=32).digest())
        parts = []
        if self.signed:
            parts.append(b"\x00" + cbor2.dumps([[*signature]]))
        if datums:
            parts.append(b"\x04" + datums)
        if self.redeemers:
            parts.append(b"\x05" + redeemers)
        for language, key in ((V1, 3), (V2, 6), (V3, 7)):
            codes = [each.code for each in self.scripts if each.language == language]
            if codes:
                parts.append(bytes([key]) + cbor2.dumps(codes))
        witnesses = bytes([0xA0 + len(parts)]) + b"".join(parts)
        return b"\x84" + encoded + witnesses + (b"\xf5" if self.is_valid else b"\xf4") + b"\xf6"


def language_views(languages: set[int]) -> bytes:
    """What the script integrity hash covers of the cost models, in the ledger's odd form."""
    views = []
    for language, costs in ((V2, PLUTUS_V2), (V3, PLUTUS_V3)):
        if language in languages:
            views.append(bytes([language - 1]) + cbor2.dumps(list(costs)))
    if V1 in languages:
        listed = b"\x9f" + b"".join(map(cbor2.dumps, PLUTUS_V1)) + b"\xff"
        views.append(b"\x41\x00" + cbor2.dumps(listed))
    return bytes([0xA0 + len(views)]) + b"".join(views)


def held(devnet: Devnet) -> list[OutputRef]:
    """The outputs of ``alice`` that hold nothing but ada, the oldest first."""
    found = devnet.outputs_at(ALICE.address)
    return [ref for ref, output in found.items() if not output.value.assets]


def lovelace_at(devnet: Devnet, ref: OutputRef) -> int:
    found = devnet.outputs([ref])[ref]
    assert isinstance(found, Unspent)
    return found.output.value.lovelace


def submit(devnet: Devnet, spend: Spend) -> bytes:
    """Submit it and make a block; return its id."""
    name = devnet.submit(spend.raw)
    assert name in devnet.produce_block().transactions
    return bytes.fromhex(name)


def lock(devnet: Devnet, *made: dict[int, Any]) -> list[OutputRef]:
    """Have ``alice`` make the outputs, in a block; return their references."""
    ref = held(devnet)[0]
    change = lovelace_at(devnet, ref) - FEE - sum(_lovelace(each) for each in made)
    name = submit(devnet, Spend([ref], [*made, output(ALICE.address, change)]))
    return [OutputRef(name, number) for number in range(len(made))]


def _lovelace(made: dict[int, Any]) -> int:
    value = made[1]
    return int(value[0] if isinstance(value, list) else value)


def unlock(devnet: Devnet, ref: OutputRef, script: Script, **changes: Any) -> Spend:
    """What takes the locked output to ``alice``; ``changes`` are of its fields."""
    left = lovelace_at(devnet, ref) - FEE
    spend: dict[str, Any] = {
        "inputs": [ref],
        "outputs": [output(ALICE.address, left)],
        "scripts": [script],
        "redeemers": {(SPEND, 0): 42},
        "collateral": held(devnet)[-1:],
    }
    return Spend(**(spend | changes))


OLD = {V1: Script(V1, SAME_AS_DATUM), V2: Script(V2, SAME_AS_DATUM)}
GOOD = Script(V3, SUCCEEDS)
BAD = Script(V3, ENDS)
