"""For any text at all that a server answers, a payment that lands ends as settled."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.refusals import read_refusal
from facilitator.roles.chain import InMempool, NotFound, Unspent
from facilitator.roles.chain_errors import SubmissionRejected
from facilitator.roles.claim import Claim, ClaimState, Delivery
from facilitator.settlement.tracking.tracker import Tracker
from facilitator.testing.examples import example_claim
from facilitator.testing.payments import ALICE, MERCHANT
from facilitator.testing.running import NETWORK, NOW
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import pay
from facilitator_memory.storage import MemoryStorage
from support.refusal_catalogue import CATALOGUE
from support.tracked import state_of

REAL = st.sampled_from([case.text for case in CATALOGUE if len(case.text) < 10_000])


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A real text with a part of another one, or of no one, in place of a part of its own."""
    text, other = draw(REAL), draw(REAL | st.text(max_size=20))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, len(text)))
    first = draw(st.integers(0, len(other)))
    return text[:start] + other[first : first + draw(st.integers(0, 200))] + text[end:]


@pytest.fixture
def refusing(devnet: Devnet) -> list[str]:
    """Have the devnet take what is submitted, out of sight, and answer with the last text."""
    texts: list[str] = []
    submit, status_of = devnet.submit, devnet.transaction

    def take_and_refuse(transaction: bytes) -> str:
        submit(transaction)
        found = read_refusal(texts[-1], decode_transaction(transaction))
        raise SubmissionRejected(found.text or "no text", proves=found.proves)

    def hide_mempool(transaction_id: str) -> Any:
        status = status_of(transaction_id)
        return NotFound() if isinstance(status, InMempool) else status

    devnet.submit = take_and_refuse  # type: ignore[method-assign]
    devnet.transaction = hide_mempool  # type: ignore[method-assign]
    return texts


def new_claim(devnet: Devnet) -> Claim:
    """A claim on a payment over an output that nothing else spends."""
    ref = devnet.fund(ALICE.address, 50_000_000)
    found = devnet.outputs([ref])[ref]
    assert isinstance(found, Unspent)
    ttl = devnet.tip().point.slot + 300
    utxo = {ref: found.output}
    raw = pay(ALICE, utxo, MERCHANT.address, 2_000_000, parameters=PARAMETERS, ttl=ttl)
    return example_claim(
        transaction_id=decode_transaction(raw).id.hex(),
        network=NETWORK,
        state=ClaimState.SUBMITTED,
        transaction=raw,
        confirmations=1,
        invalid_hereafter=ttl,
        lease_until=NOW + 60,
        keep_until=NOW + 86_400,
    )


@settings(
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(text=st.text() | REAL | mutated())
def test_a_payment_that_lands_ends_as_settled(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage, refusing: list[str], text: str
) -> None:
    refusing.append(text)
    claim = storage.add_claim(new_claim(devnet))
    tracker.submit(claim)
    assert state_of(storage, claim) in (ClaimState.SUBMITTED, ClaimState.REJECTED)
    devnet.produce_block()
    devnet.produce_block()
    eventually(lambda: state_of(storage, claim) is ClaimState.SETTLED)
    stored = storage.claim(claim.transaction_id)
    assert stored is not None
    assert stored.delivery is Delivery.NONE
    assert stored.is_success
