"""The reason that a payment is refused with, and of several the one that is named.

The order is the one that the reference implementations share (``mechanisms/cardano`` in
TypeScript, Python and Go); all of them name the first of these faults.
"""

import base64
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import cbor2
import pytest

from facilitator.cardano.cbor import Reader
from facilitator.cardano.codec.body import read_body
from facilitator.cardano.transaction import OutputRef, Value
from facilitator.testing.payments import (
    ALICE,
    BOB,
    CAROL,
    MERCHANT,
    Payer,
    genesis_utxos,
    request_body,
    requirements,
)
from facilitator.testing.running import Running
from facilitator_devnet.genesis import PARAMETERS, TEST_TOKEN
from facilitator_devnet.wallet import build, pay, sign

PAYLOAD = "invalid_exact_cardano_payload"
POLICY = "invalid_exact_cardano_requirements_policy"

Body = dict[str, Any]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder: Path = tmp_path_factory.mktemp("reasons")
    settings = {"FACILITATOR_RESERVATION__TTL_SECONDS": "0"}
    with closing(Running(folder, settings=settings)) as started:
        yield started


def reason(running: Running, body: Body) -> str | None:
    answer: str | None = running.verify(body).get("invalidReason")
    return answer


def with_terms(body: Body, **terms: Any) -> None:
    """Change the requirements, which the client echoes."""
    body["paymentRequirements"] |= terms
    body["paymentPayload"]["accepted"] |= terms


def with_payload(body: Body, **fields: Any) -> None:
    body["paymentPayload"]["payload"] |= fields


def with_raw(body: Body, change: Callable[[bytes], bytes]) -> None:
    raw = base64.b64decode(body["paymentPayload"]["payload"]["transaction"])
    with_payload(body, transaction=base64.b64encode(change(raw)).decode())


def with_witnesses(raw: bytes, witnesses: bytes) -> bytes:
    reader = Reader(raw)
    reader.pos = 1
    read_body(reader)
    return raw[: reader.pos] + witnesses + b"\xf5\xf6"


def flipped(raw: bytes, place: int) -> bytes:
    changed = bytearray(raw)
    changed[place] ^= 1
    return bytes(changed)


FAULTS: list[tuple[str, Callable[[Body], None]]] = [
    (f"{PAYLOAD}_unsupported_version", lambda body: body["paymentPayload"].update(x402Version=1)),
    ("unsupported_scheme", lambda body: body["paymentRequirements"].update(scheme="upto")),
    ("network_mismatch", lambda body: with_terms(body, network="cardano:mainnet")),
    ("invalid_exact_cardano_requirements", lambda body: with_terms(body, asset="ADA")),
    (f"{PAYLOAD}_transaction_decode_failed", lambda body: with_raw(body, lambda raw: raw[:-1])),
    (f"{PAYLOAD}_invalid_signature", lambda body: with_raw(body, lambda raw: flipped(raw, -10))),
    (f"{PAYLOAD}_nonce_not_in_inputs", lambda body: with_payload(body, nonce=f"{'00' * 32}#0")),
    (f"{PAYLOAD}_phase2_invalid", lambda body: with_raw(body, lambda raw: raw[:-2] + b"\xf4\xf6")),
    (f"{PAYLOAD}_recipient_mismatch", lambda body: with_terms(body, payTo=CAROL.bech32)),
    (f"{PAYLOAD}_asset_mismatch", lambda body: with_terms(body, asset=f"{'ab' * 28}.")),
    (f"{PAYLOAD}_amount_insufficient", lambda body: with_terms(body, amount="2000001")),
]
"""The first of them that a payment has is its reason."""


ORDER = list(range(len(FAULTS)))


@pytest.mark.parametrize("first", ORDER, ids=[name for name, _ in FAULTS])
def test_of_several_faults_the_first_is_named(running: Running, first: int) -> None:
    """Alone, with each of those after it, and with all of them."""
    others = [{first}, set(ORDER[first:]), *({first, later} for later in ORDER[first + 1 :])]
    for chosen in others:
        body = Payer(running).body()
        for index in sorted(chosen, reverse=True):
            FAULTS[index][1](body)
        assert reason(running, body) == FAULTS[first][0], chosen


def test_an_unsigned_payment_is_said_to_be_that(running: Running) -> None:
    body = Payer(running).body()
    with_raw(body, lambda raw: with_witnesses(raw, b"\xa0"))
    with_payload(body, nonce=f"{'00' * 32}#0")
    with_terms(body, amount="2000001")
    assert reason(running, body) == f"{PAYLOAD}_unsigned"


def test_one_with_a_redeemer_only_is_the_ledgers_to_refuse(running: Running) -> None:
    body = Payer(running).body()
    redeemers = cbor2.dumps({5: [[0, 0, 0, [0, 0]]]})
    with_raw(body, lambda raw: with_witnesses(raw, redeemers))
    assert reason(running, body) == f"{PAYLOAD}_phase1_invalid"


@pytest.mark.parametrize("name", ["transaction", "nonce"])
@pytest.mark.parametrize("value", [None, 5, ["00"], {}, ...])
def test_a_payload_without_its_strings_is_malformed(
    running: Running, name: str, value: Any
) -> None:
    body = Payer(running).body()
    if value is ...:
        del body["paymentPayload"]["payload"][name]
    else:
        with_payload(body, **{name: value})
    assert reason(running, body) == PAYLOAD


@pytest.mark.parametrize("amount", [2**64 - 1, 2**64, 10**20, 2**256])
def test_an_amount_that_no_output_can_hold_is_not_paid(running: Running, amount: int) -> None:
    body = Payer(running).body()
    with_terms(body, amount=str(amount))
    assert reason(running, body) == f"{PAYLOAD}_amount_insufficient"


@pytest.mark.parametrize("amount", ["0", "1.0", "1e6", "0x10", "1_000", "\uff11", "1\n", "9" * 79])
def test_an_amount_in_another_form_is_no_requirement(running: Running, amount: str) -> None:
    body = Payer(running).body()
    with_terms(body, amount=amount)
    assert reason(running, body) == "invalid_exact_cardano_requirements"


@pytest.mark.parametrize(("sponsored", "expected"), [
    (False, None), (None, None), (True, "invalid_exact_cardano_requirements"),
    ("false", "invalid_exact_cardano_requirements"),
])  # fmt: skip
def test_terms_whose_fee_another_pays_are_refused(
    running: Running, sponsored: object, expected: str | None
) -> None:
    body = Payer(running).body()
    with_terms(body, extra={"areFeesSponsored": sponsored})
    assert reason(running, body) == expected


@pytest.mark.parametrize("confirmations", [0, 1, 20, 1.0, 2e1, -0.0])
def test_confirmations_are_an_integer_however_json_writes_it(
    running: Running, confirmations: float
) -> None:
    body = Payer(running).body()
    with_terms(body, extra={"confirmationPolicy": {"l1Confirmations": confirmations}})
    assert reason(running, body) is None


@pytest.mark.parametrize(
    "policy",
    [
        *[{"l1Confirmations": n} for n in (-2, -1, 21, 0.5, 20.5, 1e30, True, "1", None, [1])],
        *({}, {"l1confirmations": 1}, {"l1Confirmations": 1, "more": None}, [], "1", 1, None),
    ],
    ids=str,
)
def test_any_other_policy_is_refused(running: Running, policy: object) -> None:
    body = Payer(running).body()
    with_terms(body, extra={"confirmationPolicy": policy})
    assert reason(running, body) == POLICY


ORIGINAL = {"name": "a", "note": None, "list": [1, {"b": 2}], "more": {"deep": {"c": None}}}


@pytest.mark.parametrize(
    "echo",
    [
        ORIGINAL,
        {**ORIGINAL, "added": 1},
        {**ORIGINAL, "more": {"deep": {"c": None, "added": []}, "added": {}}},
        {name: value for name, value in ORIGINAL.items() if value is not None},
        {**ORIGINAL, "more": {"deep": {}}},
    ],
)
def test_the_echo_may_add_fields_and_leave_out_a_null(running: Running, echo: Body) -> None:
    """As the SDKs of resource servers match it (``paymentRequirementsMatchAccepted``)."""
    body = Payer(running).body()
    body["paymentRequirements"]["extra"] = ORIGINAL
    body["paymentPayload"]["accepted"]["extra"] = echo
    assert reason(running, body) is None


@pytest.mark.parametrize(
    "echo",
    [
        {},
        None,
        {**ORIGINAL, "name": "b"},
        {**ORIGINAL, "note": 0},
        {**ORIGINAL, "list": [1, {"b": 2, "added": 1}]},
        {**ORIGINAL, "list": [1, {"b": 2}, 3]},
        {**ORIGINAL, "more": {}},
        {**ORIGINAL, "more": []},
    ],
)
def test_the_echo_repeats_the_rest(running: Running, echo: object) -> None:
    body = Payer(running).body()
    body["paymentRequirements"]["extra"] = ORIGINAL
    body["paymentPayload"]["accepted"]["extra"] = echo
    assert reason(running, body) == PAYLOAD


def test_what_the_echo_adds_decides_nothing(running: Running) -> None:
    body = Payer(running).body()
    body["paymentPayload"]["accepted"]["extra"] = {
        "assetTransferMethod": "none",
        "confirmationPolicy": {"l1Confirmations": -1},
    }
    assert reason(running, body) is None


def test_two_outputs_do_not_pay_together(running: Running) -> None:
    """Each holds some of the asset, and one of them all of the lovelace."""
    token = pay(
        BOB,
        genesis_utxos(BOB),
        MERCHANT.address,
        7,
        parameters=PARAMETERS,
        ttl=running.slot + 300,
        asset=TEST_TOKEN,
    )
    for amount, expected in ((7, None), (8, f"{PAYLOAD}_amount_insufficient")):
        body = request_body(token, requirements(amount=amount, asset=TEST_TOKEN))
        assert reason(running, body) == expected
    lovelace = pay(
        ALICE,
        genesis_utxos(ALICE),
        MERCHANT.address,
        2_000_000,
        parameters=PARAMETERS,
        ttl=running.slot + 300,
    )
    body = request_body(lovelace, requirements(amount=1, asset=TEST_TOKEN))
    assert reason(running, body) == f"{PAYLOAD}_asset_mismatch"


def of_size(running: Running, size: int) -> bytes:
    """A payment padded with metadata to so many bytes."""
    ref, output = next(iter(genesis_utxos(ALICE).items()))
    fee, paid = 1_000_000, Value(2_000_000, {})
    change = Value(output.value.lovelace - paid.lovelace - fee, {})
    outputs = [(MERCHANT.address, paid), (ALICE.address, change)]
    for padding in range(15_500, size):
        auxiliary = cbor2.dumps({0: [bytes(64)] * (padding // 64), 1: bytes(padding % 64)})
        hashed = blake2b(auxiliary, digest_size=32).digest()
        body = build([ref], outputs, fee, running.slot + 300, _7=hashed)
        raw = sign(body, [ALICE.payment_key])[:-1] + auxiliary
        if len(raw) == size:
            return raw
    raise AssertionError("no padding comes out at this size")


@pytest.mark.parametrize(("size", "expected"), [(16_385, None), (16_386, "phase1_invalid")])
def test_the_largest_transaction_has_one_byte_more_than_the_ledger_counts(
    running: Running, size: int, expected: str | None
) -> None:
    body = request_body(of_size(running, size), requirements())
    assert reason(running, body) == (expected and f"{PAYLOAD}_{expected}")


def test_what_else_is_wrong_is_told_with_it(running: Running) -> None:
    ref, output = next(iter(genesis_utxos(ALICE).items()))
    outputs = [
        (MERCHANT.address, Value(2_000_000, {})),
        (ALICE.address, Value(output.value.lovelace - 2_000_001, {})),
    ]
    raw = sign(build([ref], outputs, 1, running.slot + 300), [ALICE.payment_key])
    answer = running.verify(request_body(flipped(raw, -10), requirements()))
    assert answer["invalidReason"] == f"{PAYLOAD}_invalid_signature"
    assert answer["invalidMessage"].startswith("InvalidWitnessesUTXOW: ")
    assert "; FeeTooSmallUTxO: " in answer["invalidMessage"]


@pytest.mark.parametrize("is_reference", [False, True])
def test_an_output_of_another_network_is_refused(running: Running, is_reference: bool) -> None:
    """The ledger has no such rule, since its own chain holds none."""
    ref, own = next(iter(genesis_utxos(ALICE).items()))
    foreign = OutputRef(b"\x77" * 32, int(is_reference))
    mainnet = bytes([ALICE.address[0] | 1]) + ALICE.address[1:]
    running.devnet.load({foreign: replace(own, address=mainnet)})
    spent = [ref] if is_reference else [ref, foreign]
    held = own.value.lovelace * len(spent)
    outputs = [
        (MERCHANT.address, Value(2_000_000, {})),
        (ALICE.address, Value(held - 3_000_000, {})),
    ]
    more: dict[str, Any] = {"_18": [[foreign.transaction_id, 1]]} if is_reference else {}
    raw = sign(build(spent, outputs, 1_000_000, running.slot + 300, **more), [ALICE.payment_key])
    answer = running.verify(request_body(raw, requirements()))
    assert answer["invalidReason"] == f"{PAYLOAD}_network_id_mismatch"
    assert answer["invalidMessage"].startswith(f"{foreign} is at an address of another network")
