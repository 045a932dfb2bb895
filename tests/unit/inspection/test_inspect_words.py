"""Amounts, names, times and certificates as the report has them; and a whole report as text."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.cardano.amounts import ada, readable_name
from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.cardano.transaction import (
    Action,
    ActionId,
    ActionKind,
    Certificate,
    Credential,
    Proposal,
    Vote,
    Voter,
)
from facilitator.exact.methods import DefaultTransfer
from facilitator.inspection.render import render
from facilitator.inspection.report import Inspector
from facilitator.inspection.values import slot_time
from facilitator.inspection.words import certificate_in_words, proposal_in_words, vote_in_words
from facilitator.testing.clock import ManualClock
from facilitator.x402.messages import parse_payment_request
from facilitator_devnet.devnet import Devnet
from support import wallets

GOLDEN = Path(__file__).with_name("golden_report.txt")
CASE = "blaze/tusdm_metadata/good"


def test_a_payment_as_text() -> None:
    """Up to the ledger's rules, of which there will be more."""
    case = next(case for case in wallets.cases() if case["id"] == CASE)
    clock = ManualClock(wallets.now(case))
    devnet = Devnet(case["network"], clock)
    devnet.load(wallets.utxos(case), wallets.accounts(case))
    inspector = Inspector({case["network"]: devnet}, {"default": DefaultTransfer()}, clock)
    text = render(inspector.payment(parse_payment_request(wallets.body(case))))
    devnet.close()
    shown, _, rules = text.partition("Rules of the ledger\n")
    assert shown == GOLDEN.read_text()
    *verdicts, absent, blank, result = rules.splitlines()
    assert all(line.startswith("  pass  ") for line in verdicts)
    assert re.fullmatch(r"  pass  [0-9]+ rules about what the transaction does not hold", absent)
    assert (blank, result) == ("", "result: pass")


@given(st.integers(-(2**64), 2**64))
def test_ada_has_six_decimals_and_loses_nothing(lovelace: int) -> None:
    text = ada(lovelace)
    assert text.endswith(" ada")
    assert int(text.removesuffix(" ada").replace(",", "").replace(".", "")) == lovelace


@pytest.mark.parametrize(
    ("name", "readable"),
    [
        (b"", None),
        (b"USDM", "USDM"),
        (bytes.fromhex("0014df10745553444d"), "(333)tUSDM"),
        (bytes.fromhex("000de140") + b"NFT", "(222)NFT"),
        (b"\x1b[2J", None),
        ("ñ".encode(), None),
        (b"\x00\x14\xdf\x10", None),
    ],
)
def test_readable_names(name: bytes, readable: str | None) -> None:
    assert readable_name(name) == readable


@given(st.binary(max_size=32))
def test_a_readable_name_is_fit_for_a_terminal(name: bytes) -> None:
    readable = readable_name(name)
    assert readable is None or (readable.isascii() and readable.isprintable())


def test_times() -> None:
    eras = KNOWN_ERAS["cardano:preprod"]
    assert slot_time(110_000_000, eras) == "2025-12-14T03:33:20Z"
    assert slot_time(2**64 - 1, eras) == "after the year 9999"


KEY, SCRIPT = Credential(False, b"\1" * 28), Credential(True, b"\2" * 28)
K, S = "key " + "01" * 28, "script " + "02" * 28


@pytest.mark.parametrize("kind", [0, 1, 2, 3, 4, *range(7, 19)])
def test_every_certificate_has_words(kind: int) -> None:
    certificate = Certificate(
        kind, credential=KEY, pool=b"\3" * 28, drep=SCRIPT, deposit=2_000_000, epoch=9
    )
    words = certificate_in_words(certificate)
    assert words.endswith(" (2.000000 ada)")
    assert "{" not in words
    assert (K in words) == (kind not in (3, 4))


def test_words_of_certificates() -> None:
    pool = certificate_in_words(Certificate(2, credential=SCRIPT, pool=b"\3" * 28))
    assert pool.startswith(f"delegate stake {S} to pool pool1qv")
    vote = Certificate(9, credential=KEY, details=(2,))
    assert certificate_in_words(vote) == f"delegate the vote of stake {K} to always abstain"
    drep = Certificate(9, credential=KEY, drep=SCRIPT, details=(1,))
    assert certificate_in_words(drep) == f"delegate the vote of stake {K} to DRep {S}"


def test_words_of_governance() -> None:
    action = ActionId(b"\4" * 32, 1)
    vote = Vote(Voter(4, b"\3" * 28), action, 2)
    assert vote_in_words(vote) == f"pool {'03' * 28} votes abstain on {'04' * 32}#1"
    proposal = Proposal(7, b"\xe0" + b"\1" * 28, Action(ActionKind.NO_CONFIDENCE), ("", b""))
    assert proposal_in_words(proposal) == "propose no confidence (0.000007 ada)"
