"""Putting a transaction together from a draft: balance, least fee, script witnesses, signatures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from hashlib import blake2b
from math import floor
from random import Random
from typing import Any

import cbor2

from facilitator.cardano.parameters import ProtocolParameters
from support.cbor_forms import AsSet, RandomForm, Raw, Tagged, encode
from support.slow_ledger.plain_output import Asset
from support.slow_ledger.plain_transaction import Ref
from support.slow_ledger.slow_rules import ledger_value
from support.slow_ledger.slow_view import Who
from support.slow_ledger.world import (
    PARAMETERS,
    SLOT,
    Coin,
    Key,
    OwnedScript,
    World,
    multiasset,
    value_of,
)

ABSENT = ...
"""In a patch: the field is left out."""
Signature = tuple[bytes, bytes]


@dataclass
class Payment:
    """An output to be."""

    address: bytes
    lovelace: int = 0
    assets: dict[Asset, int] = field(default_factory=dict)
    datum: list[Any] | None = None
    script: OwnedScript | None = None
    is_old: bool = False
    """Whether to write it as an array, if that can be."""

    def fields(self) -> Any:
        value = value_of(self.lovelace, self.assets)
        if self.is_old and self.script is None:
            if self.datum is None:
                return [self.address, value]
            if self.datum[0] == 0:
                return [self.address, value, self.datum[1]]
        fields: dict[int, Any] = {0: self.address, 1: value}
        if self.datum is not None:
            fields[2] = self.datum
        if self.script is not None:
            fields[3] = Tagged(24, encode([0, Raw(self.script.cbor)]))
        return fields


@dataclass(frozen=True)
class Case:
    """A transaction and where it is judged."""

    raw: bytes
    utxo: Mapping[Ref, bytes]
    slot: int
    network_id: int
    parameters: ProtocolParameters
    changes: tuple[str, ...]
    """What was done to it, or to its surroundings, after it was good."""


@dataclass
class Draft:
    """A transaction that will be good, unless one of the fields says otherwise."""

    world: World
    random: Random
    network: int = 0
    slot: int = SLOT
    parameters: ProtocolParameters = PARAMETERS
    inputs: list[Coin] = field(default_factory=list)
    references: list[Coin] = field(default_factory=list)
    collateral: list[Coin] = field(default_factory=list)
    outputs: list[Payment] = field(default_factory=list)
    """The last one takes the change."""
    certificates: list[list[Any]] = field(default_factory=list)
    locked: int = 0
    """Lovelace of deposits less refunds."""
    withdrawals: dict[bytes, int] = field(default_factory=dict)
    mint: dict[Asset, int] = field(default_factory=dict)
    required: list[int] = field(default_factory=list)
    start: int | None = None
    end: int | None = None
    donation: int = 0
    fields: dict[int, Any] = field(default_factory=dict)
    """Further fields of the body."""
    auxiliary: Any = None
    datums: list[Any] = field(default_factory=list)
    signers: set[int] = field(default_factory=set)
    byron_signers: set[int] = field(default_factory=set)
    scripts: dict[bytes, OwnedScript] = field(default_factory=dict)
    """The scripts needed, by hash."""
    form_seed: int | None = None
    """Seed of the random form that it is written in; ``None`` for the plain one."""

    changes: list[str] = field(default_factory=list)
    fee_above: int = 0
    """Lovelace that the fee lies above the least one."""
    surplus: int = 0
    """Lovelace that the change holds too much."""
    patch: dict[int, Any] = field(default_factory=dict)
    omitted_signers: set[int] = field(default_factory=set)
    omitted_scripts: set[bytes] = field(default_factory=set)
    extra_scripts: list[OwnedScript] = field(default_factory=list)
    resign: Callable[[bytes, list[Signature]], list[Signature]] | None = None
    """Changes the signatures after the fact."""
    hidden: set[Ref] = field(default_factory=set)
    tail: bytes = b""
    is_valid: bool = True
    size_above_limit: int | None = None
    value_above_limit: int | None = None

    def need(self, script: OwnedScript) -> None:
        """Add a script, and what it takes to make it hold."""
        self.scripts[script.hash] = script
        self.signers |= script.signers
        if script.start is not None:
            self.start = max(script.start, self.start or 0)
        if script.end is not None:
            self.end = min(script.end, self.end or script.end)

    def authorize(self, who: Who) -> None:
        """Add what it takes to act for a credential."""
        is_script, hash_ = who
        if is_script:
            self.need(next(script for script in self.world.scripts if script.hash == hash_))
        else:
            keys = self.world.keys
            self.signers.add(next(n for n, key in enumerate(keys) if key.hash == hash_))

    def spend(self, coin: Coin) -> None:
        """Add an input, and what it takes to spend it."""
        self.inputs.append(coin)
        kind, number = coin.owner
        if kind == "key":
            self.signers.add(number)
        elif kind == "byron":
            self.byron_signers.add(number)
        else:
            self.need(self.world.scripts[number])


def build(draft: Draft) -> Case:
    """The transaction as the draft says."""
    _change_assets(draft)
    auxiliary = b"\xf6" if draft.auxiliary is None else _write(draft.auxiliary, draft)
    keys = [draft.world.keys[number] for number in sorted(draft.signers - draft.omitted_signers)]
    body = _body(draft, 200_000, auxiliary)
    unsigned = _witnesses(draft, b"", [(key.public, bytes(64)) for key in keys])
    size = 1 + len(body) + len(unsigned) + len(auxiliary) + len(draft.tail)
    fee = _least_fee(size, draft) + draft.fee_above
    body = _body(draft, fee, auxiliary)
    id_ = blake2b(body, digest_size=32).digest()
    witnesses = _witnesses(draft, id_, _sign(draft, id_, keys))
    flag = b"\xf5" if draft.is_valid else b"\xf4"
    raw = b"\x84" + body + witnesses + flag + auxiliary + draft.tail
    refs = {coin.ref for coin in (*draft.inputs, *draft.collateral, *draft.references)}
    utxo = {ref: draft.world.utxo[ref] for ref in refs - draft.hidden}
    parameters = _limits(draft, len(raw) - 1)
    return Case(raw, utxo, draft.slot, draft.network, parameters, tuple(draft.changes))


def _change_assets(draft: Draft) -> None:
    """Give the last output whatever assets are left."""
    left = dict(draft.mint)
    for coin in draft.inputs:
        for asset, quantity in coin.assets.items():
            left[asset] = left.get(asset, 0) + quantity
    for payment in draft.outputs[:-1]:
        for asset, quantity in payment.assets.items():
            left[asset] = left.get(asset, 0) - quantity
    draft.outputs[-1].assets = {asset: amount for asset, amount in left.items() if amount > 0}


def _least_fee(size: int, draft: Draft) -> int:
    scripts = {coin.ref: coin.script_size for coin in (*draft.inputs, *draft.references)}
    left, price, total = sum(scripts.values()), Fraction(15), Fraction(0)
    while left > 0:
        total += min(left, 25_600) * price
        price, left = price * Fraction(6, 5), left - 25_600
    return size * draft.parameters.min_fee_a + draft.parameters.min_fee_b + floor(total)


def _body(draft: Draft, fee: int, auxiliary: bytes) -> bytes:
    held = sum(coin.lovelace for coin in draft.inputs) + sum(draft.withdrawals.values())
    paid = sum(payment.lovelace for payment in draft.outputs[:-1])
    change = held - paid - fee - draft.locked - draft.donation + draft.surplus
    draft.outputs[-1].lovelace = max(0, change)
    fields: dict[int, Any] = {
        0: AsSet([list(coin.ref) for coin in draft.inputs]),
        1: [payment.fields() for payment in draft.outputs],
        2: fee,
        3: draft.end,
        4: AsSet(draft.certificates) if draft.certificates else None,
        5: dict(draft.withdrawals) or None,
        7: blake2b(auxiliary, digest_size=32).digest() if draft.auxiliary is not None else None,
        8: draft.start,
        9: multiasset(draft.mint) if draft.mint else None,
        13: _references(draft.collateral),
        14: AsSet([draft.world.keys[number].hash for number in draft.required])
        if draft.required
        else None,
        18: _references(draft.references),
        22: draft.donation or None,
    }
    if draft.datums:
        fields[11] = blake2b(b"\xa0" + _datums(draft) + b"\xa0", digest_size=32).digest()
    fields |= draft.fields | draft.patch
    present = {key: value for key, value in fields.items() if value not in (None, ABSENT)}
    return _write(present, draft)


def _datums(draft: Draft) -> bytes:
    return encode(AsSet(draft.datums))


def _references(coins: list[Coin]) -> AsSet | None:
    return AsSet([list(coin.ref) for coin in coins]) if coins else None


def _witnesses(draft: Draft, id_: bytes, vkeys: list[Signature]) -> bytes:
    referenced = {coin.script for coin in (*draft.inputs, *draft.references)}
    needed = draft.scripts.keys() - referenced - draft.omitted_scripts
    scripts = [draft.scripts[hash_] for hash_ in sorted(needed)] + draft.extra_scripts
    bootstraps = []
    for number in sorted(draft.byron_signers):
        owner = draft.world.byron[number]
        signature = owner.key.sign(id_) if id_ else bytes(64)
        bootstraps.append([owner.key.public, signature, owner.chain_code, owner.attributes])
    fields: dict[int, Any] = {
        0: AsSet([list(pair) for pair in vkeys]) if vkeys else None,
        1: AsSet([Raw(script.cbor) for script in scripts]) if scripts else None,
        2: AsSet(bootstraps) if bootstraps else None,
        4: Raw(_datums(draft)) if draft.datums else None,
    }
    return _write({key: value for key, value in fields.items() if value is not None}, draft)


def _sign(draft: Draft, id_: bytes, keys: list[Key]) -> list[Signature]:
    signed = [(key.public, key.sign(id_)) for key in keys]
    return draft.resign(id_, signed) if draft.resign is not None else signed


def _limits(draft: Draft, size: int) -> ProtocolParameters:
    parameters = draft.parameters
    if draft.size_above_limit is not None:
        parameters = replace(parameters, max_tx_size=size - draft.size_above_limit)
    if draft.value_above_limit is not None:
        longest = max(
            len(ledger_value(payment.lovelace, payment.assets)) for payment in draft.outputs
        )
        parameters = replace(parameters, max_value_size=longest - draft.value_above_limit)
    return parameters


def _write(value: Any, draft: Draft) -> bytes:
    if draft.form_seed is None:
        return cbor2.dumps(value, default=_write_special)
    return encode(value, RandomForm(Random(draft.form_seed)))


def _write_special(encoder: cbor2.CBOREncoder, value: Any) -> None:
    """As the plain form of :func:`encode` writes it, only faster."""
    encoder.write(encode(value) if not isinstance(value, AsSet) else b"\xd9\x01\x02")
    if isinstance(value, AsSet):
        encoder.encode(value.elements)
