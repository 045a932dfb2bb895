"""An example of each hook, which the page ``plugin-api.md`` quotes.

It is a plugin: ``plugins = ["devnet", "memory", "./hook_examples.py"]``.
"""

import argparse
import logging
from collections import Counter as Counts
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import falcon

from facilitator.plugin import (
    Answer,
    CannotPay,
    CardanoNetwork,
    ChainProvider,
    Claim,
    Context,
    Counter,
    DefaultTransfer,
    ErrorReporter,
    Gauge,
    HealthCheck,
    Histogram,
    Meter,
    Network,
    Origin,
    Paid,
    Payer,
    PaymentLedger,
    PaymentRequest,
    PaymentView,
    PayOrder,
    RateDecision,
    RateLimiter,
    Refusal,
    Refused,
    RequestView,
    ResponseView,
    Scheme,
    SchemeChain,
    SchemePayment,
    Settings,
    SettleResponse,
    Storage,
    TransferMethod,
    UniqueTerms,
    Verified,
    VerifyResponse,
    Wallet,
    agree_terms,
    hookimpl,
    setting,
)
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import wallets as devnet_wallets
from facilitator_memory.ledger import MemoryLedger
from facilitator_memory.storage import MemoryStorage

facilitator_api = "1.0"

log = logging.getLogger("facilitator.examples")


@dataclass(frozen=True)
class Table:
    """The settings of this plugin."""

    networks: tuple[str, ...] = setting((), "Networks that it serves.")
    keeps_claims: bool = setting(False, "Whether it brings the storage.")


class CountingMeter:
    """A meter with counters alone, without labels."""

    is_prompt = True

    def __init__(self) -> None:
        """Begin at 0."""
        self.counts: Counts[str] = Counts()

    def count(self, metric: Counter, amount: float = 1, /, **labels: str) -> None:
        """Add to a counter."""
        self.counts[metric.name] += int(amount)

    def observe(self, metric: Histogram, value: float, /, **labels: str) -> None:
        """Leave histograms out."""

    def gauge(self, metric: Gauge, read: Callable[[], float], /, **labels: str) -> None:
        """Leave gauges out."""


class OpenLimiter:
    """A rate limiter that lets every request pass."""

    is_prompt = True

    def hit(self, client: str, *, sensitive: bool) -> RateDecision:
        """Allow the request."""
        return RateDecision(allowed=True, limit=1000, remaining=1000, reset_seconds=60)

    def close(self) -> None:
        """Close no connection."""


class LogReporter:
    """An error reporter that writes to the log."""

    def report(self, error: BaseException, context: Mapping[str, str]) -> None:
        """Write the error."""
        log.warning("%s in %s", type(error).__name__, dict(context))

    def flush(self, timeout: float) -> None:
        """Wait for no queue."""


class Promises:
    """A scheme whose messages are promises by name: they are valid, and settle nothing."""

    is_prompt = True

    def __init__(self, settings: Settings) -> None:
        """Agree terms within the operator's limits."""
        self._settings = settings

    def kind(self, network: str) -> Mapping[str, Any] | None:
        """Serve every network."""
        return {}

    def read(self, request: PaymentRequest, origin: Origin) -> SchemePayment:
        """Read who promises."""
        by = request.payload.get("by")
        if not isinstance(by, str) or not by.isascii():
            raise Refused("example_by", "payload.by must be the name of who promises")
        return SchemePayment(agree_terms(request, self._settings), origin=origin, content=by)

    def prepare(self, payment: SchemePayment) -> SchemePayment:
        """Leave the payment as it is."""
        return payment

    def check(self, payment: SchemePayment) -> None:
        """Refuse no promise."""

    def unique_terms(self, payment: SchemePayment) -> UniqueTerms | None:
        """Let any number of promises meet the same terms."""
        return None

    def verify(self, payment: SchemePayment) -> Verified:
        """Believe everybody who has a name."""
        if not payment.content:
            raise Refused("example_by", "a promise needs a name")
        return Verified(payment.content, {"promised": payment.terms.amount})

    def answer(self, claim: Claim) -> Answer:
        """Add nothing: no promise is ever settled."""
        return Answer(claim.amount)


class PromisePayer:
    """A way to pay by that scheme."""

    def pay(self, order: PayOrder) -> Paid:
        """Promise to pay."""
        presented = order.present({"by": "example"})
        return Paid(presented, summary="promised" if presented.answer.status == 200 else "")

    def take_back(self, order: PayOrder) -> Paid:
        """Refuse: a promise puts nothing in."""
        raise CannotPay("there is nothing to take back")


class Numbers:
    """A Falcon resource with figures of this plugin."""

    openapi: Mapping[str, Any] = {
        "get": {"summary": "Figures", "responses": {"200": {"description": "The figures."}}}
    }

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer this machine alone."""
        if not req.context.is_local:
            raise falcon.HTTPForbidden(title="not here", description="Ask from this machine.")
        resp.media = {"seen": len(seen)}


seen: list[str] = []
"""The ids of payments that were settled."""


# --- Providers -----------------------------------------------------------------------------------


@hookimpl
def settings_sections() -> Mapping[str, type]:
    return {"hook_examples": Table}


@hookimpl
def networks() -> Sequence[Network]:
    return [CardanoNetwork("cardano:example", magic=4_242)]


@hookimpl
def meter(context: Context) -> Meter | None:
    return CountingMeter()


@hookimpl
def chain_provider(context: Context, network: str) -> ChainProvider | None:
    table = context.settings.section(Table)
    return Devnet(network, context.clock) if network in table.networks else None


@hookimpl
def storage(context: Context) -> Storage | None:
    return MemoryStorage() if context.settings.section(Table).keeps_claims else None


@hookimpl
def payment_ledger(context: Context) -> PaymentLedger | None:
    return MemoryLedger()


@hookimpl
def rate_limiter(context: Context) -> RateLimiter | None:
    return OpenLimiter()


@hookimpl
def error_reporter(context: Context) -> ErrorReporter | None:
    return LogReporter()


@hookimpl
def transfer_methods(context: Context) -> Mapping[str, TransferMethod]:
    return {"example": DefaultTransfer()}


@hookimpl
def schemes(context: Context, chains: Mapping[str, SchemeChain]) -> Mapping[str, Scheme]:
    return {"promise": Promises(context.settings)}


@hookimpl
def routes(context: Context) -> Mapping[str, object]:
    return {"/example/numbers": Numbers()}


@hookimpl
def health_checks(context: Context) -> Mapping[str, HealthCheck]:
    def is_there() -> None:
        if len(seen) > 1_000_000:
            raise RuntimeError("the list of payments is full")

    return {"example list": is_there}


@hookimpl
def wallets(context: Context, network: str) -> Mapping[str, Wallet]:
    return {"example": devnet_wallets(network)["alice"]}


@hookimpl
def payers() -> Mapping[str, Payer]:
    return {"promise": PromisePayer()}


@hookimpl
def cli_commands() -> Sequence[
    tuple[str, str, Callable[[argparse.ArgumentParser], Callable[[argparse.Namespace], int]]]
]:
    def prepare(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
        parser.add_argument("name")
        return lambda arguments: print("hello", arguments.name) or 0

    return [("hello", "say hello", prepare)]


@hookimpl
def startup(context: Context) -> None:
    log.info("networks: %s", ", ".join(context.settings.networks))


# --- Gates ---------------------------------------------------------------------------------------


@hookimpl
def authenticate(request: falcon.Request) -> Refusal | None:
    if request.get_header("X-Blocked"):
        return Refusal("this caller is blocked", "caller_blocked")
    return None


@hookimpl
def before_verify(payment: PaymentView) -> Refusal | None:
    if payment.terms.asset is None and payment.terms.amount > 100_000_000:
        return Refusal("payments of more than 100 ada are refused here", "amount_too_great")
    return None


@hookimpl
def before_settle(payment: PaymentView) -> Refusal | None:
    if payment.caller == "suspended":
        return Refusal("this shop is suspended", "shop_suspended")
    return None


# --- Responders ----------------------------------------------------------------------------------


@hookimpl
def verify_extensions(
    payment: PaymentView, response: VerifyResponse
) -> Mapping[str, Mapping[str, Any]]:
    return {"example": {"seen": payment.transaction_id in seen}}


@hookimpl
def settle_extensions(
    payment: PaymentView, response: SettleResponse
) -> Mapping[str, Mapping[str, Any]]:
    return {"example": {"status": "success" if response.success else "processing"}}


# --- Observers -----------------------------------------------------------------------------------


@hookimpl
def after_verify(payment: PaymentView, response: VerifyResponse) -> None:
    log.info("%s is %s", payment.transaction_id, "valid" if response.is_valid else response.reason)


@hookimpl
def after_settle(payment: PaymentView, response: SettleResponse) -> None:
    log.info("%s is asked for by %s", payment.transaction_id, payment.caller)


@hookimpl
def settlement_changed(claim: Claim) -> None:
    if claim.state == "settled" and claim.transaction_id not in seen:
        seen.append(claim.transaction_id)


@hookimpl
def request_started(request: RequestView) -> None:
    log.debug("%s begins: %s %s", request.request_id, request.method, request.path)


@hookimpl
def request_completed(request: RequestView, response: ResponseView) -> None:
    log.debug("%s took %.3f s", request.request_id, response.seconds)


@hookimpl
def request_failed(error: BaseException, context: Mapping[str, Any]) -> None:
    log.warning("%s failed: %s", context["requestId"], type(error).__name__)


# --- The end -------------------------------------------------------------------------------------


@hookimpl
def shutdown() -> None:
    log.info("%d payments were settled", len(seen))
