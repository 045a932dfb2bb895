"""The reference pages name everything that there is, as it is, and nothing else."""

import argparse
import ast
import importlib
import inspect
import json
import re
import tomllib
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
from falcon.inspect import inspect_routes

import facilitator
from facilitator.api.openapi.ledger import ledger_paths
from facilitator.api.openapi.operations import paths
from facilitator.api.openapi.schemas import reason_schema
from facilitator.cli import COMMANDS
from facilitator.plugin.loading import configure
from facilitator.roles.chain import (
    AwaitsBlocks,
    EvaluatesScripts,
    ExaminesServer,
    FindsTransactions,
    ForeseesForks,
    HasPlan,
    ListsOutputs,
    NamesNetwork,
    ReadsAssets,
    ReadsLedgerState,
    SignsExamples,
)
from facilitator.roles.chain_spenders import FindsSpenders
from facilitator.roles.claim import ClaimState
from facilitator.runtime.composition import build_facilitator
from facilitator.server import tasks
from facilitator.server.http_server import IDLE_SECONDS
from facilitator.settings.layers import ENVIRONMENTS, PACKAGED
from facilitator.settings.network_tables import NetworkSettings
from facilitator.settings.schema import Field, fields_of
from facilitator.settings.sections import CORE_SECTIONS
from facilitator.x402.reasons import Reason
from facilitator_blockfrost.settings import BlockfrostBackupSettings, BlockfrostSettings
from facilitator_channels import cli_commands as channel_commands
from facilitator_channels.hosting import ChannelsWatcherSettings
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.settings import ChannelsSettings
from facilitator_dashboard.settings import DashboardSettings
from facilitator_devnet import cli_commands, settings_sections
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.faults import Faults
from facilitator_devnet.genesis import PARAMETERS, wallets
from facilitator_koios.settings import KoiosSettings
from facilitator_masumi.reasons import MasumiReason
from facilitator_masumi.settings import MasumiSettings
from facilitator_ogmios.settings import OgmiosSettings
from facilitator_postgres.settings import PostgresSettings
from facilitator_prometheus.settings import PrometheusSettings
from facilitator_redis.settings import RedisSettings
from facilitator_sentry.settings import SentrySettings
from facilitator_sqlite.settings import SqliteSettings

OPTIONAL_OF_PROVIDERS = (
    AwaitsBlocks,
    EvaluatesScripts,
    ExaminesServer,
    FindsSpenders,
    FindsTransactions,
    ForeseesForks,
    HasPlan,
    ListsOutputs,
    NamesNetwork,
    ReadsAssets,
    ReadsLedgerState,
    SignsExamples,
)
REFERENCE = Path(__file__).parents[2] / "docs/reference"

pytestmark = pytest.mark.skipif(not REFERENCE.is_dir(), reason="needs a checkout: no docs/ here")


def page(name: str) -> str:
    return (REFERENCE / name).read_text()


def first_cells(text: str) -> list[str]:
    """What stands in the first column of the page's tables, marked as code."""
    return re.findall(r"^\| `([^`]*)` \|", text, re.M)


def sections(text: str) -> dict[str, str]:
    """What stands below each heading of the second level."""
    parts = re.split(r"^## (.*)\n", text, flags=re.M)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


# --- Settings ---------------------------------------------------------------------------------

SECTIONS = {
    **CORE_SECTIONS,
    **settings_sections(),
    "sqlite": SqliteSettings,
    "postgres": PostgresSettings,
    "redis": RedisSettings,
    "dashboard": DashboardSettings,
    "prometheus": PrometheusSettings,
}
SECTIONS |= {"blockfrost": BlockfrostSettings, "blockfrost_backup": BlockfrostBackupSettings}
SECTIONS |= {"channels": ChannelsSettings, "koios": KoiosSettings, "ogmios": OgmiosSettings}
SECTIONS |= {"channels_watcher": ChannelsWatcherSettings}
SECTIONS |= {"masumi": MasumiSettings, "sentry": SentrySettings, "networks.ID": NetworkSettings}
PACKAGED_DEFAULTS = tomllib.loads(PACKAGED.read_text())["default"]
KINDS: dict[Any, str] = {
    str: "text",
    bool: "true or false",
    int: "whole number",
    float: "number",
    tuple[str, ...]: "list of texts",
    Mapping[str, str]: "table of texts",
    Mapping[str, tuple[str, ...]]: "table of lists of texts",
}


def kind(field: Field) -> str:
    if typing.get_origin(field.type) is Literal:
        return "one of " + ", ".join(f"`{choice}`" for choice in typing.get_args(field.type))
    if field.minimum is None:
        return KINDS[field.type]
    if field.maximum is None:
        return f"{KINDS[field.type]}, at least {field.minimum:.0f}"
    return f"{KINDS[field.type]}, {field.minimum:.0f} to {field.maximum:.0f}"


def default(section: str, field: Field) -> str:
    if not section:
        return f"`{json.dumps(PACKAGED_DEFAULTS[field.name])}`"
    if field.default is None:
        return "not set"
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    return "none" if field.default in ((), {}) else f"`{field.default}`"


def rows() -> Iterator[tuple[str, str]]:
    for section, declaration in SECTIONS.items():
        for field in fields_of(declaration).values():
            name = f"{section}.{field.name}" if section else field.name
            meaning = f"{field.help} Secret." if field.secret else field.help
            yield name, f"| `{name}` | {kind(field)} | {default(section, field)} | {meaning} |"


@pytest.mark.parametrize(("name", "row"), list(rows()))
def test_every_setting_is_documented_with_type_default_and_meaning(name: str, row: str) -> None:
    found = re.search(rf"^\| `{re.escape(name)}` \|.*$", page("settings.md"), re.M)
    assert found is not None, f"settings.md lacks: {row}"
    assert found[0] == row


def test_every_documented_setting_exists() -> None:
    assert set(first_cells(page("settings.md"))) == {name for name, _ in rows()}
    assert all(f"`{environment}`" in page("settings.md") for environment in ENVIRONMENTS)


def test_the_time_after_which_idle_connections_end_is_documented() -> None:
    text = (REFERENCE.parent / "how-to/run-in-production.md").read_text()
    assert f"closed after {IDLE_SECONDS} seconds" in text


# --- HTTP -------------------------------------------------------------------------------------


def test_every_route_is_documented_and_none_else(tmp_path: Path) -> None:
    environ = {
        "FACILITATOR_PLUGINS": "devnet,memory",
        "FACILITATOR_DEVNET__BLOCK_SECONDS": "0",
        "FACILITATOR_INSPECT__ENABLED": "true",
    }
    running = build_facilitator(*configure(environ=environ, cwd=tmp_path))
    try:
        routes = {
            f"{method.method} {route.path}"
            for route in inspect_routes(running.app)
            for method in route.methods
            if not method.internal
        }
    finally:
        running.close()
    documented = [part for heading in sections(page("http-api.md")) for part in heading.split(", ")]
    assert {part for part in documented if " /" in part} == routes


def codes() -> Iterator[str]:
    """The reasons that are no part of x402: constants handed to ``ApiError``, and waitress'."""
    yield from (reason for reason, _ in (*tasks._ERRORS.values(), tasks._FAULT))
    for file in Path(facilitator.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "ApiError":
                reason = node.args[1]
                if isinstance(reason, ast.Constant):
                    yield str(reason.value)


def test_every_reason_is_documented_and_none_else() -> None:
    assert sorted(first_cells(page("errors.md"))) == sorted({*Reason, *MasumiReason, *codes()})


def test_every_reason_of_channels_is_documented_and_none_else() -> None:
    named = [
        each for each in first_cells(page("batch-settlement.md")) if each.startswith("invalid_")
    ]
    assert sorted(named) == sorted(ChannelReason)


def test_every_reason_is_described_where_it_is_answered() -> None:
    """In the OpenAPI document, among the refusals of some path or among the verdicts."""
    refused = {reason for each in enums([paths(1, []), ledger_paths([])]) for reason in each}
    (verdicts,) = enums(reason_schema(MasumiReason))
    assert refused | set(verdicts) == {*Reason, *MasumiReason, *codes()}
    assert refused >= set(codes())


def enums(part: Any) -> Iterator[list[str]]:
    """The lists of values anywhere in it."""
    if isinstance(part, dict):
        yield from (each for value in part.values() for each in enums(value))
        yield from [part["enum"]] if "enum" in part else []
    elif isinstance(part, list):
        yield from (each for value in part for each in enums(value))


def test_every_reason_says_what_to_do() -> None:
    for row in re.findall(r"^\| `\w+` \|.*$", page("errors.md"), re.M):
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert len(cells) == 4, row
        assert all(cells), row
        assert cells[3] in ("yes", "later", "no"), row


# --- Commands ---------------------------------------------------------------------------------


def parsers() -> dict[str, argparse.ArgumentParser]:
    found = {}
    for name, (_, module) in COMMANDS.items():
        found[name] = argparse.ArgumentParser()
        __import__(module, fromlist=["add_arguments"]).add_arguments(found[name])
    for name, _, prepare in [*cli_commands(), *channel_commands()]:
        found[name] = argparse.ArgumentParser()
        prepare(found[name])
    return found


def test_every_command_is_documented_and_none_else() -> None:
    headings = re.findall(r"^## facilitator ([\w-]+)$", page("cli.md"), re.M)
    assert sorted(headings) == sorted(parsers())


def with_actions(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parser, and those of its further words."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.values()


@pytest.mark.parametrize("command", parsers())
def test_every_option_is_documented_with_its_default(command: str) -> None:
    text = sections(page("cli.md"))[f"facilitator {command}"]
    options = {
        action.option_strings[-1]: action
        for parser in with_actions(parsers()[command])
        for action in parser._actions
        if action.option_strings and action.dest not in ("help", "settings")
    }
    assert set(re.findall(r"^\| `(--[\w-]+)", text, re.M)) == set(options)
    for name, option in options.items():
        row = re.search(rf"^\| `{name}\b.*$", text, re.M)
        assert row is not None
        assert option.default in (None, False) or f"`{option.default}`" in row[0], name
        assert all(f"`{choice}`" in row[0] for choice in option.choices or ()), name


# --- Claims, storage, chain -------------------------------------------------------------------


def test_the_states_of_claims_are_documented() -> None:
    parts = sections(page("storage-and-claims.md"))
    assert first_cells(parts["States"]) == list(ClaimState)


def test_what_a_chain_provider_may_do_besides_is_documented() -> None:
    protocols = OPTIONAL_OF_PROVIDERS
    documented = set(first_cells(page("chain-provider.md").split("## Values")[0]))
    assert documented == {
        name for each in protocols for name in vars(each) if not name.startswith("_")
    }


def test_values_of_the_ledger_are_documented_with_their_fields() -> None:
    """Those of a row are all that there are, save where it says that they are the ledger's."""
    rows = re.findall(
        r"^\| `(\w+)` \| `(facilitator\.cardano[\w.]*)` \| (.*) \|$",
        page("chain-provider.md"),
        re.M,
    )
    assert len(rows) > 4
    for name, module, said in rows:
        value = getattr(importlib.import_module(module), name)
        fields = getattr(value, "_fields", None) or getattr(value, "__dataclass_fields__", ())
        if fields and "ledger's names" not in said:
            assert re.findall(r"(?:^|, )`(\w+)`", said) == list(fields), name


# --- The devnet -------------------------------------------------------------------------------


def test_the_devnets_genesis_is_documented() -> None:
    parts = sections(page("devnet.md"))
    shown = dict(re.findall(r"^\| `(\w+)` \| `(addr_test1\w+)` \|$", parts["Wallets"], re.M))
    assert shown == {name: wallet.bech32 for name, wallet in wallets("cardano:preprod").items()}
    values = dict(re.findall(r"^\| `(\w+)` \| ([\d/]+) \|$", parts["Protocol parameters"], re.M))
    assert values == {name: str(getattr(PARAMETERS, name)) for name in values}
    assert {"min_fee_a", "min_fee_b", "coins_per_utxo_byte", "max_tx_size"} <= set(values)


def test_what_tests_can_ask_of_the_devnet_is_documented() -> None:
    parts = sections(page("devnet.md"))
    for role, text in ((Devnet, parts["In tests"]), (Faults, parts["Faults"])):
        calls = re.findall(r"^\| `(?:faults\.)?(\w+)\((.*)\)` \|", text, re.M)
        assert calls
        for name, arguments in calls:
            names = list(inspect.signature(getattr(role, name)).parameters)[1:]
            assert [each.partition("=")[0] for each in arguments.split(", ") if each] == names
