"""The enabled plugins: each hook as a typed method, with its kind's rule of failure.

Plugins are called in the order of the setting ``plugins``, each by itself: an error of one never
keeps the next from being called.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from facilitator.errors import PluginError
from facilitator.exact.built_in import BUILT_IN_METHODS
from facilitator.plugin.hook_caller import HookCaller
from facilitator.roles.payment import PaymentView
from facilitator.roles.payment_hooks import Refusal
from facilitator.settings.schema import fields_of
from facilitator.settings.sections import CORE_SECTIONS
from facilitator.x402.messages import SettleResponse, VerifyResponse
from facilitator.x402.networks import NETWORKS

if TYPE_CHECKING:
    import argparse

    import falcon

    from facilitator.exact.methods import TransferMethod
    from facilitator.plugin.context import Context
    from facilitator.roles.chain import ChainProvider
    from facilitator.roles.claim import Claim
    from facilitator.roles.health import HealthCheck
    from facilitator.roles.metrics import Meter
    from facilitator.roles.payer import Payer
    from facilitator.roles.payment_ledger import PaymentLedger
    from facilitator.roles.rate_limit import RateLimiter
    from facilitator.roles.reporting import ErrorReporter
    from facilitator.roles.requests import RequestView, ResponseView
    from facilitator.roles.scheme import Scheme
    from facilitator.roles.scheme_chain import SchemeChain
    from facilitator.roles.storage import Storage
    from facilitator.roles.wallet import Wallet

Command: TypeAlias = (
    "tuple[str, str, Callable[[argparse.ArgumentParser], Callable[[argparse.Namespace], int]]]"
)


class Plugins(HookCaller):
    """The enabled plugins, one typed method for each hook. Safe to call from many threads."""

    # --- Providers: an error stops the start ------------------------------------------------------

    def settings_sections(self) -> dict[str, type]:
        """Return the plugins' settings tables.

        Raises :class:`PluginError` on a clash, and for a table that is declared wrongly.
        """
        taken = dict.fromkeys(CORE_SECTIONS, "the core")
        sections = self._merge("settings_sections", "the settings table", taken)
        for table, declaration in sections.items():
            _check_declaration(table, declaration)
        return sections

    def register_networks(self) -> None:
        """Register the plugins' networks. Raises :class:`PluginError` for one that cannot be."""
        for plugin, networks in self._collect("networks"):
            for network in networks:
                try:
                    NETWORKS.register(network, f"plugin '{plugin}'")
                except (ValueError, TypeError) as error:
                    raise PluginError(
                        f"plugin '{plugin}' registers the network {network.id!s:.60}, which {error}"
                    ) from error

    def meter(self, context: Context) -> Meter | None:
        """Return the meter, if any. Raises :class:`PluginError` when there are two."""
        meters: list[tuple[str, Meter]] = self._collect("meter", context=context)
        return self.require_one(meters, "the meter") if meters else None

    def chain_providers(
        self, context: Context, network: str, only: Collection[str] | None = None
    ) -> list[tuple[str, ChainProvider]]:
        """Return every plugin that provides the network, with its provider; or ``only`` these."""
        return self._collect("chain_provider", only, context=context, network=network)

    def one_storage(self, context: Context) -> Storage:
        """Return the storage. Raises :class:`PluginError` unless there is exactly one."""
        storages: list[tuple[str, Storage]] = self._collect("storage", context=context)
        return self.require_one(storages, "the storage")

    def payment_ledger(self, context: Context) -> PaymentLedger | None:
        """Return the payment ledger, if any. Raises :class:`PluginError` when there are two."""
        ledgers: list[tuple[str, PaymentLedger]] = self._collect("payment_ledger", context=context)
        return self.require_one(ledgers, "the payment ledger") if ledgers else None

    def rate_limiter(self, context: Context) -> RateLimiter | None:
        """Return the rate limiter, if any. Raises :class:`PluginError` when there are two."""
        limiters: list[tuple[str, RateLimiter]] = self._collect("rate_limiter", context=context)
        return self.require_one(limiters, "the rate limiter") if limiters else None

    def error_reporters(self, context: Context) -> list[tuple[str, ErrorReporter]]:
        """Return every error reporter with its plugin's name."""
        return self._collect("error_reporter", context=context)

    def transfer_methods(self, context: Context) -> dict[str, TransferMethod]:
        """Return further transfer methods by name. Raises :class:`PluginError` on a clash."""
        taken = dict.fromkeys(BUILT_IN_METHODS, "the core")
        return self._merge("transfer_methods", "the transfer method", taken, context=context)

    def schemes(self, context: Context, chains: Mapping[str, SchemeChain]) -> dict[str, Scheme]:
        """Return further schemes by name. Raises :class:`PluginError` on a clash."""
        taken = {"exact": "the core"}
        return self._merge("schemes", "the scheme", taken, context=context, chains=chains)

    def routes(self, context: Context) -> dict[str, object]:
        """Return further HTTP routes by URI template. Raises :class:`PluginError` on a clash."""
        return self._merge("routes", "the route", context=context)

    def health_checks(self, context: Context) -> dict[str, HealthCheck]:
        """Return further health checks by name. Raises :class:`PluginError` on a clash."""
        return self._merge("health_checks", "the health check", context=context)

    def wallets(self, context: Context, network: str) -> dict[str, Wallet]:
        """Return the wallets to pay from by name. Raises :class:`PluginError` on a clash."""
        return self._merge("wallets", "the wallet", context=context, network=network)

    def payers(self) -> dict[str, Payer]:
        """Return further ways to pay by scheme. Raises :class:`PluginError` on a clash."""
        return self._merge("payers", "a payer for the scheme", {"exact": "the core"})

    def cli_commands(self) -> list[Command]:
        """Return further commands of the command line."""
        return [command for _, own in self._collect("cli_commands") for command in own]

    def startup(self, context: Context) -> None:
        """Let every plugin prepare for requests. An error stops the start."""
        self._collect("startup", context=context)

    # --- Gates: the first refusal counts; an error refuses ----------------------------------------

    def authenticate(self, request: falcon.Request) -> Refusal | None:
        """Return the first refusal of the request, if any."""
        return self._call_gate("authenticate", request=request)

    def before_verify(self, payment: PaymentView) -> Refusal | None:
        """Return the first refusal to verify the payment, if any."""
        return self._call_gate("before_verify", payment=payment)

    def before_settle(self, payment: PaymentView) -> Refusal | None:
        """Return the first refusal to settle the payment, if any."""
        return self._call_gate("before_settle", payment=payment)

    # --- Responders: an error adds nothing --------------------------------------------------------

    def extend_verify(self, payment: PaymentView, response: VerifyResponse) -> VerifyResponse:
        """Return the response with what plugins add to its ``extensions``."""
        added = self._call_responders("verify_extensions", payment=payment, response=response)
        return dataclasses.replace(response, extensions=added) if added else response

    def extend_settle(self, payment: PaymentView, response: SettleResponse) -> SettleResponse:
        """Return the response with what plugins add to its ``extensions``."""
        added = self._call_responders("settle_extensions", payment=payment, response=response)
        return dataclasses.replace(response, extensions=added) if added else response

    # --- Observers: called later, in the plugin's own thread; an error changes nothing ------------

    def after_verify(self, payment: PaymentView, response: VerifyResponse) -> None:
        """Notify every plugin of a verdict."""
        size = payment.origin.size
        self._notify("after_verify", size, payment=payment, response=response)

    def after_settle(self, payment: PaymentView, response: SettleResponse) -> None:
        """Notify every plugin of an answer of ``/settle``."""
        size = payment.origin.size
        self._notify("after_settle", size, payment=payment, response=response)

    def settlement_changed(self, claim: Claim) -> None:
        """Notify every plugin of a settlement's new state."""
        self._notify("settlement_changed", len(claim.transaction), claim=claim)

    @property
    def observes_requests(self) -> bool:
        """True if any plugin observes requests."""
        return self.has("request_started") or self.has("request_completed")

    def request_started(self, request: RequestView) -> None:
        """Notify every plugin of a request that begins."""
        self._notify("request_started", request=request)

    def request_completed(self, request: RequestView, response: ResponseView) -> None:
        """Notify every plugin of a request's answer."""
        self._notify("request_completed", request=request, response=response)

    def request_failed(self, error: BaseException, context: Mapping[str, Any]) -> None:
        """Notify every plugin of a request answered with 5xx."""
        self._notify("request_failed", error=error, context=context)


def _check_declaration(table: str, declaration: object) -> None:
    if not (isinstance(declaration, type) and dataclasses.is_dataclass(declaration)):
        raise PluginError(f"the settings table {table} must be declared by a dataclass")
    try:
        fields_of(declaration)
    except (TypeError, NameError) as error:
        raise PluginError(f"the settings table {table} is declared wrongly: {error}") from error
