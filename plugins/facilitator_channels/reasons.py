"""The reasons of refusals, by the names that the draft gives them.

Those that only a resource server gives are not among them.
"""

from enum import StrEnum

from facilitator_channels.draft import REASON_PREFIX as _PREFIX


class ChannelReason(StrEnum):
    """The reason of a refusal; the values are part of the wire protocol."""

    # The request.
    SCHEME = _PREFIX + "scheme"
    NETWORK_MISMATCH = _PREFIX + "network_mismatch"
    PAYLOAD_TYPE = _PREFIX + "payload_type"
    PAYLOAD = _PREFIX + "payload"
    EXTRA = _PREFIX + "extra"
    WITHDRAW_DELAY_OUT_OF_RANGE = _PREFIX + "withdraw_delay_out_of_range"

    # What the client says of the channel, beside the requirements or the datum.
    RECEIVER_MISMATCH = _PREFIX + "receiver_mismatch"
    RECEIVER_AUTHORIZER_MISMATCH = _PREFIX + "receiver_authorizer_mismatch"
    TOKEN_MISMATCH = _PREFIX + "token_mismatch"
    WITHDRAW_DELAY_MISMATCH = _PREFIX + "withdraw_delay_mismatch"
    CHANNEL_CONFIG = _PREFIX + "channel_config"
    CHANNEL_ID_MISMATCH = _PREFIX + "channel_id_mismatch"

    # The channel on the chain.
    CHANNEL_NOT_FOUND = _PREFIX + "channel_not_found"
    CHANNEL_STATE = _PREFIX + "channel_state"
    CHANNEL_CLOSED = _PREFIX + "channel_closed"

    # The voucher.
    CUMULATIVE_EXCEEDS_BALANCE = _PREFIX + "cumulative_exceeds_balance"
    CUMULATIVE_BELOW_CLAIMED = _PREFIX + "cumulative_below_claimed"
    VOUCHER_SIGNATURE = _PREFIX + "voucher_signature"

    # The transaction.
    DEPOSIT_TRANSACTION = _PREFIX + "deposit_transaction"
    REFUND_TRANSACTION = _PREFIX + "refund_transaction"
    CLAIM_TRANSACTION = _PREFIX + "claim_transaction"
