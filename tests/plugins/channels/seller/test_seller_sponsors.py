"""A seller that sponsors, beside a facilitator that finds everything valid."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import cbor2
import pytest

from facilitator.cardano.codec.merging import add_vkey_witnesses
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import VKeyWitness
from facilitator.plugin import Refused
from facilitator.seller.pool import PoolSettings, SponsorPool
from facilitator.seller.store import BOUND, FREE, SPENT, SUBMITTED, SponsorStore
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE, BOB, MERCHANT
from facilitator.testing.running import NETWORK
from facilitator.testing.threads import together
from facilitator_channels.messages import Refund, read_message
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.redeemers import Mutual
from facilitator_channels.seller import ChannelSponsor, Refusal, Seller, Serve
from facilitator_channels.seller.facilitator import FacilitatorUnavailable
from facilitator_channels.seller.reading import read_terms
from facilitator_channels.seller.record import ChannelRecord
from facilitator_channels.seller.refunds import ProviderKey, witness_refund
from facilitator_channels.seller.seller import Before, Paid
from facilitator_channels.seller.sponsorship import Sponsorship
from facilitator_channels.seller.stores.memory import MemoryStore
from facilitator_channels.seller.watcher import Watcher
from facilitator_channels.values import ChannelView
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.encoding import output_map
from support.channel_cases.sponsored_openings import OPENINGS
from support.channel_drafts import Draft, Edit, ada_outputs, as_output
from support.channel_ledger import Ledger
from support.channel_parties import Held, held_channel
from support.channels import ACCEPTS, DELAY, PRICE, TOKEN, coded, config, request, terms, voucher
from support.sponsored_channels import MAX_FEE, SPONSOR, SponsoredOpening, sponsored_refund

PLAIN = terms(TOKEN)
ADA = 1_000_000
KEY = ProviderKey(
    bytes(MERCHANT.payment_key.verify_key), lambda message: MERCHANT.sign(message).signature
)


class Agrees:
    """A facilitator that finds everything valid."""

    def __init__(self) -> None:
        self.settled: list[Mapping[str, Any]] = []
        self.answer: Mapping[str, Any] | None = {"success": True}

    def verify(self, payment: Mapping[str, Any], _: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"isValid": True, "extra": _state(payment)}

    def settle(
        self, payment: Mapping[str, Any], requirements: Mapping[str, Any], _: str
    ) -> Mapping[str, Any]:
        assert requirements == payment["accepted"]
        self.settled.append(payment)
        if self.answer is None:
            raise FacilitatorUnavailable("no answer")
        return {**self.answer, "extra": {"channelState": _state(payment)}}


def _state(payment: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "channelId": payment["payload"]["voucher"]["channelId"],
        "channelRef": "",
        "balance": "5000",
        "totalClaimed": "0",
        "withdrawRequestedAt": 0,
    }


class SponsoringSeller:
    """The seller, over a devnet of its own."""

    def __init__(self, devnet: Devnet, clock: ManualClock, file: Path) -> None:
        held = ada_outputs(SPONSOR)[0][1].value.lovelace
        pool = PoolSettings(MAX_FEE, held, held)
        self.pool = SponsorPool(SponsorStore(file), SPONSOR, devnet, clock, pool)
        self.facilitator = Agrees()
        self.seller = Seller(
            MemoryStore(),
            self.facilitator,
            clock=clock,
            sponsor=ChannelSponsor(NETWORK, self.pool),
        )
        self.clock = clock
        self.pool.refresh()

    def look(self) -> None:
        """Look at the channels once, as the watcher does."""
        chain = self.pool.chain
        assert isinstance(chain, Devnet)
        Watcher(self.seller.records, chain, lambda _: None, clock=self.clock).look()

    def close(self) -> None:
        self.seller.close()

    def before(self, opening: SponsoredOpening) -> Before:
        return self.seller.before(opening.body["paymentPayload"], PLAIN)

    def state(self) -> str:
        """That of the offered output."""
        found = self.pool.store.find(str(SponsoredOpening().offered[0]))
        assert found is not None
        return found.state


@pytest.fixture
def shop(
    lone_devnet: Devnet, frozen_clock: ManualClock, tmp_path: Path
) -> Iterator[SponsoringSeller]:
    with closing(SponsoringSeller(lone_devnet, frozen_clock, tmp_path / "pool.sqlite3")) as shop:
        yield shop


def refusal(found: object) -> str:
    assert isinstance(found, Refusal), found
    return found.reason


def test_the_signature_goes_to_the_facilitator_alone(shop: SponsoringSeller) -> None:
    serve = shop.before(SponsoredOpening())
    assert isinstance(serve, Serve)
    assert shop.state() == BOUND
    paid = shop.seller.after(serve, b"page")
    assert isinstance(paid, Paid)
    (sent,) = shop.facilitator.settled
    assert sent["payload"]["sponsorWitnesses"] not in str(paid.settlement)
    assert shop.state() == SPENT
    (record,) = shop.seller.records
    assert record.is_sponsored


def test_one_output_pays_for_one_opening(shop: SponsoringSeller) -> None:
    openings = [SponsoredOpening(number=number) for number in range(3)]
    found = together([partial(shop.before, each) for each in openings])
    assert sorted(type(each).__name__ for each in found) == ["Refusal", "Refusal", "Serve"]
    assert {each.reason for each in found if isinstance(each, Refusal)} == {"fee_sponsor_taken"}
    (serve,) = [each for each in found if isinstance(each, Serve)]
    shop.seller.cancel(serve)
    assert shop.state() == FREE
    assert isinstance(shop.before(openings[0]), Serve)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (None, SUBMITTED),
        ({"success": False, "errorReason": "settlement_pending"}, SUBMITTED),
        ({"success": False, "errorReason": "fee_sponsor_refused"}, FREE),
        ({"success": False, "errorReason": "exact_cardano_settlement_definitively_rejected"}, FREE),
        (
            {
                "success": False,
                "errorReason": "invalid_batch_settlement_cardano_deposit_transaction",
            },
            SUBMITTED,
        ),
    ],
)
def test_an_output_is_free_again_once_nothing_can_land(
    shop: SponsoringSeller, answer: Mapping[str, Any] | None, state: str
) -> None:
    shop.facilitator.answer = answer
    opening = SponsoredOpening()
    serve = shop.before(opening)
    assert isinstance(serve, Serve)
    assert isinstance(shop.seller.after(serve, b"page"), Refusal)
    assert shop.state() == state
    shop.facilitator.answer = {"success": True}
    again = shop.before(opening)  # the same transaction keeps its output
    assert isinstance(again, Serve)
    assert isinstance(shop.seller.after(again, b"page"), Paid)
    first, second = [each["payload"]["sponsorWitnesses"] for each in shop.facilitator.settled]
    assert first == second


def _pay_by_voucher(shop: SponsoringSeller, opening: SponsoredOpening) -> ChannelRecord:
    """Pay for one request in the channel that the opening has made."""
    payload = {
        "type": "voucher",
        "channelConfig": config(TOKEN),
        "voucher": voucher(opening.tag, PRICE, opening.ref),
    }
    serve = shop.seller.before(request(payload, PLAIN)["paymentPayload"], PLAIN)
    assert isinstance(serve, Serve), serve
    assert isinstance(shop.seller.after(serve, b"page"), Paid)
    (record,) = shop.seller.records
    return record


@pytest.mark.parametrize("answer", [None, {"success": False, "errorReason": "settlement_pending"}])
def test_the_reserve_is_the_sellers_though_the_answer_was_lost(
    shop: SponsoringSeller, answer: Mapping[str, Any] | None
) -> None:
    """The opening lands later, and the payer goes on by a voucher."""
    opening = SponsoredOpening()
    serve = shop.before(opening)
    assert isinstance(serve, Serve)
    shop.facilitator.answer = answer
    assert isinstance(shop.seller.after(serve, b"page"), Refusal)
    shop.look()
    assert _pay_by_voucher(shop, opening).is_sponsored


def test_an_opening_as_if_it_had_no_sponsor(shop: SponsoringSeller) -> None:
    """The payer has read the sponsor's signature from the chain, and leaves the offer out."""
    opening = SponsoredOpening()
    serve = shop.before(opening)
    assert isinstance(serve, Serve)
    shop.facilitator.answer = None
    assert isinstance(shop.seller.after(serve, b"page"), Refusal)
    shop.facilitator.answer = {"success": True}
    signed = add_vkey_witnesses(
        decode_transaction(opening.transaction),
        [VKeyWitness(*SPONSOR.sign(decode_transaction(opening.transaction).id))],
    )
    deposit = {**opening.payload["deposit"], "transaction": coded(signed)}
    plain = request({**opening.payload, "deposit": deposit}, PLAIN)
    again = shop.seller.before(plain["paymentPayload"], PLAIN)
    assert isinstance(again, Serve)
    assert isinstance(shop.seller.after(again, b"page"), Paid)
    (record,) = shop.seller.records
    assert record.is_sponsored


def test_the_reserve_is_the_sellers_though_its_process_was_killed(
    shop: SponsoringSeller, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = SponsoredOpening()

    serve = shop.before(opening)
    assert isinstance(serve, Serve)
    monkeypatch.setattr(shop.facilitator, "settle", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        shop.seller.after(serve, b"page")
    shop.clock.advance(serve.request.lifetime_ms / 1000 + 1)
    shop.look()
    assert _pay_by_voucher(shop, opening).is_sponsored


@pytest.mark.parametrize("is_definitive", [True, False])
def test_an_opening_that_never_lands_leaves_no_record(
    shop: SponsoringSeller, is_definitive: bool
) -> None:
    serve = shop.before(SponsoredOpening())
    assert isinstance(serve, Serve)
    shop.facilitator.answer = {
        "success": False,
        "errorReason": "fee_sponsor_refused" if is_definitive else "settlement_pending",
    }
    assert isinstance(shop.seller.after(serve, b"page"), Refusal)
    assert len(list(shop.seller.records)) == (0 if is_definitive else 1)
    shop.clock.advance(DELAY + 600)
    shop.look()
    assert list(shop.seller.records) == []


@pytest.mark.parametrize("name", OPENINGS)
def test_the_seller_itself_keeps_the_rules(shop: SponsoringSeller, name: str) -> None:
    found = shop.before(SponsoredOpening(edit=OPENINGS[name]))
    assert refusal(found).startswith("fee_sponsor_S")
    assert shop.state() == FREE
    assert list(shop.seller.records) == []


def _another_of_the_sponsors(draft: Draft) -> None:
    """Spend a second output of the sponsor's, which comes to the payer."""
    ref, output = ada_outputs(SPONSOR)[1]
    draft.inputs.append(ref)
    lovelace, tokens = draft.outputs[2][1]
    draft.outputs[2][1] = [lovelace + output.value.lovelace, tokens]


def _unknown_input(draft: Draft) -> None:
    draft.inputs.append(ada_outputs(ALICE)[0][0]._replace(index=999))


@pytest.mark.parametrize("edit", [_another_of_the_sponsors, _unknown_input])
def test_the_owners_of_all_inputs_are_looked_up(shop: SponsoringSeller, edit: Edit) -> None:
    assert refusal(shop.before(SponsoredOpening(edit=edit))) == "fee_sponsor_S2"
    assert shop.state() == FREE


def test_a_channel_of_another_provider_gets_no_reserve(shop: SponsoringSeller) -> None:
    def of_another(held: Any) -> Any:
        return held._replace(constants=held.constants._replace(provider=bytes(28)))

    opening = SponsoredOpening(edit_datum=of_another)
    assert refusal(shop.before(opening)) == "fee_sponsor_invalid"
    assert shop.state() == FREE


@pytest.mark.parametrize(
    "changes", [{"maxFee": str(MAX_FEE + 1)}, {"expiresAt": str(2**53)}, {"lovelace": str(ADA)}]
)
def test_an_offer_that_was_never_made(shop: SponsoringSeller, changes: dict[str, str]) -> None:
    assert refusal(shop.before(SponsoredOpening(offer=changes))) == "fee_sponsor_taken"


def test_offers_are_for_tokens_on_this_network(shop: SponsoringSeller) -> None:
    offered = shop.seller.offered(PLAIN)
    assert offered["extra"]["areFeesSponsored"] is True
    assert without_offer(offered) == PLAIN
    for other in (terms(), {**PLAIN, "network": "cardano:mainnet"}, {**PLAIN, "scheme": "exact"}):
        assert shop.seller.offered(other) == other
    plain = Seller(MemoryStore(), shop.facilitator)
    with closing(plain):
        assert plain.offered(PLAIN) == PLAIN


def without_offer(offered: Mapping[str, Any]) -> dict[str, Any]:
    extra = {k: v for k, v in offered["extra"].items() if "Sponsor" not in k}
    return {**offered, "extra": {k: v for k, v in extra.items() if k != "feeSponsor"}}


# --- Refunds --------------------------------------------------------------------------------------


def _keeps_a_lovelace(draft: Draft) -> None:
    draft.outputs[0][1] -= 1
    draft.outputs[1][1] = [draft.outputs[1][1][0] + 1, draft.outputs[1][1][1]]


def _back_with_a_script(draft: Draft) -> None:
    draft.outputs[0][3] = cbor2.CBORTag(24, cbor2.dumps([3, ACCEPTS.body]))


def _back_with_a_datum(draft: Draft) -> None:
    draft.outputs[0][2] = [1, cbor2.CBORTag(24, cbor2.dumps(0))]


def _back_with_other_tokens(draft: Draft) -> None:
    """The payer's own, which only lock the seller's lovelace up."""
    other = {bytes(28): {b"other": 1}}
    draft.outputs[0][1] = [draft.outputs[0][1], other]


def _burnt(draft: Draft) -> None:
    """The reserve goes as a fee, by which the payer at least does harm."""
    draft.outputs[0][1] -= MAX_FEE
    draft.fee += MAX_FEE


def _of_bob(draft: Draft) -> None:
    ref, output = ada_outputs(BOB)[0]
    draft.inputs.append(ref)
    draft.outputs.append(output_map(BOB.address, output.value))


def _without_the_channel(draft: Draft) -> None:
    """Spend an output of the buyer's in the channel's place."""
    ref = ada_outputs(ALICE)[0][0]
    draft.redeemers = {ref: Mutual()}
    draft.inputs[0] = ref


@pytest.fixture
def held(lone_devnet: Devnet) -> Held:
    """A channel whose reserve the seller has paid."""
    held = held_channel(Ledger(), asset=TOKEN, amount=5_000)
    lone_devnet.load({held.ref: as_output(held.output)})
    return held


def signed(held: Held, body: Mapping[str, Any], chain: Devnet | Sponsorship, **changes: Any) -> str:
    """``providerWitness``, if the seller signs the refund."""
    message = read_message(body["paymentPayload"]["payload"])
    assert isinstance(message, Refund)
    record = ChannelRecord(
        held.tag.hex(),
        NETWORK,
        ACCEPTS.hash.hex(),
        message.config,
        ChannelView(str(held.ref), 5_000, 0, 0, 0),
        sponsored_ref=str(held.ref),
    )
    record = replace(record, **changes)
    look_up = chain.outputs if isinstance(chain, Devnet) else chain.look_up
    return witness_refund(message, record, read_terms(PLAIN), KEY, look_up, MAX_FEE)


def test_the_seller_signs_a_refund_that_gives_the_reserve_back(
    held: Held, lone_devnet: Devnet
) -> None:
    assert signed(held, sponsored_refund(held), lone_devnet)


@pytest.mark.parametrize(
    "edit",
    [
        _keeps_a_lovelace,
        _back_with_a_script,
        _back_with_a_datum,
        _back_with_other_tokens,
        _burnt,
        _of_bob,
        _without_the_channel,
    ],
)
def test_the_seller_signs_no_other_refund(held: Held, lone_devnet: Devnet, edit: Edit) -> None:
    with pytest.raises(Refused) as refused:
        signed(held, sponsored_refund(held, edit), lone_devnet)
    assert refused.value.reason == ChannelReason.REFUND_TRANSACTION


def test_a_reserve_of_the_buyers_own_stays_with_it(held: Held, lone_devnet: Devnet) -> None:
    body = sponsored_refund(held, _keeps_a_lovelace)
    assert signed(held, body, lone_devnet, sponsored_ref="")


def test_inputs_that_the_seller_does_not_see_are_not_signed_for(held: Held) -> None:
    """As by a seller without a sponsor, which has no chain."""
    with pytest.raises(Refused, match="does not see"):
        signed(held, sponsored_refund(held), Sponsorship(None))
