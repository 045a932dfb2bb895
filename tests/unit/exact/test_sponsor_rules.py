"""Each rule that keeps a sponsor's lovelace with the sponsor, and what is lost without it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.cardano.rules import Environment
from facilitator.cardano.slots import Era, EraSummary
from facilitator.cardano.transaction import (
    Certificate,
    Credential,
    DijkstraFields,
    OutputRef,
    Redeemer,
    Vote,
    Voter,
)
from facilitator.exact import sponsor_rules
from facilitator.exact.sponsor_rules import (
    RULES,
    SponsoredTransaction,
    find_broken_rule,
)
from facilitator.roles.payment import Terms
from facilitator.x402.fee_sponsor import FeeSponsorOffer
from facilitator.x402.messages import Requirements
from facilitator.x402.networks import cardano_network
from support import ledger_values as values

TOKEN = b"\x0c" * 28 + b"token"
OFFERED = OutputRef(b"\x0f" * 32, 2)
SPONSOR = b"\x60" + b"\x05" * 28
PAY_TO = b"\x60" + b"\x06" * 28
LOVELACE, FEE, MAX_FEE = 1_500_000, 180_000, 300_000
OWN = 1_200_000
PRICE = 1_000
END = 2_000
ERAS = EraSummary([Era(0, 1_000_000, 1000)])
END_MS = ERAS.start_ms(END)

REQUIREMENTS = Requirements("exact", "cardano:preprod", str(PRICE), "", "", 300, {})
TERMS = Terms(
    cardano_network("cardano:preprod"), TOKEN, PRICE, PAY_TO, 300, 1, "default", REQUIREMENTS
)
OFFER = FeeSponsorOffer(OFFERED, SPONSOR, LOVELACE, MAX_FEE, END_MS)


def sponsored(
    *, fee: int = FEE, to_pay_to: int | None = None, price: int = PRICE, **changes: Any
) -> SponsoredTransaction:
    """A good one, changed as asked: the payer's lovelace goes back, the offered to ``payTo``."""
    returned = LOVELACE - fee if to_pay_to is None else to_pay_to
    body: dict[str, Any] = {
        "inputs": (values.INPUT, OFFERED),
        "outputs": (
            values.output(OWN + LOVELACE - fee - returned, {TOKEN: 5}),
            values.output(returned, {TOKEN: price}, PAY_TO),
        ),
        "invalid_hereafter": END,
    }
    tx = values.transaction(fee=fee, **{**body, **changes})
    env = Environment(1_000, 0, values.PARAMETERS, frozenset({OFFER.key_hash}))
    return SponsoredTransaction(tx, OFFER, TERMS, env, ERAS)


def with_terms(**changes: Any) -> SponsoredTransaction:
    it = sponsored()
    return replace(it, terms=replace(it.terms, **changes))


def with_witnesses(**changes: Any) -> SponsoredTransaction:
    return sponsored(witnesses=changes)


LEAST = 44 * (300 + 101) + 155_381
SCRIPT = values.native(b"\x82\x00\x58\x1c" + bytes(28))

BROKEN: dict[str, tuple[str, Callable[[], SponsoredTransaction]]] = {
    "not spent": ("S1", lambda: sponsored(inputs=(values.INPUT,))),
    "collateral": ("S3", lambda: sponsored(collateral=(values.INPUT,))),
    "collateral return": ("S3", lambda: sponsored(collateral_return=values.output())),
    "total collateral": ("S3", lambda: sponsored(total_collateral=0)),
    "script data hash": ("S3", lambda: sponsored(script_data_hash=bytes(32))),
    "a script": ("S3", lambda: with_witnesses(scripts={SCRIPT.hash: SCRIPT})),
    "redeemers": ("S3", lambda: with_witnesses(redeemers=(Redeemer(0, 0, b"\0", 1, 1),))),
    "datums": ("S3", lambda: with_witnesses(datums=(b"\0",))),
    "marked as failing": ("S3", lambda: sponsored(is_valid=False)),
    "one lovelace elsewhere": ("S4", lambda: sponsored(to_pay_to=LOVELACE - FEE - 1)),
    "all lovelace elsewhere": ("S4", lambda: sponsored(to_pay_to=0)),
    "too much fee": ("S5", lambda: sponsored(fee=MAX_FEE + 1)),
    "mint": ("S6", lambda: sponsored(mint={TOKEN: 1})),
    "withdrawal": ("S6", lambda: sponsored(withdrawals={b"\xe0" + bytes(28): 0})),
    "certificate": ("S6", lambda: sponsored(certificates=(Certificate(0),))),
    "vote": ("S6", lambda: sponsored(votes=(Vote(Voter(2, bytes(28)), None, 1),))),  # type: ignore[arg-type]
    "proposal": ("S6", lambda: sponsored(proposals=(object(),))),
    "donation": ("S6", lambda: sponsored(donation=1)),
    "treasury": ("S6", lambda: sponsored(treasury=0)),
    "deposit into an account": (
        "S6",
        lambda: sponsored(dijkstra=DijkstraFields(direct_deposits={b"\xe0" + bytes(28): 1})),
    ),
    "sub-transaction": (
        "S6", lambda: sponsored(dijkstra=DijkstraFields(subs=(values.transaction(),)))
    ),
    "no end": ("S7", lambda: sponsored(invalid_hereafter=None)),
    "ends later": ("S7", lambda: sponsored(invalid_hereafter=END + 1)),
    "one unit too little": ("S8", lambda: sponsored(price=PRICE - 1)),
    "another asset": ("S8", lambda: with_terms(asset=b"\x0d" * 28)),
    "a price in lovelace": ("S8", lambda: with_terms(asset=None, amount=1)),
    "another recipient": ("S4", lambda: with_terms(pay_to=SPONSOR)),
    "one lovelace of fee too little": ("S9", lambda: sponsored(fee=LEAST - 1)),
}  # fmt: skip
"""By its fault: the rule that finds it."""


def test_a_good_one_breaks_no_rule() -> None:
    assert find_broken_rule(sponsored()) is None
    assert find_broken_rule(sponsored(fee=LEAST)) is None
    assert find_broken_rule(sponsored(fee=MAX_FEE)) is None


def test_guards_and_intervals_of_dijkstra_are_no_fault() -> None:
    guards = DijkstraFields(guards=(Credential(is_script=False, hash=bytes(28)),))
    assert find_broken_rule(sponsored(dijkstra=guards)) is None


@pytest.mark.parametrize(("rule", "make"), BROKEN.values(), ids=BROKEN)
def test_each_fault_is_found_by_its_rule(
    rule: str, make: Callable[[], SponsoredTransaction]
) -> None:
    found = find_broken_rule(make())
    assert found is not None
    assert found.startswith(f"{rule}: ")


@pytest.mark.parametrize("dropped", RULES)
def test_without_a_rule_one_of_its_faults_passes(
    dropped: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = {name: rule for name, rule in RULES.items() if name != dropped}
    monkeypatch.setattr(sponsor_rules, "RULES", MappingProxyType(left))
    assert None in {find_broken_rule(make()) for rule, make in BROKEN.values() if rule == dropped}


def amounts() -> Iterator[st.SearchStrategy[int]]:
    yield st.integers(0, 3 * LOVELACE)
    yield st.integers(0, 2 * MAX_FEE)


@given(*amounts(), st.integers(0, 2 * PRICE), st.integers(END - 3, END + 3))
def test_the_sponsor_never_loses_more_than_the_fee(
    to_pay_to: int, fee: int, price: int, end: int
) -> None:
    """Value is conserved, as the ledger demands; the payer's lovelace never grows."""
    if OWN + LOVELACE - fee - to_pay_to < 0:
        return
    it = sponsored(fee=fee, to_pay_to=to_pay_to, price=price, invalid_hereafter=end)
    if find_broken_rule(it) is not None:
        return
    change, paid = it.tx.body.outputs
    assert change.value.lovelace <= OWN
    assert LOVELACE - paid.value.lovelace <= fee <= MAX_FEE
    assert paid.value.assets[TOKEN] >= PRICE
    assert ERAS.start_ms(end) <= OFFER.expires_at_ms
