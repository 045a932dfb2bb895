"""Requests about channels with one fault each, and the reason that each is refused for."""

import base64
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import cbor2

from facilitator.cardano.transaction import OutputRef, Value
from facilitator.testing.payments import ALICE, BOB, MERCHANT
from facilitator_channels.datum import SPONSORED, Closed, Opened, Settled, Sponsor
from facilitator_channels.draft import MAX_IOU, REASON_PREFIX
from facilitator_channels.redeemers import Add, Close, Defer, Main, Mutual
from facilitator_devnet.encoding import output_map
from facilitator_devnet.wallet import Wallet
from support.channels import (
    ACCEPTS,
    ADDRESS,
    CONSUMER,
    FEE,
    PRICE,
    PROVIDER,
    SLOT,
    SPONSORING,
    STAKED,
    TOKEN,
    Draft,
    Edit,
    Held,
    Ledger,
    Opening,
    Redemption,
    ada_outputs,
    channel_output,
    datum,
    held_channel,
    request,
    reserve,
    terms,
    voucher,
    witness,
)

Make: TypeAlias = Callable[[Ledger], dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """A request that is refused."""

    name: str
    make: Make
    """Makes the request's body, and what it needs on the chain."""
    reason: str
    """Without the draft's prefix, where it is one of the draft's."""
    settles: bool = False
    """True for a request to /settle."""

    @property
    def full_reason(self) -> str:
        return self.reason if "exact_cardano" in self.reason else REASON_PREFIX + self.reason

    def __str__(self) -> str:
        return self.name


# --- Any message ----------------------------------------------------------------------------------


def put(found: dict[str, Any], path: str, value: Any) -> None:
    """Set a field, or take it out (``None``)."""
    *above, last = path.split(".")
    for name in above:
        found = found[name]
    if value is None:
        del found[last]
    else:
        found[last] = value


def said(path: str, value: Any, make: Callable[[Ledger], dict[str, Any]] | None = None) -> Make:
    """A request whose payload says something else there."""

    def changed(ledger: Ledger) -> dict[str, Any]:
        body = deepcopy(make(ledger) if make else Opening().body)
        put(body["paymentPayload"]["payload"], path, value)
        return body

    return changed


def asked(path: str, value: Any, *, echoed: bool = True) -> Make:
    """An opening under requirements that say something else there."""

    def changed(_: Ledger) -> dict[str, Any]:
        body = deepcopy(Opening().body)
        put(body["paymentPayload"]["accepted"], path, value)
        if echoed:
            body["paymentRequirements"] = body["paymentPayload"]["accepted"]
        return body

    return changed


def promised(ledger: Ledger) -> dict[str, Any]:
    return request(held_channel(ledger).promise(PRICE), terms())


def refunded(ledger: Ledger) -> dict[str, Any]:
    return request(held_channel(ledger).refund(0, 0), terms())


def claimed(ledger: Ledger) -> dict[str, Any]:
    return Redemption([(held_channel(ledger), 3_000_000)]).body


def malformed() -> Iterator[Case]:
    value: Any
    hexes = {"": None, "in capitals": "AB", "too short": "ab", "of a number": 7}
    fields = {
        "channelConfig.payer": 28,
        "channelConfig.payerAuthorizer": 32,
        "channelConfig.receiverAuthorizer": 28,
        "voucher.channelId": 32,
        "voucher.signature": 64,
    }
    for path, size in fields.items():
        for name, value in hexes.items():
            text = value * size if name == "in capitals" and isinstance(value, str) else value
            yield Case(f"{path} {name}", said(path, text), "payload")
    for value in (
        "",
        "1 ",
        "01",
        "-1",
        "+1",
        "1.0",
        "0x1",
        5,
        str(MAX_IOU + 1),
        "9" * 80,
        "\u0661",
    ):
        for path in ("voucher.maxClaimableAmount", "deposit.amount"):
            yield Case(f"{path} {value!r:.9}", said(path, value), "payload")
    yield Case("a deposit of nothing", said("deposit.amount", "0"), "payload")
    for value in ("", "A", "AA=", "AB==", "_-__", "A A=", 5, [], "A" * 22_000):
        at = f"a transaction {value!r:.9}"
        yield Case(at, said("deposit.transaction", value), "payload")
    for value in ("ab#0", f"{'AB' * 32}#0", f"{'ab' * 32}#01", f"{'ab' * 32}#65536", 5, ""):
        yield Case(f"a channelRef {value!r:.70}", said("voucher.channelRef", value), "payload")
    for path in ("channelConfig", "voucher", "deposit"):
        for value in (None, [], "x"):
            yield Case(f"{path} {value!r}", said(path, value), "payload")
    for path in ("channelConfig.receiver", "channelConfig.token"):
        yield Case(f"{path} of a number", said(path, 5), "payload")
    for value in (None, "900", 900.5, True, []):
        yield Case(f"a delay {value!r}", said("channelConfig.withdrawDelay", value), "payload")
    for value in (None, "open", 5, [], {}, "Deposit"):
        yield Case(f"a type {value!r}", said("type", value), "payload_type")


def said_of_others() -> Iterator[Case]:
    value: Any
    claims: Any
    yield Case("a voucher of nowhere", said("voucher.channelRef", None, promised), "payload")
    yield Case("a refund of nowhere", said("voucher.channelRef", None, refunded), "payload")
    yield Case("a refund of nothing", said("transaction", None, refunded), "payload")
    for value in ("xy", "ABCD", 5, "abc"):
        at = f"a providerWitness {value!r}"
        yield Case(at, said("providerWitness", value, refunded), "payload")
    for claims in (None, [], {}, [5], [{}], [{"channelId": "ab", "totalClaimed": "1"}]):
        yield Case(
            f"claims {claims!r:.50}", said("claims", claims, claimed), "payload", settles=True
        )
    without = [{"channelId": "ab" * 32, "totalClaimed": "-1"}]
    yield Case(
        "claims of less than nothing", said("claims", without, claimed), "payload", settles=True
    )
    yield Case(
        "a claim without a transaction",
        said("transaction", None, claimed),
        "claim_transaction",
        settles=True,
    )
    yield Case("a claim at /verify", claimed, "payload_type")
    yield Case("a voucher at /settle", promised, "payload_type", settles=True)


def terms_cases() -> Iterator[Case]:
    value: Any
    yield Case("another scheme accepted", asked("scheme", "exact", echoed=False), "scheme")
    elsewhere = asked("network", "cardano:preview", echoed=False)
    yield Case("another network accepted", elsewhere, "network_mismatch")
    yield Case("another amount accepted", asked("amount", "1001", echoed=False), "payload")
    for name in ("scriptHash", "receiverAuthorizer"):
        for value in (None, "AB" * 28, "ab" * 27, 5):
            yield Case(f"extra.{name} {value!r:.9}", asked(f"extra.{name}", value), "extra")
    yield Case("a script not served", asked("extra.scriptHash", "ab" * 28), "extra")
    for value in (None, "900", 900.0, True):
        yield Case(f"extra.withdrawDelay {value!r}", asked("extra.withdrawDelay", value), "extra")
    for value in (0, 899, 2_592_001, -900):
        at = f"a withdrawDelay of {value}"
        yield Case(at, asked("extra.withdrawDelay", value), "withdraw_delay_out_of_range")
    longer = asked("maxTimeoutSeconds", 901)
    yield Case("a delay below the timeout", longer, "withdraw_delay_out_of_range")
    for value in ("ab#0", 5, f"{'ab' * 32}#x"):
        yield Case(
            f"a referenceScript {value!r:.9}", asked("extra.referenceScript", value), "extra"
        )
    for value in ("-1", "x", 5):
        yield Case(f"a minDeposit {value!r}", asked("extra.minDeposit", value), "extra")
    yield Case(
        "a policy that is none",
        asked("extra.confirmationPolicy", {"l1Confirmations": 99}),
        "invalid_exact_cardano_requirements_policy",
    )
    yield Case("an amount of nothing", asked("amount", "0"), "invalid_exact_cardano_requirements")
    yield Case("no time", asked("maxTimeoutSeconds", 0), "invalid_exact_cardano_requirements")


def config_cases() -> Iterator[Case]:
    for path, value, reason in (
        ("receiver", ALICE.bech32, "receiver_mismatch"),
        ("receiverAuthorizer", CONSUMER.hex(), "receiver_authorizer_mismatch"),
        ("token", f"{'ab' * 28}.", "token_mismatch"),
        ("withdrawDelay", 901, "withdraw_delay_mismatch"),
    ):
        said_so = said(f"channelConfig.{path}", value)
        yield Case(f"another {path} than required", said_so, reason)
        there = said(f"channelConfig.{path}", value, promised)
        yield Case(f"another {path} in a voucher", there, reason)


# --- Openings -------------------------------------------------------------------------------------


def opened(**how: Any) -> Make:
    return lambda _: Opening(**how).body


def field(key: int, value: Any) -> Edit:
    return lambda draft: draft.fields.update({key: value})


def output_field(key: int, value: Any) -> Callable[[dict[int, Any]], None]:
    return lambda made: made.update({key: value})


STAKE = [0, ALICE.address[29:]]
EXTRAS: Mapping[str, Edit] = {
    "a certificate": field(4, cbor2.CBORTag(258, [[7, STAKE, 400_000]])),
    "a withdrawal": field(5, {ALICE.reward_address: 0}),
    "a mint": field(9, {ACCEPTS.hash: {b"x": 1}}),
    "votes": field(19, {(3, CONSUMER): {(bytes(32), 0): [1, None]}}),
    "a proposal": field(
        20, cbor2.CBORTag(258, [[10**11, ALICE.reward_address, [6], ["https://x", bytes(32)]]])
    ),
    "the treasury's value": field(21, 0),
    "a donation": field(22, 1),
    "a direct deposit": field(25, {ALICE.reward_address: 1}),
}
"""What a transaction of a channel must not have."""
MAINNET = bytes([0x61]) + CONSUMER


def _scripts_fail(draft: Draft) -> None:
    draft.is_valid = False


def _mainnet_output(draft: Draft) -> None:
    draft.outputs.append(output_map(MAINNET, Value(1_000_000, {})))


ANY_TRANSACTION: Mapping[str, tuple[Edit, str]] = {
    **{name: (edit, "") for name, edit in EXTRAS.items()},
    "scripts that fail": (_scripts_fail, ""),
    "an output elsewhere": (_mainnet_output, "network_mismatch"),
    "a body of elsewhere": (field(15, 1), "network_mismatch"),
}
"""Faults of any transaction, with their reason if it is not that of the transaction."""


def _twice(draft: Draft) -> None:
    first = draft.outputs[0]
    draft.outputs[0:1] = [{**first, 1: 2_500_000}, {**first, 1: 2_500_000}]


def _elsewhere(draft: Draft) -> None:
    draft.outputs[0][0] = ALICE.address


def _lookalike(draft: Draft) -> None:
    """Put a token of another name where the channel's own must be."""
    value = draft.outputs[0][1]
    ((policy, names),) = value[1].items()
    draft.outputs[0][1] = [value[0], {policy: {b"?" + name: n for name, n in names.items()}}]


def _with_token(draft: Draft) -> None:
    lovelace = draft.outputs[0][1]
    draft.outputs[0][1] = [lovelace, {TOKEN[:28]: {TOKEN[28:]: 5}}]


def _mainnet_script(draft: Draft) -> None:
    draft.outputs[0][0] = bytes([0x71]) + ACCEPTS.hash


def _poor(draft: Draft) -> None:
    """Leave one lovelace less than the reserve beside the token."""
    draft.outputs[0][1] = [reserve(TOKEN) - 1, draft.outputs[0][1][1]]
    draft.fee += 1


def opening_cases() -> Iterator[Case]:
    reason = "deposit_transaction"
    garbage = base64.b64encode(b"\x84").decode()
    yield Case("an opening of garbage", said("deposit.transaction", garbage), reason)
    for name, (edit, other) in ANY_TRANSACTION.items():
        yield Case(f"an opening with {name}", opened(edit=edit), other or reason)
    yield Case("a channel on mainnet", opened(edit=_mainnet_script), "network_mismatch")
    yield Case("an opening of no channel", opened(edit=_elsewhere), reason)
    yield Case("an opening of two", opened(edit=_twice), reason)
    script = cbor2.CBORTag(24, cbor2.dumps([3, ACCEPTS.body]))
    yield Case("a channel with a script", opened(edit_output=output_field(3, script)), reason)
    hashed = output_field(2, [0, bytes(32)])
    yield Case("a channel with a datum's hash", opened(edit_output=hashed), reason)
    yield Case("a channel without a datum", opened(edit_output=lambda made: made.pop(2)), reason)
    unreadable = output_field(2, [1, cbor2.CBORTag(24, b"\x80")])
    yield Case("a datum that is none", opened(edit_output=unreadable), reason)
    yield from datum_cases()
    yield Case("a channel of more than it says", said("deposit.amount", "4999999"), reason)
    yield Case("a channel of less than it says", said("deposit.amount", "5000001"), reason)
    yield Case("a further asset", opened(edit=_with_token), reason)
    of_token = {"asset": TOKEN, "amount": 5_000}
    yield Case("a lookalike asset", opened(**of_token, edit=_lookalike), reason)
    yield Case("less than the reserve", opened(**of_token, edit=_poor), reason)
    yield from chain_cases()


def datum_cases() -> Iterator[Case]:
    def of(name: str, reason: str, **changed: Any) -> Case:
        make = opened(
            edit_datum=lambda own: own._replace(constants=own.constants._replace(**changed))
        )
        return Case(f"a datum with another {name}", make, reason)

    own = opened(edit_datum=lambda held: held._replace(own_hash=bytes(28)))
    yield Case("a datum of another script", own, "channel_state")
    yield of("tag", "channel_id_mismatch", tag=bytes(32))
    yield of("currency", "token_mismatch", currency=TOKEN)
    yield of("IOU key", "channel_config", iou_key=bytes(32))
    yield of("consumer", "channel_config", consumer=PROVIDER)
    yield of("provider", "receiver_authorizer_mismatch", provider=CONSUMER)
    yield of("period", "withdraw_delay_mismatch", close_period=900)
    for stage in (Opened(1), Closed(0, 10**12), Settled()):
        make = opened(edit_datum=lambda held, stage=stage: held._replace(stage=stage))
        yield Case(f"an opening at {stage}", make, "deposit_transaction")


def _foreign_tag(ledger: Ledger) -> dict[str, Any]:  # noqa: ARG001
    """A channel with the tag of an output that its opening does not spend."""
    other = Opening(number=1)
    constants = datum(other.tag).constants
    opening = Opening(edit_datum=lambda own: own._replace(constants=constants))
    body = deepcopy(opening.body)
    body["paymentPayload"]["payload"]["voucher"] = voucher(other.tag, PRICE)
    return body


def _away(ledger: Ledger) -> dict[str, Any]:
    ledger.is_away = True
    return Opening().body


def _spent_input(ledger: Ledger) -> dict[str, Any]:
    ledger.spent[Opening().given[0]] = None
    del ledger.unspent[Opening().given[0]]
    return Opening().body


def _of_bob(draft: Draft) -> None:
    """Spend an output of BOB, who has not signed, as well."""
    ref, output = ada_outputs(BOB)[0]
    draft.inputs.append(ref)
    draft.outputs.append(output_map(BOB.address, output.value))


def _forged(ledger: Ledger) -> dict[str, Any]:  # noqa: ARG001
    body = deepcopy(Opening().body)
    deposit = body["paymentPayload"]["payload"]["deposit"]
    raw = bytearray(base64.b64decode(deposit["transaction"]))
    raw[-10] ^= 1
    deposit["transaction"] = base64.b64encode(raw).decode()
    return body


def _fee(draft: Draft) -> None:
    draft.fee = 100


def _unconserved(draft: Draft) -> None:
    draft.fee += 1


def _ended(draft: Draft) -> None:
    draft.ttl = SLOT


def _no_input(draft: Draft) -> None:
    draft.inputs.clear()


def _absurd_fee(draft: Draft) -> None:
    draft.fee = 2**63


def chain_cases() -> Iterator[Case]:
    reason = "deposit_transaction"
    yield Case(
        "a chain that is away",
        _away,
        "exact_cardano_facilitator_chain_lookup_failed",
        settles=True,
    )
    yield Case("a tag of no input", _foreign_tag, "channel_id_mismatch")
    yield Case("a spent input", _spent_input, reason)
    yield Case("an unsigned input", opened(edit=_of_bob), reason)
    yield Case("an unsigned opening", opened(edit=lambda draft: draft.signers.clear()), reason)
    yield Case("a forged signature", _forged, reason)
    yield Case("too small a fee", opened(edit=_fee), reason)
    yield Case("value that is not conserved", opened(edit=_unconserved), reason)
    yield Case("an opening that has ended", opened(edit=_ended), reason)
    yield Case("an opening of later", opened(edit=field(8, SLOT + 100)), reason)
    yield Case("a transaction without inputs", opened(edit=_no_input), reason)
    yield Case("a fee beyond all money", opened(edit=_absurd_fee), reason)
    exceeds = "cumulative_exceeds_balance"
    above = 5_000_000 - reserve(None) + 1
    yield Case("an opening's voucher above it", opened(voucher_amount=above), exceeds)
    above_token = opened(asset=TOKEN, amount=5_000, voucher_amount=5_001)
    yield Case("a token's voucher above it", above_token, exceeds)
    below = "cumulative_below_claimed"
    yield Case("an opening's voucher for nothing", opened(voucher_amount=0), below)
    yield Case("an opening's voucher below the price", opened(voucher_amount=PRICE - 1), below)
    signature = said("voucher.signature", "ab" * 64)
    yield Case("an opening's voucher forged", signature, "voucher_signature")


# --- Channels on the chain ------------------------------------------------------------------------


def of(
    message: Callable[[Held], Mapping[str, Any]],
    agreed: Mapping[str, Any] | None = None,
    **how: Any,
) -> Make:
    """A message about a channel that is there."""

    def make(ledger: Ledger) -> dict[str, Any]:
        held = held_channel(ledger, **how)
        return request(message(held), agreed or terms(held.asset))

    return make


def _promise(held: Held) -> Mapping[str, Any]:
    return held.promise(6_000)


def found_cases() -> Iterator[Case]:
    for name, how, reason in (
        ("another currency", {"currency": TOKEN}, "token_mismatch"),
        ("another IOU key", {"iou_key": bytes(32)}, "channel_config"),
        ("another consumer", {"consumer": PROVIDER}, "channel_config"),
        ("another provider", {"provider": CONSUMER}, "receiver_authorizer_mismatch"),
        ("another period", {"close_period": 1}, "withdraw_delay_mismatch"),
        ("the stage Closed", {"stage": Closed(0, 10**12)}, "channel_closed"),
        ("the stage Settled", {"stage": Settled()}, "channel_closed"),
    ):
        for message in (
            _promise,
            lambda held: held.deposit(9, 6_000),
            lambda held: held.refund(0, 0),
        ):
            make = of(message, terms(), **how)
            kind = {_promise: "voucher"}.get(message, "message")
            yield Case(f"a {kind} to a channel with {name}", make, reason)
    for name, changed, reason in (
        ("provider", {"receiverAuthorizer": CONSUMER.hex()}, "receiver_authorizer_mismatch"),
        ("period", {"withdrawDelay": 901}, "withdraw_delay_mismatch"),
    ):
        make = partial(_agreeing_with_itself, changed)
        yield Case(f"a channel of another {name}, as the client says", make, reason)
    yield Case("a channel with a sponsor", _sponsored, "channel_config")
    yield Case("a voucher of another tag", _another_tag, "channel_id_mismatch")
    yield Case("a voucher to a key's output", _key_output, "channel_not_found")
    yield Case("a voucher to a datum of another script", _another_own_hash, "channel_state")
    yield Case("a voucher to what is no channel", _no_channel, "channel_state")


def _agreeing_with_itself(changed: dict[str, Any], ledger: Ledger) -> dict[str, Any]:
    """The channel is as the client says, and not as the requirements say."""
    of_datum = (
        {"provider": CONSUMER} if "receiverAuthorizer" in changed else {"close_period": 901_000}
    )
    payload = held_channel(ledger, **of_datum).promise(6_000)
    return request({**payload, "channelConfig": {**payload["channelConfig"], **changed}}, terms())


def sponsored(ledger: Ledger, sponsor: Sponsor | None) -> dict[str, Any]:
    """A voucher for a channel at the validator that knows sponsors."""
    held = held_channel(ledger)
    own = held.datum._replace(own_hash=SPONSORING.script_hash)
    own = own._replace(constants=own.constants._replace(sponsor=sponsor))
    at = b"\x70" + SPONSORING.script_hash
    ledger.put(channel_output(own, held.value, at, SPONSORED), held.ref)
    return request(held.promise(6_000), terms(scriptHash=SPONSORING.script_hash.hex()))


def _sponsored(ledger: Ledger) -> dict[str, Any]:
    return sponsored(ledger, Sponsor(b"\xd8\x79\x80", 2_000_000))


def _another_tag(ledger: Ledger) -> dict[str, Any]:
    held = held_channel(ledger)
    payload = held.promise(6_000)
    return request({**payload, "voucher": voucher(bytes(32), 6_000, held.ref)}, terms())


def _key_output(ledger: Ledger) -> dict[str, Any]:
    held = held_channel(ledger)
    ledger.put(output_map(ALICE.address, held.value), held.ref)
    return request(held.promise(6_000), terms())


def _another_own_hash(ledger: Ledger) -> dict[str, Any]:
    held = held_channel(ledger)
    own = held.datum._replace(own_hash=bytes(28))
    ledger.put(channel_output(own, held.value), held.ref)
    return request(held.promise(6_000), terms())


def _no_channel(ledger: Ledger) -> dict[str, Any]:
    held = held_channel(ledger)
    ledger.put(output_map(ADDRESS, held.value), held.ref)
    return request(held.promise(6_000), terms())


def _promises(amount: int, ledger: Ledger) -> dict[str, Any]:
    return request(held_channel(ledger, stage=Opened(5_000)).promise(amount), terms())


def voucher_cases() -> Iterator[Case]:
    capacity = 10_000_000 - reserve(None) + 5_000
    for name, amount, reason in (
        ("above the capacity", capacity + 1, "cumulative_exceeds_balance"),
        ("of what was redeemed", 5_000, "cumulative_below_claimed"),
        ("of less than the price", 5_000 + PRICE - 1, "cumulative_below_claimed"),
    ):
        promise = partial(_promises, amount)
        yield Case(f"a voucher {name}", promise, reason)
    beyond = of(lambda held: held.promise(6_000), stage=Opened(10**5000))
    yield Case(
        "a voucher where more was redeemed than text shows", beyond, "cumulative_below_claimed"
    )
    forged = said("voucher.signature", "ab" * 64, promised)
    yield Case("a forged voucher", forged, "voucher_signature")
    other = said("voucher.maxClaimableAmount", str(PRICE + 1), promised)
    yield Case("a voucher of another amount than signed", other, "voucher_signature")


# --- Top-ups --------------------------------------------------------------------------------------


def added(edit: Edit, voucher_amount: int = 6_000, **how: Any) -> Make:
    return of(lambda held: held.deposit(3_000_000, voucher_amount, edit=edit), **how)


def redeemed_by(redeemer: Any) -> Edit:
    def edit(draft: Draft) -> None:
        draft.redeemers[draft.inputs[0]] = redeemer

    return edit


def _two_channels(draft: Draft) -> None:
    draft.redeemers[draft.inputs[1]] = Defer()


def _moved(draft: Draft) -> None:
    draft.outputs[0][0] = STAKED


def _other_datum(draft: Draft) -> None:
    other = datum(bytes([1]) * 32, stage=Opened(6_000))
    draft.outputs[0][2] = channel_output(other, Value(0, {}))[2]


def _mint_redeemer(draft: Draft) -> None:
    draft.mint_redeemer = True


def _passed_by(ledger: Ledger) -> dict[str, Any]:
    """A top-up whose channel has moved on without it."""
    held = held_channel(ledger)
    payload = held.deposit(3_000_000, 6_000)
    ledger.apply(held.top_up(5, fuel=2))
    return request(payload, terms())


def top_up_cases() -> Iterator[Case]:
    reason = "deposit_transaction"
    for name, (edit, other) in ANY_TRANSACTION.items():
        yield Case(f"a top-up with {name}", added(edit), other or reason)
    for redeemer in (Mutual(), Main((Close(),)), Main((Add(), Add())), Main(()), b"\x80"):
        yield Case(f"a top-up by {redeemer!r}", added(redeemed_by(redeemer)), reason)
    yield Case("a top-up with a redeemer of a mint", added(_mint_redeemer), reason)
    yield Case("a top-up that moves", added(_moved), reason)
    yield Case("a top-up of another stage", added(_other_datum), reason)
    yield Case("a top-up to nowhere", added(_elsewhere), reason)
    yield Case("a top-up to two", added(_split), reason)
    less = of(lambda held: _says(held.deposit(3_000_000, 6_000), "2999999"))
    yield Case("a top-up of more than it says", less, reason)
    yield Case("a top-up with a further asset", added(_with_token), reason)
    yield Case("a top-up below the reserve", of(_poorer, asset=TOKEN), reason)
    yield Case("a top-up that the consumer has not signed", added(_signed_by_bob), reason)
    yield Case("a top-up of a channel that moved on", _passed_by, reason)
    yield Case("a top-up that pays too little", added(_fee), reason)
    above = 13_000_000 - reserve(None) + 1
    exceeds = "cumulative_exceeds_balance"
    yield Case("a top-up's voucher above it", added(lambda _: None, above), exceeds)
    below = added(lambda _: None, PRICE - 1)
    yield Case("a top-up's voucher below the price", below, "cumulative_below_claimed")


def _split(draft: Draft) -> None:
    first = draft.outputs[0]
    draft.outputs[0:1] = [{**first, 1: first[1] - 2_000_000}, {**first, 1: 2_000_000}]


def _says(payload: dict[str, Any], amount: str) -> dict[str, Any]:
    return {**payload, "deposit": {**payload["deposit"], "amount": amount}}


def _poorer(held: Held) -> Mapping[str, Any]:
    return held.deposit(3, 1_000, edit=_poor)


def _signed_by_bob(draft: Draft) -> None:
    """Have BOB pay for it: no input and no signer is ALICE's."""
    ref, output = ada_outputs(BOB)[0]
    draft.inputs[1], draft.collateral, draft.required = ref, [ref], []
    draft.outputs[1] = output_map(BOB.address, Value(output.value.lovelace - 3_000_000 - FEE, {}))
    draft.signers = [BOB]


# --- Refunds --------------------------------------------------------------------------------------

OWED = 2_000_000


def ended(edit: Edit, owed: int = OWED, charged: int = OWED, **how: Any) -> Make:
    return of(lambda held: held.refund(charged, owed, edit), **how)


def _spends_more(draft: Draft) -> None:
    ref, output = ada_outputs(ALICE)[0]
    draft.inputs.append(ref)
    draft.outputs.append(output_map(ALICE.address, output.value))


def _spends_other(draft: Draft) -> None:
    ref, output = ada_outputs(ALICE)[0]
    draft.inputs, draft.redeemers = [ref], {}
    draft.outputs = [output_map(ALICE.address, output.value)]


def _stays(draft: Draft) -> None:
    draft.outputs[-1][0] = ADDRESS


def _third_signer(draft: Draft) -> None:
    draft.required.append(BOB.address[1:29])
    draft.signers.append(BOB)


def _consumer_alone(draft: Draft) -> None:
    draft.required.remove(PROVIDER)


def _of_the_provider(draft: Draft) -> None:
    draft.collateral = [ada_outputs(MERCHANT)[0][0]]


def _of_bobs(draft: Draft) -> None:
    draft.collateral = [ada_outputs(BOB)[0][0]]


def _nobody(draft: Draft) -> None:
    draft.signers.clear()


def _to_alice(draft: Draft) -> None:
    draft.outputs[0][0] = ALICE.address


def _staked_elsewhere(draft: Draft) -> None:
    draft.outputs[0][0] = MERCHANT.enterprise_address


def refund_cases() -> Iterator[Case]:
    reason = "refund_transaction"
    for name, (edit, other) in ANY_TRANSACTION.items():
        yield Case(f"a refund with {name}", ended(edit), other or reason)
    for name, edit in {
        "spends more": _spends_more,
        "spends something else": _spends_other,
        "leaves the channel there": _stays,
        "a third must sign": _third_signer,
        "the provider need not sign": _consumer_alone,
        "has the provider's collateral": _of_the_provider,
        "has a stranger's collateral": _of_bobs,
        "the consumer has not signed": _nobody,
        "pays the consumer alone": _to_alice,
        "pays payTo without its stake part": _staked_elsewhere,
        "pays too small a fee": _fee,
        "has ended": _ended,
    }.items():
        yield Case(f"a refund that {name}", ended(edit), reason)
    for redeemer in (Main((Close(),)), Defer(), b"\x80"):
        yield Case(f"a refund by {redeemer!r}", ended(redeemed_by(redeemer)), reason)
    yield Case("a refund of too little", ended(lambda _: None, OWED - 1), reason)
    unpaid = ended(lambda _: None, 0, 1, asset=TOKEN)
    yield Case("a refund that owes a token", unpaid, reason)
    less = ended(lambda _: None, 0, 4_999, stage=Opened(5_000))
    yield Case("a refund below what was redeemed", less, "cumulative_below_claimed")
    above = ended(lambda _: None, 0, 10_000_000)
    yield Case("a refund above the capacity", above, "cumulative_exceeds_balance")
    forged = said("voucher.signature", "ab" * 64, refunded)
    yield Case("a refund's voucher forged", forged, "voucher_signature")


def signed_by(*wallets: Wallet, spoiled: bool = False) -> Make:
    """A refund at /settle, with these signatures as those of the provider."""

    def make(ledger: Ledger) -> dict[str, Any]:
        held = held_channel(ledger)
        payload = held.refund(0, 0)
        added = witness(held.mutual(0), *wallets)
        if spoiled:
            added = added[:-2] + ("00" if added[-2:] != "00" else "01")
        return request({**payload, "providerWitness": added}, terms())

    return make


def settled_refund_cases() -> Iterator[Case]:
    reason = "refund_transaction"
    yield Case("a refund that the provider has not signed", refunded, reason, settles=True)
    for name, make in {
        "signed by another": signed_by(BOB),
        "signed by another as well": signed_by(MERCHANT, BOB),
        "signed by nobody": signed_by(),
        "signed wrongly": signed_by(MERCHANT, spoiled=True),
        "with a witness of garbage": said("providerWitness", "80", refunded),
    }.items():
        yield Case(f"a refund {name}", make, reason, settles=True)


# --- Claims ---------------------------------------------------------------------------------------


def taken(edit: Edit = lambda _: None, **how: Any) -> Make:
    return lambda ledger: Redemption([(held_channel(ledger, **how), 3_000_000)], edit).body


def two(edit: Edit, **second: Any) -> Make:
    def make(ledger: Ledger) -> dict[str, Any]:
        first = held_channel(ledger)
        other = held_channel(ledger, number=1, **second)
        return Redemption([(first, 3_000_000), (other, 4_000_000)], edit).body

    return make


def claims(change: Callable[[list[dict[str, str]]], object]) -> Make:
    def make(ledger: Ledger) -> dict[str, Any]:
        body = deepcopy(two(lambda _: None)(ledger))
        change(body["paymentPayload"]["payload"]["claims"])
        return body

    return make


def _second_mutual(draft: Draft) -> None:
    draft.redeemers[draft.inputs[1]] = Mutual()


def _swapped(draft: Draft) -> None:
    draft.outputs[0], draft.outputs[1] = draft.outputs[1], draft.outputs[0]


def _joined(draft: Draft) -> None:
    second = draft.outputs.pop(1)
    draft.outputs[0][1] += second[1]


def _consumer_step(draft: Draft) -> None:
    first = draft.inputs[0]
    main = draft.redeemers[first]
    assert isinstance(main, Main)
    draft.redeemers[first] = Main((main.steps[0], Close()))


def _further_channel(draft: Draft) -> None:
    draft.outputs.append(channel_output(datum(bytes(32)), Value(2_000_000, {})))
    draft.outputs[-2][1] -= 2_000_000


def _no_channels(draft: Draft) -> None:
    _, output = ada_outputs(MERCHANT)[0]
    draft.inputs, draft.redeemers = draft.inputs[-1:], {}
    draft.outputs = [output_map(MERCHANT.address, Value(output.value.lovelace - FEE, {}))]
    draft.collateral = []


def _closes(draft: Draft) -> None:
    draft.redeemers[draft.inputs[0]] = Main((Close(),))


def _reopens(draft: Draft) -> None:
    """Leave a closed channel open after its settlement."""
    own = datum(bytes([1]) * 32, stage=Opened(3_000_000))
    draft.outputs[0][2] = channel_output(own, Value(0, {}))[2]


def _same_tag(ledger: Ledger) -> dict[str, Any]:
    first = held_channel(ledger)
    twin = Held(OutputRef(first.ref.transaction_id, 7), first.datum, first.value)
    ledger.put(twin.output, twin.ref)
    body = Redemption([(first, 3_000_000), (twin, 3_000_000)]).body
    del body["paymentPayload"]["payload"]["claims"][1]
    return body


def claim_cases() -> Iterator[Case]:
    reason = "claim_transaction"

    def case(name: str, make: Make, other: str = reason) -> Case:
        return Case(name, make, other, settles=True)

    for name, (edit, other) in ANY_TRANSACTION.items():
        yield case(f"a claim with {name}", taken(edit), other or reason)
    garbage = base64.b64encode(b"\x84").decode()
    yield case("a claim of garbage", said("transaction", garbage, claimed))
    yield case("a claim by Mutual", taken(redeemed_by(Mutual())))
    yield case("a claim by Defer", taken(redeemed_by(Defer())))
    yield case("a claim by what is no redeemer", taken(redeemed_by(b"\x80")))
    yield case("a claim with one Mutual", two(_second_mutual))
    yield case("a claim of the consumer's step", two(_consumer_step))
    yield case("a claim that closes", taken(_closes))
    yield case("a claim that swaps channels", two(_swapped))
    yield case("a claim that joins channels", two(_joined))
    yield case("a claim that opens another channel", taken(_further_channel))
    yield case("a claim that moves its channel", taken(_moved))
    yield case("a claim of no channel", taken(_no_channels))
    yield case("a claim that opens what was closed", taken(_reopens, stage=Closed(0, 10**12)))
    yield case("a claim of two channels with one id", _same_tag)
    yield case("a claim that nobody signed", taken(_nobody))
    yield case("a claim that pays too small a fee", taken(_fee))
    yield case("claims without a channel", claims(lambda all_of: all_of.pop()))
    yield case("claims with a channel more", claims(_one_more))
    yield case("claims with a channel twice", claims(lambda all_of: all_of.append(all_of[0])))
    yield case("claims of another total", claims(_other_total))
    yield case("claims of more than fit", claims(_too_many))


def _other_total(all_of: list[dict[str, str]]) -> None:
    all_of[0]["totalClaimed"] = "1"


def _one_more(all_of: list[dict[str, str]]) -> None:
    all_of.append({"channelId": "ab" * 32, "totalClaimed": "1"})


def _too_many(all_of: list[dict[str, str]]) -> None:
    all_of += [{"channelId": f"{at:064x}", "totalClaimed": str(MAX_IOU)} for at in range(100)]


CASES = [
    *malformed(),
    *said_of_others(),
    *terms_cases(),
    *config_cases(),
    *opening_cases(),
    *found_cases(),
    *voucher_cases(),
    *top_up_cases(),
    *refund_cases(),
    *settled_refund_cases(),
    *claim_cases(),
]
