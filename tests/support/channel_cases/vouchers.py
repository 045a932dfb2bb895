"""Faults of channels on the chain, and of vouchers."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from facilitator.cardano.transaction import OutputRef
from facilitator.testing.payments import ALICE
from facilitator_channels.datum import SPONSORED, Closed, Opened, Settled, Sponsor
from facilitator_devnet.encoding import output_map
from support.channel_cases.case import Case, Make, promised, said
from support.channel_drafts import channel_output, reserve
from support.channel_ledger import Ledger
from support.channel_parties import Held, held_channel
from support.channels import (
    ADDRESS,
    CONSUMER,
    PRICE,
    PROVIDER,
    SPONSORING,
    TOKEN,
    request,
    terms,
    voucher,
)


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


def promise_6000(held: Held) -> Mapping[str, Any]:
    return held.promise(6_000)


def _behind(message: Callable[[Held], dict[str, Any]], ledger: Ledger) -> dict[str, Any]:
    """The transaction spends a newer output of the channel, which the index does not have yet."""
    held = held_channel(ledger)
    payload = message(Held(OutputRef(bytes(32), 0), held.datum, held.value))
    payload["voucher"]["channelRef"] = str(held.ref)
    return request(payload, terms())


def found_cases() -> Iterator[Case]:
    no_verdict = "exact_cardano_facilitator_chain_lookup_failed"
    adds = partial(_behind, lambda held: held.deposit(5, PRICE))
    yield Case("a top-up that the index is behind", adds, no_verdict)
    ends = partial(_behind, lambda held: held.refund(0, 0))
    yield Case("a refund that the index is behind", ends, no_verdict)
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
            promise_6000,
            lambda held: held.deposit(9, 6_000),
            lambda held: held.refund(0, 0),
        ):
            make = of(message, terms(), **how)
            kind = {promise_6000: "voucher"}.get(message, "message")
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
