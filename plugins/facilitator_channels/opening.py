"""A deposit that opens a channel. No script runs, so everything is checked here."""

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.transaction import Transaction
from facilitator.plugin import Refused, Terms
from facilitator_channels.binding import check_datum
from facilitator_channels.channel import Channel, Validator, holds_more, read_datum
from facilitator_channels.datum import Opened
from facilitator_channels.iou import derive_tag
from facilitator_channels.messages import Deposit
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.reserve import held
from facilitator_channels.shape import check_moves_money_alone, list_outputs

_REASON = ChannelReason.DEPOSIT_TRANSACTION


def check_opening(tx: Transaction, deposit: Deposit, terms: Terms, validator: Validator) -> Channel:
    """Return the channel that the transaction opens. Raises :class:`Refused`."""
    check_moves_money_alone(tx, terms.network, _REASON)
    channel = read_made(tx, validator)
    datum, output = channel.datum, channel.output
    tag = deposit.voucher.channel_id
    check_datum(datum, validator, deposit.config, tag, terms)
    if datum.stage != Opened(0):
        raise Refused(_REASON, "a new channel must be open, with nothing redeemed")
    if holds_more(output, datum.constants):
        raise Refused(_REASON, "the channel holds an asset besides ADA and its own")
    amount = held(output, datum.constants)
    if amount != deposit.amount:
        raise Refused(
            _REASON, f"the channel holds {amount}, and deposit.amount is {deposit.amount}"
        )
    if tag not in map(derive_tag, tx.body.inputs):
        raise Refused(
            ChannelReason.CHANNEL_ID_MISMATCH,
            "voucher.channelId is not derived from an input of the transaction",
        )
    return channel


def read_made(tx: Transaction, validator: Validator) -> Channel:
    """Return the only channel output that the transaction makes. Raises :class:`Refused`.

    Its datum can be read; nothing else of it was checked.
    """
    outputs = list_outputs(tx, validator)
    if len(outputs) != 1:
        raise Refused(_REASON, f"it must make one output at scriptHash, and makes {len(outputs)}")
    ((ref, output),) = outputs
    try:
        return Channel(ref, output, read_datum(output, validator.codec), validator)
    except DecodeError as error:
        raise Refused(_REASON, f"the channel output cannot be used: {error}") from None


def check_reserve(channel: Channel, coins_per_byte: int) -> None:
    """Raise :class:`Refused` if a token's channel holds less ADA than its reserve."""
    if channel.constants.currency is None:
        return
    reserve, lovelace = channel.reserve(coins_per_byte), channel.output.value.lovelace
    if lovelace < reserve:
        raise Refused(
            _REASON, f"a channel of a token must hold {reserve} lovelace, and holds {lovelace}"
        )
