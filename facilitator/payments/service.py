"""The facilitator behind its HTTP API: verification, reservations, settlement and plugins."""

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from facilitator.api.service import Count, ServiceUnavailable
from facilitator.chain.followed_chain import FollowedChain
from facilitator.clock import Clock
from facilitator.observability.logs import describe_request, request_id
from facilitator.observability.metrics import MAX_WAITING, SETTLE_ANSWERS, VERDICTS, WAITING
from facilitator.payments.admission import Admission, Names
from facilitator.payments.allowances import Allowances
from facilitator.payments.bindings import Bindings
from facilitator.payments.details import encode_details
from facilitator.payments.first_checks import FirstChecks
from facilitator.payments.idempotency import check_key, name_of_key
from facilitator.payments.refusal_counts import RefusalCounts
from facilitator.payments.reservations import Reservations
from facilitator.payments.schemes import Schemes
from facilitator.payments.settlement_events import SettlementEvents
from facilitator.payments.status import Statuses
from facilitator.payments.unique_terms import TermsRegistry
from facilitator.payments.verdicts import Verdicts, invalid, unavailable
from facilitator.payments.verified import VerifiedPayments
from facilitator.plugin.manager import Plugins
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.health import HealthCheck
from facilitator.roles.metrics import NO_METER, Meter
from facilitator.roles.payment import UNKNOWN_ORIGIN, Origin
from facilitator.roles.refused import Refused, lookup_failed
from facilitator.roles.scheme import SchemePayment
from facilitator.roles.storage import Storage, StorageUnavailable
from facilitator.settings import ChainSettings, SettlementSettings
from facilitator.settlement import responses
from facilitator.settlement.coordinator import SettlementCoordinator
from facilitator.settlement.settle_request import SettleRequest
from facilitator.settlement.tracking.tracker import Tracker
from facilitator.x402.messages import PaymentRequest, SettleResponse, VerifyResponse
from facilitator.x402.reasons import Reason


class Service:
    """Implements :class:`facilitator.api.service.PaymentService`."""

    def __init__(
        self,
        *,
        chains: Mapping[str, FollowedChain],
        storage: Storage,
        schemes: Schemes,
        reservations: Reservations,
        plugins: Plugins,
        clock: Clock,
        settings: SettlementSettings,
        chain_settings: ChainSettings,
        max_waiting: int,
        supported: Mapping[str, Any],
        health_checks: Mapping[str, HealthCheck],
        on_error: Callable[[BaseException], None],
        refusals: RefusalCounts,
        meter: Meter = NO_METER,
    ) -> None:
        """Connect the parts. Nothing runs before :meth:`start`."""
        providers = {network: chain.provider for network, chain in chains.items()}
        self._schemes = schemes
        self._reservations = reservations
        events = SettlementEvents(chains, reservations, plugins, meter)
        self._trackers = {
            network: Tracker(
                chain,
                storage,
                clock,
                lease_seconds=settings.lease_seconds,
                on_change=events.publish,
                on_correction=events.correct,
                on_error=on_error,
            )
            for network, chain in chains.items()
        }
        self._allowances = Allowances(chain_settings)
        self._statuses = Statuses(storage, self._trackers, providers, self._allowances)
        self._verified = VerifiedPayments(storage, clock)
        self._bindings = Bindings(storage, providers, clock, self._statuses.corrected)
        terms = TermsRegistry(storage, clock)
        self._admission = Admission(
            schemes,
            providers,
            clock,
            plugins.before_settle if plugins.has("before_settle") else None,
            reservations,
            storage,
            self._bindings,
            terms,
            self._allowances,
        )
        self._verdicts = Verdicts(
            schemes,
            providers,
            plugins.before_verify if plugins.has("before_verify") else None,
            reservations,
            storage,
            self._bindings,
            terms,
            self._admission,
            self._statuses.corrected,
        )
        self._plugins = plugins
        self._shows_verdicts = plugins.has("verify_extensions") or plugins.has("after_verify")
        self._shows_answers = plugins.has("settle_extensions") or plugins.has("after_settle")
        self._wait_seconds = settings.wait_seconds
        self._supported = supported
        self._health_checks = health_checks
        self._meter = meter
        self._refusals = refusals
        self._first_checks = FirstChecks(schemes, storage, self._statuses)
        self._coordinator = SettlementCoordinator(
            storage,
            self._trackers,
            clock,
            lease_seconds=settings.lease_seconds,
            max_waiting=max_waiting,
        )
        slots = self._coordinator.waiting_slots
        meter.gauge(WAITING, lambda: slots.taken)
        meter.gauge(MAX_WAITING, lambda: slots.number)

    def start(self) -> None:
        """Adopt the settlements that an earlier process left open."""
        for tracker in self._trackers.values():
            tracker.start()

    def drain(self) -> None:
        """Answer every waiting caller now, with what is known."""
        self._coordinator.drain()

    def limit_waiting(self, number: int) -> None:
        """Let at most so many callers of ``/settle`` wait from now on."""
        self._coordinator.limit_waiting(number)

    def close(self) -> None:
        """End the threads. What is not decided stays open in the storage."""
        for tracker in self._trackers.values():
            tracker.close()

    # --- /verify ----------------------------------------------------------------------------

    def verify(
        self, request: PaymentRequest, *, caller: str | None = None, client: str = ""
    ) -> VerifyResponse:
        """Return the verdict on a payment; ``caller`` is the name of an API key.

        ``client`` is the one that asks, as limits count it.

        Without the storage the chain alone decides, and the inputs are not held. Raises
        :class:`ServiceUnavailable` if the payment is on the chain already and the storage is away.
        """
        payment = None
        try:
            payment = self._read(request, client, caller)
            with self._allowances.open(client):
                self._first_checks.verify(payment)
                response = self._verdicts.judge(payment, caller, request.payment_identifier)
            if payment.transaction_id:  # else there is nothing to settle
                self._verified.add(
                    payment.transaction_id,
                    payment.terms.max_timeout_seconds,
                    is_held=self._reservations.holds(payment.transaction_id),
                )
        except Refused as refused:
            response = invalid(refused)
        valid, reason = str(response.is_valid).lower(), response.reason or "none"
        self._meter.count(VERDICTS, valid=valid, reason=reason)
        if response.reason:
            self._refusals.add("verify", response.reason, caller, response.message)
        if payment is None or not self._shows_verdicts:
            return response
        view = payment.view
        response = self._plugins.extend_verify(view, response)
        self._plugins.after_verify(view, response)
        return response

    # --- /settle ----------------------------------------------------------------------------

    def settle(
        self,
        request: PaymentRequest,
        *,
        wait_seconds: float | None,
        idempotency_key: str | None,
        client_disconnected: Callable[[], bool],
        caller: str | None = None,
        client: str = "",
        count: Count = lambda _: None,
    ) -> SettleResponse:
        """Settle a payment once, and wait as long as settings and caller allow.

        Raises :class:`~facilitator.api.service.IdempotencyConflict`, :class:`ServiceUnavailable`.
        """
        payment = None
        wait = min(self._wait_seconds, math.inf if wait_seconds is None else wait_seconds)
        try:
            payment = self._read_and_count(request, client, caller, count)
            payment = self._schemes.prepare(payment)
            with self._allowances.open(client):
                response = self._first_checks.settle(payment)
            if response is None:
                key = None
                if idempotency_key is not None:
                    key = name_of_key(payment, request.fingerprint, caller, idempotency_key)
                    check_key(self._bindings, key)
                names = Names(key, caller, request.payment_identifier, client)
                call = SettleRequest(
                    wait,
                    key.key if key else None,
                    client,
                    client_disconnected,
                    admit=partial(self._admission.admit, payment, names),
                    join=partial(self._admission.join, payment, names),
                    answer=self._schemes.answer,
                    details=partial(encode_details, payment, names, request_id()),
                    request_id=request_id(),
                )
                response = self._coordinator.settle(payment, call)
        except Refused as refused:
            response = responses.refused(request, payment, refused)
        except ChainUnavailable as error:
            response = self._without_chain(request, payment, error)
        except StorageUnavailable as error:
            response = self._without_storage(payment, error)
        success, reason = str(response.success).lower(), response.reason or "none"
        self._meter.count(SETTLE_ANSWERS, success=success, reason=reason)
        if response.reason and response.reason != Reason.PENDING:
            self._refusals.add("settle", response.reason, caller, response.message)
        if payment is None or not self._shows_answers:
            return response
        view = payment.view
        response = self._plugins.extend_settle(view, response)
        self._plugins.after_settle(view, response)
        return response

    def _read(self, request: PaymentRequest, client: str, caller: str | None) -> SchemePayment:
        """Return the payment in the request. Raises :class:`Refused`."""
        origin = Origin(client, caller, request.resource, request.extensions, request.size)
        payment = self._schemes.read(request, origin)
        describe_request(tx=payment.transaction_id)
        return payment

    def _without_chain(
        self, request: PaymentRequest, payment: SchemePayment | None, error: ChainUnavailable
    ) -> SettleResponse:
        """Return that a payment is pending which was submitted, else that nothing is known."""
        try:
            known = payment and self._statuses.pending(payment)
        except StorageUnavailable as away:
            return self._without_storage(payment, away)
        return known or responses.refused(request, payment, lookup_failed(error))

    def _read_and_count(
        self, request: PaymentRequest, client: str, caller: str | None, count: Count
    ) -> SchemePayment:
        """Return the payment in the request, which counts even if there is none that is usable."""
        payment = None
        try:
            payment = self._read(request, client, caller)
        finally:
            count(partial(self._was_verified, payment))
        return payment

    def _was_verified(self, payment: SchemePayment | None) -> bool:
        """Return True for a payment that ``/verify`` found valid; for a repeat of it once more."""
        with suppress(StorageUnavailable):
            return payment is not None and self._verified.take(payment.transaction_id)
        return False

    def _without_storage(
        self, payment: SchemePayment | None, error: StorageUnavailable
    ) -> SettleResponse:
        """Return that a payment is pending which this process follows, else raise."""
        known = payment and self._coordinator.pending_without_storage(payment, error)
        if not known:
            raise unavailable(error) from error
        return known

    # --- /cancel ----------------------------------------------------------------------------

    def cancel(self, request: PaymentRequest) -> Mapping[str, Any]:
        """End the hold of a verified payment that will not be settled.

        A settlement goes on. Raises :class:`ServiceUnavailable`.
        """
        try:
            transaction_id = self._schemes.read(request, UNKNOWN_ORIGIN).transaction_id
            return {
                "cancelled": self._reservations.cancel(transaction_id),
                "transaction": transaction_id,
            }
        except Refused as refused:
            return {"cancelled": False, "errorReason": refused.reason, "errorMessage": str(refused)}
        except StorageUnavailable as error:
            raise unavailable(error) from error

    # --- /status, /supported, /health -------------------------------------------------------

    def status(self, transaction_id: str) -> Mapping[str, Any]:
        """Return the state of any transaction. Raises :class:`ServiceUnavailable`."""
        try:
            return self._statuses.of(transaction_id)
        except StorageUnavailable as error:
            raise unavailable(error) from error
        except ChainUnavailable as error:
            raise ServiceUnavailable(
                Reason.CHAIN_LOOKUP_FAILED, f"the chain could not be asked: {error}", 5
            ) from error

    def supported(self) -> Mapping[str, Any]:
        """Return the answer of ``/supported``."""
        return self._supported

    def health(self) -> Mapping[str, HealthCheck]:
        """Return checks of all dependencies; each raises when its dependency is down."""
        return self._health_checks
