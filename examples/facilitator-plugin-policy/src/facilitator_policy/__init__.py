"""A gate: allow and deny lists, and ceilings for each payer and day."""

from collections.abc import Callable, Collection, Mapping

from facilitator.plugin import (
    Claim,
    ClaimState,
    Context,
    Counter,
    Meter,
    PaymentView,
    Refusal,
    hookimpl,
)
from facilitator_policy.ledger import Ledger, Spending
from facilitator_policy.rules import Rules, signers
from facilitator_policy.settings import PolicySettings, ceilings_of

CEILING = "policy_daily_ceiling"
REFUSALS = Counter(
    "policy_refusals_total", "Times that the policy refused a payment.", labels=("reason",)
)


class Policy:
    """The plugin. Its methods are called from many threads at once."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self._rules: Rules
        self._meter: Meter
        self._ceilings: Mapping[str, int] = {}
        self._ledger: Ledger | None = None

    @hookimpl
    def settings_sections(self) -> Mapping[str, type]:
        """Declare the table, which is checked at start."""
        return {"policy": PolicySettings}

    @hookimpl
    def startup(self, context: Context) -> None:
        """Read the lists; open the file if there is a ceiling. Each worker opens its own."""
        settings = context.settings.section(PolicySettings)
        self._rules = Rules(settings)
        self._meter = context.meter
        self._ceilings = ceilings_of(settings.max_per_day)
        self._ledger = Ledger(settings.path, context.clock.time) if self._ceilings else None

    @hookimpl
    def before_verify(self, payment: PaymentView) -> Refusal | None:
        """Refuse before the resource server works for the payment. Nothing is counted."""
        return self._judge(payment, lambda ledger: ledger.fits)

    @hookimpl
    def before_settle(self, payment: PaymentView) -> Refusal | None:
        """Refuse, or count the payment from here on: others at once must not fit as well."""
        return self._judge(payment, lambda ledger: ledger.hold)

    @hookimpl
    def settlement_changed(self, claim: Claim) -> None:
        """Count what was submitted, until it turns out not to land."""
        if self._ledger is None:
            return
        if claim.state in (ClaimState.REJECTED, ClaimState.EXPIRED):
            self._ledger.release(claim.transaction_id)
        else:
            self._ledger.keep(claim.transaction_id)

    @hookimpl
    def shutdown(self) -> None:
        """Close the file."""
        if self._ledger is not None:
            self._ledger.close()

    def _judge(
        self, payment: PaymentView, ask: Callable[[Ledger], Callable[[Spending, int], bool]]
    ) -> Refusal | None:
        # A message without one, such as a channel's voucher, names no key that is judged here.
        payers = signers(payment.transaction) if payment.transaction_id else None
        refusal = self._rules.judge(payment, payers) or self._judge_sum(payment, payers, ask)
        if refusal is not None:
            self._meter.count(REFUSALS, reason=str(refusal.reason))
        return refusal

    def _judge_sum(
        self,
        payment: PaymentView,
        payers: Collection[bytes] | None,
        ask: Callable[[Ledger], Callable[[Spending, int], bool]],
    ) -> Refusal | None:
        asset = payment.requirements.asset
        ceiling = self._ceilings.get(asset)
        if self._ledger is None or ceiling is None:
            return None
        if payers is None:
            return Refusal("a payment without a transaction counts for no payer's day", CEILING)
        spending = Spending(payment.transaction_id, payers, asset, payment.terms.amount)
        if ask(self._ledger)(spending, ceiling):
            return None
        return Refusal("the payer has reached the ceiling of this day (UTC)", CEILING)


plugin = Policy()
