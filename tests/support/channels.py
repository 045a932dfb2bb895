"""Channels, and the messages and transactions of those who use them, good or with one fault.

The validator here accepts everything: what is refused is refused by the checks under test.
"""

import base64
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from typing import Any

import cbor2
from nacl.signing import SigningKey

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.slots import KNOWN_ERAS, EraSummary
from facilitator.cardano.transaction import AssetId, Language, Output, OutputRef, Value
from facilitator.exact.verification import in_process
from facilitator.plugin import (
    ChainUnavailable,
    Origin,
    OutputStatus,
    Scheme,
    SchemeChain,
    SchemePayment,
    Spender,
    SpentBy,
    Unknown,
    Unspent,
    Verified,
)
from facilitator.roles.chain import Spent
from facilitator.testing.payments import ALICE, BOB, MERCHANT
from facilitator.testing.payments import genesis_utxos as made_utxos
from facilitator.testing.running import NETWORK, NOW
from facilitator.x402.messages import parse_payment_request
from facilitator_channels.channel import Validator
from facilitator_channels.datum import (
    SPONSORED,
    SUBBIT,
    Constants,
    Datum,
    DatumCodec,
    Opened,
    Settled,
    Stage,
)
from facilitator_channels.iou import derive_tag, iou_message
from facilitator_channels.redeemers import (
    Add,
    ChannelRedeemer,
    Defer,
    Main,
    Mutual,
    Settle,
    Sub,
    encode_redeemer,
)
from facilitator_channels.reserve import compute_reserve
from facilitator_devnet.encoding import output_map
from facilitator_devnet.genesis import PARAMETERS, TEST_TOKEN
from facilitator_devnet.wallet import SET_TAG, Wallet, key_hash
from support.ledger_values import plutus
from support.plutus_programs import program
from support.script_spends import V3, language_views

ACCEPTS = plutus(Language.PLUTUS_V3, program(("lam", ("con", (3,), ""))))
"""A validator that accepts everything."""
VALIDATOR = Validator(ACCEPTS.hash, SUBBIT)
ADDRESS = bytes([0x70]) + ACCEPTS.hash
_ACCEPTS_TOO = plutus(Language.PLUTUS_V3, program(("lam", ("force", ("delay", ("con", (3,), ""))))))
SPONSORING = Validator(_ACCEPTS_TOO.hash, SPONSORED)
"""One whose channels may have a sponsor."""
VALIDATORS = {each.script_hash: each for each in (VALIDATOR, SPONSORING)}
IOU_KEY = SigningKey(b"\x07" * 32)
DELAY = 900
FEE = 400_000
ORIGIN = Origin("tests")
PRICE = 1000
"""The amount of the requirements."""
CONSUMER, PROVIDER = key_hash(ALICE.payment_key), key_hash(MERCHANT.payment_key)
NEW = Opened(0)
_BUDGET = [20_000, 20_000_000]


@cache
def genesis_utxos(wallet: Wallet) -> Mapping[OutputRef, Output]:
    return made_utxos(wallet)


def ada_outputs(wallet: Wallet) -> list[tuple[OutputRef, Output]]:
    """The wallet's first outputs without tokens."""
    return [(ref, out) for ref, out in genesis_utxos(wallet).items() if not out.value.assets]


def token_outputs(wallet: Wallet) -> list[tuple[OutputRef, Output]]:
    return [(ref, out) for ref, out in genesis_utxos(wallet).items() if out.value.assets]


def read(scheme: Scheme, body: object, *, settles: bool = False) -> SchemePayment:
    """The payment of a request for /verify or /settle, checked without the chain."""
    payment = scheme.read(parse_payment_request(body), ORIGIN)
    if settles:
        payment = scheme.prepare(payment)
    scheme.check(payment)
    return payment


def judge(scheme: Scheme, body: object, *, settles: bool = False) -> Verified:
    return scheme.verify(read(scheme, body, settles=settles))


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
        self.is_away = False

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
        if self.is_away:
            raise ChainUnavailable("it was told to be away")
        return PARAMETERS

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
        return self.body_under()

    def body_under(self, **extra: Any) -> dict[str, Any]:
        """The request under requirements that say more."""
        return request(self.payload, terms(self.asset, **extra))


# --- Channels that are there ----------------------------------------------------------------------


@dataclass
class Held:
    """A channel on a chain, and what its parties do with it."""

    ref: OutputRef
    datum: Datum
    value: Value
    address: bytes = ADDRESS

    @property
    def tag(self) -> bytes:
        return self.datum.constants.tag

    @property
    def asset(self) -> AssetId | None:
        return self.datum.constants.currency

    @property
    def amount(self) -> int:
        """Atomic units of its own asset."""
        return self.value.lovelace if self.asset is None else self.value.assets.get(self.asset, 0)

    @property
    def output(self) -> dict[int, Any]:
        return channel_output(self.datum, self.value, self.address)

    def plus(self, amount: int, stage: Stage | None = None) -> dict[int, Any]:
        """The channel output with so much more, which may be less than nothing."""
        if self.asset is None:
            value = Value(self.value.lovelace + amount, {})
        else:
            left = self.amount + amount
            value = Value(self.value.lovelace, {self.asset: left} if left else {})
        held = self.datum if stage is None else self.datum._replace(stage=stage)
        return channel_output(held, value, self.address)

    def top_up(self, amount: int, edit: Edit = nothing, fuel: int = 1) -> bytes:
        """A transaction of ALICE, who pays from her outputs with that number."""
        ref, output = ada_outputs(ALICE)[fuel]
        refs, outputs = [self.ref, ref], [output]
        if self.asset is not None:
            token, held = token_outputs(ALICE)[fuel]
            refs, outputs = [*refs, token], [*outputs, held]
        made = self.plus(amount)
        rest = change([as_output(self.output), *outputs], [made], FEE)
        draft = Draft(refs, [made, output_map(ALICE.address, rest)])
        draft.redeemers = {self.ref: Main((Add(),))}
        draft.collateral = [ref]
        draft.required = [CONSUMER]
        edit(draft)
        return draft.encode()

    def deposit(self, amount: int, voucher_amount: int, **how: Any) -> dict[str, Any]:
        """The message of a top-up."""
        transaction = coded(self.top_up(amount, **how))
        return {
            "type": "deposit",
            "channelConfig": config(self.asset),
            "voucher": voucher(self.tag, voucher_amount, self.ref),
            "deposit": {"amount": str(amount), "transaction": transaction},
        }

    def promise(self, amount: int, **how: Any) -> dict[str, Any]:
        """The message ``voucher``."""
        return {
            "type": "voucher",
            "channelConfig": config(self.asset),
            "voucher": voucher(self.tag, amount, **{"ref": self.ref, **how}),
        }

    def mutual(self, owed: int, edit: Edit = nothing) -> bytes:
        """A transaction that pays the owed lovelace to MERCHANT, and all else to ALICE."""
        paid = [output_map(MERCHANT.address, Value(owed, {}))] if owed else []
        rest = change([as_output(self.output)], paid, FEE)
        draft = Draft([self.ref], [*paid, output_map(ALICE.address, rest)])
        draft.redeemers = {self.ref: Mutual()}
        draft.collateral = [ada_outputs(ALICE)[-1][0]]
        draft.required = [CONSUMER, PROVIDER]
        edit(draft)
        return draft.encode()

    def refund(self, charged: int, owed: int, edit: Edit = nothing) -> dict[str, Any]:
        """The message ``refund``, before the provider has signed."""
        return {
            "type": "refund",
            "channelConfig": config(self.asset),
            "voucher": voucher(self.tag, charged, self.ref),
            "transaction": coded(self.mutual(owed, edit)),
        }


def witness(raw: bytes, *wallets: Wallet) -> str:
    """A witness set of the wallets for the transaction, as ``providerWitness``."""
    this = decode_transaction(raw).id
    return cbor2.dumps({0: [list(wallet.sign(this)) for wallet in wallets]}).hex()


def iou(tag: bytes, amount: int) -> bytes:
    return IOU_KEY.sign(iou_message(tag, amount)).signature


@dataclass
class Redemption:
    """A claim by MERCHANT over channels, and all that is redeemed from each after it."""

    channels: Sequence[tuple[Held, int]]
    edit: Edit = nothing
    fee: int = FEE

    def __post_init__(self) -> None:
        self.channels = sorted(self.channels, key=lambda each: each[0].ref)

    @property
    def transaction(self) -> bytes:
        ref, fuel = ada_outputs(MERCHANT)[0]
        steps, made = [], []
        for held, total in self.channels:
            stage = held.datum.stage
            step = Sub if isinstance(stage, Opened) else Settle
            steps.append(step(total, iou(held.tag, total)))
            after = Opened(total) if isinstance(stage, Opened) else Settled()
            assert not isinstance(stage, Settled)
            made.append(held.plus(stage.subbed - total, after))
        given = [as_output(held.output) for held, _ in self.channels]
        rest = output_map(MERCHANT.address, change([*given, fuel], made, self.fee))
        first, *others = [held.ref for held, _ in self.channels]
        draft = Draft([first, *others, ref], [*made, rest], [MERCHANT], fee=self.fee)
        draft.redeemers = {first: Main(tuple(steps)), **dict.fromkeys(others, Defer())}
        draft.collateral, draft.required = [ref], [PROVIDER]
        self.edit(draft)
        return draft.encode()

    @property
    def payload(self) -> dict[str, Any]:
        claims = [
            {"channelId": held.tag.hex(), "totalClaimed": str(total)}
            for held, total in self.channels
        ]
        return {"type": "claim", "transaction": coded(self.transaction), "claims": claims}

    @property
    def body(self) -> dict[str, Any]:
        return request(self.payload, CLAIM_TERMS)


def held_channel(
    ledger: Ledger,
    *,
    asset: AssetId | None = None,
    amount: int = 10_000_000,
    stage: Stage = NEW,
    number: int = 0,
    address: bytes = ADDRESS,
    **other: Any,
) -> Held:
    """A channel that the ledger has; channels of different numbers have different tags."""
    tag = bytes([number + 1]) * 32
    own = datum(tag, asset, stage)
    own = own._replace(constants=own.constants._replace(**other))
    value = Value(amount, {}) if asset is None else Value(reserve(asset), {asset: amount})
    ref = OutputRef(blake2b(tag, digest_size=32).digest(), 1)
    held = Held(ref, own, value, address)
    ledger.put(held.output, ref)
    return held


TOKEN = TEST_TOKEN
STAKED = bytes([0x10]) + ACCEPTS.hash + key_hash(BOB.stake_key)
"""The validator's address with somebody's stake part."""
SLOT = KNOWN_ERAS[NETWORK].slot_at(int(NOW * 1000))
