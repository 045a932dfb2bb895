"""The search for payments, as URLs and commands write it."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.api.payment_search import (
    BadSearch,
    format_place,
    parse_by,
    parse_place,
    parse_query,
)
from facilitator.roles.claim import ClaimState
from facilitator.roles.payment_ledger import EVERY_PAYMENT, PaymentQuery, Place, TotalBy


def test_every_condition_has_a_name() -> None:
    texts = {
        "state": "settled,expired",
        "network": "cardano:preprod",
        "payer": "addr_test1payer",
        "payTo": "addr_test1shop",
        "asset": "lovelace",
        "caller": "",
        "resource": "https://shop.example/",
        "since": "2026-01-31",
        "until": "2026-01-31T12:00:00+01:00",
    }
    assert parse_query(texts) == PaymentQuery(
        states=frozenset({ClaimState.SETTLED, ClaimState.EXPIRED}),
        network="cardano:preprod",
        payer="addr_test1payer",
        pay_to="addr_test1shop",
        asset="lovelace",
        caller="",
        resource="https://shop.example/",
        since=1_769_817_600.0,
        until=1_769_817_600.0 + 11 * 3_600,
    )
    assert parse_query({}) == EVERY_PAYMENT
    assert parse_by("day,payTo,caller") == list(TotalBy)
    assert parse_by("") == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("state", "paid"),
        ("state", "claimed"),
        ("state", ""),
        ("since", "yesterday"),
        ("until", "2026-01-31T25:00"),
    ],
)
def test_a_condition_that_cannot_be_read_is_named(name: str, text: str) -> None:
    with pytest.raises(BadSearch, match=f"^{name} must be "):
        parse_query({name: text})


def test_totals_are_by_known_fields() -> None:
    with pytest.raises(BadSearch, match=r"^by must be some of day, payTo, caller$"):
        parse_by("day,payer")


@given(st.floats(allow_nan=False, allow_infinity=False), st.binary(min_size=32, max_size=32))
def test_a_cursor_leads_back_to_its_place(created_at: float, transaction_id: bytes) -> None:
    place = Place(created_at, transaction_id.hex())
    assert parse_place(format_place(place)) == place


@given(st.text())
def test_any_other_cursor_is_refused(text: str) -> None:
    with suppress(BadSearch):
        assert format_place(parse_place(text))


def test_a_cursor_of_no_time_is_refused() -> None:
    with pytest.raises(BadSearch):
        parse_place(format_place(Place(float("nan"), "00")))
