"""The scheme keeps the contract of schemes, and takes what is valid."""

from collections.abc import Callable
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import ChainUnavailable, MayBeOnChain, Refused, Settings
from facilitator.testing.clock import ManualClock
from facilitator.testing.examples import example_claim
from facilitator.testing.payments import MERCHANT
from facilitator.testing.running import NETWORK, NOW
from facilitator.testing.scheme import SchemeContract
from facilitator.x402.messages import PaymentRequest, parse_payment_request
from facilitator_channels.datum import Closed, Datum, Opened
from facilitator_channels.messages import read_message
from facilitator_channels.scheme import ChannelScheme
from support.channel_cases import sponsored
from support.channel_drafts import Draft, channel_output, reserve
from support.channel_ledger import Ledger
from support.channel_parties import Opening, Redemption, held_channel
from support.channels import (
    ADDRESS,
    CONSUMER,
    FEE,
    PRICE,
    PROVIDER,
    STAKED,
    TOKEN,
    VALIDATORS,
    judge,
    read,
    request,
    terms,
    witness,
)


class TestContract(SchemeContract):
    @pytest.fixture
    def scheme(self, scheme: ChannelScheme) -> ChannelScheme:
        return scheme

    @pytest.fixture
    def restarted(self, loaded: Settings) -> ChannelScheme:
        chains = {NETWORK: Ledger().chain}
        return ChannelScheme(loaded, ManualClock(NOW), chains, VALIDATORS)

    @pytest.fixture
    def paid(self) -> PaymentRequest:
        return parse_payment_request(Opening().body)


# --- What is valid --------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [ADDRESS, STAKED], ids=["plain", "with a stake part"])
@pytest.mark.parametrize(("asset", "amount"), [(None, 5_000_000), (TOKEN, 5_000)])
def test_an_opening(
    scheme: ChannelScheme, asset: bytes | None, amount: int, address: bytes
) -> None:
    opening = Opening(asset=asset, amount=amount, address=address)
    capacity = amount if asset else amount - reserve(None, address)
    for settles in (False, True):
        verified = judge(scheme, opening.body, settles=settles)
        assert verified.payer == CONSUMER.hex()
        assert verified.extra == {
            "channelId": opening.tag.hex(),
            "channelRef": "",
            "balance": str(capacity),
            "totalClaimed": "0",
            "withdrawRequestedAt": 0,
        }


def test_an_opening_in_another_encoding(scheme: ChannelScheme) -> None:
    """Definite lists in the datum: the values are the same."""

    def edit(made: dict[int, Any]) -> None:
        raw = made[2][1].value
        made[2] = [1, cbor2.CBORTag(24, definite(raw))]

    assert judge(scheme, Opening(edit_output=edit).body).payer == CONSUMER.hex()


def definite(raw: bytes) -> bytes:
    """The datum of an opened channel of ADA, its lists of definite length."""
    own, constants, stage = cbor2.loads(raw)
    found = cbor2.dumps([own, constants, stage])
    assert found != raw
    return found


def test_a_top_up_compares_datums_as_values(scheme: ChannelScheme, ledger: Ledger) -> None:
    held = held_channel(ledger)

    def edit(draft: Draft) -> None:
        made = draft.outputs[0]
        made[2] = [1, cbor2.CBORTag(24, definite(made[2][1].value))]

    payload = held.deposit(3_000_000, PRICE, edit=edit)
    assert judge(scheme, request(payload, terms())).extra["channelRef"] == str(held.ref)


def test_the_greatest_voucher_that_a_channel_pays(scheme: ChannelScheme, ledger: Ledger) -> None:
    held = held_channel(ledger, stage=Opened(7))
    body = request(held.promise(10_000_000 - reserve(None) + 7), terms())
    assert judge(scheme, body).extra["totalClaimed"] == "7"


def test_an_echo_with_a_corrective_answer_in_it(scheme: ChannelScheme, ledger: Ledger) -> None:
    body = request(held_channel(ledger).promise(PRICE), terms())
    extra = {**terms()["extra"], "channelState": {"x": 1}, "voucherState": None}
    body["paymentPayload"]["accepted"] = {**terms(), "extra": extra}
    assert judge(scheme, body).payer == CONSUMER.hex()


def test_a_channel_that_could_have_a_sponsor_and_has_none(
    scheme: ChannelScheme, ledger: Ledger
) -> None:
    assert judge(scheme, sponsored(ledger, None)).payer == CONSUMER.hex()


@pytest.mark.parametrize("owed", [0, 2_000_000])
def test_a_refund_before_the_provider_has_signed(
    scheme: ChannelScheme, ledger: Ledger, owed: int
) -> None:
    held = held_channel(ledger, stage=Opened(50))
    verified = judge(scheme, request(held.refund(owed + 50, owed), terms()))
    assert verified.payer == CONSUMER.hex()
    assert verified.extra["totalClaimed"] == "50"


def test_a_refund_with_the_providers_signature(scheme: ChannelScheme, ledger: Ledger) -> None:
    held = held_channel(ledger, stage=Opened(50))
    raw = held.mutual(2_000_000)
    payload = {**held.refund(2_000_050, 2_000_000), "providerWitness": witness(raw, MERCHANT)}
    body = request(payload, terms())
    assert judge(scheme, body, settles=True).payer == CONSUMER.hex()
    unsigned, payment = read(scheme, body), read(scheme, body, settles=True)
    assert unsigned.transaction == raw
    assert payment.transaction_id == unsigned.transaction_id
    assert len(decode_transaction(payment.transaction).witnesses.vkeys) == 2
    answer = scheme.answer(example_claim(record=payment.record))
    assert answer.amount == str(10_000_000 - 2_000_000 - FEE)
    assert answer.extra["channelState"] == {
        "channelId": held.tag.hex(),
        "channelRef": "",
        "balance": "0",
        "totalClaimed": "2000050",
        "withdrawRequestedAt": 0,
    }


def test_a_claim_of_opened_and_closed_channels(scheme: ChannelScheme, ledger: Ledger) -> None:
    channels = [
        (held_channel(ledger), 3_000_000),
        (held_channel(ledger, number=1, stage=Closed(100, 10**500)), 2_000_100),
        (held_channel(ledger, number=2, asset=TOKEN), 4),
    ]
    claim = Redemption(channels)
    assert judge(scheme, claim.body, settles=True).payer == PROVIDER.hex()
    payment = read(scheme, claim.body, settles=True)
    stored = example_claim(transaction_id=payment.transaction_id, record=payment.record)
    assert scheme.answer(stored).extra == {"claims": claim.payload["claims"]}


def test_a_claim_of_forty_channels(scheme: ChannelScheme, ledger: Ledger) -> None:
    channels = [(held_channel(ledger, number=at), 1_000_000 + at) for at in range(40)]
    claim = Redemption(channels, fee=3 * FEE)
    assert judge(scheme, claim.body, settles=True).payer == PROVIDER.hex()


# --- The chain ------------------------------------------------------------------------------------


def test_vouchers_follow_their_channel(scheme: ChannelScheme, ledger: Ledger) -> None:
    """From any position that it had, by one look-up once the newest is known."""
    held = held_channel(ledger)
    body = request(held.promise(2_000_000 + PRICE), terms())
    first = Redemption([(held, 2_000_000)]).transaction
    ledger.apply(first)
    before = len(ledger.asked)
    state = judge(scheme, body).extra
    assert state["totalClaimed"] == "2000000"
    assert state["channelRef"].endswith("#0")
    asked = len(ledger.asked) - before
    ledger.asked.clear()
    assert judge(scheme, body).extra == state
    assert ledger.asked == [OutputRef(bytes.fromhex(state["channelRef"][:64]), 0)]
    assert asked > 1


@pytest.mark.parametrize("message", ["promise", "deposit", "refund"])
def test_what_is_not_known_is_no_verdict(
    scheme: ChannelScheme, ledger: Ledger, message: str
) -> None:
    held = held_channel(ledger)
    payloads: dict[str, Callable[[], dict[str, Any]]] = {
        "promise": lambda: held.promise(PRICE),
        "deposit": lambda: held.deposit(5, PRICE),
        "refund": lambda: held.refund(0, 0),
    }
    body = request(payloads[message](), terms())
    ledger.silent.add(held.ref)
    with pytest.raises(ChainUnavailable):
        judge(scheme, body)


def test_an_input_that_is_not_known_is_no_verdict(scheme: ChannelScheme, ledger: Ledger) -> None:
    ledger.silent.add(Opening().given[0])
    with pytest.raises(Refused) as refused:
        judge(scheme, Opening().body)
    assert refused.value.reason == "exact_cardano_facilitator_chain_lookup_failed"
    assert not isinstance(refused.value, MayBeOnChain)


@pytest.mark.parametrize("message", ["opening", "top-up", "refund"])
def test_a_transaction_that_has_landed_may_be_the_payment(
    scheme: ChannelScheme, ledger: Ledger, message: str
) -> None:
    """The core then asks for it by its id, and answers with what became of it."""
    held = held_channel(ledger)
    opening = Opening()
    body, raw = {
        "opening": (opening.body, opening.transaction),
        "top-up": (request(held.deposit(5, PRICE), terms()), held.top_up(5)),
        "refund": (request(held.refund(0, 0), terms()), held.mutual(0)),
    }[message]
    ledger.apply(raw)
    with pytest.raises(MayBeOnChain) as refused:
        judge(scheme, body)
    assert refused.value.spent_by_itself


def test_a_refund_that_another_transaction_came_before(
    scheme: ChannelScheme, ledger: Ledger
) -> None:
    held = held_channel(ledger)
    body = request(held.refund(0, 0), terms())
    ledger.apply(held.mutual(2_000_000))
    with pytest.raises(Refused) as refused:
        judge(scheme, body)
    assert refused.value.reason == "invalid_batch_settlement_cardano_channel_not_found"
    assert not isinstance(refused.value, MayBeOnChain)


def test_a_copy_of_a_channel_is_not_followed(scheme: ChannelScheme, ledger: Ledger) -> None:
    """Two outputs with one datum, of one transaction: which of them is the channel is not known."""
    held = held_channel(ledger)

    def edit(draft: Draft) -> None:
        draft.outputs.append(channel_output(held.datum, held.value))

    ledger.apply(held.top_up(5, edit))
    with pytest.raises(Refused) as refused:
        judge(scheme, request(held.promise(PRICE), terms()))
    assert refused.value.reason == "invalid_batch_settlement_cardano_channel_not_found"


def test_a_voucher_of_another_channel_with_the_same_tag(
    scheme: ChannelScheme, ledger: Ledger
) -> None:
    """Anybody can open a channel with any tag, to lead the search astray."""
    held = held_channel(ledger)
    theirs = held.datum.constants._replace(consumer=bytes(28), iou_key=bytes(32))
    fake = Datum(held.datum.own_hash, theirs, Opened(0))

    def edit(draft: Draft) -> None:
        draft.outputs.append(channel_output(fake, held.value))

    ledger.apply(held.top_up(5, edit))
    state = judge(scheme, request(held.promise(PRICE), terms())).extra
    assert state["channelId"] == held.tag.hex()


# --- Any message ----------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner),
    max_leaves=8,
)
LEDGER = Ledger()
CHANNEL = held_channel(LEDGER)
GOOD = [
    Opening().payload,
    CHANNEL.promise(PRICE),
    CHANNEL.deposit(5, PRICE),
    CHANNEL.refund(0, 0),
    Redemption([(CHANNEL, 2_000_000)]).payload,
]


def paths(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if not isinstance(value, dict | list):
        return [above]
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    return [above, *[path for name, each in inner for path in paths(each, (*above, name))]]


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[path[0]] = replaced(copied[path[0]], path[1:], by)
    return copied


@settings(max_examples=300)
@given(st.data())
def test_any_message_is_read_or_refused(data: st.DataObject) -> None:
    payload = data.draw(st.sampled_from(GOOD))
    path = data.draw(st.sampled_from(paths(payload)[1:]))
    changed = replaced(payload, path, data.draw(JSON))
    refusal = refusal_of(lambda: read_message(changed))
    if refusal is not None:
        assert str(refusal.reason).startswith("invalid_batch_settlement_cardano_")
        assert "\n" not in refusal.message


def refusal_of(call: Callable[[], object]) -> Refused | None:
    try:
        call()
    except Refused as refused:
        return refused
    return None


@settings(max_examples=150)
@given(st.data())
def test_any_transaction_is_judged(loaded: Settings, data: st.DataObject) -> None:
    """One byte of it is another: the message is refused, or it was not in what is signed."""
    payload = data.draw(st.sampled_from([GOOD[0], *GOOD[2:]]))
    path = ("deposit", "transaction") if "deposit" in payload else ("transaction",)
    text = payload["deposit"]["transaction"] if "deposit" in payload else payload["transaction"]
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("ABCZaz09+/"))
    changed = replaced(payload, path, text[:at] + other + text[at + 1 :])
    scheme = ChannelScheme(loaded, ManualClock(NOW), {NETWORK: LEDGER.chain}, VALIDATORS)
    is_claim = payload["type"] == "claim"
    agreed = {**terms(amount=0), "maxTimeoutSeconds": 0} if is_claim else terms()
    body = request(changed, agreed)
    if refusal_of(lambda: judge(scheme, body, settles=is_claim)) is None:
        assert changed == payload or is_witness(at, text)


def is_witness(at: int, text: str) -> bool:
    """Return True behind the body, whose bytes the signatures cover."""
    return at > len(text) // 3
