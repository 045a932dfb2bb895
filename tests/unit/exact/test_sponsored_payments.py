"""Payments whose fee the resource server pays, through the facilitator's API."""

import base64
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.codec.dijkstra.any_era import decode_any_era
from facilitator.cardano.rules import fees
from facilitator.exact import scheme, sponsor_rules, verification
from facilitator.testing.payments import ALICE, BOB, Payer, request_body, requirements
from facilitator.testing.running import Running
from facilitator.testing.threads import together
from facilitator_devnet.genesis import TEST_TOKEN
from support.cbor_forms import AsSet, RandomForm, Raw, encode
from support.sponsored import MAX_FEE, SPONSOR, Sponsored, owned

REFUSED = "fee_sponsor_refused"
INVALID = "fee_sponsor_witness_invalid"
MISSING = "fee_sponsor_witness_missing"
REQUIREMENTS = "invalid_exact_cardano_requirements"
PAYLOAD = "invalid_exact_cardano_payload"
PENDING = "settlement_pending"
SCRIPT = {
    "assetTransferMethod": "script",
    "script": {"type": "PlutusV3", "code": "4e4d01000033222220051200120011"},
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder: Path = tmp_path_factory.mktemp("sponsored")
    settings = {"FACILITATOR_SETTLEMENT__WAIT_SECONDS": "0"}
    with closing(Running(folder, settings=settings)) as started:
        yield started


@pytest.fixture
def payment(running: Running) -> Sponsored:
    return Sponsored(running.slot + 300)


def verdict(running: Running, body: dict[str, Any]) -> tuple[str | None, str]:
    answer = running.verify(body)
    return answer.get("invalidReason"), answer.get("invalidMessage", "")


def test_the_kind_says_that_a_sponsor_may_sign(running: Running) -> None:
    _, answer = running.call("GET", "/supported")
    for kind in answer["kinds"]:
        assert kind["extra"]["acceptsSponsorWitnesses"] is True
        assert kind["extra"]["areFeesSponsored"] is False


# --- /verify ----------------------------------------------------------------------------------


def test_it_is_valid_before_the_sponsor_has_signed(running: Running, payment: Sponsored) -> None:
    assert running.verify(payment.request()) == {"isValid": True, "payer": BOB.bech32}


def test_it_is_valid_after_the_sponsor_has_signed(running: Running, payment: Sponsored) -> None:
    assert running.verify(payment.settlement()) == {"isValid": True, "payer": BOB.bech32}


def least_fee(payment: Sponsored) -> int:
    return decode_any_era(b"\x84" + payment.body + b"\xa0\xf5\xf6").body.fee


FAULTS: dict[str, tuple[Callable[[Sponsored], Sponsored], str, str]] = {
    "S3 collateral": (lambda p: p.changed(fields={"_13": [list(owned(BOB, 0)[0])]}), REFUSED, "S3"),
    "S4": (lambda p: p.changed(to_payer=1), REFUSED, "S4"),
    "S5": (lambda p: p.changed(fee=MAX_FEE + 1), REFUSED, "S5"),
    "S6 mint": (lambda p: p.changed(fields={"_9": {bytes(28): {b"": 1}}}), REFUSED, "S6"),
    "S7": (lambda p: p.changed(offer={"expiresAt": "1765000000000"}), REFUSED, "S7"),
    "S8": (lambda p: p.changed(amount=4_999_999), f"{PAYLOAD}_amount_insufficient", "4999999"),
    "S9": (lambda p: p.changed(fee=least_fee(p) - 1), REFUSED, "S9"),
    "S9 with its own signature only": (
        lambda p: p.changed(fee=least_fee(p) - 44 * 101), REFUSED, "S9"
    ),
    "another key": (
        lambda p: p.changed(offer={"address": ALICE.bech32}), REFUSED, "is at another address"
    ),
    "another stake part": (
        lambda p: p.changed(offer={"address": format_address(SPONSOR.enterprise_address)}),
        REFUSED, "is at another address",
    ),
    "a lovelace less": (
        lambda p: p.changed(offer={"lovelace": "999999999"}), REFUSED, "holds 1000000000"
    ),
    "a lovelace more": (lambda p: p.changed(offer={"lovelace": "1000000001"}), REFUSED, "S4"),
    "a second unsigned key": (
        lambda p: p.changed(payers=(owned(BOB, 5), owned(ALICE, 0))),
        f"{PAYLOAD}_phase1_invalid", "MissingVKeyWitnessesUTXOW",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_refused_by_name(running: Running, payment: Sponsored, fault: str) -> None:
    change, reason, message = FAULTS[fault]
    broken = change(payment)
    found = verdict(running, broken.request())
    assert found[0] == reason
    assert message in found[1]


@pytest.mark.parametrize("fault", sorted(FAULTS.keys() - {"another key"}))
def test_a_fault_is_not_submitted_either(running: Running, payment: Sponsored, fault: str) -> None:
    change, reason, _ = FAULTS[fault]
    broken = change(payment)
    assert running.settle(broken.settlement())["errorReason"] == reason
    assert running.facilitator.storage.claim(broken.id) is None


def test_an_offered_output_with_tokens_is_refused(running: Running, payment: Sponsored) -> None:
    found = verdict(running, payment.changed(offered=owned(SPONSOR, 5)).request())
    assert found[0] == REFUSED


def test_the_nonce_is_not_the_sponsors(running: Running, payment: Sponsored) -> None:
    """Its owner would be called the payer."""
    found = verdict(running, payment.request(nonce=str(payment.offered[0])))
    assert found[0] == REFUSED
    assert "the sponsor's" in found[1]


def test_the_payers_own_output_is_no_offer(running: Running, payment: Sponsored) -> None:
    """The payer's signature would be the sponsor's as well: rule C6 keeps a payer from this."""
    own = payment.changed(sponsor=BOB, offered=owned(BOB, 0))
    found = verdict(running, own.request())
    assert found[0] == REFUSED


TERMS: dict[str, dict[str, Any]] = {
    "not sponsored": {"areFeesSponsored": False},
    "sponsored as a text": {"areFeesSponsored": "true"},
    "not said": {"areFeesSponsored": None},
    "no offer": {"feeSponsor": None},
    "another form": {"feeSponsor": {}},
    "script": SCRIPT,
}


@pytest.mark.parametrize("extra", TERMS.values(), ids=TERMS)
def test_terms_that_contradict_themselves_are_refused(
    running: Running, payment: Sponsored, extra: dict[str, Any]
) -> None:
    assert verdict(running, payment.changed(extra=extra).request())[0] == REQUIREMENTS


def test_a_price_in_lovelace_is_not_sponsored(running: Running, payment: Sponsored) -> None:
    body = payment.request()
    for terms in (body["paymentRequirements"], body["paymentPayload"]["accepted"]):
        terms["asset"] = "lovelace"
    assert verdict(running, body)[0] == REQUIREMENTS


def test_a_plain_payment_may_ignore_the_offer(running: Running, payment: Sponsored) -> None:
    terms = {**payment.terms, "amount": "7"}
    body = Payer(running, ALICE).body(asset=TEST_TOKEN, amount=7)
    body["paymentRequirements"] = body["paymentPayload"]["accepted"] = terms
    assert running.verify(body) == {"isValid": True, "payer": ALICE.bech32}
    assert running.settle(body)["errorReason"] == PENDING


@hypothesis_settings(max_examples=30)
@given(seed=st.integers(0, 2**64 - 1))
def test_both_signatures_may_come_in_any_form(running: Running, seed: int) -> None:
    """The body keeps the very bytes that were signed."""
    form = RandomForm(Random(seed))
    payment = Sponsored(running.slot + 300, fee=MAX_FEE)
    signature = BOB.sign(bytes.fromhex(payment.id))
    witnesses = encode({0: AsSet([list(SPONSOR.sign(bytes.fromhex(payment.id)))])}, form)
    payers = {0: AsSet([list(signature)])}
    body = payment.request(sponsorWitnesses=witnesses.hex())
    transaction = encode([Raw(payment.body), payers, True, None], form)
    body["paymentPayload"]["payload"]["transaction"] = base64.b64encode(transaction).decode()
    assert running.verify(body) == {"isValid": True, "payer": BOB.bech32}


# --- Holds ------------------------------------------------------------------------------------


def test_a_verification_holds_the_payers_inputs_alone(running: Running) -> None:
    """Else anybody could keep a sponsor's outputs from everyone by verifying."""
    first = Sponsored(running.slot + 200, payers=(owned(BOB, 6),))
    stranger = Sponsored(running.slot + 200, payer=ALICE, payers=(owned(ALICE, 6),))
    assert running.verify(first.request()) == {"isValid": True, "payer": BOB.bech32}
    assert running.verify(stranger.request()) == {"isValid": True, "payer": ALICE.bech32}
    ref, _ = owned(BOB, 6)
    plain = Payer(running, BOB).spend([ref], requirements(pay_to=ALICE.address))
    seen = running.verify(request_body(plain, requirements(pay_to=ALICE.address)))
    assert seen["extra"]["heldFor"] == first.id


def test_no_input_of_the_sponsors_key_is_held(running: Running) -> None:
    """Not a second one either, which the sponsor would never sign for (S2)."""
    second, _ = owned(SPONSOR, 4)
    both = Sponsored(running.slot + 210, payers=(owned(BOB, 7), owned(SPONSOR, 4)))
    assert running.verify(both.request())["isValid"]
    own = Payer(running, SPONSOR).spend([second], requirements())
    assert "extra" not in running.verify(request_body(own, requirements()))


def test_a_settlement_holds_all_inputs(run: Callable[..., Running]) -> None:
    running = run(settlement__wait_seconds=0)
    payment = Sponsored(running.slot + 300)
    other = payment.changed(payer=ALICE, payers=(owned(ALICE, 5),))
    assert running.settle(payment.settlement())["errorReason"] == PENDING
    answer = running.settle(other.settlement())
    assert answer["errorReason"] == f"{PAYLOAD}_input_not_available"


# --- /settle ----------------------------------------------------------------------------------


def test_it_settles_and_the_record_keeps_both_signatures(run: Callable[..., Running]) -> None:
    running = run(settlement__wait_seconds=0)
    payment = Sponsored(running.slot + 300)
    assert running.verify(payment.request())["isValid"]
    assert running.settle(payment.settlement())["errorReason"] == PENDING
    claim = running.facilitator.storage.claim(payment.id)
    assert claim is not None
    assert len(decode_any_era(claim.transaction).witnesses.vkeys) == 2
    assert running.verify(payment.request())["isValid"]
    assert running.call("GET", f"/status/{payment.id}")[1]["status"] in ("mempool", "pending")
    running.next_block()
    answer = running.settle_until(payment.settlement(), lambda answer: answer["success"])
    assert answer["transaction"] == payment.id
    assert answer["payer"] == BOB.bech32
    again = running.settle(payment.settlement())
    assert again["errorReason"] == "duplicate_settlement"


def strangers(payment: Sponsored) -> dict[str, Any]:
    """Values of ``sponsorWitnesses`` that are none of the sponsor's."""
    right = bytes.fromhex(payment.witnesses())
    return {
        "null": None,
        "a number": 5,
        "empty": "",
        "no hex": "zz",
        "half a byte": payment.witnesses()[:-1],
        "base64": "oQCBglgg",
        "cut short": right[:-1].hex(),
        "more bytes": (right + b"\0").hex(),
        "no witness": "a0",
        "an empty set": "a10080",
        "another key's": payment.witnesses(ALICE),
        "the payer's": payment.witnesses(BOB),
        "both": payment.witnesses(SPONSOR, ALICE),
        "a script too": (b"\xa2\x01\x81\x82\x00\x58\x1c" + bytes(28) + right[1:]).hex(),
        "far too long": "00" * 20_000,
    }


NAMES = list(strangers(Sponsored(1)))


@pytest.mark.parametrize("name", NAMES)
def test_a_bad_witness_leaves_nothing_behind(running: Running, name: str) -> None:
    """Anybody may send the same body with a wrong one."""
    payment = Sponsored(running.slot + 299)
    body = payment.request(sponsorWitnesses=strangers(payment)[name])
    assert running.verify(body)["invalidReason"] == INVALID
    answer = running.settle(body, **{"Idempotency-Key": "once"})
    assert answer["errorReason"] == INVALID
    assert_untouched(running, payment)


def assert_untouched(running: Running, payment: Sponsored) -> None:
    storage = running.facilitator.storage
    assert storage.claim(payment.id) is None
    assert running.clock is not None
    assert not storage.is_reserved(payment.id, running.clock.time())


def test_a_false_signature_leaves_nothing_behind(running: Running) -> None:
    payment = Sponsored(running.slot + 299)
    other = payment.changed(ttl=payment.ttl - 1)
    body = payment.request(sponsorWitnesses=other.witnesses())
    answer = running.settle(body, **{"Idempotency-Key": "once"})
    assert answer["errorReason"] == f"{PAYLOAD}_invalid_signature"
    assert_untouched(running, payment)


def test_a_missing_signature_leaves_nothing_behind(running: Running) -> None:
    payment = Sponsored(running.slot + 299)
    answer = running.settle(payment.request(), **{"Idempotency-Key": "once"})
    assert answer["errorReason"] == MISSING
    assert_untouched(running, payment)


def test_witnesses_without_an_offer_are_refused(running: Running) -> None:
    payment = Sponsored(running.slot + 299)
    body = Payer(running, ALICE).body()
    body["paymentPayload"]["payload"]["sponsorWitnesses"] = payment.witnesses()
    assert running.settle(body)["errorReason"] == INVALID


def test_after_wrong_ones_the_right_one_settles_under_the_same_key(
    run: Callable[..., Running],
) -> None:
    running = run(settlement__wait_seconds=0)
    payment = Sponsored(running.slot + 300)
    once = {"Idempotency-Key": "once"}
    for value in strangers(payment).values():
        running.settle(payment.request(sponsorWitnesses=value), **once)
    running.settle(payment.request(), **once)
    assert running.settle(payment.settlement(), **once)["errorReason"] == PENDING
    running.next_block()
    first = running.settle_until(payment.settlement(), lambda a: a["success"], **once)
    assert running.settle(payment.settlement(), **once) == first


def test_wrong_ones_beside_the_right_one_do_not_disturb_it(run: Callable[..., Running]) -> None:
    running = run(settlement__wait_seconds=0)
    payment = Sponsored(running.slot + 300)
    wrong = [payment.request(sponsorWitnesses=each) for each in strangers(payment).values()]
    bodies = [*wrong, payment.request(), payment.settlement(), payment.settlement()]
    answers = together([partial(running.settle, body) for body in bodies])
    found = [answer["errorReason"] for answer in answers]
    assert found == [*[INVALID] * len(wrong), MISSING, PENDING, PENDING]
    running.next_block()
    running.settle_until(payment.settlement(), lambda answer: answer["success"])


def test_the_same_transaction_under_another_offer_is_other_requirements(
    run: Callable[..., Running],
) -> None:
    running = run(settlement__wait_seconds=0)
    payment = Sponsored(running.slot + 300)
    later = payment.changed(offer={"maxFee": str(MAX_FEE + 1)})
    assert later.id == payment.id
    running.settle(payment.settlement())
    answer = running.settle(later.settlement())
    assert answer["errorReason"] == "duplicate_settlement"


def test_what_the_sponsor_pays_and_gets(run: Callable[..., Running]) -> None:
    """A wallet that has nothing but the token and the ada that must travel with it."""
    running = run(settlement__wait_seconds=0)
    payment = Sponsored(running.slot + 300)
    running.settle(payment.settlement())
    running.next_block()
    running.settle_until(payment.settlement(), lambda answer: answer["success"])
    tx = decode_any_era(running.facilitator.storage.claim(payment.id).transaction)  # type: ignore[union-attr]
    paid, change = tx.body.outputs
    assert change.value.lovelace == payment.payers[0][1].value.lovelace
    assert paid.value.lovelace == payment.offered[1].value.lovelace - tx.body.fee
    assert tx.size * 44 + 155_381 == tx.body.fee


# --- Planted bugs -----------------------------------------------------------------------------


def test_without_the_look_up_a_false_offer_is_valid(
    running: Running, payment: Sponsored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "check_offered_output", lambda *_: None)
    own = payment.changed(sponsor=BOB, offered=owned(BOB, 0))
    assert running.verify(own.request())["isValid"]


def test_if_all_inputs_were_held_a_stranger_would_keep_the_sponsors_from_others(
    run: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "unsigned_inputs_of", lambda *_: frozenset())
    running = run(settlement__wait_seconds=0)
    first = Sponsored(running.slot + 300)
    running.verify(first.request())
    other = first.changed(payer=ALICE, payers=(owned(ALICE, 5),))
    assert running.verify(other.request())["extra"]["heldFor"] == first.id


def test_without_f3_anybody_could_end_a_payment(
    run: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    running = run(settlement__wait_seconds=0)
    payment = Sponsored(running.slot + 300)
    rejected = "exact_cardano_settlement_definitively_rejected"
    with monkeypatch.context() as patched:
        patched.setattr(scheme, "require_signatures", lambda _: None)
        assert running.settle(payment.request())["errorReason"] == rejected
    assert running.settle(payment.settlement())["errorReason"] == rejected


def test_without_f1_the_fee_would_be_enough_for_the_payers_signature_alone(
    running: Running, payment: Sponsored, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (fees, sponsor_rules):
        monkeypatch.setattr(module, "count_future_bytes", lambda *_: 0)
    small = payment.changed(fee=least_fee(payment) - 44 * 101)
    assert running.verify(small.request())["isValid"]
    assert running.settle(small.settlement())["errorReason"] == REFUSED
