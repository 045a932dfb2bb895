"""Valid payments are valid; a mutated one is not, unless the ledger takes it and it pays."""

import base64
import copy
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from facilitator.roles.chain_errors import SubmissionRejected
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
from facilitator_devnet.wallet import pay

pytestmark = pytest.mark.once

PROPERTY = hypothesis_settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder: Path = tmp_path_factory.mktemp("mutations")
    settings = {"FACILITATOR_RESERVATION__TTL_SECONDS": "0"}
    with closing(Running(folder, settings=settings)) as started:
        yield started


def raw_transaction(body: dict[str, Any]) -> bytes:
    return base64.b64decode(body["paymentPayload"]["payload"]["transaction"])


def with_transaction(body: dict[str, Any], raw: bytes) -> dict[str, Any]:
    mutated = copy.deepcopy(body)
    mutated["paymentPayload"]["payload"]["transaction"] = base64.b64encode(raw).decode()
    return mutated


def ledger_takes(running: Running, raw: bytes) -> bool:
    try:
        running.devnet.submit(raw)
    except SubmissionRejected:
        return False
    finally:
        running.devnet.reset()
    return True


@pytest.mark.parametrize("asset", [None, TEST_TOKEN], ids=["lovelace", "token"])
def test_no_flipped_bit_goes_unnoticed(running: Running, asset: bytes | None) -> None:
    body = Payer(running).body(asset=asset)
    raw = raw_transaction(body)
    assert running.verify(body)["isValid"] is True
    for position in range(len(raw) * 8):
        mutated = bytearray(raw)
        mutated[position // 8] ^= 1 << position % 8
        status, answer = running.call("POST", "/verify", with_transaction(body, bytes(mutated)))
        assert status == 200, (position, answer)
        if answer["isValid"]:
            assert ledger_takes(running, bytes(mutated)), position


@PROPERTY
@given(data=st.data())
def test_no_cut_insertion_or_overwriting_goes_unnoticed(running: Running, data: Any) -> None:
    body = Payer(running).body()
    raw = raw_transaction(body)
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, min(len(raw), start + 40)))
    mutated = raw[:start] + data.draw(st.binary(max_size=40)) + raw[end:]
    status, answer = running.call("POST", "/verify", with_transaction(body, mutated))
    assert status == 200
    if answer["isValid"]:
        assert mutated == raw or ledger_takes(running, mutated)


@PROPERTY
@given(
    wallet=st.sampled_from([ALICE, BOB, CAROL]),
    amount=st.integers(1_000_000, 4_900_000_000),
    seconds=st.integers(1, 600),
    more=st.integers(0, 10_000),
)
def test_generated_ada_payments_are_valid(
    running: Running, wallet: Any, amount: int, seconds: int, more: int
) -> None:
    """Any amount, up to all that the wallet has, and ``more`` than is required."""
    transaction = pay(
        wallet,
        genesis_utxos(wallet),
        MERCHANT.address,
        amount + more,
        parameters=PARAMETERS,
        ttl=running.slot + seconds,
    )
    body = request_body(transaction, requirements(amount=amount))
    assert running.verify(body) == {"isValid": True, "payer": wallet.bech32}


@PROPERTY
@given(amount=st.integers(1, 3_000_000_000), seconds=st.integers(1, 600))
def test_generated_token_payments_are_valid(running: Running, amount: int, seconds: int) -> None:
    transaction = pay(
        BOB,
        genesis_utxos(BOB),
        MERCHANT.address,
        amount,
        parameters=PARAMETERS,
        ttl=running.slot + seconds,
        asset=TEST_TOKEN,
    )
    body = request_body(transaction, requirements(amount=amount, asset=TEST_TOKEN))
    assert running.verify(body) == {"isValid": True, "payer": BOB.bech32}


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
FIELD_VALUES = {
    "scheme": st.sampled_from(["upto", "EXACT", "exact ", ""]),
    "network": st.sampled_from(["cardano:mainnet", "cardano:preview", "eip155:1", "cardano:*", ""]),
    "amount": st.sampled_from(
        ["2000001", "+2000000", " 2000000", "02000000", "2e6", "-1", "0", "", "9" * 5000, "2\u0660"]
    ),
    "asset": st.sampled_from(["ada", "LOVELACE", "", "ab.cd", f"{TEST_TOKEN[:28].hex()}."]),
    "payTo": st.sampled_from([CAROL.bech32, "addr_test1", "", "x" * 200]),
    "maxTimeoutSeconds": st.sampled_from([0, -1, 299, 2**63]),
    "extra": st.sampled_from(
        [
            {"confirmationPolicy": {"l1Confirmations": 21}},
            {"confirmationPolicy": {"l1Confirmations": -1}},
            {"confirmationPolicy": {"l1Confirmations": "1"}},
            {"confirmationPolicy": {"l1Confirmations": True}},
            {"confirmationPolicy": {"l1Confirmations": 1, "more": 1}},
            {"confirmationPolicy": None},
            {"assetTransferMethod": "masumi"},
            {"assetTransferMethod": "script"},
            {"assetTransferMethod": None},
        ]
    ),
}


def is_whole(value: object) -> bool:
    """Return True for an integer, which JSON may also write as ``300.0``."""
    return type(value) is int or (type(value) is float and value.is_integer())


def still_payable(field: str, value: Any, *, both: bool) -> bool:
    """Return True if the payment, valid for 300 seconds, meets the changed requirement."""
    original = requirements()[field]
    if (type(value) is type(original) and value == original) or (field, value) == ("extra", None):
        return True
    if field == "maxTimeoutSeconds":
        return both and is_whole(value) and 300 <= value <= 86_400
    if field == "extra" and isinstance(value, dict):
        echoed = both or all(item is None for item in value.values())  # a null may be left out
        return echoed and not value.keys() & {"confirmationPolicy", "assetTransferMethod"}
    return False


@PROPERTY
@given(data=st.data(), field=st.sampled_from(sorted(FIELD_VALUES)), both=st.booleans())
def test_no_changed_requirement_goes_unnoticed(
    running: Running, data: Any, field: str, both: bool
) -> None:
    """Changed for the resource server alone, or for the client as well."""
    body = Payer(running).body(seconds=300)
    value = data.draw(FIELD_VALUES[field] | ANYTHING)
    body["paymentRequirements"][field] = value
    if both:
        body["paymentPayload"]["accepted"][field] = value
    status, answer = running.call("POST", "/verify", body)
    assert status in (200, 400)
    assert answer["isValid"] is still_payable(field, value, both=both), answer


@pytest.mark.parametrize("alias", ["cip34:0-1", "cardano:preprod"])
def test_a_cip34_alias_is_the_same_network(running: Running, alias: str) -> None:
    body = Payer(running).body()
    body["paymentPayload"]["accepted"]["network"] = alias
    assert running.verify(body)["isValid"] is True
    body["paymentRequirements"]["network"] = alias
    assert running.verify(body)["isValid"] is True


def test_junk_costs_no_upstream_call(running: Running) -> None:
    """A fault that the bytes alone show is refused before the chain is asked."""
    asked = []
    outputs = running.devnet.outputs
    running.devnet.outputs = lambda refs: asked.append(refs) or outputs(refs)  # type: ignore
    body = Payer(running).body()
    raw = raw_transaction(body)
    junk = [
        with_transaction(body, b""),
        with_transaction(body, raw[:-1]),
        with_transaction(body, raw[:-70] + bytes(64) + raw[-6:]),
        Payer(running).body(seconds=0),
        Payer(running).body(seconds=601),
        body | {"paymentRequirements": requirements(amount=2_000_001)},
        request_body(raw, requirements(amount=2_000_001)),
        request_body(raw, requirements(pay_to=CAROL.address)),
        request_body(raw, requirements(asset=TEST_TOKEN, amount=1)),
    ]
    assert [running.verify(each)["isValid"] for each in junk] == [False] * len(junk)
    assert asked == []
    assert running.verify(body)["isValid"] is True
    assert len(asked) == 1
    running.devnet.outputs = outputs  # type: ignore[method-assign]
