"""Every hook, each documented as for the one who implements it.

A plugin is a module or object with functions marked ``facilitator.hookimpl``, announced under the
entry-point group ``facilitator.plugins`` and named in the setting ``plugins``. An implementation
may leave out arguments it does not need, must not give them defaults, and is called with keywords.

Three kinds, three rules of failure:

* **providers** return a part the facilitator runs on; one that raises stops the start;
* **gates** run before a payment is verified or settled and may refuse it; one that raises refuses;
* **observers** run after; what one raises is reported and changes nothing.

Plugins are called in the order of the setting ``plugins``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import argparse

    import falcon

    from facilitator.exact.methods import TransferMethod
    from facilitator.plugin.context import Context
    from facilitator.roles.chain import ChainProvider
    from facilitator.roles.claim import Claim
    from facilitator.roles.health import HealthCheck
    from facilitator.roles.metrics import Meter
    from facilitator.roles.payment_hooks import PaymentView, Refusal
    from facilitator.roles.rate_limit import RateLimiter
    from facilitator.roles.reporting import ErrorReporter
    from facilitator.roles.storage import Storage
    from facilitator.roles.wallet import Wallet
    from facilitator.x402.messages import SettleResponse, VerifyResponse

hookspec = pluggy.HookspecMarker("facilitator")


# --- Providers: asked once, at start -------------------------------------------------------------


@hookspec
def settings_sections() -> Mapping[str, type]:  # type: ignore[empty-body]
    """Return the plugin's settings: table name to a frozen dataclass that describes its keys.

    The fields' defaults and ``facilitator.settings.setting(...)`` metadata say what is accepted;
    read the result with ``context.settings.section(TheDataclass)``. Called before anything else.
    """


@hookspec
def meter(context: Context) -> Meter | None:
    """Return a meter, which counts and measures. At most one enabled plugin may.

    Asked for before every other part, so that each finds it as ``context.meter``.
    """


@hookspec
def chain_provider(context: Context, network: str) -> ChainProvider | None:
    """Return the provider for the network (canonical id), or ``None`` when it is not yours.

    Exactly one enabled plugin must answer for each network in the setting ``network``, besides
    those in ``chain.fallback``, which stand by for it.
    """


@hookspec
def storage(context: Context) -> Storage | None:
    """Return the storage. Exactly one enabled plugin must."""


@hookspec
def rate_limiter(context: Context) -> RateLimiter | None:
    """Return a rate limiter. At most one enabled plugin may."""


@hookspec
def error_reporter(context: Context) -> ErrorReporter | None:
    """Return an error reporter. Any number may; each gets every report."""


@hookspec
def transfer_methods(context: Context) -> Mapping[str, TransferMethod]:  # type: ignore[empty-body]
    """Return further transfer methods of the ``exact`` scheme by ``extra.assetTransferMethod``."""


@hookspec
def routes(context: Context) -> Mapping[str, object]:  # type: ignore[empty-body]
    """Return further HTTP routes: Falcon URI template to a Falcon resource.

    An attribute ``openapi`` of the resource is taken for its path item in ``/openapi.json``.
    """


@hookspec
def health_checks(context: Context) -> Mapping[str, HealthCheck]:  # type: ignore[empty-body]
    """Return dependencies to show in ``/health``: name to a check that raises when it is down."""


@hookspec
def wallets(context: Context, network: str) -> Mapping[str, Wallet]:  # type: ignore[empty-body]
    """Return wallets by name, for ``facilitator pay``, on the network (canonical id)."""


@hookspec
def cli_commands() -> Sequence[  # type: ignore[empty-body]
    tuple[str, str, Callable[[argparse.ArgumentParser], Callable[[argparse.Namespace], int]]]
]:
    """Return further commands: name, one-line help, and a function that prepares the command.

    That function takes the command's argument parser, adds to it, and returns what runs the
    command and gives the exit code.
    """


@hookspec
def startup(context: Context) -> None:
    """Do what must be done before the first request. Raising stops the start."""


@hookspec
def shutdown() -> None:
    """Let go of what the plugin holds. Called in reverse order, once, after the last request."""


# --- Gates: may refuse; fail closed --------------------------------------------------------------


@hookspec
def authenticate(request: falcon.Request) -> Refusal | None:
    """Return a refusal to answer 401 to a request of ``/verify`` or ``/settle``."""


@hookspec
def before_verify(payment: PaymentView) -> Refusal | None:
    """Return a refusal to make ``/verify`` call the payment invalid, before the chain is asked."""


@hookspec
def before_settle(payment: PaymentView) -> Refusal | None:
    """Return a refusal to keep ``/settle`` from submitting. Not asked again once it is sent."""


# --- Observers: cannot change the outcome --------------------------------------------------------


@hookspec
def after_verify(payment: PaymentView, response: VerifyResponse) -> None:
    """Take note of a verdict, valid or not, on a payment that could be decoded."""


@hookspec
def after_settle(payment: PaymentView, response: SettleResponse) -> None:
    """Take note of an answer of ``/settle``, success or not, on a payment that could be decoded."""


@hookspec
def settlement_changed(claim: Claim) -> None:
    """Take note that a settlement reached another state, whoever waits for it.

    Called from several threads at once, and again for one that was settled and had to be opened
    again, as after a deep rollback, before anybody was told.
    """


@hookspec
def request_started(request: falcon.Request) -> None:
    """Take note of a request before anything is done about it, in the thread that answers it."""


@hookspec
def request_completed(request: falcon.Request, response: falcon.Response) -> None:
    """Take note of a request's answer before it is sent, in the thread that answers it."""


@hookspec
def request_failed(error: BaseException, context: Mapping[str, Any]) -> None:
    """Take note of a request answered with 5xx (its id, method, URL, path and status)."""
