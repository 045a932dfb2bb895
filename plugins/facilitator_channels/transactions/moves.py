"""Steps of channels, put together to the plan of one transaction."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from facilitator.cardano.transaction import OutputRef
from facilitator_channels.channel import Channel
from facilitator_channels.redeemers import ChannelRedeemer, Defer, Main, Step, encode_redeemer
from facilitator_channels.transactions.plan import Plan, ScriptSource
from facilitator_channels.transactions.wire import NewOutput


class Move(NamedTuple):
    """A step of one channel with the output that it continues in, if it does."""

    channel: Channel
    step: Step
    output: NewOutput | None


def plan_moves(
    moves: Sequence[Move],
    script: ScriptSource,
    signer: bytes,
    *,
    valid_from: int | None = None,
    valid_until: int | None = None,
) -> Plan:
    """Return the plan of steps that one key signs: the first input carries all of them.

    The continuing outputs come first, in the ledger's order of the channels.
    """
    ordered = sorted(moves, key=lambda move: move.channel.ref)
    main: ChannelRedeemer = Main(tuple([move.step for move in ordered]))
    redeemers: Mapping[OutputRef, bytes] = {
        move.channel.ref: encode_redeemer(Defer() if count else main)
        for count, move in enumerate(ordered)
    }
    return Plan(
        {move.channel.ref: move.channel.output for move in ordered},
        tuple([move.output for move in ordered if move.output is not None]),
        redeemers,
        script,
        frozenset({signer}),
        valid_from,
        valid_until,
    )
