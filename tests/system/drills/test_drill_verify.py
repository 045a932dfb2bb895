"""The provider is down while payments are verified."""

from collections.abc import Callable

import pytest

from facilitator.chain import follower
from facilitator.testing.waiting import eventually
from support.drills import LOOKUP_FAILED, NOT_ON_CHAIN, OUTAGES, OUTPUTS, Body, Drill, timeout_of

Start = Callable[..., Drill]


def no_verdict(drill: Drill, body: Body) -> str:
    """What is told of the payment, of which nothing may be said."""
    answer = drill.verify(body)
    assert (answer["isValid"], answer["invalidReason"]) == (False, LOOKUP_FAILED), answer
    return str(answer["invalidMessage"])


def verdict(drill: Drill, body: Body) -> Body:
    """What is told of the payment once that can be said: a question of before may fail yet."""
    answers: list[Body] = []

    def is_one() -> bool:
        answers.append(drill.verify(body))
        return answers[-1].get("invalidReason") != LOOKUP_FAILED

    eventually(is_one)
    return answers[-1]


def heal(drill: Drill, pause_seconds: float) -> None:
    drill.provider.heal()
    drill.clock.advance(pause_seconds)


@pytest.mark.parametrize("known", [False, True], ids=["cold", "warm"])
@pytest.mark.parametrize("kind", OUTAGES)
def test_an_outage_is_no_verdict(start: Start, kind: str, known: bool) -> None:
    outage = OUTAGES[kind]
    drill = start(timeout_seconds=timeout_of(kind))
    good, spent = (drill.payment() for _ in range(2))
    bad = drill.rival(spent)
    drill.submitted(spent)
    drill.next_block()
    if known:
        drill.verify(drill.payment())

    outage.begin(drill.provider)
    for _ in range(3):
        for body in (good, bad):
            message = no_verdict(drill, body)
            assert outage.words in message
            assert message.startswith("the chain could not be asked, try again: ")

    heal(drill, outage.pause_seconds)
    assert verdict(drill, good)["isValid"]
    assert verdict(drill, bad)["invalidReason"] == NOT_ON_CHAIN


@pytest.mark.parametrize("storage", ["memory", "sqlite"])
@pytest.mark.parametrize("kind", ["refused", "503", "402"])
def test_what_is_known_of_outputs_does_not_outlast_an_outage_that_was_noticed(
    start: Start, kind: str, storage: str
) -> None:
    outage = OUTAGES[kind]
    drill = start(storage=storage)
    body, lasting = (drill.payment() for _ in range(2))
    for each in (body, lasting):
        assert drill.verify(each)["isValid"]
    drill.follows_the_tip()
    asked = drill.provider.count(OUTPUTS)
    for each in (body, lasting):
        assert drill.verify(each)["isValid"]
    assert drill.provider.count(OUTPUTS) == asked

    outage.begin(drill.provider)
    eventually(lambda: not drill.trusts_what_it_knows)
    drill.submitted(drill.rival(body))
    drill.next_block()
    for each in (body, lasting):
        assert outage.words in no_verdict(drill, each)

    heal(drill, outage.pause_seconds)
    assert verdict(drill, lasting)["isValid"]
    assert verdict(drill, body)["invalidReason"] == NOT_ON_CHAIN


@pytest.mark.parametrize("storage", ["memory", "sqlite"])
def test_health_tells_of_an_outage(start: Start, storage: str) -> None:
    drill = start(storage=storage)
    name = "cardano:preprod"

    def told() -> Body:
        return dict(drill.call("GET", "/health")[1]["dependencies"][name])

    assert told()["status"] == "up"
    drill.provider.stop()
    eventually(lambda: told()["status"] == "down")
    assert "cannot connect to Blockfrost" in told()["error"]
    drill.provider.heal()
    eventually(lambda: told()["status"] == "up")


@pytest.mark.parametrize("status", [425, 429, 500, 502, 503, 504])
def test_one_failure_is_nothing_to_tell_of(start: Start, status: int) -> None:
    drill = start()
    body = drill.payment()
    drill.provider.faults.answer(status, OUTPUTS, 1, retry_after=0)
    assert drill.verify(body)["isValid"]
    assert drill.provider.count(OUTPUTS) == 2


def test_an_output_spent_while_the_facilitator_was_down_is_not_called_unspent(start: Start) -> None:
    drill = start()
    body = known(drill)
    drill.close()
    drill.submitted(drill.rival(body))
    drill.next_block()
    assert start().verify(body)["invalidReason"] == NOT_ON_CHAIN


@pytest.mark.parametrize("storage", ["memory", "sqlite"])
def test_an_output_spent_while_nobody_followed_is_not_called_unspent(
    start: Start, monkeypatch: pytest.MonkeyPatch, storage: str
) -> None:
    monkeypatch.setattr(follower, "LINGER_POLLS", 2)
    drill = start(storage=storage)
    body = known(drill)
    eventually(lambda: not drill.trusts_what_it_knows)
    drill.submitted(drill.rival(body))
    drill.next_block()
    assert drill.verify(body)["invalidReason"] == NOT_ON_CHAIN


def known(drill: Drill) -> Body:
    """A payment whose output was looked up while the chain was followed."""
    assert drill.verify(drill.payment())["isValid"]
    drill.next_block()
    drill.follows_the_tip()
    body = drill.payment()
    assert drill.verify(body)["isValid"]
    return body
