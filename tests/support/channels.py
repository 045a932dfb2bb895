"""Channels, and the messages and transactions of those who use them, good or with one fault.

The validator here accepts everything: what is refused is refused by the checks under test.
"""

import base64
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

import cbor2
from nacl.signing import SigningKey

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.slots import KNOWN_ERAS, EraSummary
from facilitator.cardano.transaction import AssetId, Language, Output, OutputRef, Value
from facilitator.exact.verification import in_process
from facilitator.plugin import OutputStatus, SchemeChain, Spender, SpentBy, Unknown, Unspent
from facilitator.roles.chain import Spent
from facilitator.testing.payments import ALICE, BOB, MERCHANT, genesis_utxos
from facilitator.testing.running import NETWORK, NOW
from facilitator_channels.channel import Validator
from facilitator_channels.datum import SUBBIT, Constants, Datum, DatumCodec, Opened, Stage
from facilitator_channels.iou import derive_tag, iou_message
from facilitator_channels.redeemers import ChannelRedeemer, encode_redeemer
from facilitator_channels.reserve import compute_reserve
from facilitator_devnet.genesis import PARAMETERS, TEST_TOKEN
from facilitator_devnet.wallet import SET_TAG, Wallet, key_hash, output_map
from support.ledger_values import plutus
from support.plutus_programs import program

COSTS = (0,) * 297
ACCEPTS = plutus(Language.PLUTUS_V3, program(("lam", ("con", (3,), ""))))
"""A validator that accepts everything."""
VALIDATOR = Validator(ACCEPTS.hash, SUBBIT)
ADDRESS = bytes([0x70]) + ACCEPTS.hash
IOU_KEY = SigningKey(b"\x07" * 32)
DELAY = 900
FEE = 400_000
PRICE = 1000
"""The amount of the requirements."""
CONSUMER, PROVIDER = key_hash(ALICE.payment_key), key_hash(MERCHANT.payment_key)
_BUDGET = [1000, 1000]


def ada_outputs(wallet: Wallet) -> list[tuple[OutputRef, Output]]:
    """The wallet's first outputs without tokens."""
    return [(ref, out) for ref, out in genesis_utxos(wallet).items() if not out.value.assets]


def token_outputs(wallet: Wallet) -> list[tuple[OutputRef, Output]]:
    return [(ref, out) for ref, out in genesis_utxos(wallet).items() if out.value.assets]


# --- What is said ---------------------------------------------------------------------------------


def asset_text(asset: AssetId | None) -> str:
    return "lovelace" if asset is None else f"{asset[:28].hex()}.{asset[28:].hex()}"


def terms(asset: AssetId | None = None, amount: int = PRICE, **extra: Any) -> dict[str, Any]:
    return {
        "scheme": "batch-settlement",
        "network": NETWORK,
        "amount": str(amount),
        "asset": asset_text(asset),
        "payTo": MERCHANT.bech32,
        "maxTimeoutSeconds": 300,
        "extra": {
            "scriptHash": ACCEPTS.hash.hex(),
            "receiverAuthorizer": PROVIDER.hex(),
            "withdrawDelay": DELAY,
            **extra,
        },
    }


CLAIM_TERMS = {**terms(amount=0), "maxTimeoutSeconds": 0, "extra": {}}
"""What a resource server makes up for a claim."""


def request(payload: Mapping[str, Any], agreed: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "x402Version": 2,
        "paymentPayload": {"x402Version": 2, "accepted": dict(agreed), "payload": dict(payload)},
        "paymentRequirements": dict(agreed),
    }


def config(asset: AssetId | None = None) -> dict[str, Any]:
    return {
        "payer": CONSUMER.hex(),
        "payerAuthorizer": bytes(IOU_KEY.verify_key).hex(),
        "receiver": MERCHANT.bech32,
        "receiverAuthorizer": PROVIDER.hex(),
        "token": asset_text(asset),
        "withdrawDelay": DELAY,
    }


def voucher(
    tag: bytes, amount: int, ref: OutputRef | None = None, key: SigningKey = IOU_KEY
) -> dict[str, Any]:
    signed = key.sign(iou_message(tag, amount)).signature.hex()
    found = {"channelId": tag.hex(), "maxClaimableAmount": str(amount), "signature": signed}
    return found if ref is None else {**found, "channelRef": str(ref)}


def coded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


# --- What is on the chain -------------------------------------------------------------------------


def constants(tag: bytes, asset: AssetId | None = None, **other: Any) -> Constants:
    key = bytes(IOU_KEY.verify_key)
    return Constants(tag, asset, key, CONSUMER, PROVIDER, DELAY * 1000)._replace(**other)


def datum(tag: bytes, asset: AssetId | None = None, stage: Stage = Opened(0)) -> Datum:
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
    collateral: list[OutputRef] = field(default_factory=list)
    required: list[bytes] = field(default_factory=list)
    fee: int = FEE
    ttl: int | None = None
    fields: dict[int, Any] = field(default_factory=dict)
    is_valid: bool = True

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
            views = b"\xa1\x02" + cbor2.dumps(list(COSTS))
            body[11] = blake2b(redeemers + views, digest_size=32).digest()
        return self._sign(cbor2.dumps(body | self.fields), redeemers)

    def _redeemers(self) -> bytes:
        order = sorted(self.inputs)
        entries = b""
        for ref, redeemer in self.redeemers.items():
            data = redeemer if isinstance(redeemer, bytes) else encode_redeemer(redeemer)
            key = cbor2.dumps([0, order.index(ref)])
            entries += key + b"\x82" + data + cbor2.dumps(_BUDGET)
        return bytes([0xA0 + len(self.redeemers)]) + entries if entries else b""

    def _sign(self, body: bytes, redeemers: bytes) -> bytes:
        this = blake2b(body, digest_size=32).digest()
        keys = [wallet.payment_key for wallet in self.signers]
        vkeys = [[bytes(key.verify_key), key.sign(this).signature] for key in keys]
        parts = [b"\x00" + cbor2.dumps(vkeys)] if vkeys else []
        if redeemers:
            parts += [b"\x05" + redeemers, b"\x07" + cbor2.dumps([ACCEPTS.body])]
        witnesses = bytes([0xA0 + len(parts)]) + b"".join(parts)
        return b"\x84" + body + witnesses + (b"\xf5" if self.is_valid else b"\xf4") + b"\xf6"


class Ledger:
    """A chain that holds the genesis of the devnet, and what a test puts there."""

    def __init__(self) -> None:
        self.unspent: dict[OutputRef, Output] = {
            ref: output
            for wallet in (ALICE, BOB, MERCHANT)
            for ref, output in genesis_utxos(wallet).items()
        }
        self.spent: dict[OutputRef, SpentBy | None] = {}
        self.silent: set[OutputRef] = set()
        """Outputs of which it does not know."""
        self.asked: list[OutputRef] = []

    def put(self, made: Mapping[int, Any], ref: OutputRef | None = None) -> OutputRef:
        """Make an output unspent."""
        ref = ref or OutputRef(blake2b(cbor2.dumps(dict(made)), digest_size=32).digest(), 0)
        self.unspent[ref] = as_output(made)
        return ref

    def apply(self, raw: bytes) -> None:
        """Put the transaction into a block, whatever it says."""
        tx = decode_transaction(raw)
        made = tuple((OutputRef(tx.id, at), each) for at, each in enumerate(tx.body.outputs))
        by = SpentBy(tx.id.hex(), None, tx.body.inputs, made)
        for ref in tx.body.inputs:
            self.unspent.pop(ref, None)
            self.spent[ref] = by
        self.unspent.update(made)

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        self.asked += refs
        return {ref: self._status(ref) for ref in refs}

    def _status(self, ref: OutputRef) -> OutputStatus:
        if ref in self.silent:
            return Unknown("the index lags")
        if ref in self.unspent:
            return Unspent(self.unspent[ref])
        if ref in self.spent:
            by = self.spent[ref]
            return Spent(by.transaction_id if by else None)
        return Unknown("it was never made")

    def spender(self, ref: OutputRef) -> Spender:
        self.asked.append(ref)
        status = self._status(ref)
        if isinstance(status, Spent):
            return self.spent[ref] or Unknown("it is not told by whom")
        return status

    def parameters(self) -> ProtocolParameters:
        return replace(PARAMETERS, cost_models={2: COSTS})

    def eras(self) -> EraSummary:
        return KNOWN_ERAS[NETWORK]

    @property
    def chain(self) -> SchemeChain:
        return SchemeChain(self, self.outputs, in_process)


# --- Deposits -------------------------------------------------------------------------------------


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


@dataclass
class Opening:
    """The opening of a channel by ALICE, and the deposit that says so."""

    asset: AssetId | None = None
    amount: int = 5_000_000
    voucher_amount: int = PRICE
    number: int = 0
    """Which of ALICE's outputs it spends."""
    address: bytes = ADDRESS
    edit_datum: Callable[[Datum], Datum] = lambda held: held
    edit: Edit = nothing
    edit_output: Callable[[dict[int, Any]], None] = nothing

    @property
    def given(self) -> tuple[OutputRef, Output]:
        held = ada_outputs(ALICE) if self.asset is None else token_outputs(ALICE)
        return held[self.number]

    @property
    def tag(self) -> bytes:
        return derive_tag(self.given[0])

    @property
    def value(self) -> Value:
        if self.asset is None:
            return Value(self.amount, {})
        return Value(reserve(self.asset, self.address), {self.asset: self.amount})

    @property
    def transaction(self) -> bytes:
        ref, output = self.given
        held = self.edit_datum(datum(self.tag, self.asset))
        made = channel_output(held, self.value, self.address)
        self.edit_output(made)
        rest = output_map(ALICE.address, change([output], [made], FEE))
        draft = Draft([ref], [made, rest])
        self.edit(draft)
        return draft.encode()

    @property
    def ref(self) -> OutputRef:
        """The channel that it makes."""
        return OutputRef(decode_transaction(self.transaction).id, 0)

    @property
    def payload(self) -> dict[str, Any]:
        return {
            "type": "deposit",
            "channelConfig": config(self.asset),
            "voucher": voucher(self.tag, self.voucher_amount),
            "deposit": {"amount": str(self.amount), "transaction": coded(self.transaction)},
        }

    @property
    def body(self) -> dict[str, Any]:
        return request(self.payload, terms(self.asset))


TOKEN = TEST_TOKEN
STAKED = bytes([0x10]) + ACCEPTS.hash + key_hash(BOB.stake_key)
"""The validator's address with somebody's stake part."""
SLOT = KNOWN_ERAS[NETWORK].slot_at(int(NOW * 1000))
