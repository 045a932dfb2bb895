"""The ledger's verdict for schemes of plugins: what ``exact`` would say of the same transaction."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import Transaction, Value
from facilitator.exact.verification import in_process
from facilitator.plugin import (
    ChainUnavailable,
    MayBeOnChain,
    Reason,
    Refused,
    SchemeChain,
    Terms,
    agree_terms,
    judge_transaction,
)
from facilitator.settings import Settings, load_settings
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE, MERCHANT, genesis_utxos, request_body, requirements
from facilitator.testing.running import NETWORK, NOW
from facilitator.x402.messages import parse_payment_request
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.wallet import build, key_hash, sign

FEE = 300_000


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return load_settings(None, {}, tmp_path_factory.mktemp("settings"))


@pytest.fixture
def devnet() -> Iterator[Devnet]:
    with closing(Devnet(NETWORK, ManualClock(NOW))) as devnet:
        yield devnet


def terms_of(loaded: Settings, transaction: Transaction) -> Terms:
    return agree_terms(parse_payment_request(request_body(transaction.raw, requirements())), loaded)


def transfer(*, fee: int = FEE, ttl: int | None = None, signed: bool = True) -> Transaction:
    """A transaction of ALICE to MERCHANT."""
    ref, output = next(iter(genesis_utxos(ALICE).items()))
    rest = output.value.lovelace - 2_000_000 - fee
    outputs = [
        (MERCHANT.address, Value(2_000_000, {})),
        (ALICE.address, Value(rest, output.value.assets)),
    ]
    keys = [ALICE.payment_key] if signed else []
    return decode_transaction(sign(build([ref], outputs, fee, ttl), keys))


def judge(
    devnet: Devnet,
    loaded: Settings,
    transaction: Transaction,
    future_signers: frozenset[bytes] = frozenset(),
) -> int:
    """The number of outputs that it refers to."""
    chain = SchemeChain(devnet, devnet.outputs, in_process)
    terms = terms_of(loaded, transaction)
    return len(judge_transaction(transaction, terms, chain, NOW, future_signers=future_signers))


def refusal(devnet: Devnet, loaded: Settings, transaction: Transaction) -> Refused:
    with pytest.raises(Refused) as refused:
        judge(devnet, loaded, transaction)
    return refused.value


def test_a_transaction_without_an_end_is_good(devnet: Devnet, loaded: Settings) -> None:
    assert judge(devnet, loaded, transfer()) == 1
    assert judge(devnet, loaded, transfer(ttl=devnet.now() + 10_000_000)) == 1


def test_one_that_has_ended_may_be_on_the_chain(devnet: Devnet, loaded: Settings) -> None:
    refused = refusal(devnet, loaded, transfer(ttl=devnet.now()))
    assert isinstance(refused, MayBeOnChain)
    assert refused.reason is Reason.TTL_EXPIRED


def test_one_whose_input_is_spent_may_be_on_the_chain(devnet: Devnet, loaded: Settings) -> None:
    this = transfer()
    devnet.submit(this.raw)
    devnet.produce_block()
    refused = refusal(devnet, loaded, this)
    assert isinstance(refused, MayBeOnChain)
    assert refused.spent_by_itself


def test_the_rules_are_those_of_exact(devnet: Devnet, loaded: Settings) -> None:
    assert refusal(devnet, loaded, transfer(fee=1000)).reason is Reason.FEE_BELOW_MINIMUM
    assert refusal(devnet, loaded, transfer(signed=False)).reason is Reason.PHASE1_INVALID
    flagged = decode_transaction(transfer().raw.replace(b"\xf5\xf6", b"\xf4\xf6"))
    assert refusal(devnet, loaded, flagged).reason is Reason.PHASE2_INVALID


def test_a_key_that_is_going_to_sign_counts(devnet: Devnet, loaded: Settings) -> None:
    future = frozenset({key_hash(ALICE.payment_key)})
    assert judge(devnet, loaded, transfer(signed=False), future_signers=future) == 1


def test_what_is_not_known_is_no_verdict(devnet: Devnet, loaded: Settings) -> None:
    devnet.faults.lag()
    assert refusal(devnet, loaded, transfer()).reason is Reason.CHAIN_LOOKUP_FAILED
    devnet.faults.fail("outputs")
    with pytest.raises(ChainUnavailable):
        judge(devnet, loaded, transfer())


def test_terms_that_pay_nothing(loaded: Settings) -> None:
    """Amount and time may be 0 where the message pays nothing, and nowhere else."""
    free = {**requirements(), "amount": "0", "maxTimeoutSeconds": 0}
    request = parse_payment_request(request_body(transfer().raw, free))
    terms = agree_terms(request, loaded, pays_nothing=True)
    assert (terms.amount, terms.max_timeout_seconds, terms.confirmations) == (0, 0, 1)
    with pytest.raises(Refused) as refused:
        agree_terms(request, loaded)
    assert refused.value.reason is Reason.REQUIREMENTS
    paid = parse_payment_request(request_body(transfer().raw, {**free, "amount": "5"}))
    assert agree_terms(paid, loaded, pays_nothing=True).amount == 5
    wrong = parse_payment_request(request_body(transfer().raw, {**free, "amount": "00"}))
    with pytest.raises(Refused):
        agree_terms(wrong, loaded, pays_nothing=True)
