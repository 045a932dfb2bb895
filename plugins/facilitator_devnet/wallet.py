"""Deterministic wallets and a minimal transaction builder, for development and tests only.

The keys follow from the wallet's name, so anyone can spend their outputs on any network.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any, NamedTuple

import cbor2
from nacl.signing import SigningKey

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.transaction import AssetId, Output, OutputRef, Value
from facilitator.plugin import Signature
from facilitator_devnet.encoding import minimum_lovelace, output_map, with_minimum_lovelace

SET_TAG = 258


class InsufficientFundsError(ValueError):
    """The outputs at hand do not cover the payment, its fee and its change."""


@dataclass(frozen=True)
class Wallet:
    """A payment key and a stake key that follow from a name.

    The 32-byte seeds are the Blake2b-256 of ``x402 devnet payment key: <name>`` and of
    ``x402 devnet stake key: <name>``.
    """

    name: str
    network_id: int = 0
    """0 for the test networks, 1 for mainnet."""

    @cached_property
    def payment_key(self) -> SigningKey:
        """The key that its outputs need."""
        return SigningKey(_seed("payment", self.name))

    @cached_property
    def stake_key(self) -> SigningKey:
        """The key that its reward account needs."""
        return SigningKey(_seed("stake", self.name))

    @cached_property
    def address(self) -> bytes:
        """The base address, the one that genesis funds."""
        return bytes([self.network_id]) + key_hash(self.payment_key) + key_hash(self.stake_key)

    @cached_property
    def enterprise_address(self) -> bytes:
        """The address without a stake part."""
        return bytes([0x60 | self.network_id]) + key_hash(self.payment_key)

    @cached_property
    def reward_address(self) -> bytes:
        """The address of the reward account."""
        return bytes([0xE0 | self.network_id]) + key_hash(self.stake_key)

    def sign(self, transaction_id: bytes) -> Signature:
        """Sign the hash of a transaction's body, as :class:`facilitator.roles.wallet.Wallet`."""
        return self.sign_message(transaction_id)

    def sign_message(self, message: bytes) -> Signature:
        """Sign these bytes, as :class:`facilitator.roles.wallet.SignsMessages`."""
        key = self.payment_key
        return Signature(bytes(key.verify_key), key.sign(message).signature)

    @property
    def bech32(self) -> str:
        """The base address in bech32."""
        return format_address(self.address)


def _seed(purpose: str, name: str) -> bytes:
    return blake2b(f"x402 devnet {purpose} key: {name}".encode(), digest_size=32).digest()


def key_hash(key: SigningKey) -> bytes:
    """Return the Blake2b-224 of the public key, as credentials hold it."""
    return blake2b(bytes(key.verify_key), digest_size=28).digest()


def sign(body: bytes, keys: Sequence[SigningKey]) -> bytes:
    """Return the transaction made of the body's CBOR and a signature by each key."""
    transaction_id = blake2b(body, digest_size=32).digest()
    signatures = [[bytes(key.verify_key), key.sign(transaction_id).signature] for key in keys]
    witnesses = cbor2.dumps({0: cbor2.CBORTag(SET_TAG, signatures)} if signatures else {})
    return b"\x84" + body + witnesses + b"\xf5\xf6"


def build(
    inputs: Sequence[OutputRef],
    outputs: Sequence[tuple[bytes, Value]],
    fee: int,
    ttl: int | None,
    **fields: Any,
) -> bytes:
    """Return the CBOR of a body; ``fields`` are further fields, such as ``_4=certificates``."""
    body: dict[int, Any] = {
        0: cbor2.CBORTag(SET_TAG, [list(ref) for ref in inputs]),
        1: [output_map(address, value) for address, value in outputs],
        2: fee,
    }
    if ttl is not None:
        body[3] = ttl
    return cbor2.dumps(body | {int(key[1:]): item for key, item in fields.items()})


class _Payment(NamedTuple):
    wallet: Wallet
    to: bytes
    value: Value
    parameters: ProtocolParameters
    ttl: int


def pay(
    wallet: Wallet,
    utxos: Mapping[OutputRef, Output],
    to: bytes,
    amount: int,
    *,
    parameters: ProtocolParameters,
    ttl: int,
    asset: AssetId | None = None,
) -> bytes:
    """Return a signed transaction that pays the amount in one output and returns the change.

    The amount is lovelace, or units of ``asset``, which then travel with the minimum lovelace.
    ``utxos`` are the wallet's own, taken in their order, those with the asset first. The fee is
    the minimum for the whole serialised length, as most wallets compute it. ``ttl`` is the first
    slot in which the transaction is no longer valid. Raises :class:`InsufficientFundsError`.
    """
    value = Value(amount, {})
    if asset is not None:
        value = with_minimum_lovelace(to, {asset: amount}, parameters)
    payment = _Payment(wallet, to, value, parameters, ttl)
    refs = sorted(utxos, key=lambda ref: _reluctance(utxos[ref], asset))
    for count in range(1, len(refs) + 1):
        transaction = _spend(payment, {ref: utxos[ref] for ref in refs[:count]})
        if transaction is not None:
            return transaction
    raise InsufficientFundsError(f"{len(refs)} outputs of {wallet.name} do not cover the payment")


def _reluctance(output: Output, asset: AssetId | None) -> int:
    assets = output.value.assets
    if asset is None:
        return len(assets)
    return -assets.get(asset, 0)


def _spend(payment: _Payment, utxos: Mapping[OutputRef, Output]) -> bytes | None:
    wallet, parameters = payment.wallet, payment.parameters
    fee = 0
    while True:
        change = _change(payment.value, fee, utxos)
        if change is None or change.lovelace < minimum_lovelace(wallet.address, change, parameters):
            return None
        outputs = [(payment.to, payment.value), (wallet.address, change)]
        body = build(list(utxos), outputs, fee, payment.ttl)
        transaction = sign(body, [wallet.payment_key])
        needed = parameters.min_fee_a * len(transaction) + parameters.min_fee_b
        if needed <= fee:
            return transaction
        fee = needed


def _change(value: Value, fee: int, utxos: Mapping[OutputRef, Output]) -> Value | None:
    lovelace = -value.lovelace - fee
    assets = {asset: -quantity for asset, quantity in value.assets.items()}
    for output in utxos.values():
        lovelace += output.value.lovelace
        for asset, quantity in output.value.assets.items():
            assets[asset] = assets.get(asset, 0) + quantity
    if lovelace < 0 or any(quantity < 0 for quantity in assets.values()):
        return None
    return Value(lovelace, {asset: quantity for asset, quantity in assets.items() if quantity})
