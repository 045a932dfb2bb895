"""The command ``facilitator check``."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

from facilitator.chain.failover.provider_order import Named
from facilitator.cli.output import add_json_option, print_json, print_result
from facilitator.cli.preflight.address import try_address
from facilitator.cli.preflight.chain import try_chain
from facilitator.cli.preflight.exposure import exposure
from facilitator.cli.preflight.ledger import try_ledger
from facilitator.cli.preflight.result import Result, attempt, listening, redacted
from facilitator.clock import SystemClock
from facilitator.errors import FacilitatorError
from facilitator.observability.redaction import Redactor
from facilitator.observability.wrapping import fitted
from facilitator.plugin.context import Context
from facilitator.plugin.loading import configure
from facilitator.plugin.manager import Plugins
from facilitator.roles.api_keys import StoresApiKeys
from facilitator.roles.chain import ChainProvider
from facilitator.roles.health import HealthCheck
from facilitator.roles.reporting import DescribesDestination
from facilitator.roles.storage import Storage
from facilitator.runtime.chains import check_standbys, ordered_chain_providers
from facilitator.runtime.exit_limit import ExitLimit, threads_left
from facilitator.runtime.signer import signer_addresses
from facilitator.server import check_storage
from facilitator.settings import Settings

SEE_PLUGIN = "see what its plugin says of it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.description = (
        "Try the settings, the plugins, the storage, the chain and the address, without serving, "
        "and look for what is unwise. Prints a line for each, with the remedy below those that are "
        "wrong, and exits with 1 when one fails."
    )
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the results; return the exit code."""
    try:
        settings, plugins = configure(arguments.settings)
    except FacilitatorError as error:
        results = [Result("settings", "failed", line) for line in str(error).splitlines()]
        return _print(results, as_json=arguments.json)
    limit = ExitLimit(plugins)
    limit.code = _print(list(_check(settings, plugins)), as_json=arguments.json)
    limit.begin_if_kept()
    return limit.code


def _print(results: Sequence[Result], *, as_json: bool) -> int:
    if as_json:
        print_json([result._asdict() for result in results])
    else:
        for name, status, detail, remedy in results:
            print_result(status, f"{name}: {detail}")
            if remedy:
                print(fitted(f"    {remedy}", sys.stdout))
    return 1 if any(result.status == "failed" for result in results) else 0


def _check(settings: Settings, plugins: Plugins) -> Iterator[Result]:
    yield Result("settings", "ok", _sources(settings))
    # The texts of plugins may quote secrets.
    yield from redacted(_parts(settings, plugins), Redactor(settings.secrets()))
    yield from attempt("address", partial(try_address, settings.server), "set server.port")
    yield from exposure(settings, has_gate=plugins.has("authenticate"))


def _parts(settings: Settings, plugins: Plugins) -> Iterator[Result]:
    """Yield the result of trying each part of the plugins, as far as it can be without serving."""
    context = Context(settings, SystemClock(), is_trial=True, hooks=plugins)
    with ExitStack() as parts:  # open until the plugins have started, as when it serves
        yield from attempt("plugins", partial(_fitted, plugins, context, parts), SEE_PLUGIN)
        yield from _reporters(plugins, context)
        storages: list[Storage] = []
        yield from _storage(plugins, context, parts, storages)
        for storage in storages:
            yield from try_ledger(plugins, context, storage)
        chains: dict[str, ChainProvider] = {}
        yield from _chains(settings, plugins, context, parts, chains)
        for storage in storages:
            context.reader.connect(storage, chains)
        yield from _health_checks(plugins, context)
        if plugins.has("startup"):
            yield from attempt("startup", partial(_started, plugins, context), SEE_PLUGIN)
        with listening("plugins") as warnings:
            parts.close()
            plugins.shutdown()
    yield from warnings
    for thread, plugin in threads_left(plugins):
        detail = f"plugin {plugin or 'unknown'} keeps the process from ending by thread {thread}"
        yield Result("plugins", "failed", detail, "have it end its threads in its hook shutdown")


def _fitted(plugins: Plugins, context: Context, parts: ExitStack) -> str:
    """Return the plugins' names, after the parts that nothing else here tries were returned."""
    plugins.log_warnings()
    plugins.meter(context)
    if limiter := plugins.rate_limiter(context):
        parts.callback(limiter.close)
    plugins.transfer_methods(context)
    plugins.routes(context)
    signer_addresses(context.settings)
    return f"{', '.join(plugins.names) or 'none'} loaded"


def _started(plugins: Plugins, context: Context) -> str:
    plugins.startup(context)
    return "every plugin has started"


def _sources(settings: Settings) -> str:
    files = [str(file) for file in settings.files]
    variables = {each.origin for each in settings.effective if "variable" in each.origin}
    if variables:
        files.append(f"{len(variables)} environment variable{'s' * (len(variables) > 1)}")
    return f"valid for environment {settings.environment}, from {', '.join(files) or 'defaults'}"


def _reporters(plugins: Plugins, context: Context) -> Iterator[Result]:
    try:
        reporters = plugins.error_reporters(context)
    except FacilitatorError as error:
        yield Result("error reporting", "failed", str(error))
        return
    for name, reporter in reporters:
        if isinstance(reporter, DescribesDestination):
            yield from attempt(
                f"error reporting ({name})",
                reporter.where,
                "look at its settings ('facilitator settings'); payments do not depend on it",
            )


def _health_checks(plugins: Plugins, context: Context) -> Iterator[Result]:
    try:
        checks = plugins.health_checks(context)
    except FacilitatorError as error:
        yield Result("health checks", "failed", str(error))
        return
    for name, check in checks.items():
        yield from attempt(name, partial(_health, check), SEE_PLUGIN)


def _health(check: HealthCheck) -> str:
    check()
    return "answers"


def _chains(
    settings: Settings,
    plugins: Plugins,
    context: Context,
    parts: ExitStack,
    chains: dict[str, ChainProvider],
) -> Iterator[Result]:
    """Try the provider of each network and its standbys; add the first to ``chains``."""
    ordered = {}
    for network in settings.networks:
        with listening(f"chain {network}") as warnings:
            try:
                providers = ordered[network] = ordered_chain_providers(plugins, context, network)
            except FacilitatorError as error:
                yield Result(f"chain {network}", "failed", str(error))
                continue
        yield from warnings
        chains[network] = providers[0][1]
        for name, provider in providers:
            parts.callback(provider.close)
            label = network if len(providers) == 1 else f"{network} ({name})"
            yield from try_chain(f"chain {label}", provider, settings.server.workers, context.clock)
    if settings.chain.fallback and len(ordered) == len(settings.networks):
        yield from attempt(
            "chain.fallback",
            partial(_standbys, settings, ordered),
            "have each of them provide a network that is served",
        )


def _standbys(settings: Settings, ordered: Mapping[str, Sequence[Named]]) -> str:
    check_standbys(settings, ordered)
    return f"{', '.join(settings.chain.fallback)} on standby"


def _storage(
    plugins: Plugins, context: Context, parts: ExitStack, storages: list[Storage]
) -> Iterator[Result]:
    """Try the storage, and add it to ``storages``."""
    durable = []

    def describe() -> str:
        storage = plugins.one_storage(context)
        storages.append(storage)
        parts.callback(storage.close)
        check_storage(context.settings.server.workers, storage)
        storage.ping()
        durable.append(storage.is_durable)
        shared = "shared" if storage.is_shared else "for one process"
        return f"answers; {shared}, {'durable' if storage.is_durable else 'not durable'}"

    yield from attempt(
        "storage", describe, "look at its settings ('facilitator settings') and whether it runs"
    )
    if durable == [False] and context.settings.environment == "production":
        yield Result(
            "storage",
            "warning",
            "what was settled is forgotten when it ends",
            "enable sqlite, or redis or postgres for several machines",
        )
    auth = context.settings.auth
    keeps_keys = durable == [True] and isinstance(storages[0], StoresApiKeys)
    if durable and auth.required and not auth.api_keys and not keeps_keys:
        yield Result(
            "auth.required",
            "warning",
            "no caller can have an API key: the settings have none, and the storage keeps none",
            "set auth.api_keys, or enable sqlite, redis or postgres",
        )
