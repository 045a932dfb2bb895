"""``facilitator check``."""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from facilitator.chain.order import Named, check_standbys
from facilitator.cli.output import add_json_option, mark, print_json
from facilitator.clock import SystemClock
from facilitator.context import Context
from facilitator.errors import FacilitatorError
from facilitator.plugins import Plugins, configure
from facilitator.roles.chain import ChainProvider
from facilitator.roles.health import HealthCheck
from facilitator.roles.reporting import TellsWhereReportsGo
from facilitator.settings import Settings
from facilitator.workers import check_chain, check_storage


class Result(NamedTuple):
    """What trying one thing showed."""

    name: str
    ok: bool
    detail: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.description = (
        "Try the settings, the plugins, the storage and the chain, without serving. "
        "Prints one line for each and exits with 1 when one fails."
    )
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the results; the exit code."""
    results = list(_check(arguments.settings))
    if arguments.json:
        print_json([result._asdict() for result in results])
    else:
        for name, ok, detail in results:
            print(f"{mark(ok)} {name}: {detail}")
    return 0 if all(result.ok for result in results) else 1


def _check(path: str | None) -> Iterator[Result]:
    try:
        settings, plugins = configure(path)
    except FacilitatorError as error:
        for line in str(error).splitlines():
            yield Result("settings", ok=False, detail=line)
        return
    yield Result("settings", ok=True, detail=f"valid for environment {settings.environment}")
    yield Result("plugins", ok=True, detail=f"{', '.join(plugins.names) or 'none'} loaded")
    context = Context(settings, SystemClock())
    yield from _reporters(plugins, context)
    yield _try("storage", partial(_storage, plugins, context))
    yield from _chains(settings, plugins, context)
    yield from _health_checks(plugins, context)
    plugins.shutdown()


def _reporters(plugins: Plugins, context: Context) -> Iterator[Result]:
    try:
        reporters = plugins.error_reporters(context)
    except FacilitatorError as error:
        yield Result("error reporting", ok=False, detail=str(error))
        return
    for name, reporter in reporters:
        if isinstance(reporter, TellsWhereReportsGo):
            yield _try(f"error reporting ({name})", reporter.where)


def _health_checks(plugins: Plugins, context: Context) -> Iterator[Result]:
    try:
        checks = plugins.health_checks(context)
    except FacilitatorError as error:
        yield Result("health checks", ok=False, detail=str(error))
        return
    for name, check in checks.items():
        yield _try(name, partial(_health, check))


def _chains(settings: Settings, plugins: Plugins, context: Context) -> Iterator[Result]:
    ordered = {}
    for network in settings.networks:
        try:
            providers = ordered[network] = plugins.ordered_chain_providers(context, network)
        except FacilitatorError as error:
            yield Result(f"chain {network}", ok=False, detail=str(error))
            continue
        for name, provider in providers:
            told = network if len(providers) == 1 else f"{network} ({name})"
            yield _try(f"chain {told}", partial(_chain, provider, settings.server.workers))
    if settings.chain.fallback and len(ordered) == len(settings.networks):
        yield _try("chain.fallback", partial(_standbys, settings, ordered))


def _try(name: str, action: Callable[[], str]) -> Result:
    try:
        return Result(name, ok=True, detail=action())
    except Exception as error:
        detail = " ".join(str(error).split()) or type(error).__name__
        return Result(name, ok=False, detail=detail)


def _health(check: HealthCheck) -> str:
    check()
    return "answers"


def _storage(plugins: Plugins, context: Context) -> str:
    storage = plugins.one_storage(context)
    try:
        check_storage(context.settings.server.workers, storage)
        storage.ping()
        shared = "shared" if storage.is_shared else "for one process"
        return f"answers; {shared}, {'durable' if storage.is_durable else 'not durable'}"
    finally:
        storage.close()


def _standbys(settings: Settings, ordered: Mapping[str, Sequence[Named]]) -> str:
    check_standbys(settings, ordered)
    return f"{', '.join(settings.chain.fallback)} on standby"


def _chain(provider: ChainProvider, workers: int) -> str:
    try:
        check_chain(workers, provider)
        tip, parameters = provider.tip(), provider.parameters()
        double = " (a test double of the network)" if provider.is_devnet else ""
        return (
            f"block {tip.height} at slot {tip.point.slot}, "
            f"parameters of epoch {parameters.epoch}{double}"
        )
    finally:
        provider.close()
