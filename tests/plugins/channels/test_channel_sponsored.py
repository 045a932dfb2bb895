"""A sponsor pays for deposits, and gives a refund its collateral; it signs for /settle."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.plugin import Refused, Settings
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NETWORK, NOW
from facilitator_channels.scheme import ChannelScheme
from support.channel_cases.sponsored_steps import Step
from support.channel_drafts import Draft, nothing
from support.channel_ledger import Ledger
from support.channel_parties import Opening, held_channel
from support.channels import CONSUMER, PRICE, TOKEN, VALIDATORS, judge, read, request
from support.sponsored_channels import (
    MAX_FEE,
    SPONSOR,
    SponsoredOpening,
    sponsored_refund,
    sponsored_top_up,
)


def test_it_is_valid_before_the_sponsor_has_signed(scheme: ChannelScheme) -> None:
    """Its own inputs are held, the sponsor's are not: anyone could verify what it never signs."""
    opening = SponsoredOpening()
    verified = judge(scheme, opening.body)
    assert verified.payer == CONSUMER.hex()
    assert verified.extra["balance"] == "5000"
    assert verified.unsigned == {str(opening.offered[0])}


def test_the_signature_is_merged_and_the_id_stays(scheme: ChannelScheme) -> None:
    opening = SponsoredOpening()
    body = opening.settlement()
    verified = judge(scheme, body, settles=True)
    assert verified.unsigned == frozenset()
    before, after = read(scheme, opening.body), read(scheme, body, settles=True)
    assert before.transaction_id == after.transaction_id
    tx = decode_transaction(after.transaction)
    assert len(tx.witnesses.vkeys) == 2
    assert tx.body == decode_transaction(before.transaction).body


def test_an_offer_that_is_not_used_says_nothing(scheme: ChannelScheme, ledger: Ledger) -> None:
    """A plain opening and a voucher may come under requirements with an offer."""
    own = SponsoredOpening()
    plain = Opening(asset=TOKEN, amount=5_000, number=1)
    for settles in (False, True):
        assert judge(scheme, request(plain.payload, own.terms), settles=settles).unsigned == set()
    voucher = held_channel(ledger, asset=TOKEN, amount=5_000).promise(PRICE)
    assert judge(scheme, request(voucher, own.terms)).payer == CONSUMER.hex()


def test_the_tag_may_come_from_the_offered_input(scheme: ChannelScheme) -> None:
    opening = SponsoredOpening()
    opening.first = opening.offered[0]
    assert judge(scheme, opening.body).payer == CONSUMER.hex()


@pytest.mark.parametrize("make", [sponsored_top_up, sponsored_refund])
def test_a_top_up_and_a_refund(scheme: ChannelScheme, ledger: Ledger, make: Step) -> None:
    held = held_channel(ledger, asset=TOKEN, amount=5_000)
    offered = str(SponsoredOpening().offered[0])
    verified = judge(scheme, make(held))
    assert verified.unsigned == ({offered} if make is sponsored_top_up else set())
    assert judge(scheme, make(held, nothing, SPONSOR), settles=True).unsigned == set()


def test_a_sponsored_refund_of_what_is_owed(scheme: ChannelScheme, ledger: Ledger) -> None:
    held = held_channel(ledger, asset=TOKEN, amount=5_000)
    assert judge(scheme, sponsored_refund(held, owed=7)).payer == CONSUMER.hex()


@settings(max_examples=60, deadline=None)
@given(
    to_channel=st.integers(-3, 3),
    to_payer=st.integers(-400_000, 400_000) | st.integers(-3, 3),
    fee=st.integers(-150_000, 150_000) | st.integers(-3, 3),
)
def test_the_sponsor_never_gives_more_than_reserve_and_fee(
    loaded: Settings, to_channel: int, to_payer: int, fee: int
) -> None:
    """Whatever goes where: what is accepted leaves the payer at most its own ada."""

    def edit(draft: Draft) -> None:
        draft.fee += fee
        moves = (to_channel, -to_channel - to_payer - fee, to_payer)
        for output, more in zip(draft.outputs, moves, strict=True):
            value = output[1]
            output[1] = value + more if isinstance(value, int) else [value[0] + more, value[1]]

    scheme = ChannelScheme(loaded, ManualClock(NOW), {NETWORK: Ledger().chain}, VALIDATORS)
    opening = SponsoredOpening(edit=edit)
    try:
        judge(scheme, opening.body)
    except Refused:
        return
    assert to_channel == 0
    assert to_payer <= 0
    assert decode_transaction(opening.transaction).body.fee <= MAX_FEE
