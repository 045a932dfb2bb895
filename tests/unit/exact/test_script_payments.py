"""Payments by the transfer method ``script`` over real HTTP, on the devnet."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import cbor2
import pytest

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.plutus.application import apply_parameters
from facilitator.cardano.transaction import Language, Script, Value
from facilitator.testing.payments import ALICE, MERCHANT, genesis_utxos, request_body, requirements
from facilitator.testing.running import Running
from facilitator_devnet.encoding import output_map
from facilitator_devnet.genesis import TEST_TOKEN
from facilitator_devnet.wallet import build, key_hash, sign
from support.ledger_values import native, plutus, script_address
from support.plutus_programs import program

PAYLOAD = "invalid_exact_cardano_payload"
MISMATCH = f"{PAYLOAD}_script_address_mismatch"
RECIPIENT = f"{PAYLOAD}_recipient_mismatch"
REQUIREMENTS = "invalid_exact_cardano_requirements"

AMOUNT, FEE, MINIMUM = 3_000_000, 400_000, 2_000_000
CODE = program(("lam", ("con", (3,), "")))
ALWAYS = plutus(Language.PLUTUS_V3, CODE)
SIGNED_BY_MERCHANT = native(cbor2.dumps([0, key_hash(MERCHANT.payment_key)]))
DATUM = bytes.fromhex("d8799f0748" + b"merchant".hex() + "ff")
OTHER_ENCODING = bytes.fromhex("d879820748" + b"merchant".hex())
A_LIST = bytes.fromhex("8200820748" + b"merchant".hex())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """For verdicts: it holds no inputs for a payment that it verified."""
    settings = {"FACILITATOR_RESERVATION__TTL_SECONDS": "0"}
    with closing(Running(tmp_path_factory.mktemp("script"), settings=settings)) as started:
        yield started


@pytest.fixture
def settling(run: Callable[..., Running]) -> Running:
    return run(settlement__wait_seconds=0)


def settle(running: Running, body: dict[str, Any]) -> dict[str, Any]:
    """Settle it through to one confirmation."""
    assert running.verify(body) == {"isValid": True, "payer": ALICE.bech32}
    assert running.settle(body)["errorReason"] == "settlement_pending"
    running.next_block()
    running.next_block()
    return running.settle_until(body, lambda answer: answer["success"])


def terms(pay_to: bytes, *, token: bool = False, **extra: Any) -> dict[str, Any]:
    asked = requirements(amount=AMOUNT, asset=TEST_TOKEN if token else None, pay_to=pay_to)
    return {**asked, "extra": {"assetTransferMethod": "script", **extra}}


def declared(code: bytes = CODE, kind: str = "plutusV3") -> dict[str, str]:
    return {"type": kind, "code": code.hex()}


def payment(
    running: Running,
    asked: dict[str, Any],
    *outputs: dict[int, Any],
) -> dict[str, Any]:
    """ALICE pays these outputs, the change goes back to her."""
    token = asked["asset"] != "lovelace"
    ref, held = next(
        (ref, held)
        for ref, held in genesis_utxos(ALICE).items()
        if bool(held.value.assets) == token
    )
    spent = sum(output[1][0] if token else output[1] for output in outputs)
    assets = {asset: quantity - AMOUNT for asset, quantity in held.value.assets.items()}
    change = Value(held.value.lovelace - spent - FEE, assets)
    paid = [*outputs, output_map(ALICE.address, change)]
    body = build([ref], [], FEE, running.slot + 300, _1=paid)
    return request_body(sign(body, [ALICE.payment_key]), asked)


def output(
    pay_to: bytes, *, datum: bytes | None = None, hashed: bool = False, token: bool = False
) -> dict[int, Any]:
    value = Value(MINIMUM, {TEST_TOKEN: AMOUNT}) if token else Value(AMOUNT, {})
    made = output_map(pay_to, value)
    if hashed:
        made[2] = [0, bytes(32)]
    elif datum is not None:
        made[2] = [1, cbor2.CBORTag(24, datum)]
    return made


def paid(
    running: Running, asked: dict[str, Any], script: Script, **of_output: Any
) -> dict[str, Any]:
    return payment(running, asked, output(script_address(script), **of_output))


def refusal(running: Running, body: dict[str, Any]) -> tuple[str, str]:
    """Return what both endpoints say, without a lookup of outputs on the chain."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running.devnet, "outputs", None)
        verdict, outcome = running.verify(body), running.settle(body)
    assert verdict["isValid"] is outcome["success"] is False
    assert verdict["invalidReason"] == outcome["errorReason"]
    return verdict["invalidReason"], verdict["invalidMessage"]


def test_it_is_advertised(running: Running) -> None:
    _, supported = running.call("GET", "/supported")
    assert supported["kinds"][0]["extra"]["assetTransferMethods"] == ["default", "script"]


@pytest.mark.parametrize(("datum", "token"), [(None, False), (DATUM, False), (DATUM, True)])
def test_a_payment_to_a_plutus_script_settles(
    settling: Running, datum: bytes | None, token: bool
) -> None:
    owner = key_hash(MERCHANT.payment_key)
    script = plutus(Language.PLUTUS_V3, apply_parameters(CODE, [cbor2.dumps(owner)]))
    extra: dict[str, Any] = {
        "script": declared(),
        "parameters": {"owner": {"type": "bytes", "value": owner.hex()}},
    }
    if datum is not None:
        extra["datum"] = datum.hex()
    asked = terms(script_address(script), token=token, **extra)
    answer = settle(settling, paid(settling, asked, script, datum=datum, token=token))
    assert answer["extra"] == {"status": "confirmed", "confirmations": 1}
    (held,) = settling.devnet.outputs_at(script_address(script)).values()
    assert held.datum == datum


def test_a_payment_to_a_native_script_settles(settling: Running) -> None:
    script = SIGNED_BY_MERCHANT
    asked = terms(script_address(script), scriptHash=script.hash.hex())
    assert settle(settling, paid(settling, asked, script))["amount"] == str(AMOUNT)


def test_the_stake_part_of_the_address_is_free(running: Running) -> None:
    staked = b"\x10" + ALWAYS.hash + MERCHANT.address[29:]
    asked = terms(staked, script=declared())
    assert running.verify(payment(running, asked, output(staked)))["isValid"] is True
    reason, _ = refusal(running, paid(running, asked, ALWAYS))
    assert reason == RECIPIENT


@pytest.mark.parametrize(
    "extra",
    [
        {"scriptHash": SIGNED_BY_MERCHANT.hash.hex()},
        {"script": declared(kind="plutusV2")},
        {"script": declared(), "parameters": {"one": {"type": "integer", "value": 1}}},
        {"script": declared(kind="plutusV2"), "scriptHash": ALWAYS.hash.hex()},
    ],
)
def test_the_address_of_another_script(running: Running, extra: dict[str, Any]) -> None:
    reason, message = refusal(
        running, paid(running, terms(script_address(ALWAYS), **extra), ALWAYS)
    )
    assert reason == MISMATCH
    assert f"payTo is the address of the script {ALWAYS.hash.hex()}" in message


@pytest.mark.parametrize("pay_to", [b"\x60" + ALWAYS.hash, MERCHANT.address])
def test_an_address_that_is_no_scripts(running: Running, pay_to: bytes) -> None:
    body = payment(running, terms(pay_to, script=declared()), output(MERCHANT.address))
    reason, message = refusal(running, body)
    assert reason == MISMATCH
    assert message.startswith("payTo is not the address of a script")


def test_the_scripts_address_on_another_network(running: Running) -> None:
    mainnet = b"\x71" + ALWAYS.hash
    assert format_address(mainnet).startswith("addr1")
    asked = terms(mainnet, script=declared())
    reason, _ = refusal(running, payment(running, asked, output(mainnet)))
    assert reason == f"{PAYLOAD}_network_id_mismatch"


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"script": {"type": "plutusV4", "code": CODE.hex()}},
        {"script": declared(kind="plutusV1"), "datum": DATUM.hex()},
        {"script": declared(), "datum": "no hex"},
    ],
)
def test_terms_that_declare_no_usable_script(running: Running, extra: dict[str, Any]) -> None:
    reason, message = refusal(
        running, paid(running, terms(script_address(ALWAYS), **extra), ALWAYS)
    )
    assert reason == REQUIREMENTS
    assert "extra" in message


def test_a_datum_encoded_otherwise_is_the_same(running: Running) -> None:
    asked = terms(script_address(ALWAYS), script=declared(), datum=DATUM.hex())
    body = paid(running, asked, ALWAYS, datum=OTHER_ENCODING)
    assert running.verify(body)["isValid"] is True


@pytest.mark.parametrize(
    "of_output", [{}, {"hashed": True}, {"datum": DATUM[:-2] + b"\0\xff"}, {"datum": A_LIST}]
)
def test_an_output_without_the_datum(running: Running, of_output: dict[str, Any]) -> None:
    asked = terms(script_address(ALWAYS), script=declared(), datum=DATUM.hex())
    reason, message = refusal(running, paid(running, asked, ALWAYS, **of_output))
    assert reason == RECIPIENT
    assert "none of the 1 outputs to payTo carries inline the datum of extra.datum" in message


def test_the_amount_is_with_the_datum(running: Running) -> None:
    address = script_address(ALWAYS)
    asked = terms(address, script=declared(), datum=DATUM.hex())
    small = {**output(address, datum=DATUM), 1: AMOUNT - 1}
    body = payment(running, asked, output(address), small)
    reason, message = refusal(running, body)
    assert reason == f"{PAYLOAD}_amount_insufficient"
    assert f"holds {AMOUNT - 1} lovelace" in message


def test_a_datum_is_free_where_none_is_declared(running: Running) -> None:
    asked = terms(script_address(ALWAYS), script=declared(kind="plutusV3"))
    assert running.verify(paid(running, asked, ALWAYS, datum=A_LIST))["isValid"] is True


def test_a_settled_payment_is_invalid_under_other_parameters(settling: Running) -> None:
    asked = terms(script_address(ALWAYS), script=declared())
    body = paid(settling, asked, ALWAYS)
    assert settle(settling, body)["success"] is True
    more = {**asked["extra"], "parameters": {"one": {"type": "boolean", "value": True}}}
    for part in (body["paymentRequirements"], body["paymentPayload"]["accepted"]):
        part["extra"] = more
    assert settling.verify(body)["isValid"] is settling.settle(body)["success"] is False


def test_a_datum_of_any_depth(running: Running) -> None:
    """Too deep for Python's stack, it must be there as it was declared."""
    deep = b"\x81" * 3_000 + b"\x01"
    asked = terms(script_address(ALWAYS), script=declared(), datum=deep.hex())
    funded = {**output(script_address(ALWAYS), datum=deep), 1: 20_000_000}
    assert running.verify(payment(running, asked, funded))["isValid"] is True
    funded[2] = [1, cbor2.CBORTag(24, deep[1:])]
    assert refusal(running, payment(running, asked, funded))[0] == RECIPIENT
