"""Submissions and evaluations: sent once, and what each answer proves."""

from collections.abc import Mapping
from typing import Any

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.refusals import Proof
from facilitator.plugin import ChainUnavailable, SubmissionRejected, SubmissionUnknown
from facilitator.testing.clock import ManualClock
from support.ogmios import CUT, Error, OgmiosUnderTest, Raw, provider_of, scripted, under_test

SUBMIT = "submitTransaction"


@pytest.fixture(scope="module")
def raw() -> bytes:
    with under_test(ManualClock(1.79e9)) as chain:
        return chain.spend(chain.fund())


def submit(clock: ManualClock, answer: Any, raw: bytes) -> str:
    with scripted({SUBMIT: answer}) as server:
        provider = provider_of(server.url, clock)
        try:
            return provider.submit(raw)
        finally:
            provider.close()
            assert len(server.asked) == 1, "a submission is sent once"
            assert server.asked[0][1] == {"transaction": {"cbor": raw.hex()}}


def test_the_id_that_is_reported_must_be_its_own(clock: ManualClock, raw: bytes) -> None:
    own = decode_transaction(raw).id.hex()
    assert submit(clock, {"transaction": {"id": own}}, raw) == own
    with pytest.raises(SubmissionUnknown, match="another transaction id"):
        submit(clock, {"transaction": {"id": "ab" * 32}}, raw)


@pytest.mark.parametrize(
    ("code", "data", "proves"),
    [
        (3100, {}, Proof.BYTES),
        (3122, {}, Proof.PARAMETERS),
        (3118, {"validityInterval": {"invalidAfter": 5}, "currentSlot": 5}, Proof.EXPIRED),
        (3118, {"validityInterval": {"invalidBefore": 5}, "currentSlot": 4}, Proof.EARLY),
        (3141, {}, Proof.STATE),
        (3117, {}, Proof.INPUTS),
        (3997, {"error": "All inputs are spent. Transaction has"}, Proof.INPUTS),
    ],
)
def test_a_code_is_a_refusal(
    clock: ManualClock, raw: bytes, code: int, data: Mapping[str, Any], proves: Proof
) -> None:
    with pytest.raises(SubmissionRejected, match=str(code)) as error:
        submit(clock, Error(code, data=data), raw)
    assert error.value.proves is proves


@pytest.mark.parametrize(
    "answer",
    [
        Error(3005, "EraMismatch"),
        Error(-32_602, "Non-upgradable transaction"),
        Error(-32_000, "Connection with the node lost or failed."),
        Error(3997, data={"error": "something else"}),
        Error(3999),
        Error("3122"),
        Error(None),
        {"transaction": 7},
        None,
        Raw("no JSON"),
        Raw("[]"),
        Raw('{"jsonrpc": "2.0", "id": null, "error": {"code": 3122, "message": "no"}}'),
        CUT,
    ],
)
def test_anything_else_says_nothing_of_the_transaction(
    clock: ManualClock, raw: bytes, answer: Any
) -> None:
    with pytest.raises(SubmissionUnknown):
        submit(clock, answer, raw)


def test_what_reaches_nobody_is_not_sent(clock: ManualClock, raw: bytes) -> None:
    provider = provider_of("ws://127.0.0.1:1", clock)
    with pytest.raises(ChainUnavailable, match="cannot connect") as error:
        provider.submit(raw)
    assert not isinstance(error.value, SubmissionUnknown)
    provider.close()


def test_a_node_that_does_not_answer_may_have_it(chain: OgmiosUnderTest) -> None:
    """As with a full mempool, at which a node has submissions wait."""
    client = chain.provider._client
    client._submit_timeout = 0.2
    chain.api.faults.latency(2000, SUBMIT, times=1)
    raw = chain.spend(chain.fund())
    with pytest.raises(SubmissionUnknown, match="did not answer in time"):
        chain.provider.submit(raw)
    client._submit_timeout = 60.0
    # The late answer is not taken for that of the next one.
    assert chain.provider.submit(raw) == decode_transaction(raw).id.hex()


def test_its_connection_is_kept_and_replaced(chain: OgmiosUnderTest) -> None:
    for _ in range(3):
        chain.provider.submit(chain.spend(chain.fund()))
    chain.api.lose_node()
    for _ in range(3):
        raw = chain.spend(chain.fund())
        assert chain.provider.submit(raw) == decode_transaction(raw).id.hex()


def test_submissions_that_hang_keep_no_others_waiting_for_long(chain: OgmiosUnderTest) -> None:
    """A place among the connections is waited for as long as for an answer."""
    client = chain.provider._client
    client._submit_timeout = 0.05
    while client._submissions._places.acquire(blocking=False):
        pass
    with pytest.raises(ChainUnavailable, match="cannot connect") as error:
        chain.provider.submit(chain.spend(chain.fund()))
    assert "all connections are in use" in error.value.detail


def evaluate(clock: ManualClock, answer: Any, raw: bytes) -> Any:
    with scripted({"evaluateTransaction": answer}) as server:
        provider = provider_of(server.url, clock)
        try:
            return provider.evaluate(raw, {})
        finally:
            provider.close()


def test_scripts_are_evaluated(chain: OgmiosUnderTest, clock: ManualClock, raw: bytes) -> None:
    assert chain.provider.evaluate(raw, {}) == []
    failing = {"validator": {"purpose": "spend", "index": 1}, "error": {"code": 3012}}
    (failure,) = evaluate(clock, Error(3010, data=[failing]), raw)
    assert (failure.tag, failure.item) == (0, 1)


@pytest.mark.parametrize("answer", [Error(3004), Error(3010, data=[]), None, Raw("no JSON"), CUT])
def test_an_evaluation_that_says_nothing_is_no_verdict(
    clock: ManualClock, raw: bytes, answer: Any
) -> None:
    with pytest.raises(ChainUnavailable):
        evaluate(clock, answer, raw)
