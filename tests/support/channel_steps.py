"""Steps of channels as plans of transactions, good or with one fault, and what a validator says.

A plan is encoded as it stands: nothing here checks it but the script that runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cbor2
from nacl.signing import SigningKey

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.phase2.data import Constr, Data, encode_data
from facilitator.cardano.phase2.evaluator import ScriptOutcome, measure_scripts
from facilitator.cardano.rules import Environment
from facilitator.cardano.rules.evaluation import collect_script_runs
from facilitator.cardano.rules.needed import find_scripts
from facilitator.cardano.rules.resolved import resolve
from facilitator.cardano.slots import Era, EraSummary
from facilitator.cardano.transaction import AssetId, Output, OutputRef, Value
from facilitator_channels.datum import SUBBIT, Constants, Datum, Opened, Stage
from facilitator_channels.iou import iou_message
from facilitator_channels.redeemers import ChannelRedeemer, Defer, Main, Step, Sub, encode_redeemer
from facilitator_channels.transactions.assemble import Parts, assemble
from facilitator_channels.transactions.channel import add, channel_address
from facilitator_channels.transactions.plan import Plan, ScriptWitness
from facilitator_channels.transactions.wire import NewOutput, Units
from facilitator_devnet.genesis import PARAMETERS, TEST_TOKEN
from facilitator_devnet.wallet import key_hash

CONSUMER, PROVIDER, IOU_KEY = (SigningKey(bytes([n]) * 32) for n in (1, 2, 7))
BY_CONSUMER, BY_PROVIDER = key_hash(CONSUMER), key_hash(PROVIDER)
PERIOD_MS = 900_000
ERAS = EraSummary([Era(0, 1_600_000_000_000, 1000)])
SLOT, TTL = 1000, 1600
NEW = Opened(0)
ADA, TOKEN = 20_000_000, 1_000_000
FUNDS = OutputRef(b"\xff" * 32, 0)
"""An input that no script locks; it comes after all channels."""
_PAYER = b"\x60" + BY_PROVIDER
_FUNDED = Output(_PAYER, Value(1_000_000_000, {TEST_TOKEN: 10 * TOKEN}), 120)
_LIMIT = Units(PARAMETERS.max_tx_memory, PARAMETERS.max_tx_steps)


def end_ms(slot: int = TTL) -> int:
    """When the close period is over that begins with the slot."""
    return ERAS.start_ms(slot) + PERIOD_MS


class Odd(NewOutput):
    """An output with a reference script."""

    __slots__ = ()

    def primitive(self) -> dict[int, Any]:
        script = cbor2.CBORTag(24, cbor2.dumps([3, b"\x46\x01\x01\x00\x22\x24\x99"]))
        return {**super().primitive(), 3: script}


@dataclass(frozen=True)
class Spent:
    """A channel that is spent, its step, and the output that it continues in."""

    ref: OutputRef
    output: Output
    datum: Datum
    step: Step | None = None
    after: NewOutput | None = None


@dataclass(frozen=True)
class World:
    """Channels of one validator."""

    script: ScriptWitness

    @property
    def address(self) -> bytes:
        return channel_address(self.script.hash, 0)

    def constants(self, number: int = 0, currency: AssetId | None = None) -> Constants:
        tag, key = bytes([0x11 + number]) * 32, bytes(IOU_KEY.verify_key)
        return Constants(tag, currency, key, BY_CONSUMER, BY_PROVIDER, PERIOD_MS)

    def channel(
        self,
        stage: Stage = NEW,
        *,
        number: int = 0,
        currency: AssetId | None = None,
        address: bytes = b"",
        raw: bytes | None = None,
    ) -> Spent:
        """A channel of 20 ada, or of a million tokens; ``raw`` stands for its datum."""
        datum = Datum(self.script.hash, self.constants(number, currency), stage)
        value = Value(ADA, {} if currency is None else {currency: TOKEN})
        inline = SUBBIT.encode(datum) if raw is None else raw
        output = Output(address or self.address, value, 200, datum=inline)
        return Spent(OutputRef(bytes([number + 1]) * 32, 0), output, datum)

    def moves(
        self, spent: Spent, step: Step, stage: Stage | None = None, more: int = 0, **changes: Any
    ) -> Spent:
        """The channel with a step; it continues in the stage, if there is one."""
        if stage is None:
            return replace(spent, step=step)
        datum = SUBBIT.encode(spent.datum._replace(stage=stage))
        value = add(spent.output.value, spent.datum.constants.currency, more)
        after = NewOutput(spent.output.address, value, datum)
        return replace(spent, step=step, after=after._replace(**changes))

    def sub(
        self, taken: int = 300_000, owed: int = 300_000, subbed: int = 0, **which: Any
    ) -> Spent:
        """A channel from which that much is taken by an IOU."""
        spent = self.channel(Opened(subbed), **which)
        return self.moves(spent, self.owes(spent, owed), Opened(subbed + taken), -taken)

    def owes(self, spent: Spent, owed: int, step: type[Any] = Sub) -> Any:
        return step(owed, signature(spent.datum.constants.tag, owed))

    def plan(
        self,
        *channels: Spent,
        signers: Sequence[bytes] = (BY_PROVIDER,),
        until: int | None = TTL,
        start: int | None = None,
        **changes: Any,
    ) -> Plan:
        """The transaction that does the steps: the first channel's redeemer names all of them."""
        main = encode_redeemer(Main(tuple([each.step for each in channels if each.step])))
        redeemers = {each.ref: encode_redeemer(Defer()) for each in channels}
        plan = Plan(
            {FUNDS: _FUNDED} | {each.ref: each.output for each in channels},
            tuple([each.after for each in channels if each.after is not None]),
            redeemers | {channels[0].ref: main},
            self.script,
            frozenset(signers),
            start,
            until,
        )
        return replace(plan, **changes)

    def alone(self, spent: Spent, redeemer: ChannelRedeemer, *signers: bytes) -> Plan:
        """The transaction that ends a channel by that redeemer."""
        return self.plan(
            spent, signers=signers, redeemers={spent.ref: encode_redeemer(redeemer)}, outputs=()
        )


def signature(tag: bytes, owed: int, key: SigningKey = IOU_KEY) -> bytes:
    return key.sign(iou_message(tag, owed)).signature


def datum_data(spent: Spent, stage: Data, *more: Data, constants: Data | None = None) -> bytes:
    """The CBOR of a datum with any stage, and items beyond the third."""
    own_hash, found, _ = spent.datum
    currency: Data = Constr(0)
    if found.currency is not None:
        currency = Constr(1, (found.currency[:28], found.currency[28:]))
    usual = (found.tag, currency, found.iou_key, found.consumer, found.provider, PERIOD_MS)
    return encode_data((own_hash, usual if constants is None else constants, stage, *more))


def encoded(plan: Plan) -> bytes:
    """The transaction of a plan, with any change, unsigned."""
    parts = Parts(plan, plan.inputs, _PAYER, [_LIMIT] * len(plan.redeemers))
    return assemble(parts, 2_000_000, Value(900_000_000, {}), {}, PARAMETERS).with_signatures([])


def outcomes(plan: Plan) -> Sequence[ScriptOutcome]:
    """What the validator says at each channel, in the ledger's order of inputs."""
    tx = decode_transaction(encoded(plan))
    resolved = resolve(tx, Environment(SLOT, 0, PARAMETERS), plan.inputs, None)
    runs = collect_script_runs(resolved, find_scripts(resolved))
    return measure_scripts(resolved, runs, ERAS, most_seconds=120)


def is_accepted(plan: Plan) -> bool:
    return all(each.outcome.error is None for each in outcomes(plan))
