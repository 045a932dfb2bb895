"""Submissions: by Ogmios where it fits, and what a refusal proves."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.refusals import Proof
from facilitator.plugin import ChainUnavailable, SubmissionRejected, SubmissionUnknown
from facilitator.testing.clock import ManualClock
from facilitator_koios.provider import Koios
from support.koios import KoiosUnderTest, under_test
from support.upstream import CUT, Asked, Reply, Upstream, reply

Start = Callable[[Callable[[Asked], Reply]], Upstream]


@pytest.fixture(scope="module")
def raw() -> bytes:
    with under_test(ManualClock(1.79e9)) as chain:
        return chain.spend(chain.fund())


def error_of(code: int, **data: Any) -> dict[str, Any]:
    error = {"code": code, "message": "no", "data": data}
    return {"jsonrpc": "2.0", "method": "submitTransaction", "error": error, "id": None}


def by_path(ogmios: Reply, submittx: Reply = CUT) -> Callable[[Asked], Reply]:
    return lambda asked: ogmios if asked.path == "/ogmios" else submittx


def submit(chain: KoiosUnderTest, raw: bytes) -> str:
    return chain.provider.submit(raw)


def test_a_small_transaction_goes_to_ogmios_and_a_large_one_to_the_submit_api(
    clock: ManualClock, raw: bytes
) -> None:
    with under_test(clock, body_limit=1024) as chain:
        submit(chain, chain.spend(chain.fund()))
        assert chain.api.counts()["by_endpoint"] == {"POST /ogmios": 1}
    with under_test(clock, body_limit=2 * len(raw)) as chain:
        submit(chain, chain.spend(chain.fund()))
        assert chain.api.counts()["by_endpoint"] == {"POST /submittx": 1}


@pytest.mark.parametrize("status", [401, 403, 404, 405, 413, 501])
def test_without_an_ogmios_the_submit_api_takes_it(
    upstream: Start, provider_of: Callable[..., Koios], raw: bytes, status: int
) -> None:
    own = decode_transaction(raw).id.hex()
    server = upstream(by_path(reply(status, {}), reply(202, own)))
    assert provider_of(server).submit(raw) == own
    assert server.asked[1].body == raw
    assert server.asked[1].headers["content-type"] == "application/cbor"


@pytest.mark.parametrize("answer", [reply(502, b"<html>"), reply(500, b""), reply(200, b"<html>")])
def test_an_ogmios_that_does_not_answer_at_the_start_is_done_without(
    upstream: Start, provider_of: Callable[..., Koios], raw: bytes, answer: Reply
) -> None:
    """What it does with a transaction would never be known."""
    own = decode_transaction(raw).id.hex()
    tip = {"hash": "ab" * 32, "abs_slot": 5, "block_height": 7}
    others = {"/tip": reply(200, [tip]), "/ogmios": answer, "/submittx": reply(202, own)}
    server = upstream(lambda asked: others.get(asked.path, reply(200, [])))
    koios = provider_of(server)
    assert "lacks /ogmios" in koios.examine()
    before = server.count("/ogmios")
    assert koios.submit(raw) == own
    assert server.count("/ogmios") == before


@pytest.mark.parametrize(
    ("answer", "proves"),
    [
        (reply(400, error_of(3100)), Proof.BYTES),
        (reply(400, error_of(3122)), Proof.PARAMETERS),
        (reply(200, error_of(3122)), Proof.PARAMETERS),
        (reply(400, error_of(3117)), Proof.INPUTS),
        (reply(503, error_of(3117)), Proof.INPUTS),
        (
            reply(400, error_of(3118, validityInterval={"invalidAfter": 5}, currentSlot=6)),
            Proof.EXPIRED,
        ),
        (
            reply(400, error_of(3118, validityInterval={"invalidBefore": 9}, currentSlot=6)),
            Proof.EARLY,
        ),
        (reply(400, error_of(3141)), Proof.STATE),
    ],
)
def test_a_code_proves_what_its_rule_says(
    upstream: Start, provider_of: Callable[..., Koios], raw: bytes, answer: Reply, proves: Proof
) -> None:
    with pytest.raises(SubmissionRejected) as error:
        provider_of(upstream(by_path(answer))).submit(raw)
    assert error.value.proves is proves


@pytest.mark.parametrize(
    "answer",
    [
        reply(400, error_of(3005)),
        reply(400, error_of(3998)),
        reply(400, error_of(-32_602)),
        reply(503, error_of(3122)),
        reply(400, b"<html>FeeTooSmallUTxO</html>"),
        reply(500, b""),
        reply(200, {"jsonrpc": "2.0", "result": {"transaction": {"id": "ab" * 32}}}),
        reply(200, {"jsonrpc": "2.0"}),
        reply(200, b"<html>"),
        reply(202, {"result": ["ab" * 32]}),
        CUT,
    ],
)
def test_what_no_rule_says_keeps_the_claim(
    upstream: Start, provider_of: Callable[..., Koios], raw: bytes, answer: Reply
) -> None:
    server = upstream(by_path(answer))
    with pytest.raises(SubmissionUnknown):
        provider_of(server).submit(raw)
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [401, 403, 429])
def test_what_no_node_was_given_is_no_unknown_outcome(
    upstream: Start, provider_of: Callable[..., Koios], raw: bytes, status: int
) -> None:
    with pytest.raises(ChainUnavailable) as error:
        provider_of(upstream(lambda _: reply(status, {}))).submit(raw)
    assert type(error.value) is ChainUnavailable


def test_the_nodes_reason_comes_by_either_way(clock: ManualClock, raw: bytes) -> None:
    for limit in (None, len(raw)):
        with under_test(clock, body_limit=limit) as chain:
            forged = chain.spend(chain.fund())
            signature = decode_transaction(forged).witnesses.vkeys[0].signature
            with pytest.raises(SubmissionRejected) as error:
                submit(chain, forged.replace(signature, bytes(64)))
            assert error.value.proves is Proof.BYTES


# --- Scripts --------------------------------------------------------------------------------------


def test_scripts_are_run_by_its_ogmios(
    upstream: Start, provider_of: Callable[..., Any], raw: bytes
) -> None:
    server = upstream(by_path(reply(200, {"jsonrpc": "2.0", "result": []})))
    assert provider_of(server).evaluate(raw, {}) == []
    asked = orjson.loads(server.asked[0].body)
    assert asked["method"] == "evaluateTransaction"
    assert asked["params"] == {"transaction": {"cbor": raw.hex()}}


@pytest.mark.parametrize("code", [3012, 3161])
def test_a_script_that_fails_is_named(
    upstream: Start, provider_of: Callable[..., Any], raw: bytes, code: int
) -> None:
    failure = {"validator": {"index": 1, "purpose": "mint"}, "error": {"code": code}}
    answer = error_of(3010)
    answer["error"]["data"] = [failure]
    (found,) = provider_of(upstream(by_path(reply(400, answer)))).evaluate(raw, {})
    assert found[:2] == (1, 1)


@pytest.mark.parametrize(
    "answer",
    [
        reply(400, error_of(3004)),
        reply(400, error_of(3010)),
        reply(400, {"jsonrpc": "2.0", "error": {"code": 3010, "data": [{"error": {"code": []}}]}}),
        reply(200, {"result": {}}),
        reply(200, b"[]"),
        reply(500, b"<html>"),
        CUT,
    ],
)
def test_no_verdict_on_scripts_is_an_error(
    upstream: Start, provider_of: Callable[..., Any], raw: bytes, answer: Reply
) -> None:
    with pytest.raises(ChainUnavailable):
        provider_of(upstream(by_path(answer))).evaluate(raw, {})
