"""Outputs and transactions of channels, put together apart from the code that judges them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from typing import Any

import cbor2

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import AssetId, Output, OutputRef, Script, Value
from facilitator.testing.payments import ALICE
from facilitator.testing.payments import genesis_utxos as made_utxos
from facilitator_channels.datum import (
    SUBBIT,
    Constants,
    Datum,
    DatumCodec,
    Stage,
)
from facilitator_channels.redeemers import (
    ChannelRedeemer,
    encode_redeemer,
)
from facilitator_channels.reserve import compute_reserve
from facilitator_devnet.encoding import output_map
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import SET_TAG, Wallet
from support.channels import ACCEPTS, ADDRESS, CONSUMER, DELAY, FEE, IOU_KEY, NEW, PROVIDER
from support.script_spends import V3, language_views

_BUDGET = [20_000, 20_000_000]


@cache
def genesis_utxos(wallet: Wallet) -> Mapping[OutputRef, Output]:
    return made_utxos(wallet)


def ada_outputs(wallet: Wallet) -> list[tuple[OutputRef, Output]]:
    """The wallet's first outputs without tokens."""
    return [(ref, out) for ref, out in genesis_utxos(wallet).items() if not out.value.assets]


def token_outputs(wallet: Wallet) -> list[tuple[OutputRef, Output]]:
    return [(ref, out) for ref, out in genesis_utxos(wallet).items() if out.value.assets]


def constants(tag: bytes, asset: AssetId | None = None, **other: Any) -> Constants:
    key = bytes(IOU_KEY.verify_key)
    return Constants(tag, asset, key, CONSUMER, PROVIDER, DELAY * 1000)._replace(**other)


def datum(tag: bytes, asset: AssetId | None = None, stage: Stage = NEW) -> Datum:
    return Datum(ACCEPTS.hash, constants(tag, asset), stage)


def reserve(asset: AssetId | None, address: bytes = ADDRESS) -> int:
    own = constants(bytes(32), asset)
    return compute_reserve(address, ACCEPTS.hash, own, SUBBIT, PARAMETERS.coins_per_utxo_byte)


def channel_output(
    held: Datum, value: Value, address: bytes = ADDRESS, codec: DatumCodec = SUBBIT
) -> dict[int, Any]:
    """The output for cbor2."""
    inline = [1, cbor2.CBORTag(24, codec.encode(held))]
    return {**output_map(address, value), 2: inline}


def as_output(made: Mapping[int, Any]) -> Output:
    """The output as a transaction that makes it has it."""
    body = {0: [[bytes(32), 0]], 1: [made], 2: 0}
    raw = b"\x84" + cbor2.dumps(body) + b"\xa0\xf5\xf6"
    return decode_transaction(raw).body.outputs[0]


@dataclass
class Draft:
    """A transaction that is still to be put together."""

    inputs: list[OutputRef]
    outputs: list[dict[int, Any]]
    signers: list[Wallet] = field(default_factory=lambda: [ALICE])
    redeemers: dict[OutputRef, ChannelRedeemer | bytes] = field(default_factory=dict)
    mint_redeemer: bool = False
    """True for the same redeemer once more, as if it were for a mint."""
    collateral: list[OutputRef] = field(default_factory=list)
    required: list[bytes] = field(default_factory=list)
    fee: int = FEE
    ttl: int | None = None
    fields: dict[int, Any] = field(default_factory=dict)
    is_valid: bool = True
    script: Script = ACCEPTS

    def encode(self) -> bytes:
        """The transaction, signed."""
        body: dict[int, Any] = {
            0: cbor2.CBORTag(SET_TAG, [list(ref) for ref in self.inputs]),
            1: self.outputs,
            2: self.fee,
        }
        if self.ttl is not None:
            body[3] = self.ttl
        if self.collateral:
            body[13] = [list(ref) for ref in self.collateral]
        if self.required:
            body[14] = self.required
        redeemers = self._redeemers()
        if redeemers:
            views = language_views({V3})
            body[11] = blake2b(redeemers + views, digest_size=32).digest()
        return self._sign(cbor2.dumps(body | self.fields), redeemers)

    def _redeemers(self) -> bytes:
        order = sorted(self.inputs)
        entries = b""
        for ref, redeemer in self.redeemers.items():
            data = redeemer if isinstance(redeemer, bytes) else encode_redeemer(redeemer)
            for purpose in (0, 1) if self.mint_redeemer else (0,):
                key = cbor2.dumps([purpose, order.index(ref)])
                entries += key + b"\x82" + data + cbor2.dumps(_BUDGET)
        count = len(self.redeemers) * (1 + self.mint_redeemer)
        head = bytes([0xA0 + count]) if count < 24 else bytes([0xB8, count])
        return head + entries if entries else b""

    def _sign(self, body: bytes, redeemers: bytes) -> bytes:
        this = blake2b(body, digest_size=32).digest()
        keys = [wallet.payment_key for wallet in self.signers]
        vkeys = [[bytes(key.verify_key), key.sign(this).signature] for key in keys]
        parts = [b"\x00" + cbor2.dumps(vkeys)] if vkeys else []
        if redeemers:
            parts += [b"\x05" + redeemers, b"\x07" + cbor2.dumps([self.script.body])]
        witnesses = bytes([0xA0 + len(parts)]) + b"".join(parts)
        return b"\x84" + body + witnesses + (b"\xf5" if self.is_valid else b"\xf4") + b"\xf6"


def change(given: Sequence[Output], outputs: Sequence[Mapping[int, Any]], fee: int) -> Value:
    """What is left of the inputs."""
    lovelace = sum(each.value.lovelace for each in given) - fee
    assets: dict[AssetId, int] = {}
    for output in given:
        for asset, quantity in output.value.assets.items():
            assets[asset] = assets.get(asset, 0) + quantity
    for made in outputs:
        held = as_output(made).value
        lovelace -= held.lovelace
        for asset, quantity in held.assets.items():
            assets[asset] -= quantity
    return Value(lovelace, {asset: left for asset, left in assets.items() if left})


Edit = Callable[[Draft], None]


def nothing(_: Any) -> None:
    """Change nothing."""
