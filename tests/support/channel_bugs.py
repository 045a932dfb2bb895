"""Bugs planted in a seller or a payer, each of which some history must find."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from facilitator_channels.client import channel as client
from facilitator_channels.seller import (
    asking,
    record,
    redeeming,
    seller,
    sponsorship,
    steps,
    store,
    watching,
)
from facilitator_channels.seller.request import Refusal
from facilitator_channels.values import ChannelView
from support import channel_histories

Plant = Callable[[pytest.MonkeyPatch], None]


def charges_beside_another_request(patch: pytest.MonkeyPatch) -> None:
    """A late request is charged as if the count were what it was."""
    commit = steps.commit

    def bad(before: Any, request: Any, *rest: Any) -> Any:
        if before is not None:
            before = replace(before, charged=request.base, pending=None)
        return commit(before, request, *rest)

    patch.setattr(seller, "commit", bad)


def answers_before_the_charge_is_durable(patch: pytest.MonkeyPatch) -> None:
    change = store.Records.change

    def bad(self: Any, channel_id: str, step: Any, **_: Any) -> Any:
        return change(self, channel_id, step, durable=False)

    patch.setattr(store.Records, "change", bad)


def charges_twice_after_a_lost_reply(patch: pytest.MonkeyPatch) -> None:
    """The step does not know its own effect."""
    commit = steps.commit

    def bad(before: Any, *rest: Any) -> Any:
        after, result = commit(before and replace(before, request_id=""), *rest)
        return (before if isinstance(result, Refusal) else after), result

    patch.setattr(seller, "commit", bad)


def serves_what_a_signature_has_ended(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(record.ChannelRecord, "is_sealed", lambda *_: False)


def settles_without_a_seal(patch: pytest.MonkeyPatch) -> None:
    """A request that began before is charged after the settlement is signed."""
    patch.setattr(redeeming, "seal", lambda before, *_: (before, True))
    patch.setattr(record.ChannelRecord, "is_sealed", lambda *_: False)


def drops_a_record_before_its_end_is_deep(patch: pytest.MonkeyPatch) -> None:
    end = watching._end
    patch.setattr(watching, "_end", lambda before, seen: end(before, replace(seen, is_deep=True)))


def goes_back_to_what_is_redeemed(patch: pytest.MonkeyPatch) -> None:
    sync = steps.sync

    def bad(before: Any, view: ChannelView, anchor: str = "") -> Any:
        return replace(sync(before, view, anchor), charged=view.total_claimed)

    patch.setattr(watching, "sync", bad)


def serves_above_the_balance(patch: pytest.MonkeyPatch) -> None:
    verify = seller.Seller._verify

    def bad(self: Any, before: Any, serve: Any) -> Any:
        if before is None or serve.request.kind is not record.Kind.VOUCHER:
            return verify(self, before, serve)
        return replace(before.view, balance=10**9)

    patch.setattr(seller.Seller, "_verify", bad)


def does_not_settle_closed_channels(patch: pytest.MonkeyPatch) -> None:
    policy = replace(channel_histories.POLICY, least_settled=10**9)
    patch.setattr(channel_histories, "POLICY", policy)


def redeems_no_more_than_once(patch: pytest.MonkeyPatch) -> None:
    """A claim that is rolled back stays counted as redeemed."""
    sync = steps.sync

    def bad(before: Any, view: ChannelView, anchor: str = "") -> Any:
        claimed = max(view.total_claimed, before.view.total_claimed)
        return sync(before, replace(view, total_claimed=claimed), anchor)

    patch.setattr(watching, "sync", bad)


def serves_for_a_deposit_in_doubt(patch: pytest.MonkeyPatch) -> None:
    def bad(facilitator: Any, request: Any, payment: Any, requirements: Any) -> Any:
        answer: Mapping[str, Any] = facilitator.settle(payment, requirements, request.id)
        if answer.get("errorReason") == "settlement_pending":
            return asking.Settled({"success": True}, None)
        return settle(facilitator, request, payment, requirements)

    settle = asking.settle
    patch.setattr(sponsorship, "settle", bad)


def a_payer_takes_over_any_count(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(client, "iou_holds", lambda *_: True)


def a_payer_pays_any_charge(patch: pytest.MonkeyPatch) -> None:
    settled = client.settled

    def bad(known: Any, _: int, extra: Mapping[str, Any]) -> Any:
        return settled(known, 10**9, {"chargedAmount": extra["chargedAmount"]})

    patch.setattr(client, "settled", bad)


def a_payer_signs_ahead(patch: pytest.MonkeyPatch) -> None:
    """It counts what it sends, and not what it is charged."""
    next_amount = client.next_amount

    def bad(known: Any, price: int) -> int:
        return next_amount(known, price) + 1

    patch.setattr(client, "next_amount", bad)


BUGS: tuple[Plant, ...] = (
    charges_beside_another_request,
    answers_before_the_charge_is_durable,
    charges_twice_after_a_lost_reply,
    serves_what_a_signature_has_ended,
    settles_without_a_seal,
    drops_a_record_before_its_end_is_deep,
    goes_back_to_what_is_redeemed,
    serves_above_the_balance,
    does_not_settle_closed_channels,
    redeems_no_more_than_once,
    serves_for_a_deposit_in_doubt,
    a_payer_takes_over_any_count,
    a_payer_pays_any_charge,
    a_payer_signs_ahead,
)
