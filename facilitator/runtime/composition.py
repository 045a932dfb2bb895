"""The composition root: settings and plugins in, a running facilitator out."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import falcon

from facilitator import __version__
from facilitator.api import application
from facilitator.api.client_limits import client_limits
from facilitator.api.service import ServiceUnavailable
from facilitator.api.stored_keys import StoredKeys
from facilitator.chain.clock_watch import ClockWatch
from facilitator.chain.failover.failover_chain import FailoverChain
from facilitator.chain.followed_chain import FollowedChain, build_followed_chain
from facilitator.chain.health import follower_check, tip_check
from facilitator.chain.protocol_watch import ProtocolWatch
from facilitator.clock import Clock, SystemClock
from facilitator.exact.built_in import BUILT_IN_METHODS
from facilitator.exact.methods import DeclaresReasons, TransferMethod
from facilitator.exact.payment import read_transaction
from facilitator.exact.scheme import ExactScheme
from facilitator.exact.verification import Verifier
from facilitator.inspection.report import Inspector
from facilitator.observability.advice import Advice, Need, Needed
from facilitator.observability.metrics import BUILD
from facilitator.observability.storage_metrics import timed_storage
from facilitator.payments.allowances import Allowances
from facilitator.payments.refusal_counts import RefusalCounts
from facilitator.payments.reservations import Reservations
from facilitator.payments.schemes import Schemes
from facilitator.payments.service import Service
from facilitator.payments.supported import supported_response
from facilitator.plugin.context import Context, Worker
from facilitator.plugin.manager import Plugins
from facilitator.plugin.scheme_terms import terms_policy
from facilitator.plugin.time_limits import TookTooLong
from facilitator.roles.api_keys import StoresApiKeys
from facilitator.roles.chain import (
    ChainProvider,
    EvaluatesScripts,
    ExamplePayment,
    SignsExamples,
)
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.claim import Claim
from facilitator.roles.health import HealthCheck
from facilitator.roles.metrics import NO_METER
from facilitator.roles.scheme import Scheme
from facilitator.roles.scheme_chain import SchemeChain
from facilitator.roles.storage import Storage
from facilitator.runtime.chains import chains_by_network
from facilitator.runtime.contact import make_contact
from facilitator.runtime.fault_reports import FaultReports
from facilitator.runtime.ledger import keeper_of, ledger_of, outbox_of
from facilitator.runtime.rate_limiting import rate_limiter
from facilitator.runtime.signer import signer_addresses
from facilitator.scripts.pool import ScriptPool
from facilitator.settings import Settings
from facilitator.settings.subscription import Subscribe
from facilitator.x402.messages import PaymentRequest
from facilitator.x402.reasons import Reason

_log = logging.getLogger("facilitator")


class Facilitator:
    """Everything that runs, put together and not started yet."""

    def __init__(
        self,
        settings: Settings,
        plugins: Plugins,
        clock: Clock,
        worker: Worker | None = None,
        subscribe: Subscribe = lambda _: None,
    ) -> None:
        """Ask the plugins for their parts, in the order meter, reporting, storage, chain.

        ``subscribe`` registers functions to call when settings change. Raises
        :class:`~facilitator.errors.FacilitatorError` when the parts don't fit together; that is
        reported too, once there are reporters.
        """
        self.settings = settings
        self.plugins = plugins
        plugins.limits = settings.hooks
        plugins.log_warnings()
        context = Context(settings, clock, worker, subscribe=subscribe, hooks=plugins)
        self.meter = plugins.meter(context) or NO_METER
        self.meter.gauge(BUILD, lambda: 1, version=__version__)
        self.context = replace(context, meter=self.meter)
        self.faults = FaultReports(plugins.error_reporters(self.context), self.meter)
        plugins.report_errors_to(self.faults.report)
        plugins.count_with(self.meter)
        try:
            self._put_together(subscribe)
        except Exception as error:
            self.faults.report(error, {})
            self.faults.flush()
            raise

    def _put_together(self, subscribe: Subscribe) -> None:
        plugins = self.plugins
        self.storage: Storage = timed_storage(plugins.one_storage(self.context), self.meter)
        self.ledger = ledger_of(self.storage, plugins, self.context)
        self._outbox = outbox_of(self.ledger, self.storage, self.meter)
        self.chains: Mapping[str, ChainProvider] = chains_by_network(plugins, self.context)
        for chain in self.chains.values():
            if isinstance(chain, FailoverChain):
                chain.measure(self.meter)
        allowances = Allowances(self.settings.chain)
        self.context.reader.connect(
            self.storage, self.chains, allowances.open, self.ledger, self._report
        )
        self._scripts = ScriptPool(self.settings.scripts)
        self._clocks = ClockWatch(self.context.clock, self.storage)
        self._methods = {**BUILT_IN_METHODS, **plugins.transfer_methods(self.context)}
        self._followed = self._followed_chains()
        further = plugins.schemes(self.context, self._scheme_chains())
        exact = ExactScheme(self._verifier())
        self.schemes = Schemes({"exact": exact, **further}, self.chains)
        self._reasons = _declared_reasons([*self._methods.values(), *further.values()])
        self.refusals = RefusalCounts(self.context.clock)
        self.service = self._service()
        self._keeper = keeper_of(
            self.ledger,
            self._outbox,
            self.refusals,
            self.context.clock,
            self.settings.ledger.keep_days,
            self.faults.report_following,
        )
        self.rate_limiter = rate_limiter(plugins, self.context)
        if (limiter := self.rate_limiter) is not None:
            subscribe(lambda changed: limiter.change(client_limits(changed.rate_limit)))
        self.app = self._application(subscribe)

    def _service(self) -> Service:
        return Service(
            chains=self._followed,
            storage=self.storage,
            schemes=self.schemes,
            reservations=Reservations(self.storage, self.context.clock, self.settings.reservation),
            plugins=self.plugins,
            clock=self.context.clock,
            settings=self.settings.settlement,
            chain_settings=self.settings.chain,
            max_waiting=self.settings.max_waiting,
            supported=supported_response(
                self.schemes, self.chains, signers=signer_addresses(self.settings)
            ),
            health_checks=self._health_checks(),
            on_error=self.faults.report_following,
            refusals=self.refusals,
            meter=self.meter,
        )

    def _followed_chains(self) -> dict[str, FollowedChain]:
        clock, on_error = self.context.clock, self.faults.report_following
        return {
            network: build_followed_chain(
                provider, self.storage, clock, on_error, self.meter, self._clocks
            )
            for network, provider in self.chains.items()
        }

    def _scheme_chains(self) -> Mapping[str, SchemeChain]:
        return {
            network: SchemeChain(
                provider, self._followed[network].outputs.outputs, self._scripts.evaluator
            )
            for network, provider in self.chains.items()
        }

    def _verifier(self) -> Verifier:
        return Verifier(
            self.chains,
            self._methods,
            self.context.clock,
            policy=terms_policy(self.settings),
            outputs={network: each.outputs.outputs for network, each in self._followed.items()},
            scripts=self._scripts.evaluator,
        )

    def _health_checks(self) -> Mapping[str, HealthCheck]:
        checks: dict[str, HealthCheck] = {
            # Without it payments are judged, and not settled.
            "storage": Needed(self.storage.ping, Need.SOME),
            "clock": Advice(self._clocks.check),
            "protocol": Advice(ProtocolWatch(self.chains).check),
        }
        if self._outbox is not None:
            checks["ledger"] = Advice(self._outbox.check)
        for network, chain in self.chains.items():
            if isinstance(chain, FailoverChain):
                found = dict(chain.health_checks())
            else:
                found = {f"{network} (devnet)": tip_check(chain)}
            first = next(iter(found))
            found[first] = follower_check(self._followed[network].follower, found[first])
            checks |= {name: Needed(check, Need.ONE_OF) for name, check in found.items()}
        return checks | self.plugins.health_checks(self.context)

    def _application(self, subscribe: Subscribe) -> falcon.App[Any, Any]:
        plugins = self.plugins
        return application(
            self.service,
            settings=self.settings,
            clock=self.context.clock,
            routes=plugins.routes(self.context),
            reasons=self._reasons,
            authenticate=plugins.authenticate if plugins.has("authenticate") else None,
            stored_keys=self._stored_keys(),
            rate_limiter=self.rate_limiter,
            on_failure=self.request_failed,
            request_listener=plugins if plugins.observes_requests else None,
            inspect=self._inspect if self.settings.inspect.enabled else None,
            meter=self.meter,
            subscribe=subscribe,
            faults=plugins.recent_faults,
            ledger=self.ledger,
            sign_example=self._sign_example,
        )

    def _sign_example(self) -> ExamplePayment | None:
        able = (each for each in self.chains.values() if isinstance(each, SignsExamples))
        return next((each.example_payment() for each in able), None)

    def _stored_keys(self) -> StoredKeys | None:
        storage: object = self.storage
        if not isinstance(storage, StoresApiKeys):
            return None
        are_limited = self.settings.rate_limit.enabled
        return StoredKeys(storage, self.context.clock, limits_guesses=are_limited)

    def _inspector(self) -> Inspector:
        return Inspector(
            self.chains,
            self._methods,
            self.context.clock,
            policy=terms_policy(self.settings),
            scripts=self._scripts.evaluator,
        )

    def _report(self, claim: Claim) -> Mapping[str, Any]:
        return self._inspector().transaction(read_transaction(claim.transaction), claim.network)

    def _inspect(self, request: PaymentRequest, client: str) -> Mapping[str, Any]:
        with Allowances(self.settings.chain).open_for_report(client):
            try:
                return self._inspector().payment(request)
            except ChainUnavailable as error:  # whose eras are not known otherwise
                reason = Reason.EVIDENCE_UNAVAILABLE
                raise ServiceUnavailable(reason, f"the chain cannot be asked: {error}") from error

    def request_failed(self, error: BaseException, context: Mapping[str, str]) -> None:
        """Report the error behind an answer of 5xx, and notify the plugins of it."""
        self.faults.report(error, context)
        self.plugins.request_failed(error, context)

    def start(self) -> None:
        """Start plugins and recovery; requests may come afterwards.

        Raises :class:`PluginError` when a chain provider can never answer as it is set up.
        """
        self.plugins.startup(self.context)
        if any(map(_leaves_scripts, self.chains.values())):
            self._scripts.start()
        make_contact(self.chains)
        self._clocks.look()
        if self._keeper is not None:
            self._keeper.start()  # before anything changes a claim
        self.service.start()

    def drain(self) -> None:
        """Answer every waiting caller now; from now on there is little time to end in."""
        self.plugins.ending.begin(self.settings.server.shutdown_seconds)
        self.service.drain()

    def close(self) -> None:
        """Stop everything that :meth:`start` started and close the plugins' parts.

        Whatever of it takes too long is reported, and not waited for.
        """
        self.drain()
        self._end_followers()
        self._scripts.close()
        for chain in self.chains.values():
            chain.close()
        if self.rate_limiter is not None:
            self.rate_limiter.close()
        if self._keeper is not None:
            self._keeper.close()
        if self.ledger is not None:
            self.ledger.close()
        self.storage.close()
        self.plugins.shutdown()
        self.faults.flush()
        self.plugins.ending.wait_for_late()

    def _end_followers(self) -> None:
        """End the threads of settlements, one of which may wait for a plugin's provider."""
        try:
            self.plugins.ending.run(self.service.close, "closing").get()
        except TookTooLong as error:
            _log.error("the threads that follow settlements do not end: %s", error)


def _leaves_scripts(chain: ChainProvider) -> bool:
    """Return True if scripts of payments on the chain are run here. A devnet has none."""
    return not chain.is_devnet and not isinstance(chain, EvaluatesScripts)


def _declared_reasons(parts: Iterable[TransferMethod | Scheme]) -> list[str]:
    return [
        reason for part in parts if isinstance(part, DeclaresReasons) for reason in part.reasons()
    ]


def build_facilitator(
    settings: Settings,
    plugins: Plugins,
    clock: Clock | None = None,
    worker: Worker | None = None,
    subscribe: Subscribe = lambda _: None,
) -> Facilitator:
    """Put a facilitator together.

    ``worker`` says which of several processes this is. ``subscribe`` registers functions to call
    when settings change. Raises :class:`~facilitator.errors.FacilitatorError`.
    """
    return Facilitator(settings, plugins, clock or SystemClock(), worker, subscribe)
