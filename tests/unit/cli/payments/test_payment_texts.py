"""What the commands print: amounts, tables, stories, totals."""

import argparse
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.cli.payments.amounts import (
    amount_text,
    parse_decimals,
    short_asset,
    with_decimals,
)
from facilitator.cli.payments.listing import render_payments
from facilitator.cli.payments.refusing import render_counts
from facilitator.cli.payments.showing import render_payment
from facilitator.cli.payments.story import story_of
from facilitator.cli.payments.texts import printable, render_table
from facilitator.cli.payments.totalling import parse_by, render_totals
from facilitator.cli.payments.watching import render_event
from facilitator.roles.claim import ClaimState, Delivery
from facilitator.roles.payment_ledger import RefusalCount, Total, TotalBy
from facilitator.roles.payment_record import PaymentRecord
from support.ledger_records import NOON, any_record, erased, event, paid

ADA = {"lovelace": 6}
TOKEN = f"{'ab' * 28}.{b'tUSDM'.hex()}"
SUBMITTED, INCLUDED, SETTLED = ClaimState.SUBMITTED, ClaimState.INCLUDED, ClaimState.SETTLED


@pytest.mark.parametrize(
    ("amount", "asset", "shown"),
    [
        (0, "lovelace", "0.000000 ada"),
        (1, "lovelace", "0.000001 ada"),
        ("1234567890", "lovelace", "1,234.567890 ada"),
        (1234567, TOKEN, "1,234,567 units tUSDM"),
        (5, f"{'ab' * 28}.", f"5 units {'ab' * 5}"),
        (5, "an asset of another scheme", "5 units an asset o"),
    ],
)
def test_amounts_are_shown_with_their_asset(amount: int | str, asset: str, shown: str) -> None:
    assert amount_text(amount, asset, ADA) == shown


def test_decimals_of_a_token_are_those_that_were_given() -> None:
    decimals = dict([parse_decimals(f"{TOKEN}=6")])
    assert amount_text("2500000", TOKEN, decimals) == "2.500000 tUSDM"
    assert with_decimals(7, TOKEN, {TOKEN: 0}) == "7"
    assert with_decimals(7, TOKEN, {}) is None
    assert short_asset(f"{'ab' * 28}.ff") == "ff"
    for wrong in (TOKEN, f"{TOKEN}=x", "tUSDM=6", f"{TOKEN}=256"):
        with pytest.raises(argparse.ArgumentTypeError):
            parse_decimals(wrong)


@given(st.integers(0, 2**70), st.integers(0, 30))
def test_no_decimal_is_lost(amount: int, places: int) -> None:
    shown = with_decimals(amount, TOKEN, {TOKEN: places})
    assert shown is not None
    whole, _, rest = shown.partition(".")
    assert len(rest) == places
    assert int(whole + rest) == amount


@given(st.lists(any_record(), min_size=1, max_size=5))
def test_a_list_has_a_line_for_each_payment_and_obeys_no_payer(
    payments: list[PaymentRecord],
) -> None:
    table = render_payments(payments, ADA)
    assert table.count("\n") == len(payments) + 1
    assert all(line.isprintable() for line in table.splitlines())


def test_a_list_fits_the_terminal() -> None:
    long = paid(resource="https://shop.example/" + "x" * 200, amount="123456789000000")
    lines = render_payments([long, paid(2)], ADA).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1].endswith("…")
    heading, *ends = (line[: lines[0].index("PAYER") - 2] for line in lines)
    assert heading.endswith("AMOUNT")
    assert all(end.endswith(" ada") for end in ends)
    assert lines[2].startswith("2024-10-04 12:00  00000000  settled")


def test_what_was_erased_is_not_shown_as_unknown() -> None:
    assert render_payments([erased(paid())], ADA).count("erased") == 2
    assert "payer       erased" in render_payment(erased(paid()), [], ADA)


def test_no_payment_is_said_in_words() -> None:
    assert render_payments([], ADA) == "no payments found\n"
    assert render_totals([], [], ADA) == "no payments found\n"
    assert render_counts([]) == "no refused request was counted\n"


def test_an_amount_is_never_cut() -> None:
    table = render_table(["A", "AMOUNT"], [["x" * 70, "1" * 30]], ["AMOUNT"])
    assert table.splitlines()[1].endswith("1" * 30)


def test_what_a_terminal_would_obey_is_escaped() -> None:
    assert printable("\x1b[31mü\n") == "\\x1b[31mü\\n"


STORY = [
    (event(1), ["announced: the transaction is about to be sent to a node"]),
    (event(2, error="the mempool is full"), ["no node took it so far: the mempool is full"]),
    (event(3, accepted=True), ["accepted by a node"]),
    (
        event(4, accepted=True, state=INCLUDED, block="b1", block_height=7, depth=0),
        ["seen in block 7 at depth 0"],
    ),
    (
        event(5, accepted=True, state=INCLUDED, block="b1", block_height=7, depth=2),
        ["depth 2 now"],
    ),
    (event(6, accepted=True), ["rolled back: its block is not in the chain any more"]),
    (event(7, accepted=True), ["taken up again: another process or call goes on with it"]),
    (
        event(8, accepted=True, state=SETTLED, block="b2", block_height=9, depth=1),
        ["seen in block 9 at depth 1", "settled at depth 1, as promised (1)"],
    ),
    (
        event(
            9, accepted=True, state=SETTLED, block="b2", block_height=9, depth=1,
            delivery=Delivery.DELIVERED, delivered_to="shop\n", delivery_request="9a2b",
        ),
        ["success delivered to shop\\n by request 9a2b"],
    ),
    (
        event(10, accepted=True, state=SETTLED, block="b2", block_height=9, depth=1),
        ["delivery taken back: the caller was gone before it came"],
    ),
    (
        event(11, accepted=True),
        [
            "rolled back: its block is not in the chain any more",
            "settled no more: a rollback took it before its success was delivered",
        ],
    ),
    (event(12, accepted=True, state=ClaimState.REJECTED, error="BadInputsUTxO"),
     ["rejected: BadInputsUTxO"]),
    (
        event(13, accepted=True, state=INCLUDED, block="b3", block_height=12, depth=0),
        ["seen in block 12 at depth 0", "open again: the chain shows what was rejected"],
    ),
    (
        event(
            14, accepted=True, state=INCLUDED, block="b3", block_height=12, depth=0,
            delivery=Delivery.UNKNOWN,
        ),
        ["not known any more whether its success was delivered: the record was lost"],
    ),
    (
        event(
            15, accepted=True, state=ClaimState.EXPIRED, delivery=Delivery.UNKNOWN,
        ),
        [
            "rolled back: its block is not in the chain any more",
            "expired: its validity ended, and the ledger never recorded it",
        ],
    ),
]  # fmt: skip
"""A payment to which everything happens that can happen, and the words for it."""


def test_a_story_says_what_each_event_changed() -> None:
    payment = paid(confirmations=1)
    events = [replace(each, at=NOON + each.number) for each, _ in STORY]
    story = story_of(payment, events)
    assert [words for _, words in story] == [words for _, each in STORY for words in each]
    assert story[0][0] == "2024-10-04 12:00:01"


def test_a_delivery_to_an_erased_client_names_none() -> None:
    receiver = event(1, delivery=Delivery.DELIVERED, delivered_to=None, delivery_request="9a2b")
    (*_, last) = story_of(erased(paid()), [event(0), receiver])
    assert last[1] == "success delivered to a client that was erased by request 9a2b"


def test_a_payment_is_shown_with_its_fields_and_its_story() -> None:
    shown = render_payment(paid(asset=TOKEN), [event(1)], ADA)
    assert shown.startswith(f"payment {1:064x}\n")
    for part in (
        "  state       settled\n",
        "  amount      2,000,000 units tUSDM\n",
        f"  asset       {TOKEN}\n",
        "  fee         0.170000 ada\n",
        "  caller      shop\n",
        "  block       7, slot 18446744073709551614\n",
        "  2024-10-04 12:00:00  announced: ",
    ):
        assert part in shown


def test_a_watched_event_is_one_line() -> None:
    events = [event(1), event(2, accepted=True)]
    payment = paid(resource="https://shop.example/\n" + "x" * 100)
    line = render_event(payment, events, events[1], ADA)
    assert line.startswith("2024-10-04 12:00:00  00000000  accepted by a node  [2.000000 ada for ")
    assert line.endswith("…]\n")
    assert line.count("\n") == 1


def test_totals_show_the_columns_that_were_asked_for() -> None:
    total = Total("cardano:preprod", "lovelace", "2024-10-04", "addr_test1shop", "", 1234, 5, 7)
    every = render_totals([total], list(TotalBy), ADA).splitlines()
    assert every[0].split() == [
        "DAY", "NETWORK", "PAY", "TO", "CALLER", "COUNT", "AMOUNT", "FEES", "(ADA)",
    ]  # fmt: skip
    assert every[1].split() == [
        "2024-10-04", "preprod", "…est1shop", "-", "1,234", "0.000005", "ada", "0.000007",
    ]  # fmt: skip
    none = render_totals([total], [], ADA).splitlines()
    assert none[0].split() == ["NETWORK", "COUNT", "AMOUNT", "FEES", "(ADA)"]


def test_the_asset_may_be_named_among_what_totals_go_by() -> None:
    assert parse_by("day, asset,payTo") == {TotalBy.DAY, TotalBy.PAY_TO}
    with pytest.raises(argparse.ArgumentTypeError, match="'month' is none of day"):
        parse_by("day,month")


def test_refusals_have_their_last_sentence() -> None:
    reason = "invalid_exact_cardano_payload_nonce_not_on_chain"
    counts = [RefusalCount("2024-10-04", "verify", reason, "shop", 1234, NOON, "it is\nspent")]
    assert render_counts(counts).splitlines() == [
        "DAY         COUNT  ENDPOINT  CALLER  REASON",
        f"2024-10-04  1,234  verify    shop    {reason}",
        "    last 2024-10-04 12:00:00: it is\\nspent",
    ]
