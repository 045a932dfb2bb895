"""A facilitator's answers, as a seller takes them."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from facilitator.plugin import Reason
from facilitator_channels.draft import REASON_PREFIX
from facilitator_channels.seller.facilitator import Facilitator, FacilitatorUnavailable
from facilitator_channels.seller.request import ChannelRequest, Refusal
from facilitator_channels.values import ChannelView

UNAVAILABLE = REASON_PREFIX + "verification_state_unavailable"


class Settled(NamedTuple):
    """A deposit or a refund that is in the chain."""

    answer: Mapping[str, Any]
    """The settlement response."""
    view: ChannelView | None
    """The channel afterwards, if the answer describes it."""


def verify(
    facilitator: Facilitator,
    request: ChannelRequest,
    payment: Mapping[str, Any],
    requirements: Mapping[str, Any],
    now_ms: int,
) -> ChannelView | Refusal:
    """Return the channel as the facilitator sees it, which finds the payment valid."""
    try:
        answer = facilitator.verify(payment, requirements)
    except FacilitatorUnavailable:
        return Refusal(UNAVAILABLE, "the facilitator cannot be asked now; try again")
    if answer.get("isValid") is not True:
        return _refused(answer.get("invalidReason"), answer.get("invalidMessage"))
    extra = answer.get("extra")
    view = _read_view(request, extra, now_ms)
    if view is None and isinstance(extra, Mapping):
        # A deposit that is being settled already: the channel as it will be.
        view = _read_view(request, extra.get("channelState"), now_ms)
    if view is None:
        return Refusal(UNAVAILABLE, "the facilitator does not describe the channel; try again")
    return view


def settle(
    facilitator: Facilitator,
    request: ChannelRequest,
    payment: Mapping[str, Any],
    requirements: Mapping[str, Any],
    on_answer: Callable[[Mapping[str, Any]], None] = lambda _: None,
) -> Settled | Refusal:
    """Return the facilitator's success. Its ``seen_at`` is 0. ``on_answer`` gets the answer."""
    try:
        answer = facilitator.settle(payment, requirements, request.id)
    except FacilitatorUnavailable:
        return Refusal(Reason.PENDING, "the facilitator has not answered; try again")
    on_answer(answer)
    if answer.get("success") is not True:
        return _refused(answer.get("errorReason"), answer.get("errorMessage"))
    extra = answer.get("extra")
    state = extra.get("channelState") if isinstance(extra, Mapping) else None
    return Settled(answer, _read_view(request, state, 0))


def _read_view(request: ChannelRequest, state: object, seen_at: int) -> ChannelView | None:
    if not isinstance(state, Mapping) or state.get("channelId") != request.channel_id:
        return None
    try:
        return ChannelView.from_json(state, seen_at)
    except (KeyError, OverflowError, TypeError, ValueError):
        return None


def _refused(reason: object, message: object) -> Refusal:
    text = message if isinstance(message, str) else "the facilitator refuses the payment"
    return Refusal(reason if isinstance(reason, str) else UNAVAILABLE, text)
