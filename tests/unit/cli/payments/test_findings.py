"""Verdicts on settled payments by what the chain shows."""

from dataclasses import replace
from typing import Any

import pytest

from facilitator.cardano.transaction import Output, Value
from facilitator.cli.payments.findings import (
    Finding,
    Kind,
    NotKnown,
    Repeats,
    Verdict,
    asset_id,
    judge_amount,
    judge_place,
    paid_of,
)
from facilitator.roles.chain import InBlock, InMempool, NotFound, Point, Tip, Unknown
from facilitator.roles.claim import Delivery
from facilitator.roles.payment_record import PaymentRecord
from support.ledger_records import paid

PAYMENT = paid(block_height=100, depth=3, confirmations=3, block="b1" * 32)


def tip(height: int) -> Tip:
    return Tip(Point(height * 20, "ff" * 32), height)


def in_block(height: int) -> InBlock:
    return InBlock(Point(height * 20, "b2" * 32), height)


def kind(verdict: Verdict) -> str | None:
    match verdict:
        case Finding():
            assert verdict.transaction_id == PAYMENT.transaction_id
            return verdict.kind
        case NotKnown():
            return "unknown"
    return None


@pytest.mark.parametrize(
    ("status", "height", "has_block", "expected"),
    [
        (in_block(100), 103, None, None),
        (in_block(100), 999, None, None),
        (in_block(101), 104, None, None),  # rolled back, and deep enough again
        (in_block(101), 103, None, Kind.SHALLOW),
        (in_block(104), 103, None, Kind.SHALLOW),  # a block that came after the tip was asked for
        (in_block(100), 102, None, "unknown"),  # the provider is behind
        (NotFound(), 102, None, "unknown"),
        (InMempool(), 102, None, "unknown"),
        (Unknown("it lags"), 103, None, "unknown"),
        (NotFound(), 103, True, Kind.MISSING),
        (NotFound(), 103, None, Kind.MISSING),
        (NotFound(), 103, False, Kind.ROLLED_BACK),
        (InMempool(), 103, None, Kind.ROLLED_BACK),
    ],
)
def test_where_the_transaction_is(
    status: Any, height: int, has_block: bool | None, expected: str | None
) -> None:
    assert kind(judge_place(PAYMENT, status, tip(height), has_block=has_block)) == expected


def test_acceptance_promises_no_depth() -> None:
    at_once = replace(PAYMENT, confirmations=-1, block_height=None, depth=None)
    assert judge_place(at_once, in_block(103), tip(103), has_block=None) is None


def test_a_finding_says_if_the_resource_was_served() -> None:
    def remedy(payment: PaymentRecord) -> str:
        verdict = judge_place(payment, NotFound(), tip(103), has_block=True)
        assert isinstance(verdict, Finding)
        return verdict.remedy

    assert "served for nothing" in remedy(PAYMENT)
    assert "not delivered" in remedy(replace(PAYMENT, delivery=Delivery.NONE))


def test_what_outputs_pay_is_added_up_by_asset() -> None:
    token = asset_id(f"{'ab' * 28}.{b'coin'.hex()}")
    assert token == b"\xab" * 28 + b"coin"
    shop, other = b"\x60" + b"s" * 28, b"\x60" + b"o" * 28
    outputs = [
        Output(shop, Value(5, {}), 0),
        Output(shop, Value(2, {token: 7}), 0),
        Output(other, Value(9, {token: 9}), 0),
    ]
    assert paid_of(outputs, shop, asset_id("lovelace")) == 7
    assert paid_of(outputs, shop, token) == 7
    assert kind(judge_amount(PAYMENT, 2_000_000)) is None
    assert kind(judge_amount(PAYMENT, 1_999_999)) == Kind.UNDERPAID


LATER = paid(2, created_at=1_000.0)
EARLIER = paid(1, created_at=880.0)  # its validity is 120 s


@pytest.mark.parametrize(
    ("later", "earlier", "found"),
    [
        ({}, {}, True),
        ({}, {"created_at": 879.0}, False),
        ({}, {"payer": "addr_test1other"}, False),
        ({}, {"pay_to": "addr_test1other"}, False),
        ({}, {"network": "cardano:preview"}, False),
        ({"resource": "https://a"}, {}, True),  # the identifier is the same
        ({"identifier": ""}, {}, True),  # the resource is
        ({"identifier": ""}, {"amount": "1"}, False),  # at another price
        ({"identifier": "pay_2"}, {}, False),  # the payer says that they are two
        ({"identifier": "", "resource": ""}, {}, False),
        ({"payer": None, "resource": None, "identifier": None, "terms": None}, {}, False),
        ({}, {"terms": {}}, False),
    ],
)
def test_payments_for_the_same(later: Any, earlier: Any, found: bool) -> None:
    repeats = Repeats()
    assert repeats.add(replace(LATER, **later)) is None
    finding = repeats.add(replace(EARLIER, **earlier))
    assert (finding is not None) is found
    if finding is not None:
        assert (finding.kind, finding.transaction_id) == (Kind.PAID_TWICE, LATER.transaction_id)
        assert EARLIER.transaction_id in finding.detail
