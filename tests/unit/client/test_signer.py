"""A signer spends plain outputs only, and signs nothing that a facilitator would refuse."""

from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest

from facilitator.cardano.transaction import Output, OutputRef, Value
from facilitator.client.errors import CannotPay
from facilitator.client.signer import Signer
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE, requirements
from facilitator.testing.running import NETWORK, NOW
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.faults import Method

ADA = 1_000_000


@pytest.fixture
def devnet() -> Iterator[Devnet]:
    with closing(Devnet(NETWORK, ManualClock(NOW))) as devnet:
        yield devnet


def signer(devnet: Devnet) -> Signer:
    return Signer(NETWORK, ALICE, devnet, ManualClock(NOW))


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
    signed = signer(devnet).sign(requirements(amount=2 * ADA))
    assert signed.inputs == {plain}
    with pytest.raises(CannotPay, match="the 0 outputs"):
        signer(devnet).sign(requirements(amount=2 * ADA), excluded=[plain])


def test_what_is_signed_lasts_a_little_less_than_may_be(devnet: Devnet) -> None:
    terms = requirements(amount=2 * ADA)
    for seconds in (1, 10, 600):
        signer(devnet).sign({**terms, "maxTimeoutSeconds": seconds})


def test_a_chain_that_cannot_be_asked(devnet: Devnet) -> None:
    terms = requirements(amount=2 * ADA)
    methods: Sequence[Method] = ("outputs", "parameters", "eras")
    for method in methods:
        devnet.faults.fail(method)
        with pytest.raises(CannotPay, match="the chain could not be asked, try again"):
            signer(devnet).sign(terms)
