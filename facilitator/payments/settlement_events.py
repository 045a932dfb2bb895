"""Passes on a settlement's new state: to the log, the metrics, reservations and plugins."""

import logging
from collections.abc import Iterable

from facilitator.observability.metrics import CORRECTED, SETTLEMENT_SECONDS, SETTLEMENTS
from facilitator.payments.reservations import Reservations
from facilitator.plugin.manager import Plugins
from facilitator.roles.claim import Claim, ClaimState, Delivery
from facilitator.roles.metrics import Meter
from facilitator.roles.storage import StorageUnavailable

_log = logging.getLogger("facilitator.settlement")


class SettlementEvents:
    """Publishes every new state of a claim. Safe to use from many threads."""

    def __init__(
        self,
        networks: Iterable[str],
        reservations: Reservations,
        plugins: Plugins,
        meter: Meter,
    ) -> None:
        """Begin every counter of these networks at 0."""
        self._reservations = reservations
        self._notify = plugins.settlement_changed if plugins.has("settlement_changed") else None
        self._meter = meter
        for network in networks:
            for state in ClaimState:
                if state is not ClaimState.CLAIMED:
                    meter.count(SETTLEMENTS, 0, network=network, state=state)
                if state.is_given_up:
                    meter.count(CORRECTED, 0, network=network, state=state)

    def correct(self, claim: Claim) -> None:
        """Report that a claim was rejected or expired, and its transaction is in a block after all.

        Its new state is published next.
        """
        _log.warning(
            "this transaction was reported as %s, and is in a block: that is corrected (%s)",
            claim.state.value,
            claim.error or "its validity had ended",
            extra=_fields(claim),
        )
        self._meter.count(CORRECTED, network=claim.network, state=claim.state)

    def publish(self, claim: Claim) -> None:
        """Publish the claim's new state."""
        extra = {"payer": claim.payer, "amount": claim.amount, **_fields(claim)}
        if claim.error and claim.state.is_given_up:
            extra["reason"] = claim.error
        _log.info("settlement %s", claim.state.value, extra=extra)
        self._meter.count(SETTLEMENTS, network=claim.network, state=claim.state)
        if claim.state is ClaimState.SETTLED:
            seconds = max(0.0, claim.updated_at - claim.created_at)
            self._meter.observe(SETTLEMENT_SECONDS, seconds, network=claim.network)
        if claim.state.is_final:
            try:
                self._reservations.release(claim.transaction_id)
            except StorageUnavailable as error:
                _log.warning("inputs stay reserved until their time is over: %s", error.detail)
        if self._notify is not None and claim.delivery is not Delivery.UNKNOWN:
            self._notify(claim)


def _fields(claim: Claim) -> dict[str, str]:
    return {"tx": claim.transaction_id, "state": claim.state, "network": claim.network}
