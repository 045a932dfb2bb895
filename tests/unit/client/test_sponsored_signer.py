"""A signer uses an offer to pay the fee, and never gives away ada of its own by it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import Output, OutputRef, Value
from facilitator.client import signer as signer_module
from facilitator.client.errors import CannotPay
from facilitator.client.signer import Signed, Signer
from facilitator.client.sponsored import choose_inputs
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import CAROL, MERCHANT, requirements
from facilitator.testing.running import NETWORK, NOW
from facilitator.x402.fee_sponsor import FeeSponsorOffer
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.encoding import with_minimum_lovelace
from facilitator_devnet.genesis import PARAMETERS, TEST_TOKEN
from facilitator_devnet.wallet import Wallet

ADA = 1_000_000
PRICE = 5 * ADA
OTHER = bytes(28) + b"other"
PAYER = Wallet("payer")
EXPIRES = int(NOW * 1000) + 300_000
TOKENS_ONLY = with_minimum_lovelace(PAYER.address, {TEST_TOKEN: 20 * ADA}, PARAMETERS)


@pytest.fixture
def devnet() -> Iterator[Devnet]:
    with closing(Devnet(NETWORK, ManualClock(NOW))) as devnet:
        yield devnet


@pytest.fixture
def offered(devnet: Devnet) -> OutputRef:
    return devnet.fund(CAROL.address, 3 * ADA // 2)


def fund(devnet: Devnet, value: Value, wallet: Wallet = PAYER) -> OutputRef:
    return devnet.fund(wallet.address, value.lovelace, value.assets)


def terms(offered: OutputRef, **changes: str) -> dict[str, Any]:
    offer = {
        "input": str(offered),
        "address": CAROL.bech32,
        "lovelace": str(3 * ADA // 2),
        "maxFee": "300000",
        "expiresAt": str(EXPIRES),
        **changes,
    }
    return requirements(
        amount=PRICE, asset=TEST_TOKEN, extra={"areFeesSponsored": True, "feeSponsor": offer}
    )


def sign(devnet: Devnet, agreed: dict[str, Any]) -> Signed:
    return Signer(NETWORK, PAYER, devnet, ManualClock(NOW)).sign(agreed)


def lovelace_lost(devnet: Devnet, signed: Signed) -> int:
    """Lovelace of the payer's that does not come back."""
    tx = decode_transaction(signed.transaction)
    own = devnet.outputs_at(PAYER.address)
    spent = sum(own[ref].value.lovelace for ref in tx.body.inputs if ref in own)
    back = sum(o.value.lovelace for o in tx.body.outputs if o.address == PAYER.address)
    return spent - back


def test_the_payer_gives_the_price_and_nothing_else(devnet: Devnet, offered: OutputRef) -> None:
    own = fund(devnet, TOKENS_ONLY)
    signed = sign(devnet, terms(offered))
    assert (signed.is_sponsored, signed.why_plain) == (True, "")
    tx = decode_transaction(signed.transaction)
    assert set(tx.body.inputs) == {own, offered}
    change, paid = tx.body.outputs
    assert (change.address, paid.address) == (PAYER.address, MERCHANT.address)
    assert change.value == Value(TOKENS_ONLY.lovelace, {TEST_TOKEN: 15 * ADA})
    assert paid.value == Value(3 * ADA // 2 - tx.body.fee, {TEST_TOKEN: PRICE})
    assert tx.body.fee == 44 * (tx.size + 101) + 155_381
    assert len(tx.witnesses.vkeys) == 1


def test_it_ends_no_later_than_the_offer(devnet: Devnet, offered: OutputRef) -> None:
    fund(devnet, TOKENS_ONLY)
    soon = int(NOW * 1000) + 20_500
    tx = decode_transaction(sign(devnet, terms(offered, expiresAt=str(soon))).transaction)
    assert tx.body.invalid_hereafter is not None
    assert devnet.eras().start_ms(tx.body.invalid_hereafter) <= soon


def test_inputs_hold_the_asset_alone_where_there_are_such() -> None:
    def output(lovelace: int, **assets: int) -> Output:
        names = {"token": TEST_TOKEN, "other": OTHER}
        held = {names[name]: quantity for name, quantity in assets.items()}
        return Output(PAYER.address, Value(lovelace, held), 0)

    refs = [OutputRef(bytes([n]) * 32, n) for n in range(4)]
    utxo = {
        refs[0]: output(900 * ADA),
        refs[1]: output(2 * ADA, token=9, other=1),
        refs[2]: output(2 * ADA, token=3),
        refs[3]: output(2 * ADA, token=4),
    }
    assert choose_inputs(utxo, TEST_TOKEN, 4) == [refs[3]]
    assert choose_inputs(utxo, TEST_TOKEN, 7) == [refs[3], refs[2]]
    assert choose_inputs(utxo, TEST_TOKEN, 8) == [refs[3], refs[2], refs[1]]


def own_output(devnet: Devnet) -> OutputRef:
    return fund(devnet, Value(3 * ADA // 2, {}))


def other_output(devnet: Devnet, *, lovelace: int = 3 * ADA // 2, tokens: int = 0) -> OutputRef:
    return fund(devnet, Value(lovelace, {TEST_TOKEN: tokens} if tokens else {}), CAROL)


OFFERS: dict[str, tuple[Callable[[Devnet], dict[str, Any]], str]] = {
    "C1: a script's": (
        lambda d: terms(other_output(d), address=format_address(b"\x70" + bytes(28))),
        "address of a key",
    ),
    "C2: over": (lambda d: terms(other_output(d), expiresAt=str(int(NOW * 1000))), "has expired"),
    "C2: about to be": (
        lambda d: terms(other_output(d), expiresAt=str(int(NOW * 1000) + 4_999)), "has expired"
    ),
    "C6: never was": (lambda _: terms(OutputRef(bytes(32), 0)), "does not have"),
    "C6: the payer's own, as the sponsor's": (
        lambda d: terms(own_output(d)), "belongs to this wallet"
    ),
    "C6: the payer's own, as its own": (
        lambda d: terms(own_output(d), address=PAYER.bech32), "belongs to this wallet"
    ),
    "C6: the payer's own at another address": (
        lambda d: terms(
            d.fund(PAYER.enterprise_address, 3 * ADA // 2),
            address=format_address(PAYER.enterprise_address),
        ),
        "belongs to this wallet",
    ),
    "C6: another stake part": (
        lambda d: terms(other_output(d), address=format_address(CAROL.enterprise_address)),
        "another address",
    ),
    "C6: another amount": (lambda d: terms(other_output(d, lovelace=2 * ADA)), "another amount"),
    "C6: tokens": (lambda d: terms(other_output(d, tokens=1)), "more than lovelace"),
    "C5: a fee of which too little is offered": (
        lambda d: terms(other_output(d), maxFee="150000"), "the fee would be"
    ),
    "C5: too little for the output": (
        lambda d: terms(other_output(d, lovelace=ADA), lovelace=str(ADA)), "min_utxo_insufficient"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in OFFERS if not name.startswith("C1")])
def test_an_offer_that_is_not_right_is_not_used(devnet: Devnet, name: str) -> None:
    """The wallet has ada, and pays the plain way."""
    fund(devnet, TOKENS_ONLY)
    fund(devnet, Value(50 * ADA, {}))
    make, why = OFFERS[name]
    signed = sign(devnet, make(devnet))
    assert not signed.is_sponsored
    assert why in signed.why_plain


@pytest.mark.parametrize("name", [name for name in OFFERS if "payer's own" not in name])
def test_without_ada_of_its_own_it_says_why(devnet: Devnet, name: str) -> None:
    fund(devnet, TOKENS_ONLY)
    make, why = OFFERS[name]
    with pytest.raises(CannotPay, match=why):
        sign(devnet, make(devnet))


@pytest.mark.parametrize("name", [name for name in OFFERS if "payer's own" in name])
def test_without_the_look_up_the_payers_ada_would_go(
    devnet: Devnet, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bug that C6 is there for: the offer is believed."""

    def believe(offer: FeeSponsorOffer, *_: object) -> Output:
        return Output(offer.address, Value(offer.lovelace, {}), 0)

    fund(devnet, TOKENS_ONLY)
    monkeypatch.setattr(signer_module, "look_up_offered", believe)
    monkeypatch.setattr(signer_module.Signer, "_verify", lambda *_: None)
    signed = sign(devnet, OFFERS[name][0](devnet))
    own = [*devnet.outputs_at(PAYER.address), *devnet.outputs_at(PAYER.enterprise_address)]
    assert signed.is_sponsored
    assert signed.inputs <= set(own)


def test_no_offer_is_no_reason(devnet: Devnet) -> None:
    fund(devnet, TOKENS_ONLY)
    fund(devnet, Value(50 * ADA, {}))
    signed = sign(devnet, requirements(amount=PRICE, asset=TEST_TOKEN))
    assert (signed.is_sponsored, signed.why_plain) == (False, "")


values = st.builds(
    lambda lovelace, tokens, other: Value(
        lovelace * ADA // 2,
        {asset: n for asset, n in ((TEST_TOKEN, tokens * ADA), (OTHER, other)) if n},
    ),
    st.integers(4, 100),
    st.integers(0, 6),
    st.integers(0, 2),
)


@settings(max_examples=25)
@given(
    own=st.lists(values, min_size=1, max_size=5),
    lovelace=st.integers(1_000_000, 2_000_000),
    max_fee=st.integers(150_000, 300_000),
)
def test_no_lovelace_is_lost_by_any_offer(own: list[Value], lovelace: int, max_fee: int) -> None:
    with closing(Devnet(NETWORK, ManualClock(NOW))) as devnet:
        offered = devnet.fund(CAROL.address, lovelace)
        for value in own:
            fund(devnet, value)
        agreed = terms(offered, lovelace=str(lovelace), maxFee=str(max_fee))
        try:
            signed = sign(devnet, agreed)
        except CannotPay:
            return
        if signed.is_sponsored:
            assert lovelace_lost(devnet, signed) == 0
            assert decode_transaction(signed.transaction).body.fee <= max_fee
        else:
            assert signed.why_plain
