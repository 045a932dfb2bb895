"""A claim: the provider redeems IOUs of one channel or more by one transaction.

Steps of the consumer never stand in it: a validator that is served refuses some transactions that
mix steps of two signers.
"""

from collections.abc import Mapping, Sequence

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.transaction import Output, OutputRef, Transaction
from facilitator.plugin import Refused
from facilitator_channels.channel import Channel, Validator, read_channel
from facilitator_channels.datum import Closed, Opened, Settled
from facilitator_channels.messages import Claim
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.redeemers import ChannelRedeemer, Defer, Main, Settle, Step, Sub
from facilitator_channels.reserve import held
from facilitator_channels.shape import list_outputs, read_redeemers

_REASON = ChannelReason.CLAIM_TRANSACTION


def check_names(claim: Claim) -> None:
    """Raise :class:`Refused` if ``claims`` names a channel twice."""
    names = [each.channel_id for each in claim.claims]
    if len(set(names)) != len(names):
        raise Refused(_REASON, "claims names a channel twice")


def check_claim(
    tx: Transaction,
    claim: Claim,
    outputs: Mapping[OutputRef, Output],
    validators: Mapping[bytes, Validator],
) -> bytes:
    """Return the key hash of the first channel's provider, if ``claims`` says what is redeemed.

    Args:
        tx: The transaction, which the ledger would accept, its scripts included.
        claim: The message.
        outputs: The outputs that the transaction refers to.
        validators: Those that are served, by script hash.

    Raises:
        Refused: Another step, or ``claims`` differs from the transaction.
    """
    redeemers = read_redeemers(tx, _REASON)
    redeemed: dict[bytes, int] = {}
    providers: list[bytes] = []
    for validator in validators.values():
        channels = _list_channels(tx, outputs, validator)
        for channel, step, after in _list_steps(tx, channels, redeemers, validator):
            tag = channel.constants.tag
            if tag in redeemed:
                raise Refused(_REASON, f"it spends two channels with the id {tag.hex()}")
            redeemed[tag] = _check_step(channel, step, after)
            providers.append(channel.constants.provider)
    if redeemed != {each.channel_id: each.total for each in claim.claims}:
        raise Refused(
            _REASON,
            f"claims must name the {len(redeemed)} channels that it spends, each with all that is"
            " redeemed after it",
        )
    return providers[0]


def _list_channels(
    tx: Transaction, outputs: Mapping[OutputRef, Output], validator: Validator
) -> Sequence[Channel]:
    """Return the channels of the validator that the transaction spends, in the ledger's order."""
    refs = [ref for ref in sorted(tx.body.inputs) if validator.owns(outputs[ref])]
    return [_read(ref, outputs[ref], validator) for ref in refs]


def _list_steps(
    tx: Transaction,
    channels: Sequence[Channel],
    redeemers: Mapping[OutputRef, ChannelRedeemer | None],
    validator: Validator,
) -> Sequence[tuple[Channel, Step, Channel]]:
    """Return each channel with its step and with what it is after that."""
    if not channels:
        return []
    first, *others = [redeemers.get(channel.ref) for channel in channels]
    if not isinstance(first, Main) or any(each != Defer() for each in others):
        raise Refused(_REASON, "it must redeem channels with Main and Defer, never with Mutual")
    made = [_read(ref, output, validator) for ref, output in list_outputs(tx, validator)]
    if not len(first.steps) == len(channels) == len(made):
        raise Refused(_REASON, "it must have one step and one output for each channel it spends")
    return list(zip(channels, first.steps, made, strict=True))


def _check_step(before: Channel, step: Step, after: Channel) -> int:
    """Return all that is redeemed from the channel after the step, in atomic units."""
    if before.constants != after.constants or before.output.address != after.output.address:
        raise Refused(_REASON, f"{after.ref} does not continue the channel at {before.ref}")
    taken = held(before.output, before.constants) - held(after.output, after.constants)
    match before.datum.stage, step, after.datum.stage:
        case Opened(), Sub(), Opened(subbed):
            return subbed
        case Closed(subbed), Settle(), Settled():
            return subbed + taken
    raise Refused(_REASON, "a claim takes from channels by Sub and Settle alone")


def _read(ref: OutputRef, output: Output, validator: Validator) -> Channel:
    try:
        return read_channel(ref, output, validator)
    except DecodeError as error:
        raise Refused(_REASON, f"the channel output {ref} cannot be read: {error}") from None
