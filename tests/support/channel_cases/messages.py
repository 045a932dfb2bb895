"""Faults of messages, requirements and configurations."""

from collections.abc import Iterator
from typing import Any

from facilitator.testing.payments import ALICE
from facilitator_channels.draft import MAX_IOU
from support.channel_cases.case import Case, asked, claimed, promised, refunded, said
from support.channels import CONSUMER


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
