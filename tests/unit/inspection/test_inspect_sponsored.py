"""The report on a payment whose fee the resource server pays."""

from collections.abc import Iterator

import pytest

from facilitator.exact.methods import DefaultTransfer
from facilitator.inspection.report import Inspector
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NETWORK, NOW
from facilitator.x402.messages import parse_payment_request
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import eras_of
from support.sponsored import Sponsored

SLOT = eras_of(NETWORK).slot_at(int(NOW * 1000))


@pytest.fixture
def inspector() -> Iterator[Inspector]:
    clock = ManualClock(NOW)
    devnet = Devnet(NETWORK, clock)
    yield Inspector({NETWORK: devnet}, {"default": DefaultTransfer()}, clock)
    devnet.close()


@pytest.mark.parametrize(
    "body", [Sponsored(SLOT + 300).request(), Sponsored(SLOT + 300).settlement()]
)
def test_it_passes_before_and_after_the_sponsor_has_signed(
    inspector: Inspector, body: dict[str, object]
) -> None:
    report = inspector.payment(parse_payment_request(body))
    assert report["result"] == "pass"
    assert report["verify"]["isValid"]
    names = [check["name"] for check in report["checks"]]
    assert {"sponsor's offer", "is sponsored as offered"} <= set(names)


def test_the_broken_rule_is_named(inspector: Inspector) -> None:
    body = Sponsored(SLOT + 300, to_payer=5).request()
    report = inspector.payment(parse_payment_request(body))
    (broken,) = [check for check in report["checks"] if check["result"] == "fail"]
    assert broken["name"] == "is sponsored as offered"
    assert broken["rule"] == report["verify"]["invalidReason"] == "fee_sponsor_refused"
    assert broken["detail"].startswith("S4: ")


def test_a_bad_witness_is_named(inspector: Inspector) -> None:
    body = Sponsored(SLOT + 300).request(sponsorWitnesses="a0")
    report = inspector.payment(parse_payment_request(body))
    broken = next(check for check in report["checks"] if check["result"] == "fail")
    assert broken["name"] == "sponsor's offer"
    assert broken["rule"] == "fee_sponsor_witness_invalid"
