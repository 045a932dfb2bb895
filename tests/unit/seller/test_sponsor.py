"""The sponsor signs for what keeps its rules, once for each of its outputs."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facilitator.cardano.codec.dijkstra.any_era import decode_any_era
from facilitator.cardano.codec.merging import read_vkey_witnesses
from facilitator.cardano.transaction import OutputRef
from facilitator.exact import sponsor_rules
from facilitator.roles.chain import Unspent
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.seller.pool import PoolSettings, SponsorPool
from facilitator.seller.sponsor import FeeSponsor, NotSponsored, Signature
from facilitator.seller.store import BOUND, FREE, GRACE_MS, SPENT, SUBMITTED, SponsorStore
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import BOB as PAYER
from facilitator.testing.payments import MERCHANT, requirements
from facilitator.testing.running import NETWORK, NOW
from facilitator.testing.threads import together
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import TEST_TOKEN, eras_of
from facilitator_devnet.wallet import Wallet
from support.sponsored import PRICE, Sponsored, owned, witness_set

ADA = 1_000_000
OFFERED = 3 * ADA // 2
SPONSOR = Wallet("sponsor")
NAMES = ["accepted", "extra", "feeSponsor", "payload", "transaction", "nonce", "x402Version"]
BASE = requirements(amount=PRICE, asset=TEST_TOKEN, confirmations=0)
TTL = eras_of(NETWORK).slot_at(int(NOW * 1000)) + 300


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def devnet(clock: ManualClock) -> Iterator[Devnet]:
    with closing(Devnet(NETWORK, clock)) as devnet:
        yield devnet


@pytest.fixture(autouse=True)
def offered(devnet: Devnet) -> OutputRef:
    return devnet.fund(SPONSOR.address, OFFERED)


@pytest.fixture
def reopen(devnet: Devnet, clock: ManualClock, tmp_path: Path) -> Callable[[], FeeSponsor]:
    """A server that starts, over the file of the last one."""

    def reopen() -> FeeSponsor:
        store = SponsorStore(tmp_path / "sponsor.sqlite3")
        return FeeSponsor(NETWORK, SponsorPool(store, SPONSOR, devnet, clock))

    return reopen


@pytest.fixture
def sponsor(reopen: Callable[[], FeeSponsor]) -> FeeSponsor:
    return reopen()


@pytest.fixture
def payment(devnet: Devnet, offered: OutputRef, sponsor: FeeSponsor) -> Sponsored:
    """A payment by the offer that the sponsor makes now."""
    terms = sponsor.with_offer(BASE)
    status = devnet.outputs([offered])[offered]
    assert isinstance(status, Unspent)
    return Sponsored(
        TTL, sponsor=SPONSOR, offered=(offered, status.output), offer=terms["extra"]["feeSponsor"]
    )


def payload(payment: Sponsored, **more: Any) -> dict[str, Any]:
    return dict(payment.request(**more)["paymentPayload"])


def sign(sponsor: FeeSponsor, payment: Sponsored) -> Signature:
    signature = sponsor.sign(payment.terms, payload(payment))
    assert signature is not None
    return signature


def refusal(sponsor: FeeSponsor, payment: Sponsored) -> str:
    with pytest.raises(NotSponsored) as refused:
        sponsor.sign(payment.terms, payload(payment))
    return refused.value.reason


def state(sponsor: FeeSponsor) -> str:
    (output,) = sponsor.pool.store.outputs()
    return output.state


# --- Offers -----------------------------------------------------------------------------------


def test_an_offer_comes_with_the_requirements(sponsor: FeeSponsor, offered: OutputRef) -> None:
    terms = sponsor.with_offer(BASE)
    assert terms["extra"] == {
        **BASE["extra"],
        "areFeesSponsored": True,
        "feeSponsor": {
            "input": str(offered),
            "address": SPONSOR.bech32,
            "lovelace": str(OFFERED),
            "maxFee": "300000",
            "expiresAt": str(int(NOW * 1000) + 600_000),
        },
    }
    assert {**terms, "extra": BASE["extra"]} == BASE
    assert state(sponsor) == FREE


@pytest.mark.parametrize(
    "changes",
    [
        {"asset": "lovelace"},
        {"scheme": "batch-settlement"},
        {"network": "cardano:mainnet"},
        {"extra": {"assetTransferMethod": "masumi"}},
    ],
)
def test_other_requirements_stay_as_they_are(sponsor: FeeSponsor, changes: dict[str, Any]) -> None:
    plain = {**BASE, **changes}
    assert sponsor.with_offer(plain) == plain


def test_without_a_free_output_there_is_no_offer(sponsor: FeeSponsor, payment: Sponsored) -> None:
    sign(sponsor, payment)
    assert sponsor.with_offer(BASE) == BASE


def test_without_the_chain_what_was_listed_is_offered(
    sponsor: FeeSponsor, devnet: Devnet, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sponsor.with_offer(BASE) != BASE
    clock.advance(60)

    def away(_: bytes) -> None:
        raise ChainUnavailable("away")

    monkeypatch.setattr(devnet, "outputs_at", away)
    assert sponsor.with_offer(BASE) != BASE


def test_only_plain_outputs_of_the_right_size_are_offered(
    sponsor: FeeSponsor, devnet: Devnet, offered: OutputRef
) -> None:
    for value in (OFFERED - 1, 5 * ADA + 1):
        devnet.fund(SPONSOR.address, value)
    devnet.fund(SPONSOR.address, OFFERED, {TEST_TOKEN: 1})
    sponsor.pool.refresh()
    assert [each.input for each in sponsor.pool.store.outputs()] == [str(offered)]


def test_outputs_are_offered_in_turns(sponsor: FeeSponsor, devnet: Devnet) -> None:
    for _ in range(2):
        devnet.fund(SPONSOR.address, OFFERED)
    sponsor.pool.refresh()
    inputs = [sponsor.with_offer(BASE)["extra"]["feeSponsor"]["input"] for _ in range(6)]
    assert len(set(inputs[:3])) == 3
    assert inputs[:3] == inputs[3:]


def test_a_payment_gets_the_offer_that_it_was_made_with(
    sponsor: FeeSponsor, devnet: Devnet, payment: Sponsored, clock: ManualClock
) -> None:
    devnet.fund(SPONSOR.address, OFFERED)
    sponsor.pool.refresh()
    clock.advance(10)
    first = json.dumps(payment.terms)
    assert json.dumps(sponsor.with_offer(BASE, payload(payment))) == first
    sign(sponsor, payment)
    assert json.dumps(sponsor.with_offer(BASE, payload(payment))) == first
    clock.advance(700)
    assert json.dumps(sponsor.with_offer(BASE, payload(payment))) == first


def test_another_payment_gets_a_new_offer(
    sponsor: FeeSponsor, devnet: Devnet, payment: Sponsored
) -> None:
    devnet.fund(SPONSOR.address, OFFERED)
    sponsor.pool.refresh()
    sign(sponsor, payment)
    late = payment.changed(payers=(owned(PAYER, 6),))
    offer = sponsor.with_offer(BASE, payload(late))["extra"]["feeSponsor"]
    assert offer["input"] != str(payment.offered[0])


FOREIGN: dict[str, dict[str, str]] = {
    "ends later than any": {"expiresAt": str(int(NOW * 1000) + 600_001)},
    "is over": {"expiresAt": str(int(NOW * 1000))},
    "pays more": {"maxFee": "300001"},
    "pays less": {"maxFee": "299999"},
    "has another amount": {"lovelace": str(OFFERED + 1)},
    "is another's": {"address": MERCHANT.bech32},
    "is not of the pool": {"input": f"{'00' * 32}#0"},
    "is malformed": {"expiresAt": "soon"},
}


@pytest.mark.parametrize("changes", FOREIGN.values(), ids=FOREIGN)
def test_an_offer_that_was_never_made_is_replaced(
    sponsor: FeeSponsor, payment: Sponsored, changes: dict[str, str]
) -> None:
    forged = payment.changed(offer={**payment.offer, **changes})
    terms = sponsor.with_offer(BASE, payload(forged))
    assert terms["extra"]["feeSponsor"] == sponsor.with_offer(BASE)["extra"]["feeSponsor"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=12,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=json_values)
def test_whatever_is_sent_gets_an_offer_or_a_refusal(sponsor: FeeSponsor, sent: Any) -> None:
    terms = sponsor.with_offer(BASE, sent)
    assert terms["extra"]["areFeesSponsored"] is True
    with pytest.raises(NotSponsored):
        sponsor.sign(terms, sent)


# --- Signing ----------------------------------------------------------------------------------


def test_it_signs_for_its_output(sponsor: FeeSponsor, payment: Sponsored) -> None:
    signature = sign(sponsor, payment)
    assert signature.transaction_id == payment.id
    (witness,) = read_vkey_witnesses(bytes.fromhex(signature.witnesses))
    assert tuple(witness) == tuple(SPONSOR.sign(bytes.fromhex(payment.id)))
    assert state(sponsor) == BOUND


def test_a_plain_payment_needs_no_signature(sponsor: FeeSponsor, payment: Sponsored) -> None:
    plain = payment.changed(offered=owned(PAYER, 0))
    assert sponsor.sign(payment.terms, payload(plain)) is None
    assert state(sponsor) == FREE


BROKEN: dict[str, Callable[[Sponsored], Sponsored]] = {
    "S3": lambda p: p.changed(fields={"_13": [list(owned(PAYER, 0)[0])]}),
    "S4": lambda p: p.changed(to_payer=1),
    "S5": lambda p: p.changed(fee=300_001),
    "S6": lambda p: p.changed(fields={"_9": {bytes(28): {b"": 1}}}),
    "S7": lambda p: p.changed(ttl=TTL + 301),
    "S8": lambda p: p.changed(amount=PRICE - 1),
    "S9": lambda p: p.changed(fee=170_000),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_it_does_not_sign_for_a_broken_rule(
    sponsor: FeeSponsor, payment: Sponsored, rule: str
) -> None:
    assert refusal(sponsor, BROKEN[rule](payment)) == f"fee_sponsor_{rule}"
    assert state(sponsor) == FREE


@pytest.mark.parametrize("rule", BROKEN)
def test_without_the_rule_it_would(
    sponsor: FeeSponsor, payment: Sponsored, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = {name: each for name, each in sponsor_rules.RULES.items() if name != rule}
    monkeypatch.setattr(sponsor_rules, "RULES", MappingProxyType(left))
    assert sign(sponsor, BROKEN[rule](payment))


def test_it_signs_for_one_of_its_outputs_alone(
    sponsor: FeeSponsor, devnet: Devnet, payment: Sponsored
) -> None:
    """S2: one that came to its address since is not given away beside it."""
    ref = devnet.fund(SPONSOR.address, 40 * ADA)
    status = devnet.outputs([ref])[ref]
    assert isinstance(status, Unspent)
    both = payment.changed(payers=(owned(PAYER, 5), (ref, status.output)))
    assert refusal(sponsor, both) == "fee_sponsor_S2"


def test_it_signs_for_no_input_that_cannot_be_looked_up(
    sponsor: FeeSponsor, devnet: Devnet, payment: Sponsored
) -> None:
    _, output = owned(PAYER, 5)
    missing = payment.changed(payers=((OutputRef(bytes(32), 0), output),))
    assert refusal(sponsor, missing) == "fee_sponsor_S2"
    devnet.faults.fail("outputs")
    with pytest.raises(ChainUnavailable):
        sponsor.sign(payment.terms, payload(payment))
    assert state(sponsor) == FREE


def test_the_second_payment_by_an_offer_is_refused(sponsor: FeeSponsor, payment: Sponsored) -> None:
    rival = payment.changed(payers=(owned(PAYER, 6),))
    sign(sponsor, payment)
    assert refusal(sponsor, rival) == "fee_sponsor_taken"


def test_of_many_payments_at_once_one_is_signed(
    sponsor: FeeSponsor, payment: Sponsored, reopen: Callable[[], FeeSponsor]
) -> None:
    rivals = [payment.changed(ttl=TTL - number) for number in range(8)]
    sponsors = [sponsor, reopen()]

    def attempt(number: int) -> str:
        rival = rivals[number]
        try:
            sponsors[number % 2].sign(rival.terms, payload(rival))
        except NotSponsored as why:
            return why.reason
        return "signed"

    done = together([partial(attempt, number) for number in range(8)])
    assert sorted(done) == [*["fee_sponsor_taken"] * 7, "signed"]


def test_after_a_restart_it_signs_the_same_and_no_other(
    sponsor: FeeSponsor, payment: Sponsored, reopen: Callable[[], FeeSponsor]
) -> None:
    first = sign(sponsor, payment)
    again = reopen()
    assert sign(again, payment) == first
    assert refusal(again, payment.changed(ttl=TTL - 1)) == "fee_sponsor_taken"


def test_a_repeat_needs_no_chain(
    sponsor: FeeSponsor, devnet: Devnet, payment: Sponsored, clock: ManualClock
) -> None:
    """The inputs are spent by then, and the offer may be over."""
    first = sign(sponsor, payment)
    sponsor.settlement(payload(payment), first)
    clock.advance(1000)
    devnet.faults.fail("outputs")
    assert sign(sponsor, payment) == first


# --- Ends -------------------------------------------------------------------------------------


def test_the_settlement_carries_the_signature_instead_of_any_other(
    sponsor: FeeSponsor, payment: Sponsored
) -> None:
    foreign = witness_set(payment.body, [PAYER])
    sent = payload(payment, sponsorWitnesses=foreign)
    signature = sponsor.sign(payment.terms, sent)
    assert signature is not None
    settled = sponsor.settlement(sent, signature)
    assert settled["payload"] == {**sent["payload"], "sponsorWitnesses": signature.witnesses}
    assert {**settled, "payload": sent["payload"]} == sent
    assert state(sponsor) == SUBMITTED


def failed(reason: str, **more: Any) -> dict[str, Any]:
    return {"success": False, "errorReason": reason, **more}


ENDS = [
    ({"success": True}, SPENT),
    (failed("exact_cardano_settlement_definitively_rejected"), FREE),
    (failed("exact_cardano_settlement_failed", extra={"status": "expired"}), FREE),
    (failed("invalid_exact_cardano_payload_input_not_available"), FREE),
    (failed("fee_sponsor_witness_invalid"), FREE),
    (failed("exact_cardano_settlement_failed"), SUBMITTED),
    (failed("settlement_pending", extra={"status": "pending"}), SUBMITTED),
    (failed("duplicate_settlement"), SUBMITTED),
    (failed("exact_cardano_facilitator_chain_lookup_failed"), SUBMITTED),
    (failed("exact_cardano_facilitator_evidence_unavailable"), SUBMITTED),
    ({}, SUBMITTED),
]


@pytest.mark.parametrize(("answer", "expected"), ENDS)
def test_the_answer_of_the_settlement_decides(
    sponsor: FeeSponsor, payment: Sponsored, answer: dict[str, Any], expected: str
) -> None:
    signature = sign(sponsor, payment)
    sponsor.settlement(payload(payment), signature)
    sponsor.settled(signature, answer)
    assert state(sponsor) == expected


def test_a_cancelled_payment_gives_its_output_back(sponsor: FeeSponsor, payment: Sponsored) -> None:
    signature = sign(sponsor, payment)
    sponsor.cancel(signature)
    assert state(sponsor) == FREE
    with pytest.raises(NotSponsored):
        sponsor.settlement(payload(payment), signature)


def test_after_the_settlement_was_asked_for_nothing_cancels_it(
    sponsor: FeeSponsor, payment: Sponsored
) -> None:
    signature = sign(sponsor, payment)
    sponsor.settlement(payload(payment), signature)
    sponsor.cancel(signature)
    assert state(sponsor) == SUBMITTED


def test_an_unclear_settlement_keeps_the_output_until_it_cannot_land(
    sponsor: FeeSponsor, payment: Sponsored, clock: ManualClock
) -> None:
    sponsor.settlement(payload(payment), sign(sponsor, payment))
    clock.advance(301)
    assert sponsor.with_offer(BASE) == BASE
    clock.advance(GRACE_MS // 1000)
    assert sponsor.with_offer(BASE) != BASE


# --- Refill -----------------------------------------------------------------------------------


def test_a_great_output_is_split_into_outputs_to_offer(sponsor: FeeSponsor, devnet: Devnet) -> None:
    pool = sponsor.pool
    assert pool.refill(3, OFFERED) is None
    devnet.fund(SPONSOR.address, 20 * ADA)
    split = pool.refill(5, OFFERED)
    assert split is not None
    assert split.outputs == 5
    devnet.produce_block()
    body = decode_any_era(split.transaction).body
    assert [output.value.lovelace for output in body.outputs] == [
        *[OFFERED] * 5,
        20 * ADA - 5 * OFFERED - split.fee,
    ]
    pool.refresh()
    assert len(pool.store.outputs()) == 6


def test_as_many_are_made_as_the_output_suffices_for(sponsor: FeeSponsor, devnet: Devnet) -> None:
    devnet.fund(SPONSOR.address, 6 * ADA)
    split = sponsor.pool.refill(100, OFFERED)
    assert split is not None
    assert split.outputs == 3


def test_a_split_fits_into_a_transaction(sponsor: FeeSponsor, devnet: Devnet) -> None:
    devnet.fund(SPONSOR.address, 1000 * ADA)
    split = sponsor.pool.refill(400, OFFERED)
    assert split is not None
    assert 100 < split.outputs < 400


def test_outputs_that_would_not_be_offered_are_not_made(sponsor: FeeSponsor) -> None:
    with pytest.raises(ValueError, match="lovelace"):
        sponsor.pool.refill(1, OFFERED - 1)


def test_contradicting_settings_are_refused(sponsor: FeeSponsor, clock: ManualClock) -> None:
    pool = sponsor.pool
    with pytest.raises(ValueError, match="max_fee"):
        SponsorPool(pool.store, SPONSOR, pool.chain, clock, PoolSettings(max_fee=2 * ADA))
