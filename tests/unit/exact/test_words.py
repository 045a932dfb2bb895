"""What a refusal says: which part of a payment is of a wrong kind, and what nothing is known of."""

from collections.abc import Callable
from typing import Any

import pytest

from facilitator.cardano.transaction import OutputRef
from facilitator.roles.chain import Spent, Unknown
from facilitator.testing.payments import Payer
from facilitator.testing.running import Running

LOOKUP_FAILED = "exact_cardano_facilitator_chain_lookup_failed"
REQUIREMENTS = "invalid_exact_cardano_requirements"
ABSENT = OutputRef(b"\0" * 32, 0)


@pytest.fixture
def running(run: Callable[..., Running]) -> Running:
    return run(settlement__wait_seconds=0)


def paying(running: Running, pay_to: str) -> dict[str, Any]:
    body = Payer(running).body()
    body["paymentRequirements"]["payTo"] = body["paymentPayload"]["accepted"]["payTo"] = pay_to
    return body


@pytest.mark.parametrize(
    ("pay_to", "words"),
    [
        (
            "stake_test1uqehkck0lajq8gr28t9uxnuvgcqrc6070x3k9r8048z8y5gssrtvn",
            "payTo is a reward (stake) address, which no output can pay",
        ),
        ("pool1" + "q" * 51, "payTo is not a Cardano address, but the id of a stake pool"),
        ("drep1" + "q" * 51, "payTo is not a Cardano address, but the id of a DRep"),
        ("addr_vk1" + "q" * 58, "payTo is not a Cardano address, but a payment key"),
        ("script1" + "q" * 38, "payTo is not a Cardano address, but the hash of a script"),
        ("0x" + "Ab" * 20, "payTo is not a Cardano address, but an address of an EVM chain"),
        ("60" + "ab" * 28, "payTo is not a Cardano address, but the bytes of an address in hex"),
        ("$shop", "payTo is not a Cardano address, but a handle"),
        ("addr_test1", "payTo is not a Cardano address: "),
    ],
)
def test_a_pay_to_of_a_wrong_kind_says_which(running: Running, pay_to: str, words: str) -> None:
    for answer in (running.verify(paying(running, pay_to)),):
        assert answer["invalidReason"] == REQUIREMENTS
        assert answer["invalidMessage"].startswith(words)


def test_an_input_that_the_chain_does_not_know_is_named(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = Payer(running).body()
    valid = running.verify(body)
    outputs = running.devnet.outputs

    def also_unknown(refs: Any) -> Any:
        return {**outputs(refs), ABSENT: Unknown("there is no such transaction, or not yet")}

    monkeypatch.setattr(running.devnet, "outputs", also_unknown)
    for answer, reason, message in (
        (running.verify(body), "invalidReason", "invalidMessage"),
        (running.settle(body), "errorReason", "errorMessage"),
    ):
        assert answer[reason] == LOOKUP_FAILED
        assert answer[message] == (
            f"the chain says neither that {ABSENT} is unspent nor that it is spent: "
            "there is no such transaction, or not yet"
        )
        assert answer["payer"] == valid["payer"]


def test_the_payer_of_a_payment_with_a_spent_input_is_named(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = Payer(running).body()
    valid = running.verify(body)
    outputs = running.devnet.outputs
    monkeypatch.setattr(
        running.devnet, "outputs", lambda refs: {**outputs(refs), ABSENT: Spent("ab" * 32)}
    )
    assert running.verify(body)["payer"] == valid["payer"]


@pytest.mark.parametrize("form", ["{id}#{index}", "{upper}#{index}", "{id}#000{index}"])
def test_a_nonce_is_read_in_every_form_of_the_scheme(running: Running, form: str) -> None:
    body = Payer(running).body()
    payload = body["paymentPayload"]["payload"]
    name, _, index = payload["nonce"].partition("#")
    payload["nonce"] = form.format(id=name, upper=name.upper(), index=index)
    assert running.verify(body)["isValid"]


@pytest.mark.parametrize("end", ["65536", "0" * 5000 + "99999", "-1", "1.0", "", "\u0661"])
def test_no_other_text_is_a_nonce(running: Running, end: str) -> None:
    body = Payer(running).body()
    body["paymentPayload"]["payload"]["nonce"] = "ab" * 32 + f"#{end}"
    assert running.verify(body)["invalidReason"] == "invalid_exact_cardano_payload_nonce_invalid"
