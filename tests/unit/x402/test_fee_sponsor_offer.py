"""The form of an offer to pay the fee: exactly the draft's, and nothing near it."""

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.transaction import OutputRef
from facilitator.x402.fee_sponsor import BadOffer, FeeSponsorOffer, read_offer

KEY_HASH = bytes(range(28))
OFFER = {
    "input": f"{'ab' * 32}#3",
    "address": format_address(b"\x60" + KEY_HASH),
    "lovelace": "1500000",
    "maxFee": "300000",
    "expiresAt": "1790513000000",
}


def read(value: object, network_id: int = 0) -> FeeSponsorOffer | None:
    return read_offer({"feeSponsor": value, "areFeesSponsored": True}, network_id)


def test_an_offer_is_read_and_written_alike() -> None:
    offer = read(OFFER)
    assert offer == FeeSponsorOffer(
        OutputRef(b"\xab" * 32, 3), b"\x60" + KEY_HASH, 1_500_000, 300_000, 1_790_513_000_000
    )
    assert offer.to_json() == OFFER
    assert offer.key_hash == KEY_HASH


def test_there_may_be_none() -> None:
    assert read_offer({}, 0) is None
    assert read_offer({"areFeesSponsored": True}, 0) is None


@pytest.mark.parametrize("announced", [{}, {"areFeesSponsored": False}, {"areFeesSponsored": 1}])
def test_an_offer_must_be_announced(announced: dict[str, Any]) -> None:
    with pytest.raises(BadOffer, match="must be true beside"):
        read_offer({"feeSponsor": OFFER, **announced}, 0)


BAD: dict[str, Any] = {
    "no object": None,
    "a list": [OFFER],
    "a string": "offer",
    "an empty object": {},
    **{f"no {name}": {k: v for k, v in OFFER.items() if k != name} for name in OFFER},
    **{f"{name} is a number": {**OFFER, name: 5} for name in OFFER},
    "one field more": {**OFFER, "note": "x"},
    "a null more": {**OFFER, "note": None},
    "uppercase id": {**OFFER, "input": f"{'AB' * 32}#3"},
    "a short id": {**OFFER, "input": f"{'ab' * 31}#3"},
    "an index with a zero": {**OFFER, "input": f"{'ab' * 32}#03"},
    "an index too large": {**OFFER, "input": f"{'ab' * 32}#65536"},
    "no index": {**OFFER, "input": "ab" * 32},
    "no address": {**OFFER, "address": "addr_test1"},
    "uppercase address": {**OFFER, "address": OFFER["address"].upper()},
    "a script's address": {**OFFER, "address": format_address(b"\x70" + KEY_HASH)},
    "a base address of a script": {**OFFER, "address": format_address(b"\x10" + KEY_HASH * 2)},
    "a reward address": {**OFFER, "address": format_address(b"\xe0" + KEY_HASH)},
    "another network": {**OFFER, "address": format_address(b"\x61" + KEY_HASH)},
    "no lovelace": {**OFFER, "lovelace": "0"},
    "a sign": {**OFFER, "lovelace": "+1500000"},
    "a space": {**OFFER, "lovelace": " 1500000"},
    "a line": {**OFFER, "lovelace": "1500000\n"},
    "a leading zero": {**OFFER, "maxFee": "0300000"},
    "a fraction": {**OFFER, "maxFee": "300000.0"},
    "an exponent": {**OFFER, "maxFee": "3e5"},
    "no fee": {**OFFER, "maxFee": "0"},
    "all is fee": {**OFFER, "maxFee": "1500000"},
    "more than all is fee": {**OFFER, "maxFee": "1500001"},
    "more than there can be": {**OFFER, "lovelace": str(2**64)},
    "other digits": {**OFFER, "expiresAt": "\uff11790513000000"},
    "no end": {**OFFER, "expiresAt": ""},
}


@pytest.mark.parametrize("value", BAD.values(), ids=BAD)
def test_any_other_form_is_refused(value: Any) -> None:
    with pytest.raises(BadOffer):
        read(value)


@pytest.mark.parametrize("header", [0x00, 0x20, 0x40, 0x60])
def test_every_kind_of_address_that_a_key_owns_is_taken(header: int) -> None:
    rest = {0x00: KEY_HASH, 0x20: KEY_HASH, 0x40: b"\x01\x02\x03", 0x60: b""}[header]
    address = format_address(bytes([header]) + KEY_HASH + rest)
    offer = read({**OFFER, "address": address})
    assert offer is not None
    assert offer.key_hash == KEY_HASH


@given(
    name=st.sampled_from(list(OFFER)),
    place=st.integers(0, 200),
    character=st.sampled_from(string.printable),
)
def test_a_changed_character_is_another_offer_or_none(
    name: str, place: int, character: str
) -> None:
    """What is read is written as it was: there is one spelling of each offer."""
    text = OFFER[name]
    place %= len(text)
    changed = {**OFFER, name: text[:place] + character + text[place + 1 :]}
    try:
        offer = read(changed)
    except BadOffer:
        return
    assert offer is not None
    assert offer.to_json() == changed


@given(st.dictionaries(st.sampled_from([*OFFER, "more"]), st.text(max_size=5) | st.none()))
def test_any_object_is_read_or_refused(value: dict[str, Any]) -> None:
    with pytest.raises(BadOffer):
        read(value)
