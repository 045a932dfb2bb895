"""The transactions of channels, step by step (section *Transactions* of the draft).

Each function returns the transaction for its signatures and raises
:class:`~facilitator_channels.transactions.plan.CannotBuild`. The purse pays the fee as far as the
channels themselves do not, has the collateral, and gets what is left.
"""

from facilitator.cardano.transaction import OutputRef, Value
from facilitator_channels.channel import Channel, Validator
from facilitator_channels.datum import Closed, Constants, Datum, Opened, Settled
from facilitator_channels.iou import derive_tag
from facilitator_channels.redeemers import Add, Close, Elapse, End, Mutual, encode_redeemer
from facilitator_channels.reserve import compute_reserve
from facilitator_channels.transactions.channel import (
    add,
    channel_address,
    continue_in,
    demand_stage,
)
from facilitator_channels.transactions.complete import complete
from facilitator_channels.transactions.moves import Move, plan_moves
from facilitator_channels.transactions.plan import CannotBuild, Ledger, Plan, Purse, ScriptSource
from facilitator_channels.transactions.redemption import Redemption, claim, redeem, settle
from facilitator_channels.transactions.wire import NewOutput, Unsigned

__all__ = [
    "Redemption",
    "add_to_channel",
    "claim",
    "close",
    "elapse",
    "end",
    "make_channel",
    "open_channel",
    "redeem",
    "refund",
    "settle",
]


def open_channel(
    constants: Constants,
    amount: int,
    first: OutputRef,
    validator: Validator,
    purse: Purse,
    ledger: Ledger,
    *,
    valid_until: int | None = None,
) -> Unsigned:
    """Open a channel at the validator's address with that amount of its currency.

    The address has no stake part.
    It spends ``first``, an output of the purse from which the tag is derived. A token channel gets
    the reserve beside its tokens; an ada channel must hold it.
    """
    if first not in purse.utxo or constants.tag != derive_tag(first):
        raise CannotBuild("the channel's tag must be derived from an output of the purse")
    output = make_channel(constants, amount, validator, ledger)
    inputs = {first: purse.utxo[first]}
    return complete(Plan(inputs, (output,), valid_until=valid_until), purse, ledger)


def make_channel(
    constants: Constants, amount: int, validator: Validator, ledger: Ledger
) -> NewOutput:
    """Return a new channel with that amount of its currency, at the address without stake part.

    Raises :class:`CannotBuild` if an ada channel would hold less than its reserve.
    """
    own_hash, codec = validator
    address = channel_address(own_hash, ledger.network_id)
    price = ledger.parameters.coins_per_utxo_byte
    reserve = compute_reserve(address, own_hash, constants, codec, price)
    if constants.currency is None and amount < reserve:
        raise CannotBuild(f"a channel must hold its reserve of {reserve} lovelace")
    empty = Value(0 if constants.currency is None else reserve, {})
    datum = codec.encode(Datum(own_hash, constants, Opened(0)))
    return NewOutput(address, add(empty, constants.currency, amount), datum)


def add_to_channel(
    channel: Channel,
    amount: int,
    script: ScriptSource,
    purse: Purse,
    ledger: Ledger,
    *,
    valid_until: int | None = None,
) -> Unsigned:
    """Add the amount of the currency to an opened channel; the consumer signs."""
    opened = demand_stage(channel, Opened)
    move = Move(channel, Add(), continue_in(channel, opened, amount))
    signer = channel.constants.consumer
    return complete(plan_moves([move], script, signer, valid_until=valid_until), purse, ledger)


def close(
    channel: Channel, script: ScriptSource, purse: Purse, ledger: Ledger, *, valid_until: int
) -> Unsigned:
    """Close an opened channel; the consumer signs.

    The consumer may take all that is left once the close period is over, which begins with the
    slot ``valid_until``.
    """
    subbed = demand_stage(channel, Opened).subbed
    elapse_at = ledger.eras.start_ms(valid_until) + channel.constants.close_period
    move = Move(channel, Close(), continue_in(channel, Closed(subbed, elapse_at)))
    plan = plan_moves([move], script, channel.constants.consumer, valid_until=valid_until)
    return complete(plan, purse, ledger)


def end(channel: Channel, script: ScriptSource, purse: Purse, ledger: Ledger) -> Unsigned:
    """Take what a settled channel has left; the consumer signs."""
    demand_stage(channel, Settled)
    move = Move(channel, End(), None)
    return complete(plan_moves([move], script, channel.constants.consumer), purse, ledger)


def elapse(
    channel: Channel, script: ScriptSource, purse: Purse, ledger: Ledger, *, valid_from: int
) -> Unsigned:
    """Take what a closed channel has left, once its time has come; the consumer signs.

    ``valid_from`` is a slot that begins at ``elapse_at`` or later.
    """
    closed = demand_stage(channel, Closed)
    if ledger.eras.start_ms(valid_from) < closed.elapse_at:
        raise CannotBuild(f"the channel cannot be taken before {closed.elapse_at} ms")
    move = Move(channel, Elapse(), None)
    plan = plan_moves([move], script, channel.constants.consumer, valid_from=valid_from)
    return complete(plan, purse, ledger)


def refund(
    channel: Channel,
    owed: int,
    pay_to: bytes,
    script: ScriptSource,
    purse: Purse,
    ledger: Ledger,
    *,
    valid_until: int | None = None,
) -> Unsigned:
    """End a channel at once; consumer and provider both sign.

    ``owed`` is what the provider has charged in all; what of it was not redeemed yet goes to the
    address ``pay_to``. The rest goes to the purse, which is the consumer's. The transaction spends
    the channel and nothing else, so the channel pays the fee.
    """
    due = owed - demand_stage(channel, Opened).subbed
    outputs: tuple[NewOutput, ...] = ()
    if due < 0:
        raise CannotBuild(f"{-due} more than the {owed} owed was redeemed")
    if due:
        paid = NewOutput(pay_to, add(Value(0, {}), channel.constants.currency, due))
        least = paid.minimum(ledger.parameters.coins_per_utxo_byte)
        if paid.value.lovelace < least:
            raise CannotBuild(
                f"an output to the provider must hold {least} lovelace: claim what is owed first"
            )
        outputs = (paid,)
    plan = Plan(
        {channel.ref: channel.output},
        outputs,
        {channel.ref: encode_redeemer(Mutual())},
        script,
        frozenset({channel.constants.consumer, channel.constants.provider}),
        valid_until=valid_until,
        adds_inputs=False,
    )
    return complete(plan, purse, ledger)
