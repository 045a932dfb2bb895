"""The contracts of the smaller roles catch what is planted, and pass what is right."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from facilitator.api.rate_limiters import MovingWindows, WindowRateLimiter
from facilitator.cardano.addresses.address import parse_address
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import Output, Value
from facilitator.exact.methods import DefaultTransfer
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.metrics import Metric
from facilitator.roles.payment import Terms
from facilitator.roles.rate_limit import RateDecision, Window, decide
from facilitator.roles.refused import Refused
from facilitator.roles.scheme import UniqueTerms
from facilitator.roles.wallet import Signature
from facilitator.settings import RateLimitSettings
from facilitator.testing.clock import ManualClock
from facilitator.testing.error_reporter import ErrorReporterContract
from facilitator.testing.meter import MeterContract
from facilitator.testing.rate_limiter import RateLimiterContract
from facilitator.testing.transfer_method import Paid, TransferMethodContract
from facilitator.testing.wallet import WalletContract
from facilitator.x402.messages import Requirements
from facilitator.x402.networks import cardano_network
from facilitator.x402.reasons import Reason
from facilitator_devnet.genesis import PARAMETERS, genesis_outputs, wallets
from facilitator_devnet.wallet import Wallet, pay
from support.contracts import failures

pytestmark = pytest.mark.once

NETWORK = "cardano:preprod"
ALICE, BOB, _, MERCHANT = wallets(NETWORK).values()

# --- Rate limiters ----------------------------------------------------------------------------


class Looks:
    """A limiter that looks and counts afterwards, and counts what it refuses."""

    def __init__(self, limits: RateLimitSettings, clock: ManualClock) -> None:
        self._limits, self._clock = limits, clock
        self._hits: dict[str, list[float]] = {}

    def hit(self, client: str, *, sensitive: bool) -> RateDecision:
        limit = self._limits.sensitive_per_minute if sensitive else self._limits.global_per_minute
        now = self._clock.time()
        hits = [each for each in self._hits.get(client, []) if each > now - 60]
        self._hits[client] = [*hits, now]
        return decide([Window(limit, len(hits), 60.0)], allowed=len(hits) < limit)

    def close(self) -> None: ...


def limiters(make: Callable[[RateLimitSettings, ManualClock], Any]) -> set[str]:
    return failures(RateLimiterContract, {"make": lambda: make})


def test_a_limiter_that_is_not_atomic_is_caught() -> None:
    assert "test_many_threads_get_no_more_than_one_would" in limiters(Looks)


def test_a_limiter_that_is_right_is_not_caught() -> None:
    found = limiters(lambda limits, clock: WindowRateLimiter(
        MovingWindows(clock.time), limits, clock.time
    ))  # fmt: skip
    assert found == set()


# --- Error reporters --------------------------------------------------------------------------


class Keeps:
    """A reporter that keeps what it gets."""

    def __init__(self, text: Callable[[BaseException], str] = repr) -> None:
        self.kept: list[str] = []
        self._text = text

    def report(self, error: BaseException, context: Mapping[str, str]) -> None:
        self.kept.append(f"{self._text(error)} {dict(context)}")

    def flush(self, timeout: float) -> None: ...


class NeedsRequest(Keeps):
    def report(self, error: BaseException, context: Mapping[str, str]) -> None:
        super().report(error, {"requestId": context["requestId"]})


class WithoutFlush:
    report = Keeps.report


def encoded(error: BaseException) -> str:
    return f"{' '.join(map(str, error.args)).encode()!r}"


REPORTERS: Mapping[str, tuple[Callable[[], Any], str]] = {
    "text": (lambda: Keeps(str), "test_every_error_is_taken"),
    "context": (NeedsRequest, "test_every_error_is_taken"),
    "bytes": (
        lambda: Keeps(encoded),
        "test_every_error_is_taken",
    ),
    "flush": (WithoutFlush, "test_the_start_takes_the_reporter"),
}


@pytest.mark.parametrize("name", REPORTERS)
def test_a_reporter_that_raises_is_caught(name: str) -> None:
    make, test = REPORTERS[name]
    assert test in failures(ErrorReporterContract, {"reporter": make})


@pytest.mark.parametrize("forgets", [False, True])
def test_a_reporter_that_loses_reports_is_caught(forgets: bool) -> None:
    reporter = Keeps()

    def reported() -> Callable[[], str]:
        return lambda: "" if forgets else f"{reporter.kept}"

    found = failures(ErrorReporterContract, {"reporter": lambda: reporter, "reported": reported})
    assert found == ({"test_what_is_reported_arrives"} if forgets else set())


# --- Meters -----------------------------------------------------------------------------------


class Sums:
    """A meter that adds up without a lock."""

    def __init__(self, *, checks: bool = True) -> None:
        self.sums: dict[Any, float] = {}
        self.reads: dict[Any, Callable[[], float]] = {}
        self._checks = checks

    def count(self, metric: Metric, amount: float = 1, /, **labels: str) -> None:
        self._add(metric, labels, amount)

    def observe(self, metric: Metric, value: float, /, **labels: str) -> None:  # noqa: ARG002
        self._add(metric, labels, 1)

    def gauge(self, metric: Metric, read: Callable[[], float], /, **labels: str) -> None:
        self.reads[self._key(metric, labels)] = read

    def _add(self, metric: Metric, labels: Mapping[str, str], amount: float) -> None:
        key = self._key(metric, labels)
        before = self.sums.get(key, 0)
        self.sums[key] = before + amount

    def _key(self, metric: Metric, labels: Mapping[str, str]) -> Any:
        if self._checks and {*labels} != {*metric.labels}:
            raise ValueError("labels")
        return metric.name, *sorted(labels.items())


def shown(meter: Sums) -> Callable[..., float | None]:
    def read(name: str, **labels: str) -> float | None:
        key = (name, *sorted(labels.items()))
        return meter.reads[key]() if key in meter.reads else meter.sums.get(key)

    return read


def test_a_meter_that_loses_counts_is_caught() -> None:
    meters: list[Sums] = []

    def make() -> Sums:
        meters.append(Sums())
        return meters[-1]

    found = failures(MeterContract, {"meter": make, "shown": lambda: shown(meters[-1])})
    assert found == {"test_many_threads_count_at_once"}


def test_a_meter_that_takes_any_label_is_caught() -> None:
    found = failures(MeterContract, {"meter": lambda: Sums(checks=False)})
    assert found == {"test_labels_are_those_of_the_metric"}


class NamedArguments(Sums):
    def count(self, metric: Metric, amount: float = 1, **labels: str) -> None:  # type: ignore[override]
        super().count(metric, amount, **labels)


def test_a_meter_whose_arguments_are_named_is_caught() -> None:
    found = failures(MeterContract, {"meter": NamedArguments})
    assert found == {"test_labels_may_have_any_name_and_value"}


# --- Wallets ----------------------------------------------------------------------------------


class Signs:
    """A wallet of one key and an address."""

    def __init__(self, address: bytes, signer: Wallet, change: Callable[[bytes], bytes]) -> None:
        self.address = address
        self._signer, self._change = signer, change

    def sign(self, transaction_id: bytes) -> Signature:
        return Signature(*self._signer.sign(self._change(transaction_id)))


WALLETS = {
    "another's address": Signs(BOB.address, ALICE, bytes),
    "a script's address": Signs(b"\x70" + ALICE.address[1:29], ALICE, bytes),
    "a reward address": Signs(b"\xe0" + ALICE.address[1:29], ALICE, bytes),
    "another hash": Signs(ALICE.address, ALICE, bytes.hex),  # type: ignore[arg-type]
    "signs the half": Signs(ALICE.address, ALICE, lambda signed: signed[:16]),
}


@pytest.mark.parametrize("name", WALLETS)
def test_a_wallet_that_is_not_right_is_caught(name: str) -> None:
    assert failures(WalletContract, {"wallet": lambda: WALLETS[name]})


def test_a_wallet_that_is_right_is_not_caught() -> None:
    assert failures(WalletContract, {"wallet": lambda: ALICE}) == set()


# --- Transfer methods -------------------------------------------------------------------------


def paid() -> Paid:
    """A payment of two ada, and terms with something in ``extra``."""
    pay_to = MERCHANT.bech32
    extra = {"assetTransferMethod": "toy", "memo": {"lines": ["a"]}}
    requirements = Requirements("exact", NETWORK, "2000000", "lovelace", pay_to, 600, extra)
    terms = Terms(
        cardano_network(NETWORK),
        None,
        2_000_000,
        parse_address(pay_to),
        600,
        1,
        "toy",
        requirements,
    )
    ref, output = next(
        each for each in genesis_outputs(NETWORK) if each[1].address == ALICE.address
    )
    raw = pay(ALICE, {ref: output}, MERCHANT.address, 2_000_000, parameters=PARAMETERS, ttl=10**8)
    return Paid(terms, decode_transaction(raw))


class AnyAmount(DefaultTransfer):
    def check(self, terms: Terms, transaction: Any) -> None:
        if not any(each.address == terms.pay_to for each in transaction.body.outputs):
            super().check(terms, transaction)


class AnyAddress(DefaultTransfer):
    def check(self, terms: Terms, transaction: Any) -> None:
        assert max(each.value.lovelace for each in transaction.body.outputs) >= terms.amount


class AnyCredential(DefaultTransfer):
    """Compares only the part of the address that the slice names."""

    part = slice(None, 29)

    def check(self, terms: Terms, transaction: Any) -> None:
        ours = terms.pay_to[self.part]
        pay_to = [
            each.address for each in transaction.body.outputs if each.address[self.part] == ours
        ]
        super().check(replace(terms, pay_to=[*pay_to, terms.pay_to][0]), transaction)


class AnyPaymentPart(AnyCredential):
    part = slice(29, None)


class UniqueForAMoment(DefaultTransfer):
    def once(self, terms: Terms) -> UniqueTerms:
        return UniqueTerms(terms.requirements.pay_to, until=1.0)


class TrustsExtra(DefaultTransfer):
    def check(self, terms: Terms, transaction: Any) -> None:
        terms.requirements.extra["memo"]["lines"][0].upper()
        super().check(terms, transaction)


class Remembers(DefaultTransfer):
    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def check(self, terms: Terms, transaction: Any) -> None:
        assert transaction.id not in self._seen
        super().check(terms, transaction)
        self._seen.add(transaction.id)


class LooksUp(DefaultTransfer):
    """Wants a payer at an enterprise address, and something that is looked up on the chain."""

    is_away = False

    def check_ledger(self, *_: Any) -> None: ...

    def check_payer(self, terms: Terms, transaction: Any, nonce: Output) -> None:  # noqa: ARG002
        if nonce.address[0] >> 4 != 6:
            raise Refused(Reason.VERIFICATION_ERROR, "the payer is of another kind")

    def check_chain(self, terms: Terms, transaction: Any) -> None:  # noqa: ARG002
        if LooksUp.is_away:
            raise ChainUnavailable("the chain is away")


class AnyPayerIsWrong(LooksUp):
    def check_payer(self, *_: Any) -> None:
        raise Refused(Reason.VERIFICATION_ERROR, "the payer is another")


class ReadsHalfAnAddress(LooksUp):
    """Takes every address for one with a part of stake."""

    def check_payer(self, terms: Terms, transaction: Any, nonce: Output) -> None:  # noqa: ARG002
        assert nonce.address[0] >> 4 == 6 or len(nonce.address) == 57


class GuessesInAnOutage(LooksUp):
    def check_chain(self, terms: Terms, transaction: Any) -> None:
        with suppress(ChainUnavailable):
            super().check_chain(terms, transaction)


class RefusesInAnOutage(LooksUp):
    def check_chain(self, terms: Terms, transaction: Any) -> None:
        try:
            super().check_chain(terms, transaction)
        except ChainUnavailable as error:
            raise Refused(Reason.VERIFICATION_ERROR, str(error)) from None


NO_GUESS = "test_what_cannot_be_looked_up_is_not_taken"
METHODS: Mapping[type, str] = {
    AnyAmount: "test_a_payment_of_too_little_is_refused",
    AnyAddress: "test_a_payment_to_another_is_refused",
    AnyCredential: "test_a_payment_to_another_is_refused",
    AnyPaymentPart: "test_a_payment_to_another_is_refused",
    UniqueForAMoment: "test_unique_terms_have_an_identity",
    TrustsExtra: "test_requirements_of_any_form_get_a_verdict",
    Remembers: "test_a_payment_that_meets_the_terms_is_taken",
    AnyPayerIsWrong: "test_a_payer_who_meets_the_terms_is_taken",
    ReadsHalfAnAddress: "test_a_payer_of_any_kind_gets_a_verdict",
    GuessesInAnOutage: NO_GUESS,
    RefusesInAnOutage: NO_GUESS,
}


def failing(kind: type) -> set[str]:
    """The tests of the contract that the method fails."""

    def method() -> Any:
        LooksUp.is_away = False
        return kind()

    fixtures = {
        "method": method,
        "paid": paid,
        "parameters": lambda: PARAMETERS,
        "nonce": lambda: Output(b"\x60" + ALICE.address[1:29], Value(9_000_000, {}), 0),
        "cut": lambda: lambda: setattr(LooksUp, "is_away", True),
    }
    return failures(TransferMethodContract, fixtures)


@pytest.mark.parametrize("kind", METHODS)
def test_a_method_that_is_not_right_is_caught(kind: type) -> None:
    assert METHODS[kind] in failing(kind)


@pytest.mark.parametrize("kind", [DefaultTransfer, LooksUp])
def test_a_method_that_is_right_is_not_caught(kind: type) -> None:
    assert failing(kind) == set()
