"""The hook specifications, each documented for its implementation.

A plugin is a module or object with functions marked ``facilitator.hookimpl``, announced under the
entry-point group ``facilitator.plugins`` and named in the setting ``plugins``. An implementation
may leave out arguments that it does not need, must not give them defaults, and is called with
keywords.

Each kind has its rule of failure. To fail is to raise, to exit, or to take too long:

* **Provider**: called at start, in a thread of its own, for at most ``hooks.start_seconds``. If it
  fails, the start ends with exit code 1 and names the plugin and the hook.
* **Gate**: called before the act, in a thread of the plugin, for at most ``hooks.gate_seconds``. If
  it fails, the payment is refused as ``invalid_exact_cardano_payload_verification_error``.
* **Responder**: called once the outcome is decided, in a thread of the plugin, for at most
  ``hooks.responder_seconds``. If it fails, the answer goes out without what it adds.
* **Observer**: called afterwards, in order, in the one thread of the plugin's own. If it fails, or
  takes longer than ``hooks.observer_seconds``, that is reported, and changes nothing.
* **End**: called once, in a thread, for at most a third of what is left of
  ``server.shutdown_seconds``. If it fails, that is reported, and the end goes on.

Gates, responders and observers get copies, with which they may do as they like. Plugins are called
in the order of the setting ``plugins``.
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
    from facilitator.roles.payer import Payer
    from facilitator.roles.payment import PaymentView
    from facilitator.roles.payment_hooks import Refusal
    from facilitator.roles.payment_ledger import PaymentLedger
    from facilitator.roles.rate_limit import RateLimiter
    from facilitator.roles.reporting import ErrorReporter
    from facilitator.roles.requests import RequestView, ResponseView
    from facilitator.roles.scheme import Scheme
    from facilitator.roles.scheme_chain import SchemeChain
    from facilitator.roles.storage import Storage
    from facilitator.roles.wallet import Wallet
    from facilitator.x402.messages import SettleResponse, VerifyResponse
    from facilitator.x402.networks import Network

hookspec = pluggy.HookspecMarker("facilitator")
"""Marks a function of a plugin as a hook that other plugins may implement.

The function has arguments and a docstring; it is never called. The plugin calls the hook by
:class:`OwnHooks`.
"""


# --- Providers: called once, at start ------------------------------------------------------------


@hookspec
def settings_sections() -> Mapping[str, type]:  # type: ignore[empty-body]
    """Return the plugin's settings: table name to a frozen dataclass that describes its keys.

    Each field is declared by ``facilitator.plugin.setting(...)``, which says what is accepted. Read
    the values with ``context.settings.section(TheDataclass)``. Called before any other hook. A
    table that the core or another plugin has already stops the start.
    """


@hookspec
def networks() -> Sequence[Network]:  # type: ignore[empty-body]
    """Return networks to know besides the public ones, such as ``CardanoNetwork``s.

    Called right after ``settings_sections``, before the settings are checked, so that these may
    name the networks. A network is registered for as long as the process runs. Its names must be
    its own, and it must not pass for Cardano's mainnet.
    """


@hookspec
def meter(context: Context) -> Meter | None:
    """Return a meter, which counts and measures. At most one enabled plugin may return one.

    Called before the hooks of all other parts, so that each finds it as ``context.meter``.
    """


@hookspec
def chain_provider(context: Context, network: str) -> ChainProvider | None:
    """Return the provider for the network (canonical id), or ``None`` for one you do not serve.

    Called for each network in the setting ``network``: of the plugins that ``chain.providers``
    names for it, each must return a provider. Where it does not name the network, exactly one
    enabled plugin must; plugins in ``chain.fallback`` stand by and do not count.
    """


@hookspec
def storage(context: Context) -> Storage | None:
    """Return the storage. Exactly one enabled plugin must return one."""


@hookspec
def payment_ledger(context: Context) -> PaymentLedger | None:
    """Return a payment ledger. At most one enabled plugin may return one.

    Not asked if the storage keeps a ledger of its own. The storage keeps each change of a claim
    until the ledger has it, so it must be a
    :class:`~facilitator.roles.payment_ledger.KeepsOutbox`.
    """


@hookspec
def rate_limiter(context: Context) -> RateLimiter | None:
    """Return a rate limiter. At most one enabled plugin may return one.

    No plugin is asked while ``rate_limit.enabled`` is false.
    """


@hookspec
def error_reporter(context: Context) -> ErrorReporter | None:
    """Return an error reporter. Any number of plugins may; each reporter gets every report.

    Reported are requests answered with 5xx, errors of gates, responders and observers, errors while
    following the chain, and exceptions that end threads.
    """


@hookspec
def transfer_methods(context: Context) -> Mapping[str, TransferMethod]:  # type: ignore[empty-body]
    """Return further transfer methods of the ``exact`` scheme by ``extra.assetTransferMethod``.

    A name that the core or another plugin has already stops the start.
    """


@hookspec
def schemes(  # type: ignore[empty-body]
    context: Context, chains: Mapping[str, SchemeChain]
) -> Mapping[str, Scheme]:
    """Return further schemes by their name on the wire, ``paymentRequirements.scheme``.

    ``chains`` has a chain for each network that is served (canonical id), which may be asked from
    the hook ``startup`` on. A name that the core or another plugin has already stops the start.
    """


@hookspec
def routes(context: Context) -> Mapping[str, object]:  # type: ignore[empty-body]
    """Return further HTTP routes: Falcon URI template to a Falcon resource.

    An attribute ``openapi`` of the resource, a mapping, is taken for its path item in
    ``/openapi.json``. Without one, or with ``None``, the route is left out of that document. A
    template that the core or another plugin has already stops the start.

    The routes answer behind the same middleware: request ids, the log, limits, JSON errors. They
    need no API key, unless they call ``req.context.gate.require(req, Scope.OPERATE)``: that refuses
    a request without a key of that scope. ``req.context.is_local`` is true if a program of this
    machine asks, nothing forwarded the request, and no web page is behind it.
    ``req.context.is_relayed`` is true if a proxy forwarded it that does not say for whom: then
    ``req.remote_addr`` is that proxy's.
    """


@hookspec
def health_checks(context: Context) -> Mapping[str, HealthCheck]:  # type: ignore[empty-body]
    """Return dependencies to show in ``/health``: name to a check that raises when one is down.

    ``facilitator check`` runs the checks too.
    """


@hookspec
def wallets(context: Context, network: str) -> Mapping[str, Wallet]:  # type: ignore[empty-body]
    """Return wallets on the network (canonical id) by name, for ``facilitator pay``.

    Only that command calls this hook. The first wallet pays when none is named.
    """


@hookspec
def payers() -> Mapping[str, Payer]:  # type: ignore[empty-body]
    """Return further ways to pay, by the scheme that each pays by, for ``facilitator pay``.

    Only that command calls this hook: for ``--channel``, which asks for ``batch-settlement``. The
    command fails if the core or another plugin already pays by the same scheme.
    """


@hookspec
def cli_commands() -> Sequence[  # type: ignore[empty-body]
    tuple[str, str, Callable[[argparse.ArgumentParser], Callable[[argparse.Namespace], int]]]
]:
    """Return further commands: name, one-line help, and a function that prepares the command.

    That function adds arguments to the command's parser. It returns another one, which gets the
    parsed arguments, runs the command and returns the exit code. ``arguments.open_ledger()`` is a
    context manager for what the settings name: its value has the payment ``ledger`` and the
    ``context``. ``arguments.open_wallet(network, name)`` is another one: its value has a
    ``wallet``, the ``chain`` that it pays on, and the user's ``folder`` for what must be
    remembered. Without a name it is the wallet of the command's own options ``--wallet`` and
    ``--seed-file``, or the first there is. A command whose name the core has already is left out.
    """


@hookspec
def startup(context: Context) -> None:
    """Prepare for the first request, after all parts were returned. An error stops the start.

    ``facilitator check`` calls it too, and ``shutdown`` after it.
    """


# --- Gates: may refuse; fail closed --------------------------------------------------------------


@hookspec
def authenticate(request: falcon.Request) -> Refusal | None:
    """Return a refusal to answer 401 to a request that carries a payment.

    That is ``/verify``, ``/settle``, ``/cancel`` or ``/inspect``. The request is a copy without
    its body. Called after the check of API keys. The answer's reason and message are the refusal's.
    If this hook fails, the request is answered 503 instead.
    """


@hookspec
def before_verify(payment: PaymentView) -> Refusal | None:
    """Return a refusal to make ``/verify`` call the payment invalid, before the chain is asked.

    Not called when the payment is already being settled: that was decided before.
    """


@hookspec
def before_settle(payment: PaymentView) -> Refusal | None:
    """Return a refusal to keep ``/settle`` from submitting. Not called after the submission.

    A refusal takes the claim back, so that the payment may be settled later.
    """


# --- Responders: add to an answer, never to its outcome ------------------------------------------


@hookspec
def verify_extensions(  # type: ignore[empty-body]
    payment: PaymentView, response: VerifyResponse
) -> Mapping[str, Mapping[str, Any]]:
    """Return entries for ``extensions`` of the answer of ``/verify``, by extension key.

    Each value is a JSON object. The header ``EXTENSION-RESPONSES`` carries them, too. A plugin adds
    at most 2,048 bytes of JSON. A key that a plugin before it in ``plugins`` adds is taken: then
    nothing of the later one is added, and its fault is reported.
    """


@hookspec
def settle_extensions(  # type: ignore[empty-body]
    payment: PaymentView, response: SettleResponse
) -> Mapping[str, Mapping[str, Any]]:
    """Return entries for ``extensions`` of the answer of ``/settle``, by extension key.

    As for ``/verify``. The success is delivered by then: its caller waits for the plugin, and may
    give up. So be quick, or answer ``{"status": "processing"}`` and go on in an observer.
    """


# --- Observers: cannot change the outcome --------------------------------------------------------


@hookspec
def after_verify(payment: PaymentView, response: VerifyResponse) -> None:
    """Observe a verdict, valid or not, on a payment that could be decoded."""


@hookspec
def after_settle(payment: PaymentView, response: SettleResponse) -> None:
    """Observe an answer of ``/settle``, success or not, on a payment that could be decoded.

    Called for each call, pending answers included. To count settlements, use
    ``settlement_changed``.
    """


@hookspec
def settlement_changed(claim: Claim) -> None:
    """Observe that a settlement reached another state, with or without a caller that waits.

    Called from ``submitted`` on. Called again for a settlement that was opened again before its
    result was delivered, as after a deep rollback, and for one that was rejected or expired when a
    block shows its transaction all the same. For the states see
    ``docs/reference/storage-and-claims.md``.
    """


@hookspec
def request_started(request: RequestView) -> None:
    """Observe that a request has begun. It is not routed yet.

    So ``uri_template`` and ``caller`` are ``None``, and behind a proxy ``remote_addr`` is that of
    the proxy.
    """


@hookspec
def request_completed(request: RequestView, response: ResponseView) -> None:
    """Observe a request's answer. Its ``request_id`` is that of ``request_started``."""


@hookspec
def request_failed(error: BaseException, context: Mapping[str, Any]) -> None:
    """Observe a request answered with 5xx, after the error reporters.

    The keys of ``context`` are ``requestId``, ``method``, ``url`` (without a query), ``path`` and
    ``status``. Deliberate answers, such as 503 while the storage is away, are observed as well.
    """


# --- Ends: called once, at the end ---------------------------------------------------------------


@hookspec
def shutdown() -> None:
    """Release what the plugin holds. Called in reverse order, once, after the last request."""
