"""Those who use channels: their transactions and their messages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import AssetId, Output, OutputRef, Value
from facilitator.testing.payments import ALICE, MERCHANT
from facilitator_channels.datum import (
    Datum,
    Opened,
    Settled,
    Stage,
)
from facilitator_channels.iou import derive_tag
from facilitator_channels.redeemers import (
    Add,
    Defer,
    Main,
    Mutual,
    Settle,
    Sub,
)
from facilitator_devnet.encoding import output_map
from support.channel_drafts import (
    Draft,
    Edit,
    ada_outputs,
    as_output,
    change,
    channel_output,
    datum,
    nothing,
    reserve,
    token_outputs,
)
from support.channel_ledger import Ledger
from support.channels import (
    ADDRESS,
    CLAIM_TERMS,
    CONSUMER,
    FEE,
    NEW,
    PRICE,
    PROVIDER,
    coded,
    config,
    iou,
    request,
    terms,
    voucher,
)


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
