"""A facilitator whose first provider fails, over HTTP: verdicts, settlements, health and log."""

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest

from facilitator.cardano.refusals import Proof
from facilitator.chain.failover import provider_pool
from facilitator.roles.chain import InMempool, NotFound
from facilitator.roles.chain_errors import SubmissionRejected
from facilitator.testing.payments import Payer, transaction_id
from facilitator.testing.waiting import eventually
from support.paired import Paired

Start = Callable[..., Paired]
LOOKUP_FAILED = "exact_cardano_facilitator_chain_lookup_failed"
PENDING = "settlement_pending"
ASKED_TO_FAIL = "the devnet was asked to fail"


def succeeded(answer: Any) -> bool:
    return bool(answer["success"])


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Level and text of what the providers had to tell."""
    found = [record for record in caplog.records if record.name == "facilitator.chain"]
    return [(record.levelname, record.getMessage()) for record in found]


def raw(body: Any) -> bytes:
    return base64.b64decode(body["paymentPayload"]["payload"]["transaction"])


def test_verdicts_come_from_the_standby_while_the_first_is_down(
    pair: Start, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    running = pair()
    running.devnet.faults.fail("outputs", 10**9)
    body = Payer(running).body()
    for _ in range(8):
        assert running.verify(body)["isValid"] is True
    assert running.devnet.calls["outputs"] == 3
    assert running.standby.calls["outputs"] == 8
    reason = f"{ASKED_TO_FAIL} outputs()"
    switched = ("WARNING", f"cardano:preprod: switched from alpha to beta: {reason}")
    assert logged(caplog) == [switched]


def test_one_failure_is_no_switch(pair: Start, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    running = pair()
    body = Payer(running).body()
    for _ in range(4):
        running.devnet.faults.fail("outputs")
        assert running.verify(body)["isValid"] is True
        assert running.verify(body)["isValid"] is True
    assert running.standby.calls["outputs"] == 4
    assert running.dependencies()["(alpha)"]["status"] == "up"
    assert logged(caplog) == []


def test_the_first_is_used_again_once_it_answers(
    pair: Start, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    running = pair(cooling=0)
    body = Payer(running).body()
    running.devnet.fail_all()
    for _ in range(5):
        assert running.verify(body)["isValid"] is True
    running.devnet.heal()
    before = running.standby.calls["outputs"]
    assert running.verify(body)["isValid"] is True
    assert running.standby.calls["outputs"] == before
    levels, texts = zip(*logged(caplog), strict=True)
    assert levels == ("WARNING", "INFO")
    assert texts[0].startswith("cardano:preprod: switched from alpha to beta: ")
    assert texts[1] == "cardano:preprod: switched back from beta to alpha"


def test_a_submission_that_was_not_sent_goes_to_the_standby(pair: Start) -> None:
    running = pair()
    body = Payer(running).body(confirmations=1)
    running.devnet.faults.fail("submit")
    assert running.settle(body)["errorReason"] == PENDING
    assert isinstance(running.devnet.transaction(transaction_id(body)), NotFound)
    assert isinstance(running.standby.transaction(transaction_id(body)), InMempool)
    running.devnet.submit(raw(body))  # nodes pass on what they take
    running.next_block()
    running.next_block()
    assert running.settle_until(body, succeeded)["transaction"] == transaction_id(body)


def test_a_submission_that_may_have_been_sent_goes_to_no_other(pair: Start) -> None:
    running = pair()
    body = Payer(running).body()
    running.devnet.faults.lose_submissions()
    assert running.settle(body)["errorReason"] == PENDING
    assert running.standby.calls["submit"] == 0
    assert isinstance(running.standby.transaction(transaction_id(body)), NotFound)


def test_a_refusal_by_the_standby_is_final(pair: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    running = pair()
    body = Payer(running).body()

    def refuse(_: bytes) -> str:
        raise SubmissionRejected("FeeTooSmallUTxO: the fee is too small", proves=Proof.PARAMETERS)

    monkeypatch.setattr(running.standby, "submit", refuse)
    running.devnet.faults.fail("submit")
    answer = running.settle(body)
    assert answer["success"] is False
    assert answer["errorReason"] == "exact_cardano_settlement_definitively_rejected"
    assert "FeeTooSmallUTxO" in answer["errorMessage"]


@pytest.mark.parametrize("kind", ["CountedDevnet", "PolledDevnet"])
def test_following_goes_on_with_the_standby(pair: Start, kind: str) -> None:
    running = pair(kind=kind)
    body = Payer(running).body(confirmations=2)
    assert running.settle(body)["errorReason"] == PENDING
    running.standby.submit(raw(body))
    running.next_block()
    running.settle_until(body, lambda answer: "confirmations" in answer["extra"])
    running.devnet.fail_all()
    running.next_block()
    running.next_block()
    answer = running.settle_until(body, succeeded)
    assert answer["extra"] == {"status": "confirmed", "confirmations": 2}
    assert running.devnet.calls["submit"] == 1
    assert running.standby.calls["submit"] == 1


def test_while_all_are_down_there_is_no_verdict(
    pair: Start, caplog: pytest.LogCaptureFixture
) -> None:
    running = pair()
    running.devnet.fail_all()
    running.standby.fail_all()
    body = Payer(running).body()
    for _ in range(4):
        answer = running.verify(body)
        assert answer["isValid"] is False
        assert answer["invalidReason"] == LOOKUP_FAILED
        both = f"alpha: .*{ASKED_TO_FAIL}.*beta: .*{ASKED_TO_FAIL}"
        assert re.search(both, answer["invalidMessage"])
    eventually(lambda: logged(caplog)[-1][1].startswith("cardano:preprod: no provider answers; "))
    assert running.settle(Payer(running).body())["errorReason"] == LOOKUP_FAILED
    down = running.dependencies()
    assert [told["status"] for told in down.values()] == ["down", "down"]
    assert not any("is used instead" in told["error"] for told in down.values())


def test_health_tells_of_each_and_of_which_is_in_use(pair: Start) -> None:
    running = pair()
    assert {name: told["status"] for name, told in running.dependencies().items()} == {
        "(alpha)": "up",
        "(beta, standby)": "up",
    }
    running.devnet.fail_all()
    body = Payer(running).body()
    for _ in range(3):
        running.verify(body)
    eventually(lambda: "instead" in running.dependencies()["(alpha)"].get("error", ""))
    told = running.dependencies()
    assert told["(alpha)"]["status"] == "down"
    assert told["(alpha)"]["error"].startswith(ASKED_TO_FAIL)
    assert told["(alpha)"]["error"].endswith("; beta is used instead")
    assert told["(beta, standby)"]["status"] == "up"
    asked = running.devnet.calls.total()
    running.dependencies()
    assert running.devnet.calls.total() == asked


def test_a_health_check_finds_that_it_is_up_again(
    pair: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_pool, "IN_USE_SECONDS", 0.0)
    running = pair(cooling=0)
    running.devnet.fail_all()
    eventually(lambda: "(alpha)" in running.dependencies())
    for _ in range(4):
        assert running.dependencies()["(alpha)"]["status"] == "down"
    running.devnet.heal()
    assert running.dependencies()["(alpha)"]["status"] == "up"
    before = running.standby.calls["outputs"]
    assert running.verify(Payer(running).body())["isValid"] is True
    assert running.standby.calls["outputs"] == before


def test_a_standby_is_asked_for_its_health_once_a_minute(pair: Start) -> None:
    running = pair()
    for _ in range(5):
        running.dependencies()
    assert running.standby.calls == {"tip": 1}


def test_a_tip_far_behind_the_others_is_noticed(
    pair: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(provider_pool, "IN_USE_SECONDS", 0.0)
    running = pair()
    assert running.clock is not None
    running.clock.advance(500)
    running.devnet.produce_block()
    eventually(lambda: running.dependencies()["(beta, standby)"]["status"] == "down")
    told = running.dependencies()
    assert told["(alpha)"]["status"] == "up"
    assert told["(beta, standby)"]["error"].startswith("its tip is ")
    assert told["(beta, standby)"]["error"].endswith(" slots behind alpha's")
    running.standby.produce_block()
    eventually(lambda: running.dependencies()["(beta, standby)"]["status"] == "up")
    (level, noticed), (_, caught_up) = logged(caplog)
    assert level == "WARNING"
    assert noticed.startswith("cardano:preprod: beta and the others disagree: its tip is ")
    assert caught_up == "cardano:preprod: beta has caught up with the others"


def test_a_standby_far_behind_gives_no_verdict(pair: Start) -> None:
    running = pair()
    assert running.clock is not None
    running.clock.advance(500)
    running.devnet.produce_block()
    running.dependencies()
    running.devnet.faults.fail("outputs", 10**9)
    answer = running.verify(Payer(running).body())
    assert answer["invalidReason"] == LOOKUP_FAILED
    assert "slots behind alpha's" in answer["invalidMessage"]
    assert running.standby.calls["outputs"] == 0
