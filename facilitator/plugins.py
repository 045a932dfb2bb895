"""The enabled plugins: each hook as a typed method, with its kind's rule of failure.

Plugins are called in the order of the setting ``plugins``, each by itself, so that what one raises
never keeps the next from being called.
"""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import pluggy

from facilitator.chain.fallback import with_fallback
from facilitator.chain.order import divided
from facilitator.discovery import PluginInfo, available_plugins, register_plugins
from facilitator.errors import FacilitatorError, PluginError, Problem, one_line
from facilitator.exact.built_in import BUILT_IN_METHODS
from facilitator.fitting import misfit
from facilitator.payment import PaymentView, Refusal
from facilitator.settings import Settings, read_settings
from facilitator.settings.load import installed_plugins
from facilitator.settings.schema import fields_of
from facilitator.settings.sections import CORE_SECTIONS
from facilitator.x402.messages import SettleResponse, VerifyResponse
from facilitator.x402.reasons import Reason

if TYPE_CHECKING:
    import argparse

    import falcon

    from facilitator.context import Context
    from facilitator.exact.methods import TransferMethod
    from facilitator.roles.chain import ChainProvider
    from facilitator.roles.health import HealthCheck
    from facilitator.roles.metrics import Meter
    from facilitator.roles.rate_limit import RateLimiter
    from facilitator.roles.reporting import ErrorReporter
    from facilitator.roles.storage import Storage
    from facilitator.settlement.claim import Claim

__all__ = ["PluginInfo", "Plugins", "available_plugins", "configure", "load_plugins"]

_log = logging.getLogger(__name__)

Value = TypeVar("Value")
OnError: TypeAlias = Callable[[BaseException, Mapping[str, str]], None]
Command: TypeAlias = (
    "tuple[str, str, Callable[[argparse.ArgumentParser], Callable[[argparse.Namespace], int]]]"
)
_Caller: TypeAlias = Callable[..., list[Any]]


class Plugins:
    """The enabled plugins, one typed method for each hook. Safe to call from many threads."""

    def __init__(self, manager: pluggy.PluginManager, names: Sequence[str]) -> None:
        """Take the registered plugins and the order in which to call them."""
        self.names = tuple(names)
        hooks = [hook for hook in vars(manager.hook) if not hook.startswith("_")]
        self._callers = {hook: tuple(_callers(manager, hook, self.names)) for hook in hooks}
        self._on_error: OnError | None = None

    def has(self, hook: str) -> bool:
        """Whether any enabled plugin implements the hook."""
        return bool(self._callers[hook])

    def report_errors_to(self, on_error: OnError) -> None:
        """Have gates' and observers' errors handed to ``on_error``, besides being logged."""
        self._on_error = on_error

    # --- Providers: what they raise stops the start -----------------------------------------------

    def settings_sections(self) -> dict[str, type]:
        """The plugins' settings tables. Raises :class:`PluginError` on a clash or a bad one."""
        taken = dict.fromkeys(CORE_SECTIONS, "the core")
        sections = self._merged("settings_sections", "the settings table", taken)
        for table, declaration in sections.items():
            _check_declaration(table, declaration)
        return sections

    def meter(self, context: Context) -> Meter | None:
        """The meter, if there is one. Raises :class:`PluginError` when there are two."""
        meters: list[tuple[str, Meter]] = self._provided("meter", context=context)
        return self._one(meters, "the meter") if meters else None

    def chain_providers(self, context: Context, network: str) -> list[tuple[str, ChainProvider]]:
        """Every plugin that provides the network, with its provider."""
        return self._provided("chain_provider", context=context, network=network)

    def ordered_chain_providers(
        self, context: Context, network: str
    ) -> list[tuple[str, ChainProvider]]:
        """The network's provider, then those that stand by for it.

        Raises :class:`PluginError` unless exactly one does not stand by, and when they don't go
        together.
        """
        provided = self.chain_providers(context, network)
        first, standbys = divided(network, provided, context.settings.chain.fallback)
        self._one(first, f"the network {network}", ", or name the others in chain.fallback")
        return [*first, *standbys]

    def one_chain_provider(self, context: Context, network: str) -> ChainProvider:
        """The network's provider, over those that stand by for it. Raises :class:`PluginError`."""
        providers = self.ordered_chain_providers(context, network)
        return providers[0][1] if len(providers) == 1 else with_fallback(providers)

    def one_storage(self, context: Context) -> Storage:
        """The storage. Raises :class:`PluginError` unless there is exactly one."""
        storages: list[tuple[str, Storage]] = self._provided("storage", context=context)
        return self._one(storages, "the storage")

    def rate_limiter(self, context: Context) -> RateLimiter | None:
        """The rate limiter, if there is one. Raises :class:`PluginError` when there are two."""
        limiters: list[tuple[str, RateLimiter]] = self._provided("rate_limiter", context=context)
        return self._one(limiters, "the rate limiter") if limiters else None

    def error_reporters(self, context: Context) -> list[tuple[str, ErrorReporter]]:
        """Every error reporter with its plugin's name."""
        return self._provided("error_reporter", context=context)

    def transfer_methods(self, context: Context) -> dict[str, TransferMethod]:
        """Further transfer methods by name. Raises :class:`PluginError` on a clash."""
        taken = dict.fromkeys(BUILT_IN_METHODS, "the core")
        return self._merged("transfer_methods", "the transfer method", taken, context=context)

    def routes(self, context: Context) -> dict[str, object]:
        """Further HTTP routes by URI template. Raises :class:`PluginError` on a clash."""
        return self._merged("routes", "the route", context=context)

    def health_checks(self, context: Context) -> dict[str, HealthCheck]:
        """Further health checks by name. Raises :class:`PluginError` on a clash."""
        return self._merged("health_checks", "the health check", context=context)

    def cli_commands(self) -> list[Command]:
        """Further commands of the command line."""
        return [command for _, own in self._provided("cli_commands") for command in own]

    def startup(self, context: Context) -> None:
        """Have every plugin get ready. What one raises stops the start."""
        self._provided("startup", context=context)

    def shutdown(self) -> None:
        """Have every plugin let go, the last one first. What one raises is reported."""
        self._observed("shutdown", reversed(self._callers["shutdown"]))

    # --- Gates: the first refusal counts; what they raise refuses ---------------------------------

    def authenticate(self, request: falcon.Request) -> Refusal | None:
        """The first refusal of the request, if any."""
        return self._gate("authenticate", request=request)

    def before_verify(self, payment: PaymentView) -> Refusal | None:
        """The first refusal to verify the payment, if any."""
        return self._gate("before_verify", payment=payment)

    def before_settle(self, payment: PaymentView) -> Refusal | None:
        """The first refusal to settle the payment, if any."""
        return self._gate("before_settle", payment=payment)

    # --- Observers: what they raise is reported and changes nothing -------------------------------

    def after_verify(self, payment: PaymentView, response: VerifyResponse) -> None:
        """Tell every plugin of a verdict."""
        self._observe("after_verify", payment=payment, response=response)

    def after_settle(self, payment: PaymentView, response: SettleResponse) -> None:
        """Tell every plugin of an answer of ``/settle``."""
        self._observe("after_settle", payment=payment, response=response)

    def settlement_changed(self, claim: Claim) -> None:
        """Tell every plugin of a settlement's new state."""
        self._observe("settlement_changed", claim=claim)

    @property
    def observes_requests(self) -> bool:
        """Whether any plugin wants to hear of requests."""
        return self.has("request_started") or self.has("request_completed")

    def request_started(self, request: falcon.Request) -> None:
        """Tell every plugin of a request that begins."""
        self._observe("request_started", request=request)

    def request_completed(self, request: falcon.Request, response: falcon.Response) -> None:
        """Tell every plugin of a request's answer."""
        self._observe("request_completed", request=request, response=response)

    def request_failed(self, error: BaseException, context: Mapping[str, Any]) -> None:
        """Tell every plugin of a request answered with 5xx."""
        self._observe("request_failed", error=error, context=context)

    # --- How each kind is called ------------------------------------------------------------------

    def _provided(self, hook: str, **arguments: Any) -> list[tuple[str, Any]]:
        results = []
        for plugin, caller in self._callers[hook]:
            try:
                returned = caller(**arguments)
            except FacilitatorError:
                raise
            except Exception as error:
                raise PluginError(
                    f"plugin '{plugin}' failed in {hook}: {one_line(error)}"
                ) from error
            for each in returned:
                if wrong := misfit(hook, each):
                    raise PluginError(f"plugin '{plugin}' returns from {hook} {wrong}")
                results.append((plugin, each))
        return results

    def _merged(
        self, hook: str, what: str, taken: Mapping[str, str] | None = None, **arguments: Any
    ) -> dict[str, Any]:
        owners = dict(taken or {})
        merged = {}
        for plugin, own in self._provided(hook, **arguments):
            for key, value in own.items():
                if key in owners:
                    owner = owners[key]
                    raise PluginError(f"plugin '{plugin}' brings {what} {key}, as does {owner}")
                owners[key] = f"plugin '{plugin}'"
                merged[key] = value
        return merged

    def _one(self, provided: list[tuple[str, Value]], what: str, remedy: str = "") -> Value:
        if not provided:
            enabled = ", ".join(self.names) or "none"
            raise PluginError(
                f"no enabled plugin provides {what}: "
                f"name one that does in the setting plugins (enabled: {enabled})"
            )
        if len(provided) > 1:
            names = " and ".join(f"'{plugin}'" for plugin, _ in provided)
            raise PluginError(
                f"plugins {names} both provide {what}: enable only one of them{remedy}"
            )
        return provided[0][1]

    def _gate(self, hook: str, **arguments: Any) -> Refusal | None:
        for plugin, caller in self._callers[hook]:
            try:
                for answer in caller(**arguments):
                    if not isinstance(answer, Refusal):
                        raise TypeError(f"{hook} must return a Refusal or None")
                    return answer
            except Exception as error:
                self._report(error, plugin, hook)
                return Refusal(
                    f"the check by plugin '{plugin}' failed, try again later",
                    Reason.VERIFICATION_ERROR,
                )
        return None

    def _observe(self, hook: str, **arguments: Any) -> None:
        self._observed(hook, self._callers[hook], **arguments)

    def _observed(
        self,
        hook: str,
        callers: Iterable[tuple[str, _Caller]],
        **arguments: Any,
    ) -> None:
        for plugin, caller in callers:
            try:
                caller(**arguments)
            except Exception as error:
                self._report(error, plugin, hook)

    def _report(self, error: Exception, plugin: str, hook: str) -> None:
        _log.error("plugin %s failed in %s", plugin, hook, exc_info=error)
        if self._on_error is None:
            return
        try:
            self._on_error(error, {"plugin": plugin, "hook": hook})
        except Exception:
            _log.exception("reporting the error of plugin %s failed", plugin)


def load_plugins(names: Sequence[str]) -> Plugins:
    """Import the named plugins and check their hooks; they are called in this order.

    Raises :class:`PluginError` when one is unknown, ambiguous, cannot be imported or does not fit.
    """
    return Plugins(register_plugins(names), names)


def configure(
    path: str | None = None,
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
) -> tuple[Settings, Plugins]:
    """The checked settings and the plugins that they enable.

    Arguments as for :func:`facilitator.settings.read_settings`. Raises
    :class:`~facilitator.errors.ConfigInvalidError` with every problem, plugins' ones included.
    """
    source = read_settings(path, environ, cwd)
    names = source.plugins()
    try:
        plugins = load_plugins(names)
        sections = plugins.settings_sections()
    except PluginError as error:
        # The rest is checked all the same, so that every problem is named at once.
        source.refuse(Problem("plugins", str(error)), {*installed_plugins(), *names})
    return source.settings(sections, installed_plugins() - set(names)), plugins


def _callers(
    manager: pluggy.PluginManager, hook: str, names: Sequence[str]
) -> Iterator[tuple[str, _Caller]]:
    caller = getattr(manager.hook, hook)
    implementing = {implementation.plugin_name for implementation in caller.get_hookimpls()}
    plugins = {name: manager.get_plugin(name) for name in names}
    for name in names:
        if name in implementing:
            others = [plugin for other, plugin in plugins.items() if other != name]
            yield name, manager.subset_hook_caller(hook, others)


def _check_declaration(table: str, declaration: object) -> None:
    if not (isinstance(declaration, type) and dataclasses.is_dataclass(declaration)):
        raise PluginError(f"the settings table {table} must be declared by a dataclass")
    try:
        fields_of(declaration)
    except (TypeError, NameError) as error:
        raise PluginError(f"the settings table {table} is declared wrongly: {error}") from error
