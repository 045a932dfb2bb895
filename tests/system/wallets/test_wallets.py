"""Payments built by real wallets' libraries get the ledger's verdict, over real HTTP.

The corpus' debatable classes are all decided by the ledger and, where the scheme is stricter, by
the scheme: mints, withdrawals and certificates are judged by the full rules, so good ones are
valid; superfluous but correct vkey witnesses, any key order, indefinite lengths, deep metadata and
a fee on the ledger's own size are valid; a missing TTL and a bignum fee are
not. The scheme's form of a nonce has upper case and leading zeros, so payments with such a nonce
are valid. No case is excused.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from facilitator.testing.clock import ManualClock
from facilitator.testing.running import Running
from support import wallets

PREFIX = "invalid_exact_cardano_payload"
PHASE1 = f"{PREFIX}_phase1_invalid"
DECODE = f"{PREFIX}_transaction_decode_failed"
INPUTS = {f"{PREFIX}_nonce_not_on_chain", f"{PREFIX}_input_not_available"}

REASONS = {
    "amount_insufficient": {f"{PREFIX}_amount_insufficient"},
    "aux_data_hash_mismatch": {PHASE1},
    "bad_withdrawal": {PHASE1},
    "duplicate_body_key": {DECODE},
    "duplicate_input": {PHASE1, DECODE},
    "duplicate_output_key": {DECODE},
    "duplicate_witness_key": {DECODE},
    "extraneous_datum": {PHASE1},
    "extraneous_script": {PHASE1},
    "fee_too_small": {f"{PREFIX}_fee_below_minimum"},
    "input_not_found": INPUTS,
    "invalid_signature": {f"{PREFIX}_invalid_signature"},
    "is_valid_false": {f"{PREFIX}_phase2_invalid"},
    "malformed_cbor": {DECODE},
    "malformed_or_invalid_signature": {DECODE, f"{PREFIX}_invalid_signature"},
    "malformed_tx": {DECODE},
    "malformed_tx_or_cbor": {DECODE},
    "missing_script": {PHASE1},
    "missing_witness": {PHASE1, f"{PREFIX}_unsigned"},
    "native_script_failed": {PHASE1},
    "negative_quantity": {DECODE},
    "no_inputs": {PHASE1, DECODE},
    "nonce_malformed": {f"{PREFIX}_nonce_invalid"},
    "nonce_not_in_inputs": {f"{PREFIX}_nonce_not_in_inputs"},
    "not_base64": {DECODE, PREFIX},
    "not_base64_or_malformed_cbor": {DECODE},
    "not_yet_valid": {f"{PREFIX}_not_yet_valid"},
    "output_below_min_utxo": {f"{PREFIX}_min_utxo_insufficient"},
    "pay_to_not_paid": {f"{PREFIX}_recipient_mismatch"},
    "ref_input_overlap": {PHASE1},
    "token_not_conserved": {f"{PREFIX}_value_not_conserved"},
    "ttl_expired": {f"{PREFIX}_ttl_expired"},
    "ttl_missing": {f"{PREFIX}_ttl_too_far"},
    "ttl_too_far": {f"{PREFIX}_ttl_too_far"},
    "tx_too_large": {PHASE1},
    "unknown_body_key": {DECODE},
    "unknown_output_key": {DECODE},
    "unknown_witness_key": {DECODE},
    "value_not_conserved": {f"{PREFIX}_value_not_conserved"},
    "wrong_asset": {f"{PREFIX}_asset_mismatch"},
    "wrong_network_address": {f"{PREFIX}_network_id_mismatch"},
    "wrong_network_id": {f"{PREFIX}_network_id_mismatch"},
}
"""The reasons that fit each class of the corpus."""

SPELLINGS = {"nonce_uppercase_hash", "nonce_leading_zero_index"}
"""Mutations that the corpus calls bad, though only the spelling of the nonce is another one."""

BUILDERS = sorted({case["builder"] for case in wallets.cases()})


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder: Path = tmp_path_factory.mktemp("wallets")
    settings = {"FACILITATOR_RESERVATION__TTL_SECONDS": "0"}
    with closing(Running(folder, clock=SetClock(0), settings=settings)) as started:
        yield started


class SetClock(ManualClock):
    """A clock that each case sets to its own time, whatever the case before left it at."""

    def __init__(self, start: float) -> None:
        super().__init__(start)
        self._offset = 0.0

    def time(self) -> float:
        return super().time() + self._offset

    def set(self, time: float) -> None:
        self._offset += time - self.time()


def prepare(running: Running, case: dict[str, Any]) -> dict[str, Any]:
    """Set the devnet and the clock to what the case says; return the request body."""
    assert isinstance(running.clock, SetClock)
    running.clock.set(wallets.now(case))
    running.devnet.reset()
    running.devnet.load(wallets.utxos(case), wallets.accounts(case))
    return wallets.body(case)


def kind_of(case: dict[str, Any]) -> str:
    return "good" if case["mutation"] in SPELLINGS else str(case["kind"])


def of(builder: str, kind: str) -> list[dict[str, Any]]:
    return [c for c in wallets.cases() if c["builder"] == builder and kind_of(c) == kind]


@pytest.mark.parametrize("builder", BUILDERS)
def test_good_payments_are_valid(running: Running, builder: str) -> None:
    wrong = []
    for case in of(builder, "good"):
        answer = running.verify(prepare(running, case))
        is_payer = case["mutation"] in SPELLINGS or answer.get("payer") == case["payer"]
        if not answer["isValid"] or not is_payer:
            wrong.append((case["id"], answer))
    assert not wrong


@pytest.mark.parametrize("builder", BUILDERS)
def test_good_payments_settle(run: Callable[..., Running], builder: str) -> None:
    """Each transaction once: some cases differ in their witnesses only."""
    running = run(reservation__ttl_seconds=0, settlement__wait_seconds=5, clock=SetClock(0))
    wrong = []
    for case in {case["tx_id"]: case for case in of(builder, "good")}.values():
        answer = settle(running, prepare(running, case))
        if not answer["success"] or answer["transaction"] != case["tx_id"]:
            wrong.append((case["id"], answer))
    assert not wrong


def settle(running: Running, body: dict[str, Any]) -> dict[str, Any]:
    """Settle it through to one confirmation. The first block is made at the very slot."""
    running.settle(body, Prefer="wait=0")
    running.devnet.produce_block()
    running.next_block()
    return running.settle(body)


@pytest.mark.parametrize("builder", BUILDERS)
def test_bad_payments_are_refused_for_the_right_reason(running: Running, builder: str) -> None:
    wrong = []
    for case in of(builder, "bad"):
        verdict = running.call("POST", "/verify", prepare(running, case))
        fitting = set().union(*(REASONS[c] for c in case["expected"]["reason_class"].split("+")))
        status, answer = verdict
        if status != 200 or answer["isValid"] or answer["invalidReason"] not in fitting:
            wrong.append((case["id"], case["expected"]["reason_class"], verdict))
    assert not wrong


def test_bad_payments_are_not_submitted(running: Running) -> None:
    submitted: list[bytes] = []
    submit: Callable[[bytes], str] = running.devnet.submit
    running.devnet.submit = lambda raw: submitted.append(raw) or submit(raw)  # type: ignore
    for case in [c for c in wallets.cases() if kind_of(c) == "bad"][::10]:
        status, answer = running.call("POST", "/settle", prepare(running, case))
        assert (status, answer["success"]) == (200, False)
    assert not submitted
