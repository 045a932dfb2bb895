"""The terms of a request, in the draft's reasons."""

from facilitator.plugin import PaymentRequest, Reason, Refused, Settings, Terms, agree_terms
from facilitator_channels.reasons import ChannelReason

_REASONS: dict[str, ChannelReason] = {
    Reason.UNSUPPORTED_SCHEME: ChannelReason.SCHEME,
    Reason.NETWORK_MISMATCH: ChannelReason.NETWORK_MISMATCH,
    Reason.PAYLOAD: ChannelReason.PAYLOAD,
}


def agree(request: PaymentRequest, settings: Settings) -> Terms:
    """Return the terms of a request. Raises :class:`Refused`.

    A claim pays nothing: its requirements are made up by the resource server, with the amount 0 and
    no time.
    """
    is_claim = request.payload.get("type") == "claim"
    try:
        return agree_terms(request, settings, pays_nothing=is_claim)
    except Refused as refused:
        raise Refused(_REASONS.get(refused.reason, refused.reason), refused.message) from None
