"""The table of checks: a verdict and the report of ``/inspect`` both walk all of it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import pytest

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.slots import KNOWN_ERAS, EraSummary
from facilitator.cardano.transaction import Output, OutputRef, Transaction
from facilitator.exact import checks
from facilitator.exact.checks import CHECKS, CheckContext, PaymentCheck, Phase
from facilitator.exact.methods import DefaultTransfer
from facilitator.exact.payment import Payment
from facilitator.exact.verification import Verifier
from facilitator.inspection.report import Inspector
from facilitator.roles.chain import OutputStatus, Spent, Unspent
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.payment import Terms
from facilitator.roles.refused import Refused
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE, MERCHANT, genesis_utxos, request_body, requirements
from facilitator.testing.running import NETWORK
from facilitator.x402.messages import PaymentRequest, parse_payment_request
from facilitator.x402.reasons import Reason
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import pay

NOW = 1_800_000_000.0
DECODING = ["terms", "transaction is base64", "nonce is well-formed", "transaction decodes"]
UNSPENT = "nonce is unspent"


class Chain:
    """A chain with the outputs of ALICE at genesis."""

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        held = genesis_utxos(ALICE)
        return {ref: Unspent(held[ref]) if ref in held else Spent() for ref in refs}

    def parameters(self) -> ProtocolParameters:
        return PARAMETERS

    def eras(self) -> EraSummary:
        return KNOWN_ERAS[NETWORK]


class LedgerTransfer(DefaultTransfer):
    """A transfer method with every optional check."""

    def check_ledger(
        self,
        terms: Terms,
        transaction: Transaction,
        parameters: ProtocolParameters,
        eras: EraSummary,
    ) -> None:
        assert (terms.network.id, transaction.is_valid) == (NETWORK, True)
        assert (parameters, eras) == (PARAMETERS, KNOWN_ERAS[NETWORK])

    def check_payer(self, terms: Terms, transaction: Transaction, nonce: Output) -> None:
        assert (terms.network.id, transaction.is_valid) == (NETWORK, True)
        assert nonce in genesis_utxos(ALICE).values()

    def check_chain(self, terms: Terms, transaction: Transaction) -> None:
        assert (terms.network.id, transaction.is_valid) == (NETWORK, True)


def payment_request() -> PaymentRequest:
    ttl = KNOWN_ERAS[NETWORK].slot_at(int(NOW * 1000)) + 300
    raw = pay(
        ALICE, genesis_utxos(ALICE), MERCHANT.address, 2_000_000, parameters=PARAMETERS, ttl=ttl
    )
    return parse_payment_request(request_body(raw, requirements()))


def verdict(method: DefaultTransfer) -> str:
    verifier = Verifier({NETWORK: Chain()}, {"default": method}, ManualClock(NOW))
    payment = verifier.parse(payment_request())
    verifier.check_static(payment)
    return verifier.check_ledger(payment).payer


def rows(method: DefaultTransfer) -> dict[str, Any]:
    """The rows of the scheme in the report, by name and in order."""
    chain: Any = Chain()
    inspector = Inspector({NETWORK: chain}, {"default": method}, ManualClock(NOW))
    report = inspector.payment(payment_request())
    return {row["name"]: row for row in report["checks"] if row["scope"] == "scheme"}


def spied(check: PaymentCheck, calls: list[str]) -> PaymentCheck:
    def run(payment: Payment, context: CheckContext) -> None:
        calls.append(check.name)
        check.run(payment, context)

    return check._replace(run=run)


def use_table(monkeypatch: pytest.MonkeyPatch, table: tuple[PaymentCheck, ...]) -> None:
    monkeypatch.setattr(checks, "CHECKS", table)


@pytest.mark.parametrize("method", [DefaultTransfer(), LedgerTransfer()], ids=["plain", "ledger"])
def test_every_check_runs_in_a_verdict_and_has_a_row(
    monkeypatch: pytest.MonkeyPatch, method: DefaultTransfer
) -> None:
    calls: list[str] = []
    use_table(monkeypatch, tuple(spied(check, calls) for check in CHECKS))
    concerned = [c for c in CHECKS if isinstance(method, LedgerTransfer) or c.part is None]
    assert verdict(method) == ALICE.bech32
    assert calls == [check.name for check in sorted(concerned, key=lambda check: check.phase)]
    report = rows(method)
    assert list(report) == [*DECODING, *(check.name for check in concerned), UNSPENT]
    assert {row["result"] for row in report.values()} == {"pass"}


@pytest.mark.parametrize("place", [0, len(CHECKS)], ids=["first", "last"])
@pytest.mark.parametrize("phase", Phase)
def test_a_check_that_is_added_shows_up_in_both(
    monkeypatch: pytest.MonkeyPatch, phase: Phase, place: int
) -> None:
    def refuse(_payment: Payment, _context: CheckContext) -> None:
        raise Refused("added_reason", "it is refused")

    added = PaymentCheck("added", phase, refuse)
    use_table(monkeypatch, (*CHECKS[:place], added, *CHECKS[place:]))
    with pytest.raises(Refused) as refused:
        verdict(DefaultTransfer())
    assert refused.value.reason == "added_reason"
    row = rows(DefaultTransfer())["added"]
    assert (row["rule"], row["result"]) == ("added_reason", "fail")


@pytest.mark.parametrize("name", [check.name for check in CHECKS])
def test_a_check_that_refuses_decides_the_verdict_and_its_own_row(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def refuse(_payment: Payment, _context: CheckContext) -> None:
        raise Refused("changed_reason", f"{name} is refused")

    table = [check._replace(run=refuse) if check.name == name else check for check in CHECKS]
    use_table(monkeypatch, tuple(table))
    with pytest.raises(Refused, match=f"{name} is refused"):
        verdict(LedgerTransfer())
    failed = [row for row in rows(LedgerTransfer()).values() if row["result"] == "fail"]
    assert [(row["name"], row["rule"]) for row in failed] == [(name, "changed_reason")]


def test_without_readable_terms_the_checks_of_every_method_are_not_judged() -> None:
    chain: Any = Chain()
    inspector = Inspector({NETWORK: chain}, {"default": LedgerTransfer()}, ManualClock(NOW))
    request = payment_request()
    request = replace(request, requirements=replace(request.requirements, amount="x"))
    report = inspector.payment(request)
    open_rows = [row["name"] for row in report["checks"] if row["result"] == "not judged"]
    assert open_rows == [*(check.name for check in CHECKS if check.part is None), UNSPENT]


def test_names_are_distinct() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def raising(error: Exception) -> Callable[..., None]:
    def call(*_: object) -> None:
        raise error

    return call


def test_what_is_not_known_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LedgerTransfer, "check_chain", raising(ChainUnavailable("no answer")))
    with pytest.raises(Refused, match="no answer") as refused:
        verdict(LedgerTransfer())
    assert refused.value.reason is Reason.CHAIN_LOOKUP_FAILED
    row = rows(LedgerTransfer())["holds on the chain"]
    assert (row["result"], row["detail"]) == ("not judged", "needs the chain: no answer")


def test_it_is_asked_after_everything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LedgerTransfer, "check_payer", raising(Refused("another", "it is another")))
    monkeypatch.setattr(LedgerTransfer, "check_chain", raising(AssertionError("it was asked")))
    with pytest.raises(Refused, match="it is another"):
        verdict(LedgerTransfer())


def test_offline_it_is_not_asked() -> None:
    inspector = Inspector({NETWORK: None}, {"default": LedgerTransfer()}, ManualClock(NOW))
    report = inspector.payment(payment_request())
    (row,) = [row for row in report["checks"] if row["name"] == "holds on the chain"]
    assert (row["result"], row["detail"]) == ("not judged", "needs the chain")
