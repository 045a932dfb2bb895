"""Compares the client's configuration of its channel with the requirements and with the datum."""

from facilitator.cardano.transaction import AssetId
from facilitator.plugin import Refused, Terms
from facilitator_channels.channel import Validator
from facilitator_channels.datum import Constants, Datum
from facilitator_channels.extra import ChannelTerms
from facilitator_channels.messages import ChannelConfig
from facilitator_channels.reasons import ChannelReason


def check_config(config: ChannelConfig, terms: Terms, channel_terms: ChannelTerms) -> None:
    """Raise :class:`Refused` unless the channel is one that the requirements ask for."""
    requirements = terms.requirements
    for differs, reason, name in (
        (config.receiver != requirements.pay_to, ChannelReason.RECEIVER_MISMATCH, "receiver"),
        (
            config.receiver_authorizer != channel_terms.receiver_authorizer,
            ChannelReason.RECEIVER_AUTHORIZER_MISMATCH,
            "receiverAuthorizer",
        ),
        (config.token != requirements.asset, ChannelReason.TOKEN_MISMATCH, "token"),
        (
            config.withdraw_delay != channel_terms.withdraw_delay,
            ChannelReason.WITHDRAW_DELAY_MISMATCH,
            "withdrawDelay",
        ),
    ):
        if differs:
            raise Refused(reason, f"channelConfig.{name} is not what the requirements say")


def constants_of(config: ChannelConfig, tag: bytes, asset: AssetId | None) -> Constants:
    """Return the constants of the client's channel; ``asset`` is its token, ``None`` for ada."""
    return Constants(
        tag,
        asset,
        config.payer_authorizer,
        config.payer,
        config.receiver_authorizer,
        config.withdraw_delay * 1000,
    )


def check_datum(
    datum: Datum, validator: Validator, config: ChannelConfig, tag: bytes, terms: Terms
) -> None:
    """Raise :class:`Refused` unless the datum is that of the client's channel.

    The configuration has passed :func:`check_config`.
    """
    constants = datum.constants
    for differs, reason, what in (
        (datum.own_hash != validator.script_hash, ChannelReason.CHANNEL_STATE, "own script hash"),
        (constants.tag != tag, ChannelReason.CHANNEL_ID_MISMATCH, "tag"),
        (constants.currency != terms.asset, ChannelReason.TOKEN_MISMATCH, "currency"),
        (
            constants.iou_key != config.payer_authorizer,
            ChannelReason.CHANNEL_CONFIG,
            "IOU key",
        ),
        (constants.consumer != config.payer, ChannelReason.CHANNEL_CONFIG, "consumer"),
        (
            constants.provider != config.receiver_authorizer,
            ChannelReason.RECEIVER_AUTHORIZER_MISMATCH,
            "provider",
        ),
        (
            constants.close_period != config.withdraw_delay * 1000,
            ChannelReason.WITHDRAW_DELAY_MISMATCH,
            "close period",
        ),
    ):
        if differs:
            raise Refused(reason, f"the channel's datum has another {what} than the payload says")
    if constants.sponsor is not None:
        raise Refused(
            ChannelReason.CHANNEL_CONFIG,
            "a channel with a sponsor is not served: what it can pay out depends on its sponsor",
        )
