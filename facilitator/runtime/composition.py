"""The composition root: settings and plugins in, a running facilitator out."""

import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace

from facilitator import __version__
from facilitator.api import application
from facilitator.chain.failover.failover_chain import FailoverChain
from facilitator.chain.followed_chain import build_followed_chain
from facilitator.chain.health import tip_check
from facilitator.clock import Clock, SystemClock
from facilitator.exact.built_in import BUILT_IN_METHODS
from facilitator.exact.methods import DeclaresReasons, TransferMethod
from facilitator.exact.verification import Verifier
from facilitator.inspection.report import Inspector
from facilitator.observability.metrics import BUILD, FAULTS
from facilitator.observability.storage_metrics import timed_storage
from facilitator.payments.reservations import Reservations
from facilitator.payments.service import Service
from facilitator.payments.supported import supported_response
from facilitator.plugin.context import Context, Worker
from facilitator.plugin.manager import Plugins
from facilitator.roles.chain import ChainProvider
from facilitator.roles.health import HealthCheck
from facilitator.roles.metrics import NO_METER
from facilitator.roles.storage import Storage
from facilitator.runtime.chains import chains_by_network
from facilitator.runtime.rate_limiting import rate_limiter
from facilitator.runtime.signer import signer_addresses
from facilitator.settings import Settings
from facilitator.settings.subscription import Subscribe

_log = logging.getLogger("facilitator")

_FLUSH_SECONDS = 2.0


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
        context = Context(settings, clock, worker)
        self.meter = plugins.meter(context) or NO_METER
        self.meter.gauge(BUILD, lambda: 1, version=__version__)
        self.meter.count(FAULTS, 0)  # or the first would not be seen as an increase
        self.context = replace(context, meter=self.meter)
        self.reporters = plugins.error_reporters(self.context)
        plugins.report_errors_to(self.report)
        try:
            self._put_together(clock, subscribe)
        except Exception as error:
            self.report(error, {})
            self._flush_reports()
            raise

    def _put_together(self, clock: Clock, subscribe: Subscribe) -> None:
        settings, plugins = self.settings, self.plugins
        self.storage: Storage = timed_storage(plugins.one_storage(self.context), self.meter)
        self.chains: Mapping[str, ChainProvider] = chains_by_network(plugins, self.context)
        for chain in self.chains.values():
            if isinstance(chain, FailoverChain):
                chain.measure(self.meter)
        methods = {**BUILT_IN_METHODS, **plugins.transfer_methods(self.context)}
        self.service = self._service(clock, methods)
        self.rate_limiter = rate_limiter(plugins, self.context)
        if (limiter := self.rate_limiter) is not None:
            subscribe(
                lambda changed: limiter.change(
                    changed.rate_limit.global_per_minute, changed.rate_limit.sensitive_per_minute
                )
            )
        self.app = application(
            self.service,
            settings=settings,
            clock=clock,
            routes=plugins.routes(self.context),
            reasons=_declared_reasons(methods.values()),
            authenticate=plugins.authenticate if plugins.has("authenticate") else None,
            rate_limiter=self.rate_limiter,
            on_failure=self.request_failed,
            observers=plugins if plugins.observes_requests else None,
            inspect=self._inspector(clock, methods).payment if settings.inspect.enabled else None,
            meter=self.meter,
            subscribe=subscribe,
        )

    def _inspector(self, clock: Clock, methods: Mapping[str, TransferMethod]) -> Inspector:
        accept_mempool = self.settings.settlement.accept_mempool
        return Inspector(self.chains, methods, clock, accept_mempool=accept_mempool)

    def _service(self, clock: Clock, methods: Mapping[str, TransferMethod]) -> Service:
        settings = self.settings
        accept_mempool = settings.settlement.accept_mempool
        chains = {
            network: build_followed_chain(
                provider, self.storage, clock, self._thread_failed, self.meter
            )
            for network, provider in self.chains.items()
        }
        return Service(
            chains=chains,
            storage=self.storage,
            verifier=Verifier(
                self.chains,
                methods,
                clock,
                accept_mempool=accept_mempool,
                outputs={network: chain.outputs.outputs for network, chain in chains.items()},
            ),
            reservations=Reservations(self.storage, clock, settings.reservation),
            plugins=self.plugins,
            clock=clock,
            settings=settings.settlement,
            max_waiting=settings.max_waiting,
            supported=supported_response(
                self.chains,
                methods=list(methods),
                signers=signer_addresses(settings),
                accept_mempool=accept_mempool,
            ),
            health_checks=self._health_checks(),
            on_error=self._thread_failed,
            meter=self.meter,
        )

    def _health_checks(self) -> Mapping[str, HealthCheck]:
        checks: dict[str, HealthCheck] = {"storage": self.storage.ping}
        for network, chain in self.chains.items():
            if isinstance(chain, FailoverChain):
                checks |= chain.health_checks()
            else:
                checks[f"{network} (devnet)"] = tip_check(chain)
        return checks | self.plugins.health_checks(self.context)

    def report(self, error: BaseException, context: Mapping[str, str]) -> None:
        """Hand a fault of ours, logged by whoever met it, to every error reporter."""
        self.meter.count(FAULTS)
        for plugin, reporter in self.reporters:
            try:
                reporter.report(error, context)
            except Exception:
                _log.exception("the error reporter of plugin %s failed", plugin)

    def _flush_reports(self) -> None:
        for plugin, reporter in self.reporters:
            try:
                reporter.flush(_FLUSH_SECONDS)
            except Exception:
                _log.exception("the error reporter of plugin %s failed to flush", plugin)

    def request_failed(self, error: BaseException, context: Mapping[str, str]) -> None:
        """Hand on why a request was answered with 5xx."""
        self.report(error, context)
        self.plugins.request_failed(error, context)

    def _thread_failed(self, error: BaseException) -> None:
        _log.error("unexpected error while following the chain", exc_info=error)
        self.report(error, {"thread": threading.current_thread().name})

    def report_ended_threads(self) -> None:
        """Hand on the exceptions that end threads from now on, which are logged already."""
        log = threading.excepthook

        def report(failure: threading.ExceptHookArgs) -> None:
            log(failure)
            if failure.exc_value is not None and not isinstance(failure.exc_value, SystemExit):
                name = failure.thread.name if failure.thread else "unknown"
                self.report(failure.exc_value, {"thread": name})

        threading.excepthook = report

    def start(self) -> None:
        """Start plugins and recovery; requests may come afterwards."""
        self.plugins.startup(self.context)
        self.service.start()

    def close(self) -> None:
        """Stop everything that :meth:`start` started and close what the plugins opened."""
        self.service.drain()
        self.service.close()
        for chain in self.chains.values():
            chain.close()
        if self.rate_limiter is not None:
            self.rate_limiter.close()
        self.storage.close()
        self.plugins.shutdown()
        self._flush_reports()


def _declared_reasons(methods: Iterable[TransferMethod]) -> list[str]:
    return [
        reason
        for method in methods
        if isinstance(method, DeclaresReasons)
        for reason in method.reasons()
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
