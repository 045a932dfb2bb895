"""A made-up chain to spend from: keys, native scripts, outputs and registrations, all by seed."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b, sha3_256
from random import Random
from typing import Any, NamedTuple

from nacl.bindings import crypto_sign, crypto_sign_seed_keypair

from facilitator.cardano.parameters import ProtocolParameters
from facilitator_devnet import genesis
from support.cbor_forms import Pairs, PlainForm, RandomForm, Raw, Tagged, encode
from support.slow_ledger.plain_output import Asset
from support.slow_ledger.plain_transaction import Ref
from support.slow_ledger.slow_view import Facts, PlainAccount, Who

SLOT = 1_000_000
PARAMETERS: ProtocolParameters = replace(
    genesis.PARAMETERS, pool_deposit=50_000_000, drep_deposit=30_000_000, epoch=100
)
TREASURY = 1_234_567_890
LIBRARY_SIZES = (25_599, 25_600, 25_601, 51_200, 60_000, 102_400, 102_401, 102_399)
"""Bytes of the Plutus scripts that can be referred to, around where a tier begins."""


class Key(NamedTuple):
    public: bytes
    secret: bytes
    hash: bytes

    def sign(self, message: bytes) -> bytes:
        return crypto_sign(message, self.secret)[:64]


class ByronOwner(NamedTuple):
    key: Key
    chain_code: bytes
    attributes: bytes
    address: bytes


@dataclass(frozen=True)
class OwnedScript:
    """A native script, and with what it holds."""

    value: list[Any]
    cbor: bytes
    hash: bytes
    signers: frozenset[int]
    start: int | None
    """The validity interval has to begin no earlier than here."""
    end: int | None
    """And to end no later than here."""


@dataclass(frozen=True)
class Coin:
    """An unspent output."""

    ref: Ref
    raw: bytes
    lovelace: int
    assets: Mapping[Asset, int]
    owner: tuple[str, int]
    """``key``, ``script`` or ``byron``, and which of them."""
    script: bytes | None = None
    """The hash of the reference script it carries, and the script's size."""
    script_size: int = 0
    datum_hash: bytes | None = None


class World:
    """Everything there is."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.keys = [self._key() for _ in range(20)]
        self.byron = [self._byron(number) for number in range(4)]
        self.scripts = [self._script() for _ in range(40)]
        self.facts = self._facts()
        self.coins = [self._coin(number) for number in range(1200)]
        self.rich = [
            coin
            for coin in self.coins
            if coin.lovelace > 2**30 and coin.owner[0] == "key" and not coin.assets
        ]
        self.libraries = [self._library(size) for size in LIBRARY_SIZES]
        self.by_script: dict[bytes, list[Coin]] = {}
        for coin in self.coins:
            if coin.script is not None:
                self.by_script.setdefault(coin.script, []).append(coin)

    @cached_property
    def utxo(self) -> dict[Ref, bytes]:
        return {coin.ref: coin.raw for coin in (*self.coins, *self.libraries)}

    def credential(self, who: Who) -> list[Any]:
        return [int(who[0]), who[1]]

    def someone(self, random: Random) -> Who:
        """A credential that has an account, or could have one."""
        if random.random() < 0.25:
            return True, self.scripts[random.randrange(10)].hash
        return False, self.keys[random.randrange(len(self.keys))].hash

    def owner_address(self, owner: tuple[str, int], network: int, random: Random) -> bytes:
        kind, number = owner
        if kind == "byron":
            return self.byron[number].address
        is_script = kind == "script"
        own = self.scripts[number].hash if is_script else self.keys[number].hash
        shape = random.choice([0, 0, 6, 6, 6, 4])
        header = (shape | is_script) << 4 | network
        if shape == 6:
            return bytes([header]) + own
        if shape == 4:
            return bytes([header]) + own + random.choice([b"\x81\x00\x02\x03", b"\x00\x00\x00"])
        stake_is_script, stake = self.someone(random)
        return bytes([header | stake_is_script << 5]) + own + stake

    def _key(self) -> Key:
        public, secret = crypto_sign_seed_keypair(self.random.randbytes(32))
        return Key(public, secret, blake2b(public, digest_size=28).digest())

    def _byron(self, number: int) -> ByronOwner:
        key, chain_code = self.keys[number], self.random.randbytes(32)
        attributes: dict[int, bytes] = {}
        if number % 2:
            attributes[1] = encode(self.random.randbytes(28))
        if number < 3:
            attributes[2] = encode(1)
        spending = [0, [0, key.public + chain_code], attributes]
        root = blake2b(sha3_256(encode(spending)).digest(), digest_size=28).digest()
        return ByronOwner(key, chain_code, encode(attributes), byron_address(root, attributes))

    def _script(self) -> OwnedScript:
        value, signers, start, end = self._condition(3)
        form = RandomForm(self.random) if self.random.random() < 0.3 else PlainForm()
        cbor = encode(value, form)
        hash_ = blake2b(b"\0" + cbor, digest_size=28).digest()
        return OwnedScript(value, cbor, hash_, frozenset(signers), start, end)

    def _condition(self, depth: int) -> tuple[list[Any], set[int], int | None, int | None]:
        kind = self.random.choice([0, 0, 0, 1, 2, 3, 4, 5] if depth else [0, 0, 4, 5])
        if kind == 0:
            number = self.random.randrange(len(self.keys))
            return [0, self.keys[number].hash], {number}, None, None
        if kind == 4:
            slot = SLOT - self.random.choice([0, 1, 7, 50])
            return [4, slot], set(), slot, None
        if kind == 5:
            slot = SLOT + self.random.choice([1, 2, 7, 50])
            return [5, slot], set(), None, slot
        parts = [self._condition(depth - 1) for _ in range(self.random.randint(1, 3))]
        least = {1: len(parts), 2: 1, 3: self.random.randint(0, len(parts))}[kind]
        signers: set[int] = set()
        start = end = None
        for _, needed, first, last in self.random.sample(parts, least):
            signers |= needed
            start = first if start is None else max(start, first or 0)
            end = last if end is None else min(end, last or end)
        values = [part[0] for part in parts]
        return [kind, *([least] if kind == 3 else []), values], signers, start, end

    def _facts(self) -> Facts:
        everyone: list[Who] = [(False, key.hash) for key in self.keys]
        everyone += [(True, script.hash) for script in self.scripts[:10]]
        accounts, dreps, random = {}, {}, self.random
        for who in everyone:
            if random.random() < 0.7:
                deposit = random.choice([PARAMETERS.key_deposit, 1_500_000])
                reward = random.choice([0, 1, 1_000_000, random.randrange(2**33)])
                accounts[who] = PlainAccount(deposit, reward, random.random() < 0.7)
            if random.random() < 0.5:
                dreps[who] = random.choice([PARAMETERS.drep_deposit, 20_000_000])
        pools = frozenset(key.hash for key in self.keys[:5])
        return Facts(accounts, pools, dreps, TREASURY)

    def _coin(self, number: int) -> Coin:
        random = self.random
        kind = random.choices(["key", "script", "byron"], [75, 17, 8])[0]
        owners = {"key": len(self.keys), "script": len(self.scripts), "byron": len(self.byron)}
        owner = (kind, random.randrange(owners[kind]))
        address = self.owner_address(owner, random.randint(0, 1), random)
        lovelace = random.choice(
            [random.randint(5, 60) * 1_000_000, random.randrange(2**27, 2**34)]
        )
        assets = self.some_assets(random) if random.random() < 0.25 else {}
        fields: dict[int, Any] = {0: address, 1: value_of(lovelace, assets)}
        script = datum_hash = None
        if random.random() < 0.08:
            script = random.choice(self.scripts)
            fields[3] = Tagged(24, encode([0, Raw(script.cbor)]))
        if random.random() < 0.08:
            datum_hash = random.randbytes(32)
            fields[2] = [0, datum_hash]
        elif random.random() < 0.05:
            fields[2] = [1, Tagged(24, b"\x01")]
        form = RandomForm(random) if random.random() < 0.3 else PlainForm()
        is_old = random.random() < 0.3 and not fields.keys() - {0, 1}
        raw = encode([address, fields[1]] if is_old else fields, form)
        ref = (blake2b(b"%d" % number, digest_size=32).digest(), random.choice([0, 1, 30, 65535]))
        size = 0 if script is None else len(script.cbor)
        hash_ = None if script is None else script.hash
        return Coin(ref, raw, lovelace, assets, owner, hash_, size, datum_hash)

    def _library(self, size: int) -> Coin:
        code = self.random.randbytes(size)
        address = b"\x60" + self.keys[0].hash
        script = Tagged(24, encode([3, code]))
        raw = encode({0: address, 1: 900_000_000, 3: script})
        ref = (blake2b(b"library %d" % size, digest_size=32).digest(), 0)
        hash_ = blake2b(b"\x03" + code, digest_size=28).digest()
        return Coin(ref, raw, 900_000_000, {}, ("key", 0), hash_, size)

    def some_assets(self, random: Random) -> dict[Asset, int]:
        found: dict[Asset, int] = {}
        policy = random.choice(self.scripts).hash
        if random.random() < 0.1:
            return {(policy, bytes([name])): 1 for name in range(random.randint(22, 25))}
        for _ in range(random.choice([1, 1, 2, 3, 30])):
            name = random.choice([b"", b"token", bytes([random.randrange(40)]), bytes(32)])
            found[policy, name] = random.choice([1, 23, 24, 1000, 2**40])
            policy = random.choice(self.scripts).hash
        return found


def byron_address(root: bytes, attributes: Mapping[int, bytes]) -> bytes:
    payload = encode([root, dict(sorted(attributes.items())), 0])
    return encode([Tagged(24, payload), zlib.crc32(payload)])


def multiasset(assets: Mapping[Asset, int]) -> Any:
    """The assets as a map of maps."""
    policies: dict[bytes, dict[bytes, int]] = {}
    for (policy, name), quantity in assets.items():
        policies.setdefault(policy, {})[name] = quantity
    return Pairs(list(policies.items()))


def value_of(lovelace: int, assets: Mapping[Asset, int]) -> Any:
    return [lovelace, multiasset(assets)] if assets else lovelace
