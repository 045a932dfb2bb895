"""The options that choose payments."""

import argparse

import pytest

from facilitator.api.payment_search import STATES
from facilitator.cli.payments.filters import (
    add_filter_options,
    parse_count,
    parse_network,
    parse_states,
    parse_time,
    query_of,
)
from facilitator.roles.claim import ClaimState
from facilitator.roles.payment_ledger import EVERY_PAYMENT, PaymentQuery
from support.ledger_records import NOON


@pytest.mark.parametrize(
    "text", ["2024-10-04T12:00", "2024-10-04 12:00:00Z", "2024-10-04T14:00:00+02:00"]
)
def test_a_time_is_utc_unless_it_says_otherwise(text: str) -> None:
    assert parse_time(text) == NOON


def test_a_date_is_its_first_moment() -> None:
    assert parse_time("2024-10-04") == NOON - 43_200


@pytest.mark.parametrize("text", ["", "yesterday", "2024-13-01", "1700000000", "2024-02-30"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must be a day such as"):
        parse_time(text)


def test_states_are_those_of_the_ledger() -> None:
    assert parse_states("settled,expired") == frozenset({ClaimState.SETTLED, ClaimState.EXPIRED})
    assert parse_states(",".join(STATES)) == frozenset(STATES)
    for wrong in ("claimed", "", "settled,"):
        with pytest.raises(argparse.ArgumentTypeError, match="state must be some of submitted"):
            parse_states(wrong)


def test_counts_and_networks() -> None:
    assert parse_count("12") == 12
    assert parse_network("cip34:0-1") == "cardano:preprod"
    assert parse_network("cardano:of-a-plugin") == "cardano:of-a-plugin"
    for wrong in ("0", "-1", "x", "1.5", "²"):
        with pytest.raises(argparse.ArgumentTypeError):
            parse_count(wrong)
    with pytest.raises(argparse.ArgumentTypeError):
        parse_network("preprodd")


def test_options_make_a_query() -> None:
    parser = argparse.ArgumentParser()
    add_filter_options(parser)
    assert query_of(parser.parse_args([])) == EVERY_PAYMENT
    words = (
        "--state settled --payer addr_p --pay-to addr_t --asset lovelace --caller shop "
        "--resource https://a --network cardano:preprod --since 2024-10-04 --until 2024-10-04T12"
    )
    assert query_of(parser.parse_args(words.split())) == PaymentQuery(
        states=frozenset({ClaimState.SETTLED}),
        network="cardano:preprod",
        payer="addr_p",
        pay_to="addr_t",
        asset="lovelace",
        caller="shop",
        resource="https://a",
        since=NOON - 43_200,
        until=NOON,
    )
    assert query_of(parser.parse_args(["--caller", ""])).caller == ""
