"""The transactions of a provider: they redeem IOUs (section *Transactions* of the draft)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from facilitator_channels.channel import Channel
from facilitator_channels.datum import Closed, Opened, Settled, Stage
from facilitator_channels.redeemers import Settle, Step, Sub
from facilitator_channels.reserve import held
from facilitator_channels.transactions.channel import continue_in, demand_stage
from facilitator_channels.transactions.complete import complete
from facilitator_channels.transactions.moves import Move, plan_moves
from facilitator_channels.transactions.plan import CannotBuild, Ledger, Purse, ScriptSource
from facilitator_channels.transactions.wire import NewOutput, Unsigned


class Redemption(NamedTuple):
    """A channel with the IOU that is redeemed."""

    channel: Channel
    owed: int
    """The amount of the IOU, all that was ever owed, in atomic units."""
    signature: bytes
    total: int | None = None
    """All that is redeemed afterwards, at most ``owed``; ``None`` for all of it."""


def redeem(
    redemptions: Sequence[Redemption],
    script: ScriptSource,
    purse: Purse,
    ledger: Ledger,
    *,
    valid_until: int | None = None,
    beside: Sequence[NewOutput] = (),
) -> Unsigned:
    """Redeem from opened channels (``Sub``) and from closed ones (``Settle``) of one provider.

    The provider signs, and what is redeemed goes to the purse. A channel that is settled is over:
    what its IOU leaves after ``total`` is the consumer's. ``beside`` are further outputs, after
    those of the channels, which come in the ledger's order of the inputs. Raises
    :class:`~facilitator_channels.transactions.plan.CannotBuild`.
    """
    providers = {each.channel.constants.provider for each in redemptions}
    if len(providers) != 1:
        raise CannotBuild("a claim redeems from channels of one provider")
    moves = [_move(each, ledger) for each in redemptions]
    plan = plan_moves(moves, script, *providers, valid_until=valid_until)
    return complete(replace(plan, outputs=(*plan.outputs, *beside)), purse, ledger)


def claim(
    redemptions: Sequence[Redemption],
    script: ScriptSource,
    purse: Purse,
    ledger: Ledger,
    *,
    valid_until: int | None = None,
) -> Unsigned:
    """Redeem from opened channels alone; see :func:`redeem`."""
    for each in redemptions:
        demand_stage(each.channel, Opened)
    return redeem(redemptions, script, purse, ledger, valid_until=valid_until)


def settle(
    redemption: Redemption,
    script: ScriptSource,
    purse: Purse,
    ledger: Ledger,
    *,
    valid_until: int | None = None,
) -> Unsigned:
    """Redeem from one closed channel, for the last time; see :func:`redeem`."""
    demand_stage(redemption.channel, Closed)
    return redeem([redemption], script, purse, ledger, valid_until=valid_until)


def _move(redemption: Redemption, ledger: Ledger) -> Move:
    channel, owed, signature, wanted = redemption
    total = owed if wanted is None else wanted
    if total > owed:
        raise CannotBuild(f"the IOU is for {owed}, which is less than {total}")
    if isinstance(channel.datum.stage, Closed):
        subbed = channel.datum.stage.subbed
        step: Step = Settle(owed, signature)
        after: Stage = Settled()
    else:
        subbed = demand_stage(channel, Opened).subbed
        step, after = Sub(owed, signature), Opened(total)
    return Move(channel, step, _reduced(channel, after, total - subbed, ledger))


def _reduced(channel: Channel, after: Stage, taken: int, ledger: Ledger) -> NewOutput:
    """Return the output from which that much was taken, if the channel can pay it out."""
    output = continue_in(channel, after, -taken)
    least = output.minimum(ledger.parameters.coins_per_utxo_byte)
    if taken <= 0:
        raise CannotBuild(f"the IOU of {channel.constants.tag.hex()} leaves nothing to redeem")
    if output.value.lovelace < least or taken > held(channel.output, channel.constants):
        raise CannotBuild(f"the channel {channel.constants.tag.hex()} cannot pay out {taken}")
    return output
