"""Locks under Masumi's escrow, settled over HTTP: each offer once, whoever asks and wherever."""

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.slots import KNOWN_ERAS, EraSummary
from facilitator.cardano.transaction import OutputRef
from facilitator.exact.payment import read_payment
from facilitator.exact.terms import TermsPolicy, agree_terms
from facilitator.exact.verification import Verifier
from facilitator.roles.chain import AssetState, OutputStatus, Spent, Unknown, Unspent
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.chain_spenders import Spender, SpentBy
from facilitator.roles.refused import Refused
from facilitator.roles.scheme_chain import ChainFacts
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import (
    ALICE,
    BOB,
    genesis_utxos,
    request_body,
    requirements,
    transaction_id,
)
from facilitator.testing.running import NETWORK, NOW, Running
from facilitator.x402.messages import parse_payment_request
from facilitator_devnet.genesis import PARAMETERS, TEST_TOKEN
from facilitator_masumi.deployment import Deployments
from facilitator_masumi.method import MasumiTransfer
from support.masumi import ESCROW_BYTES, MINUTE, SELLER, lock, offer

PLUGINS = "devnet,memory,masumi"


@pytest.fixture
def running(run: Callable[..., Running]) -> Running:
    return run(plugins=PLUGINS, settlement__wait_seconds="0")


def body(running: Running, terms: dict[str, Any], **how: Any) -> dict[str, Any]:
    return request_body(lock(terms, ttl=running.slot + 300, **how), terms)


def settled(running: Running, request: dict[str, Any]) -> dict[str, Any]:
    """The success, once the payment is as deep as it was asked for."""
    assert running.settle(request)["errorReason"] == "settlement_pending"
    running.next_block()
    running.next_block()
    return running.settle_until(request, lambda answer: bool(answer["success"]))


@pytest.mark.parametrize("asset", [None, TEST_TOKEN], ids=["lovelace", "token"])
def test_a_lock_settles(running: Running, asset: bytes | None) -> None:
    request = body(running, offer(asset=asset))
    assert running.verify(request) == {"isValid": True, "payer": ALICE.bech32}
    answer = settled(running, request)
    assert answer["transaction"] == transaction_id(request)
    assert answer["payer"] == ALICE.bech32
    assert answer["amount"] == "6000000"
    again = running.settle(request)
    assert (again["success"], again["errorReason"]) == (False, "duplicate_settlement")


def test_it_is_advertised_where_it_is_enabled(run: Callable[..., Running]) -> None:
    _, with_it = run(plugins=PLUGINS).call("GET", "/supported")
    assert "masumi" in with_it["kinds"][0]["extra"]["assetTransferMethods"]
    plain = run()
    refused = plain.verify(body(plain, offer()))
    assert refused["invalidReason"] == "unsupported_scheme"


def test_the_sellers_return_address_and_nonce_of_the_buyer(running: Running) -> None:
    def before(terms: dict[str, Any]) -> None:
        terms["extra"]["terms"] |= {
            "sellerReturnAddress": BOB.bech32,
            "buyerNonce": "0102030405060708090a0b0c0d",
            "agentIdentifier": None,
        }

    assert running.verify(body(running, offer(before=before)))["isValid"] is True


def test_terms_signed_with_the_networks_alias(running: Running) -> None:
    def before(terms: dict[str, Any]) -> None:
        terms["network"] = "cip34:0-1"

    assert running.verify(body(running, offer(before=before)))["isValid"] is True


def test_a_commitment_whose_content_stays_with_the_client(running: Running) -> None:
    def after(terms: dict[str, Any]) -> None:
        del terms["extra"]["inputCommitment"]["parts"][0]["content"]

    assert running.verify(body(running, offer(after=after)))["isValid"] is True


# --- One transaction for each offer -------------------------------------------------------------


def test_a_second_transaction_under_the_same_terms_is_refused(running: Running) -> None:
    terms = offer()
    first, second = body(running, terms), body(running, terms, number=1)
    assert running.verify(first)["isValid"] is True
    assert running.verify(second)["isValid"] is True
    settled(running, first)
    for request in (second, body(running, terms, wallet=BOB)):
        answer = running.settle(request)
        assert (answer["success"], answer["errorReason"]) == (False, "duplicate_settlement")
        assert transaction_id(first) in answer["errorMessage"]
        assert running.verify(request)["invalidReason"] == "duplicate_settlement"
    _, status = running.call("GET", f"/status/{transaction_id(second)}")
    assert status["status"] == "not_found"


def test_what_was_refused_holds_no_inputs(running: Running) -> None:
    terms = offer()
    settled(running, body(running, terms))
    assert running.settle(body(running, terms, number=1))["success"] is False
    assert running.verify(body(running, offer(1), number=1))["isValid"] is True


def test_another_offer_by_the_same_seller_is_its_own(running: Running) -> None:
    settled(running, body(running, offer()))
    assert settled(running, body(running, offer(1), number=1))["success"] is True


def test_a_payment_that_was_not_valid_leaves_the_terms_free(running: Running) -> None:
    terms = offer()
    unknown = lock(terms, ttl=running.slot + 10_000, number=1)
    refused = running.settle(request_body(unknown, terms))
    assert refused["errorReason"].endswith(("_ttl_too_far", "_masumi_deadline"))
    assert settled(running, body(running, terms))["success"] is True


def test_of_transactions_that_race_one_is_told_success(run: Callable[..., Running]) -> None:
    running = run(plugins=PLUGINS, settlement__wait_seconds="0", reservation__max_concurrent="50")
    terms = offer()
    requests = [body(running, terms, number=number) for number in range(5)]
    requests += [body(running, terms, number=number, wallet=BOB) for number in range(5)]
    with ThreadPoolExecutor(len(requests)) as pool:
        answers = list(pool.map(running.settle, requests))
    reasons = sorted(answer["errorReason"] for answer in answers)
    assert reasons == ["duplicate_settlement"] * 9 + ["settlement_pending"]
    running.next_block()
    running.next_block()
    winner = requests[[answer["errorReason"] for answer in answers].index("settlement_pending")]
    assert running.settle_until(winner, lambda answer: bool(answer["success"]))
    assert not any(running.settle(request)["success"] for request in requests)
    assert len(running.devnet.outputs_at(ESCROW_BYTES)) == 1


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Running, Running]]:
    """Facilitators of one storage, each with a ledger of its own on which both locks would do."""
    environ = {
        "FACILITATOR_PLUGINS": "devnet,sqlite,masumi",
        "FACILITATOR_SQLITE__PATH": str(tmp_path / "shared.db"),
        "FACILITATOR_SETTLEMENT__WAIT_SECONDS": "0",
    }
    with (
        closing(Running(tmp_path, settings=environ)) as one,
        closing(Running(tmp_path, settings=environ)) as other,
    ):
        yield one, other


def test_the_storage_tells_every_process(two: tuple[Running, Running]) -> None:
    terms = offer()
    first, second = body(two[0], terms), body(two[1], terms, number=1)
    assert two[0].settle(first)["errorReason"] == "settlement_pending"
    assert two[1].settle(second)["errorReason"] == "duplicate_settlement"
    assert two[1].verify(second)["invalidReason"] == "duplicate_settlement"


def test_a_restart_forgets_no_terms(tmp_path: Path) -> None:
    environ = {
        "FACILITATOR_PLUGINS": "devnet,sqlite,masumi",
        "FACILITATOR_SQLITE__PATH": str(tmp_path / "kept.db"),
        "FACILITATOR_SETTLEMENT__WAIT_SECONDS": "0",
    }
    terms = offer()
    with closing(Running(tmp_path, settings=environ)) as before:
        assert before.settle(body(before, terms))["errorReason"] == "settlement_pending"
    with closing(Running(tmp_path, settings=environ)) as after:
        assert after.settle(body(after, terms, number=1))["errorReason"] == "duplicate_settlement"


def test_terms_stay_bound_to_a_transaction_that_expired(running: Running) -> None:
    def before(terms: dict[str, Any]) -> None:
        for name in ("payByTime", "submitResultTime", "unlockTime", "externalDisputeUnlockTime"):
            terms["extra"]["terms"][name] = str(int(terms["extra"]["terms"][name]) + 60 * MINUTE)

    terms = offer(before=before)
    first = body(running, terms)
    running.devnet.faults.lose_submissions(1000)
    assert running.settle(first)["errorReason"] == "settlement_pending"
    clock = running.clock
    assert clock is not None
    clock.advance(450)
    running.devnet.produce_block()

    def has_failed(answer: Mapping[str, Any]) -> bool:
        clock.advance(60)  # after each question the next one waits for a while
        return bool(answer["errorReason"] == "exact_cardano_settlement_failed")

    running.settle_until(first, has_failed)
    late = body(running, terms, number=1)
    assert running.settle(late)["errorReason"] == "duplicate_settlement"


def test_a_lock_is_valid_no_more_once_no_result_can_be_handed_in(running: Running) -> None:
    """It has landed, and its success has waited: the buyer may have taken the funds back."""
    terms = offer()
    request = body(running, terms)
    assert running.settle(request)["errorReason"] == "settlement_pending"
    running.next_block()
    running.next_block()
    assert running.verify(request)["isValid"]
    due = int(terms["extra"]["terms"]["submitResultTime"]) / 1000
    assert running.clock is not None
    running.clock.advance(due - running.clock.time())
    verdict = running.verify(request)
    assert verdict["invalidReason"] == "invalid_exact_cardano_payload_masumi_deadline"


def test_a_lock_that_is_spent_is_valid_no_more() -> None:
    method = MasumiTransfer(Deployments({}), lambda *_: AssetState({}, None))
    terms = offer()
    request = request_body(lock(terms, ttl=1), terms)
    agreed = agree_terms(
        parse_payment_request(request), [NETWORK], ["masumi"], policy=TermsPolicy()
    )
    transaction = read_payment(agreed, request["paymentPayload"]["payload"]).transaction
    ref, (_, output) = OutputRef(transaction.id, 0), next(iter(genesis_utxos(ALICE).items()))
    method.check_landed(agreed, transaction, {ref: Unspent(output)}, int(NOW * 1000))
    with pytest.raises(Refused, match=f"the lock {ref} is spent") as refused:
        method.check_landed(agreed, transaction, {ref: Spent("ab" * 32)}, int(NOW * 1000))
    assert refused.value.reason == "duplicate_settlement"


class Later:
    """A chain on which a lock is not unspent, some time after it was made."""

    def __init__(self, spender: Spender) -> None:
        self.found = spender

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        return dict.fromkeys(refs, Spent())

    def spender(self, _: OutputRef) -> Spender:
        return self.found

    def parameters(self) -> ProtocolParameters:
        return PARAMETERS

    def eras(self) -> EraSummary:
        return KNOWN_ERAS[NETWORK]


def check_landed(chain: ChainFacts) -> None:
    methods = {"masumi": MasumiTransfer(Deployments({}), no_look_up)}
    verifier = Verifier({NETWORK: chain}, methods, ManualClock(NOW))
    terms = offer()
    request = request_body(lock(terms, ttl=1), terms)
    verifier.check_landed(verifier.parse(parse_payment_request(request)))


def test_a_lock_that_is_not_there_is_spent_if_the_chain_shows_by_what() -> None:
    with pytest.raises(Refused, match=f"is spent by {'ab' * 32}") as refused:
        check_landed(Later(SpentBy("ab" * 32, None, (), ())))
    assert refused.value.reason == "duplicate_settlement"
    output = next(iter(genesis_utxos(ALICE).values()))
    check_landed(Later(Unspent(output)))  # made between the two questions


def test_a_lock_that_is_not_there_may_be_in_a_block_that_was_rolled_back() -> None:
    with pytest.raises(ChainUnavailable, match="no such output"):
        check_landed(Later(Unknown("no such output, or not yet")))


def test_a_lock_is_not_spent_by_the_word_of_a_chain_that_finds_no_spenders() -> None:
    class Plain(Chain):
        def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
            return dict.fromkeys(refs, Spent())

    with pytest.raises(ChainUnavailable, match="spent"):
        check_landed(Plain())


# --- Beside other payments ----------------------------------------------------------------------


def test_payments_of_the_default_method_are_as_before(running: Running) -> None:
    terms = requirements(pay_to=SELLER.address)
    plain = lock(offer(), ttl=running.slot + 300)
    refused = running.verify(request_body(plain, terms))
    assert refused["invalidReason"].endswith("recipient_mismatch")


class Chain:
    """What ALICE holds at genesis; it counts what is asked about outputs."""

    def __init__(self) -> None:
        self.questions = 0

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        self.questions += 1
        held = genesis_utxos(ALICE)
        return {ref: Unspent(held[ref]) for ref in refs}

    def parameters(self) -> ProtocolParameters:
        return PARAMETERS

    def eras(self) -> EraSummary:
        return KNOWN_ERAS[NETWORK]


def no_look_up(network: str, agent: bytes) -> AssetState:
    raise AssertionError(f"{agent.hex()} was looked up on {network}")


def test_a_lock_costs_no_more_questions_than_any_payment() -> None:
    chain = Chain()
    methods = {"masumi": MasumiTransfer(Deployments(), no_look_up)}
    verifier = Verifier({NETWORK: chain}, methods, ManualClock(NOW))
    terms = offer()
    slot = KNOWN_ERAS[NETWORK].slot_at(int(NOW * 1000))
    raw = lock(terms, ttl=slot + 300)
    payment = verifier.parse(parse_payment_request(request_body(raw, terms)))
    verifier.check_static(payment)
    assert verifier.unique_terms(payment) is not None
    assert chain.questions == 0
    assert verifier.check_ledger(payment).payer == ALICE.bech32
    assert chain.questions == 1


def test_an_inspection_has_a_row_for_each_of_its_rules(run: Callable[..., Running]) -> None:
    running = run(plugins=PLUGINS, inspect__enabled="true")
    terms = offer()
    _, report = running.call("POST", "/inspect", body(running, terms))
    rows = {row["name"]: row["result"] for row in report["checks"] if row["scope"] == "scheme"}
    assert rows["pays the terms"] == rows["pays as the network is now"] == "pass"
    assert rows["is paid by whom it names"] == "pass"
    late = request_body(lock(terms, ttl=running.slot + 601), terms)
    _, report = running.call("POST", "/inspect", late)
    reasons = {row["name"]: row["rule"] for row in report["checks"]}
    assert reasons["pays as the network is now"].endswith("_masumi_deadline")
