"""The requirements that a payer agrees to, of those that a server offers."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.client.errors import CannotPay
from facilitator.client.requirements import (
    Limits,
    RequirementOffer,
    choose_requirements,
    read_offer,
)
from facilitator.testing.payments import MERCHANT
from facilitator.testing.running import NETWORK

TERMS = {
    "scheme": "exact",
    "network": NETWORK,
    "amount": "2000000",
    "asset": "lovelace",
    "payTo": MERCHANT.bech32,
    "maxTimeoutSeconds": 300,
    "extra": {},
}
TOKEN = f"{'ab' * 28}.c0ffee"
NESTED: Any = [[]]
for _ in range(300):
    NESTED = [NESTED]
LIMITS = Limits([NETWORK], "lovelace", 2_000_000)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def header(offer: object) -> str:
    return base64.b64encode(json.dumps(offer).encode()).decode()


def offered(*terms: Mapping[str, Any]) -> RequirementOffer:
    return RequirementOffer(terms)


def test_the_first_terms_that_will_do_are_taken_as_they_stand() -> None:
    other = {**TERMS, "scheme": "upto"}
    dear = {**TERMS, "amount": "2000001"}
    named = {**TERMS, "network": "cip34:0-1", "extra": {"assetTransferMethod": "default"}}
    offer = read_offer(header({"x402Version": 2, "accepts": [other, dear, named, TERMS]}))
    assert choose_requirements(offer, LIMITS) == named


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"scheme": "upto"}, "the scheme 'upto' is not exact"),
        ({"network": "cardano:mainnet"}, "'cardano:mainnet' is not in the setting network"),
        ({"network": 1}, "the network 1 is no network of Cardano"),
        ({"asset": TOKEN}, "see --asset"),
        ({"amount": "2000001"}, "2000001 lovelace are more than --max 2000000"),
        ({"amount": 2000000}, "the amount 2000000 is none"),
        ({"amount": "-1"}, "the amount '-1' is none"),
        ({"amount": "²"}, "the amount '²' is none"),
        ({"payTo": "\x1b[2Jnobody"}, r"'\\x1b\[2Jnobody' is no address"),
        ({"payTo": None}, "None is no address"),
        ({"extra": {"assetTransferMethod": "script"}}, "the transfer method 'script'"),
    ],
)
def test_why_terms_are_not_agreed_to(change: dict[str, Any], why: str) -> None:
    with pytest.raises(CannotPay, match=f"^nothing that is offered can be paid: .*{why}"):
        choose_requirements(offered({**TERMS, **change}), LIMITS)


def test_every_reason_is_told() -> None:
    offer = offered({**TERMS, "scheme": "upto"}, {**TERMS, "amount": "9000000"})
    with pytest.raises(CannotPay, match=r"not exact; 9000000 lovelace are more"):
        choose_requirements(offer, LIMITS)
    with pytest.raises(CannotPay, match="the list accepts is empty"):
        choose_requirements(offered(), LIMITS)


def test_without_a_limit_any_amount_will_do() -> None:
    terms = {**TERMS, "amount": "9" * 15, "asset": TOKEN}
    assert choose_requirements(offered(terms), Limits([NETWORK], TOKEN, None)) == terms


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (None, "without the header PAYMENT-REQUIRED"),
        ("%%", "not base64 of JSON"),
        (base64.b64encode(b"{").decode(), "not base64 of JSON"),
        (header({"x402Version": 1, "accepts": [TERMS]}), "the server offers x402 version 1;"),
        (header([]), "no list named accepts"),
        (header({"accepts": {}}), "no list named accepts"),
        (header({"accepts": ["exact"]}), "no list named accepts"),
        (header({"accepts": [], "resource": NESTED}), "nested too deeply to be repeated"),
    ],
)
def test_what_is_no_offer(told: str | None, why: str) -> None:
    with pytest.raises(CannotPay, match=why):
        read_offer(told)


@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(TERMS, JSON)), max_size=3))
def test_nothing_but_an_offer_is_agreed_to(accepts: list[dict[str, Any]]) -> None:
    with pytest.raises(CannotPay):
        choose_requirements(read_offer(header({"accepts": accepts})), LIMITS)
