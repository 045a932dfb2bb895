"""The transactions of a consumer that an output of the seller's helps to pay.

``SPONSORSHIP.md`` of loveaihq/subbit-x402, commit 7ab276e. The consumer's own inputs come back in
one output, with all of their lovelace. What is left of the seller's goes to ``payTo``, and so does
collateral. Each function raises :class:`~facilitator_channels.transactions.plan.CannotBuild`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import AssetId, Output, OutputRef, Value
from facilitator_channels.channel import Channel, Validator
from facilitator_channels.datum import Constants, Opened
from facilitator_channels.redeemers import Add, Mutual, encode_redeemer
from facilitator_channels.reserve import held
from facilitator_channels.transactions.channel import add, continue_in, demand_stage
from facilitator_channels.transactions.complete import complete
from facilitator_channels.transactions.moves import Move, plan_moves
from facilitator_channels.transactions.plan import CannotBuild, Ledger, Plan, Purse, ScriptSource
from facilitator_channels.transactions.steps import make_channel
from facilitator_channels.transactions.wire import NewOutput, Unsigned


class Sponsor(NamedTuple):
    """The seller's part: its output, and where what is left of that goes."""

    ref: OutputRef
    output: Output
    """The output as the chain has it, with lovelace alone."""
    max_fee: int
    """The greatest fee in lovelace that it pays."""
    pay_to: bytes
    """The seller's address."""


class Own(NamedTuple):
    """The consumer's part: outputs that it spends, and the address to which they come back."""

    address: bytes
    utxo: Mapping[OutputRef, Output]


def open_sponsored(
    constants: Constants,
    amount: int,
    validator: Validator,
    own: Own,
    sponsor: Sponsor,
    ledger: Ledger,
    *,
    valid_until: int,
) -> Unsigned:
    """Open a token's channel: the seller's output pays the reserve and the fee."""
    opened = make_channel(constants, amount, validator, ledger)
    inputs = {**own.utxo, sponsor.ref: sponsor.output}
    outputs = (opened, _change(own, constants.currency, -amount, ledger))
    return _complete(Plan(inputs, outputs, valid_until=valid_until), sponsor, ledger)


def add_sponsored(
    channel: Channel,
    amount: int,
    script: ScriptSource,
    own: Own,
    sponsor: Sponsor,
    ledger: Ledger,
    *,
    valid_until: int,
) -> Unsigned:
    """Add to a token's channel: the seller's output pays the fee, and is the collateral."""
    constants = channel.constants
    opened = demand_stage(channel, Opened)
    move = Move(channel, Add(), continue_in(channel, opened, amount))
    plan = plan_moves([move], script, constants.consumer, valid_until=valid_until)
    inputs = {**plan.inputs, **own.utxo, sponsor.ref: sponsor.output}
    outputs = (*plan.outputs, _change(own, constants.currency, -amount, ledger))
    return _complete(replace(plan, inputs=inputs, outputs=outputs), sponsor, ledger)


def refund_sponsored(
    channel: Channel,
    owed: int,
    script: ScriptSource,
    own: Own,
    sponsor: Sponsor,
    ledger: Ledger,
    *,
    valid_until: int,
) -> Unsigned:
    """End a token's channel whose reserve the seller has paid; both sign.

    ``owed`` is what the provider has charged in all. The channel's lovelace pays the fee and goes
    back to the seller, with the tokens that are due. The seller's output is the collateral.
    """
    constants = channel.constants
    due = owed - demand_stage(channel, Opened).subbed
    left = held(channel.output, constants) - due
    if due < 0 or left < 0:
        raise CannotBuild(f"{owed} are not within what was redeemed and what the channel holds")
    plan = Plan(
        {channel.ref: channel.output, **own.utxo},
        (_change(own, constants.currency, left, ledger),),
        {channel.ref: encode_redeemer(Mutual())},
        script,
        frozenset({constants.consumer, constants.provider}),
        valid_until=valid_until,
    )
    return _complete(plan, sponsor, ledger)


def _complete(plan: Plan, sponsor: Sponsor, ledger: Ledger) -> Unsigned:
    """Return the transaction, what is left of which goes to the seller."""
    purse = Purse(sponsor.pay_to, {}, {sponsor.ref: sponsor.output})
    unsigned = complete(replace(plan, adds_inputs=False), purse, ledger)
    fee = decode_transaction(unsigned.with_signatures([])).body.fee
    if fee > sponsor.max_fee:
        raise CannotBuild(f"the fee is {fee} lovelace, and at most {sponsor.max_fee} are offered")
    return unsigned


def _change(own: Own, currency: AssetId | None, more: int, ledger: Ledger) -> NewOutput:
    """Return the consumer's own output, with so much more of the currency."""
    lovelace, assets = 0, dict[AssetId, int]()
    for output in own.utxo.values():
        lovelace += output.value.lovelace
        for asset, quantity in output.value.assets.items():
            assets[asset] = assets.get(asset, 0) + quantity
    made = NewOutput(own.address, add(Value(lovelace, assets), currency, more))
    least = made.minimum(ledger.parameters.coins_per_utxo_byte)
    if lovelace < least:
        raise CannotBuild(f"what comes back must hold {least} lovelace, and holds {lovelace}")
    return made
