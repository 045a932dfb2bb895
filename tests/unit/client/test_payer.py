"""Whoever pays spends plain outputs only, and signs nothing that a facilitator would refuse."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import pytest

from facilitator.cardano.transaction import Output, OutputRef, Value
from facilitator.client.errors import CannotPay
from facilitator.client.payer import Payer
from facilitator.testing.clock import ManualClock
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.faults import Method
from support.payments import ALICE, requirements
from support.running import NETWORK, NOW

ADA = 1_000_000
OFFER: Mapping[str, Any] = {}


@pytest.fixture
def devnet() -> Iterator[Devnet]:
    with closing(Devnet(NETWORK, ManualClock(NOW))) as devnet:
        yield devnet


def payer(devnet: Devnet) -> Payer:
    return Payer(NETWORK, ALICE, devnet, ManualClock(NOW))


def test_what_lies_beside_a_datum_or_a_script_is_left(
    devnet: Devnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = devnet.fund(ALICE.address, 5 * ADA)
    value = Value(900 * ADA, {})
    held = {
        OutputRef(b"\1" * 32, 0): Output(ALICE.address, value, 0, datum_hash=b"\2" * 32),
        OutputRef(b"\1" * 32, 1): Output(ALICE.address, value, 0, datum=b"\x01"),
        plain: devnet.outputs_at(ALICE.address)[plain],
    }
    monkeypatch.setattr(devnet, "outputs_at", lambda _: held)
    signed = payer(devnet).sign(OFFER, requirements(amount=2 * ADA))
    assert signed.inputs == {plain}
    with pytest.raises(CannotPay, match="the 0 outputs"):
        payer(devnet).sign(OFFER, requirements(amount=2 * ADA), [plain])


def test_what_is_signed_lasts_a_little_less_than_may_be(devnet: Devnet) -> None:
    terms = requirements(amount=2 * ADA)
    for seconds in (1, 10, 600):
        payer(devnet).sign(OFFER, {**terms, "maxTimeoutSeconds": seconds})


def test_a_chain_that_cannot_be_asked(devnet: Devnet) -> None:
    terms = requirements(amount=2 * ADA)
    methods: Sequence[Method] = ("outputs", "parameters", "eras")
    for method in methods:
        devnet.faults.fail(method)
        with pytest.raises(CannotPay, match="the chain could not be asked, try again"):
            payer(devnet).sign(OFFER, terms)
