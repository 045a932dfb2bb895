"""Channels over HTTP, on the devnet: opened, paid from, topped up, redeemed from and ended."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.roles.chain import Unspent
from facilitator.roles.claim import NO_END
from facilitator.testing.payments import MERCHANT
from facilitator.testing.pytest_plugin import RunFacilitator
from facilitator.testing.running import NETWORK, Running
from facilitator_channels.datum import SUBBIT, Datum
from facilitator_channels.reasons import ChannelReason
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
    witness,
)

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
    return held_at(running, opening)


def held_at(running: Running, opening: Opening) -> Held:
    """The channel that the devnet has at the opening's output."""
    status = running.devnet.outputs([opening.ref])[opening.ref]
    assert isinstance(status, Unspent)
    output = status.output
    assert output.datum is not None
    own: Datum = SUBBIT.decode(output.datum)
    return Held(opening.ref, own, output.value, output.address)


def state(held: Held, balance: int, total: int = 0, ref: str | None = None) -> dict[str, Any]:
    return {
        "channelId": held.tag.hex(),
        "channelRef": str(held.ref) if ref is None else ref,
        "balance": str(balance),
        "totalClaimed": str(total),
        "withdrawRequestedAt": 0,
    }


def test_it_is_supported_without_extra(running: Running) -> None:
    kinds = running.call("GET", "/supported")[1]["kinds"]
    assert kinds[1] == {
        "x402Version": 2,
        "scheme": "batch-settlement",
        "network": NETWORK,
        "extra": {"devnet": True},
    }


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
    held = Held(opening.ref, SUBBIT.decode(_datum(opening)), opening.value)
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


def _datum(opening: Opening) -> bytes:
    datum = decode_transaction(opening.transaction).body.outputs[0].datum
    assert datum is not None
    return datum


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
