"""``POST /inspect``: the verdict is the one of ``/verify``, and every rule has its row."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from facilitator.cardano.rules import LEDGER_RULES, STATIC_RULES
from facilitator.roles.rate_limit import RateDecision
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE, Payer, requirements
from facilitator.testing.running import NETWORK, Running
from support import wallets
from support.web import serving

SETTINGS = {
    "FACILITATOR_RESERVATION__TTL_SECONDS": "0",
    "FACILITATOR_INSPECT__ENABLED": "true",
}
SAMPLE = wallets.cases()[::9]


class SetClock(ManualClock):
    """A clock that each case sets to its own time."""

    def __init__(self) -> None:
        super().__init__(0)
        self._offset = 0.0

    def time(self) -> float:
        return super().time() + self._offset

    def set(self, time: float) -> None:
        self._offset += time - self.time()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("inspected")
    with closing(Running(folder, clock=SetClock(), settings=SETTINGS)) as started:
        yield started


def prepare(running: Running, case: dict[str, Any]) -> dict[str, Any]:
    """Set the devnet and the clock to what the case says; return the request body."""
    assert isinstance(running.clock, SetClock)
    running.clock.set(wallets.now(case))
    running.devnet.reset()
    running.devnet.load(wallets.utxos(case), wallets.accounts(case))
    return wallets.body(case)


def inspect(running: Running, body: object) -> dict[str, Any]:
    status, report = running.call("POST", "/inspect", body)
    assert status == 200, report
    return dict(report)


def broken(report: dict[str, Any]) -> set[str]:
    return {check["rule"] for check in report["checks"] if check["result"] == "fail"}


def test_the_verdict_is_the_one_of_verify(running: Running) -> None:
    """The rows agree with it: all pass if and only if the payment is valid."""
    assert len(SAMPLE) >= 200
    assert {case["kind"] for case in SAMPLE} == {"good", "bad"}
    wrong = []
    for case in SAMPLE:
        body = prepare(running, case)
        verdict, report = running.verify(body), inspect(running, body)
        if report["verify"] != verdict or (report["result"] == "pass") != verdict["isValid"]:
            wrong.append((case["id"], verdict, report["verify"], report["result"]))
    assert not wrong


SCHEME = "invalid_exact_cardano_payload_"
ROWS = {
    "amount_insufficient": f"{SCHEME}amount_insufficient",
    "fee_too_small": "FeeTooSmallUTxO",
    "invalid_signature": "InvalidWitnessesUTXOW",
    "malformed_cbor": f"{SCHEME}transaction_decode_failed",
    "native_script_failed": "ScriptWitnessNotValidatingUTXOW",
    "nonce_malformed": f"{SCHEME}nonce_invalid",
    "nonce_not_in_inputs": f"{SCHEME}nonce_not_in_inputs",
    "output_below_min_utxo": "BabbageOutputTooSmallUTxO",
    "pay_to_not_paid": f"{SCHEME}recipient_mismatch",
    "token_not_conserved": "ValueNotConservedUTxO",
    "ttl_too_far": f"{SCHEME}ttl_too_far",
    "wrong_network_address": "WrongNetwork",
}
"""The rule of the row that fails, by class of cases."""


@pytest.mark.parametrize("reason", ROWS)
def test_the_row_of_the_broken_rule_tells(running: Running, reason: str) -> None:
    cases = [c for c in wallets.cases() if (c["expected"] or {}).get("reason_class") == reason]
    report = inspect(running, prepare(running, cases[0]))
    assert report["result"] == "fail"
    assert ROWS[reason] in broken(report)


def test_every_rule_has_a_row(running: Running) -> None:
    good = next(case for case in wallets.cases() if case["kind"] == "good")
    report = inspect(running, prepare(running, good))
    ledger = [check for check in report["checks"] if check["scope"] == "ledger"]
    assert len(ledger) == len(STATIC_RULES) + len(LEDGER_RULES)
    assert len({check["name"] for check in ledger}) == len(ledger)
    assert all(check["about"] for check in ledger)
    assert {check["scope"] for check in report["checks"]} == {"scheme", "ledger"}


def test_terms_that_fail_still_show_the_transaction(run: Callable[..., Running]) -> None:
    running = run(inspect__enabled="true")
    body = Payer(running).body()
    body["paymentRequirements"] = {**body["paymentRequirements"], "amount": "3000000"}
    report = inspect(running, body)
    assert report["result"] == "fail"
    assert broken(report) == {"invalid_exact_cardano_payload"}
    assert report["transaction"]["inputs"][0]["status"] == "unspent"


def test_what_is_not_decoded_is_not_shown(run: Callable[..., Running]) -> None:
    running = run(inspect__enabled="true")
    body = Payer(running).body()
    body["paymentPayload"]["payload"]["transaction"] = "hKA="
    report = inspect(running, body)
    assert (report["result"], report["transaction"]) == ("fail", None)
    assert broken(report) == {f"{SCHEME}transaction_decode_failed"}


def test_the_chain_is_asked_once(run: Callable[..., Running]) -> None:
    running = run(inspect__enabled="true")
    asked: list[object] = []
    outputs = running.devnet.outputs
    running.devnet.outputs = lambda refs: asked.append(refs) or outputs(refs)  # type: ignore
    assert inspect(running, Payer(running).body())["result"] == "pass"
    assert len(asked) == 1


@pytest.mark.parametrize("method", ["outputs", "parameters"])
def test_without_the_chain_nothing_is_called_invalid(
    run: Callable[..., Running], method: Any
) -> None:
    running = run(inspect__enabled="true")
    running.devnet.faults.fail(method, times=5)
    report = inspect(running, Payer(running).body())
    assert report["result"] == "not judged"
    assert not broken(report)
    reason = "exact_cardano_facilitator_chain_lookup_failed"
    assert report["verify"]["invalidReason"] == reason


def test_an_output_that_is_not_known_is_not_judged(run: Callable[..., Running]) -> None:
    running = run(inspect__enabled="true")
    running.devnet.faults.lag(times=5)
    report = inspect(running, Payer(running).body())
    assert (report["result"], broken(report)) == ("not judged", set())
    assert report["transaction"]["inputs"][0]["status"] == "unknown"


def test_spent_inputs_are_told_and_what_depends_on_them_is_not_judged(
    run: Callable[..., Running],
) -> None:
    running = run(inspect__enabled="true", settlement__wait_seconds=0)
    body = Payer(running).body()
    running.settle(body)
    running.next_block()
    report = inspect(running, body)
    assert broken(report) == {"BadInputsUTxO", f"{SCHEME}nonce_not_on_chain"}
    rows = {check["name"]: check["result"] for check in report["checks"]}
    assert rows["value not conserved"] == "not judged"


def test_who_must_sign_and_did(run: Callable[..., Running]) -> None:
    report = inspect(run(inspect__enabled="true"), Payer(run()).body())
    (signer,) = report["transaction"]["signers"]
    assert signer["key"] == ALICE.address[1:29].hex()
    assert signer["for"] == [f"input {report['transaction']['inputs'][0]['ref']}"]
    assert (signer["signed"], signer["signatureHolds"]) == (True, True)


def test_without_the_setting_there_is_no_such_path(run: Callable[..., Running]) -> None:
    status, answer = run().call("POST", "/inspect", {})
    assert (status, answer["error"]) == (404, "not_found")


def test_what_is_no_request_is_refused_as_by_verify(run: Callable[..., Running]) -> None:
    running = run(inspect__enabled="true", server__max_body_bytes=1024)
    assert running.call("POST", "/inspect", {"x402Version": 1})[0] == 400
    assert running.call("POST", "/inspect", b"[]")[0] == 400
    assert running.call("POST", "/inspect", b"{" + b" " * 1024)[0] == 413
    assert running.call("GET", "/inspect")[0] == 405


def test_a_key_is_needed_when_there_is_one(run: Callable[..., Running]) -> None:
    running = run(inspect__enabled="true", auth__api_keys__shop="opensesame")
    body = Payer(running).body()
    assert running.call("POST", "/inspect", body)[0] == 401
    key = {"X-API-Key": "opensesame"}
    assert running.call("POST", "/inspect", body, key)[0] == 200


def test_the_network_is_the_one_of_the_terms(run: Callable[..., Running]) -> None:
    running = run(inspect__enabled="true", network="cardano:preview,cardano:preprod")
    body = Payer(running).body()
    assert inspect(running, body)["network"] == NETWORK
    elsewhere = {**requirements(), "network": "cardano:mainnet"}
    assert inspect(running, {**body, "paymentRequirements": elsewhere})["result"] == "fail"


def test_it_counts_as_sensitive(tmp_path: Path) -> None:
    hits = []

    class Limiter:
        def hit(self, client: str, *, sensitive: bool) -> RateDecision:
            hits.append((client, sensitive))
            return RateDecision(allowed=False, limit=1, remaining=0, reset_seconds=9)

    api = {"rate_limiter": Limiter(), "inspect": lambda _: {}}
    with serving(tmp_path, api=api, server__trusted_proxies="['127.0.0.1']") as client:
        forwarded = client.call("POST", "/inspect", {}, X_Forwarded_For="203.0.113.7")
    assert forwarded.status == 429
    assert hits == [("203.0.113.7", True)]
