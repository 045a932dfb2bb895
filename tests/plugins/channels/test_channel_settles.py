"""Channels over HTTP, on the devnet: opened, paid from, topped up, redeemed from and ended."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from facilitator.plugin import ConfigInvalidError
from facilitator.roles.claim import NO_END
from facilitator.testing.payments import BOB, MERCHANT
from facilitator.testing.pytest_plugin import RunFacilitator
from facilitator.testing.running import NETWORK, Running
from facilitator.testing.waiting import eventually
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.validators import KNOWN
from support.channel_drafts import reserve
from support.channel_parties import Held, Opening, Redemption
from support.channels import (
    ACCEPTS,
    CONSUMER,
    FEE,
    PRICE,
    PROVIDER,
    TOKEN,
    request,
    terms,
    voucher,
    witness,
)
from support.sponsored_channels import SponsoredOpening

SETTINGS: dict[str, Any] = {
    "plugins": "devnet,memory,channels",
    "channels__script_hashes": json.dumps([ACCEPTS.hash.hex()]),
    "settlement__wait_seconds": "0",
}


@pytest.fixture
def running(run_facilitator: RunFacilitator) -> Running:
    return run_facilitator(**SETTINGS)


def settled(running: Running, body: Mapping[str, Any], **headers: str) -> dict[str, Any]:
    """The success, once it is as deep as it was asked for."""
    first = running.settle(body, **headers)
    assert first["errorReason"] == "settlement_pending", first
    running.next_block()
    running.next_block()
    return running.settle_until(body, lambda answer: bool(answer["success"]), **headers)


def open_channel(running: Running, opening: Opening) -> Held:
    settled(running, opening.body)
    return opening.held


def state(held: Held, balance: int, total: int = 0, ref: str | None = None) -> dict[str, Any]:
    return {
        "channelId": held.tag.hex(),
        "channelRef": str(held.ref) if ref is None else ref,
        "balance": str(balance),
        "totalClaimed": str(total),
        "withdrawRequestedAt": 0,
    }


def test_it_is_supported(running: Running) -> None:
    kinds = running.call("GET", "/supported")[1]["kinds"]
    assert kinds[1] == {
        "x402Version": 2,
        "scheme": "batch-settlement",
        "network": NETWORK,
        "extra": {"devnet": True, "acceptsSponsorWitnesses": True},
    }


@pytest.mark.parametrize("hashes", ['["AB"]', '["62ce"]', json.dumps(["g" * 56])])
def test_settings_that_name_no_validator(run_facilitator: RunFacilitator, hashes: str) -> None:
    with pytest.raises(ConfigInvalidError, match=r"channels\.script_hashes: has .* script hash"):
        run_facilitator(**SETTINGS | {"channels__script_hashes": hashes})


def test_a_validator_that_the_operator_does_not_serve(run_facilitator: RunFacilitator) -> None:
    known = next(iter(KNOWN)).hex()
    running = run_facilitator(**SETTINGS | {"channels__script_hashes": json.dumps([known])})
    verdict = running.verify(Opening().body)
    assert verdict["invalidReason"] == "invalid_batch_settlement_cardano_extra"
    assert f"served: {known}" in verdict["invalidMessage"]


def test_its_reasons_are_described(running: Running) -> None:
    status, document = running.call("GET", "/openapi.json")
    assert status == 200
    described = json.dumps(document)
    assert all(f'"{reason}"' in described for reason in ChannelReason)


@pytest.mark.parametrize(
    ("opening", "balance"),
    [
        (Opening(), 5_000_000 - reserve(None)),
        (Opening(asset=TOKEN, amount=5_000), 5_000),
    ],
    ids=["ada", "token"],
)
def test_an_opening_settles_once(running: Running, opening: Opening, balance: int) -> None:
    body = opening.body
    verdict = running.verify(body)
    held = opening.held
    assert verdict == {
        "isValid": True,
        "payer": CONSUMER.hex(),
        "extra": state(held, balance, ref=""),
    }
    answer = settled(running, body, **{"Idempotency-Key": "one"})
    assert answer["transaction"] == opening.ref.transaction_id.hex()
    assert (answer["payer"], answer["amount"]) == (CONSUMER.hex(), str(opening.amount))
    assert answer["extra"]["channelState"] == state(held, balance)
    claim = running.facilitator.storage.claim(answer["transaction"])
    assert claim is not None
    assert claim.invalid_hereafter == NO_END
    assert running.settle(body, **{"Idempotency-Key": "one"}) == answer
    assert running.settle(body)["errorReason"] == "duplicate_settlement"
    assert running.verify(body)["invalidReason"] == "duplicate_settlement"


def test_a_verdict_on_a_deposit_that_is_being_settled_describes_the_channel(
    running: Running,
) -> None:
    """The resource server that takes up a paid request again needs to know the channel."""
    opening = Opening()
    running.settle(opening.body)
    held = opening.held
    expected = {"channelState": state(held, 5_000_000 - reserve(None))}
    for _ in range(2):  # while it waits, and in a block that is not deep enough
        verdict = running.verify(opening.body)
        assert verdict["isValid"]
        assert verdict["extra"] == expected
        running.next_block()


@pytest.mark.parametrize("blocks", [0, 1, 2], ids=["submitted", "in a block", "settled"])
def test_a_deposit_pays_by_the_voucher_that_was_judged_with_it(
    running: Running, blocks: int
) -> None:
    """Whatever else its payer signs under it: the transaction and the requirements are the same."""
    opening = Opening()
    first = opening.body
    assert running.settle(first)["errorReason"] == "settlement_pending"
    for _ in range(blocks):
        running.next_block()
    transaction_id = opening.ref.transaction_id.hex()
    eventually(
        lambda: (
            running.call("GET", f"/status/{transaction_id}")[1].get("confirmations", -1)
            >= blocks - 1
        )
    )
    promised = {**opening.payload["voucher"], **voucher(opening.tag, 10**9)}
    forged = {**opening.payload["voucher"], "signature": "00" * 64}
    for each in (promised, forged):
        body = request({**opening.payload, "voucher": each}, terms())
        assert not running.verify(body)["isValid"]
        answer = running.settle(body)
        assert answer["errorReason"] == "duplicate_settlement"
    if blocks == 2:
        assert running.settle_until(first, lambda answer: bool(answer["success"]))


def test_a_deposit_whose_channel_has_ended_since_is_not_valid(running: Running) -> None:
    """Nobody was told of its success: the resource server does not know how it went on."""
    opening = Opening()
    running.settle(opening.body)
    running.next_block()
    running.next_block()
    assert running.verify(opening.body)["isValid"]
    held = opening.held
    added = witness(held.mutual(1_000_000), MERCHANT)
    settled(
        running, request({**held.refund(1_000_000, 1_000_000), "providerWitness": added}, terms())
    )
    verdict = running.verify(opening.body)
    assert verdict["invalidReason"] == "invalid_batch_settlement_cardano_channel_not_found"


def test_vouchers_are_judged_and_settle_nothing(running: Running) -> None:
    held = open_channel(running, Opening())
    balance = 5_000_000 - reserve(None)
    for number in range(1, 4):
        body = request(held.promise(number * PRICE), terms())
        verdict = running.verify(body)
        assert verdict == {
            "isValid": True,
            "payer": CONSUMER.hex(),
            "extra": state(held, balance),
        }
    refused = running.settle(body)
    assert refused["errorReason"] == "invalid_batch_settlement_cardano_payload_type"
    assert refused["transaction"] == ""


def test_a_top_up_settles_and_vouchers_follow_it(running: Running) -> None:
    held = open_channel(running, Opening())
    before = 5_000_000 - reserve(None)
    payload = held.deposit(3_000_000, 2 * PRICE)
    body = request(payload, terms())
    assert running.verify(body)["extra"] == state(held, before)
    answer = settled(running, body)
    after = f"{answer['transaction']}#0"
    assert answer["amount"] == "3000000"
    assert answer["extra"]["channelState"] == state(held, before + 3_000_000, ref=after)
    voucher = request(held.promise(3 * PRICE), terms())
    assert running.verify(voucher)["extra"] == state(held, before + 3_000_000, ref=after)
    again = request(held.deposit(1_000_000, 4 * PRICE, fuel=2), terms())
    refused = running.verify(again)
    assert refused["invalidReason"] == "invalid_batch_settlement_cardano_deposit_transaction"


def test_a_refund_settles_with_the_providers_signature(running: Running) -> None:
    held = open_channel(running, Opening())
    payload = held.refund(1_000_000, 1_000_000)
    body = request(payload, terms())
    assert running.verify(body)["isValid"]
    unsigned = running.settle(body)
    assert unsigned["errorReason"] == "invalid_batch_settlement_cardano_refund_transaction"
    added = witness(held.mutual(1_000_000), MERCHANT)
    signed = request({**payload, "providerWitness": added}, terms())
    answer = settled(running, signed)
    assert answer["amount"] == str(5_000_000 - 1_000_000 - FEE)
    assert answer["extra"]["channelState"] == state(held, 0, 1_000_000, ref="")
    assert running.settle(signed)["errorReason"] == "duplicate_settlement"
    gone = running.verify(request(held.promise(2_000_000), terms()))
    assert gone["invalidReason"] == "invalid_batch_settlement_cardano_channel_not_found"


def test_a_claim_redeems_from_many(running: Running) -> None:
    ada = open_channel(running, Opening())
    token = open_channel(running, Opening(asset=TOKEN, amount=5_000))
    claim = Redemption([(ada, 2_000_000), (token, 4_000)])
    body = claim.body
    answer = settled(running, body)
    assert answer["payer"] == PROVIDER.hex()
    assert answer["extra"]["claims"] == claim.payload["claims"]
    assert running.settle(body)["errorReason"] == "duplicate_settlement"
    verdict = running.verify(request(ada.promise(2_000_000 + PRICE), terms()))
    balance = 5_000_000 - reserve(None)
    at = [held.ref for held, _ in claim.channels].index(ada.ref)
    ref = f"{answer['transaction']}#{at}"
    assert verdict["extra"] == state(ada, balance, 2_000_000, ref)
    old = running.verify(request(ada.promise(2_000_000), terms()))
    assert old["invalidReason"] == "invalid_batch_settlement_cardano_cumulative_below_claimed"


def test_the_record_outlives_the_process(tmp_path: Path, run_facilitator: RunFacilitator) -> None:
    files = {
        **SETTINGS,
        "plugins": "devnet,sqlite,channels",
        "devnet__path": tmp_path / "devnet.db",
        "sqlite__path": tmp_path / "facilitator.db",
    }
    first = run_facilitator(**files)
    body = Opening().body_under(confirmationPolicy={"l1Confirmations": 0})
    assert first.settle(body)["errorReason"] == "settlement_pending"
    first.next_block()
    clock = first.clock
    first.close()
    again = run_facilitator(clock=clock, **files)
    answer = again.settle_until(body, lambda each: bool(each["success"]))
    assert answer["extra"]["channelState"]["balance"] == str(5_000_000 - reserve(None))


def test_an_opening_that_has_landed_unseen_is_a_duplicate(running: Running) -> None:
    opening = Opening()
    running.devnet.submit(opening.transaction)
    running.next_block()
    assert running.verify(opening.body)["invalidReason"] == "duplicate_settlement"


def test_a_chain_that_lags_gives_no_verdict(running: Running) -> None:
    held = open_channel(running, Opening())
    lost = Held(held.ref._replace(index=7), held.datum, held.value)
    verdict = running.verify(request(lost.promise(PRICE), terms()))
    assert verdict["isValid"] is False
    assert verdict["invalidReason"] == "exact_cardano_facilitator_chain_lookup_failed"


def test_a_sponsored_opening(running: Running) -> None:
    """What the sponsor does not sign holds none of its outputs, and leaves nothing behind."""
    opening, other = SponsoredOpening(), SponsoredOpening(number=1)
    for each in (other, opening):
        assert running.verify(each.body)["isValid"]
    missing = running.settle(opening.body)
    assert missing["errorReason"] == "fee_sponsor_witness_missing"
    wrong = running.settle(opening.settlement(BOB))
    assert wrong["errorReason"] == "fee_sponsor_witness_invalid"
    transaction_id = opening.ref.transaction_id.hex()
    assert running.facilitator.storage.claim(transaction_id) is None
    answer = settled(running, opening.settlement())
    assert answer["transaction"] == transaction_id
    assert answer["amount"] == "5000"
    assert running.verify(other.body)["invalidReason"] == ChannelReason.DEPOSIT_TRANSACTION
