"""A gate that refuses payments above a limit."""

from collections.abc import Mapping
from dataclasses import dataclass

from facilitator.plugin import Context, Counter, Meter, PaymentView, Refusal, hookimpl, setting

REFUSALS = Counter("spending_limit_refusals_total", "Times that a payment was above the limit.")


@dataclass(frozen=True)
class SpendingLimitSettings:
    """The table ``spending_limit``."""

    max_lovelace: int = setting(
        100_000_000, "The greatest payment in lovelace that passes.", minimum=1
    )


class SpendingLimit:
    """The plugin. Payments in other assets than ada pass."""

    max_lovelace: int
    meter: Meter

    @hookimpl
    def settings_sections(self) -> Mapping[str, type]:
        """Declare the table, which is then checked at start like any other."""
        return {"spending_limit": SpendingLimitSettings}

    @hookimpl
    def startup(self, context: Context) -> None:
        """Read the limit before the first request."""
        self.max_lovelace = context.settings.section(SpendingLimitSettings).max_lovelace
        self.meter = context.meter

    @hookimpl
    def before_verify(self, payment: PaymentView) -> Refusal | None:
        """Refuse early, before the resource server works for the payment."""
        return self._judge(payment)

    @hookimpl
    def before_settle(self, payment: PaymentView) -> Refusal | None:
        """Refuse here as well: a caller need not call /verify first."""
        return self._judge(payment)

    def _judge(self, payment: PaymentView) -> Refusal | None:
        terms = payment.requirements
        # The required amount counts; it was checked to be a whole number before.
        if terms.asset != "lovelace" or int(terms.amount) <= self.max_lovelace:
            return None
        self.meter.count(REFUSALS)
        return Refusal(
            f"payments of more than {self.max_lovelace} lovelace are refused here",
            "spending_limit_exceeded",
        )


plugin = SpendingLimit()
