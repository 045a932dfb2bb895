"""The reference pages name everything that there is, as it is, and nothing else."""

import argparse
import ast
import dataclasses
import importlib
import inspect
import json
import re
import tomllib
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import pluggy
import pytest
from falcon.inspect import inspect_routes

import facilitator
from facilitator import hookimpl
from facilitator.api.openapi.operations import paths
from facilitator.api.openapi.schemas import reason_schema
from facilitator.cli import COMMANDS
from facilitator.errors import PluginError
from facilitator.plugin import hookspecs
from facilitator.plugin.loading import configure
from facilitator.plugin.manager import Plugins
from facilitator.roles.chain import (
    AwaitsBlocks,
    ChainProvider,
    EvaluatesScripts,
    ExaminesServer,
    HasPlan,
    ListsOutputs,
    NamesNetwork,
    ReadsLedgerState,
)
from facilitator.roles.claim import Claim, ClaimState
from facilitator.roles.payment_hooks import Refusal
from facilitator.roles.sharing import SharesChain, SharesOutputs
from facilitator.roles.storage import Storage
from facilitator.runtime.composition import build_facilitator
from facilitator.server import tasks
from facilitator.settings.layers import ENVIRONMENTS, PACKAGED
from facilitator.settings.network_tables import NetworkSettings
from facilitator.settings.schema import Field, fields_of
from facilitator.settings.sections import CORE_SECTIONS
from facilitator.testing.examples import example_claim
from facilitator.x402.reasons import Reason
from facilitator_blockfrost.settings import BlockfrostBackupSettings, BlockfrostSettings
from facilitator_devnet import cli_commands, settings_sections
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.faults import Faults
from facilitator_devnet.genesis import PARAMETERS, wallets
from facilitator_masumi.reasons import MasumiReason
from facilitator_prometheus.settings import PrometheusSettings
from facilitator_redis.settings import RedisSettings
from facilitator_sentry.settings import SentrySettings
from facilitator_sqlite.settings import SqliteSettings
from support.payment_views import PAYMENT, VALID

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


# --- Hooks ------------------------------------------------------------------------------------

HOOKS = {
    name: hook
    for name, hook in vars(hookspecs).items()
    if inspect.isfunction(hook) and hook.__module__ == hookspecs.__name__
}
ASKED_BY = {
    "networks": "register_networks",
    "chain_provider": "chain_providers",
    "storage": "one_storage",
    "error_reporter": "error_reporters",
    "verify_extensions": "extend_verify",
    "settle_extensions": "extend_settle",
}


def test_every_hook_is_documented_and_none_else() -> None:
    headings = [
        f"{name}({', '.join(inspect.signature(hook).parameters)})" for name, hook in HOOKS.items()
    ]
    assert list(re.findall(r"^## (\w+\(.*\))$", page("hooks.md"), re.M)) == headings


def documented_hook(name: str) -> tuple[str, str, str]:
    """Its kind, what it returns, and its description."""
    found = re.search(
        rf"^## {name}\([^\n]*\n\n\*(\w+)\*, returns `([^\n]*)`\.\n\n(.*?)(?=\n## |\Z)",
        page("hooks.md"),
        re.M | re.S,
    )
    assert found is not None, f"hooks.md does not describe {name}"
    return found[1], found[2], found[3]


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_described_as_in_its_specification(name: str) -> None:
    _, returns, description = documented_hook(name)
    assert returns == inspect.signature(HOOKS[name]).return_annotation
    said = " ".join((inspect.getdoc(HOOKS[name]) or "").replace("``", "`").split())
    assert " ".join(description.split()).startswith(said)


EXAMPLES = {"payment": PAYMENT, "response": VALID, "claim": example_claim()}
"""What a payment's hooks are called with; the others do without."""


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_that_raises_has_the_effect_of_its_kind(name: str) -> None:
    def fail() -> None:
        raise RuntimeError("on purpose")

    manager = pluggy.PluginManager("facilitator")
    manager.add_hookspecs(hookspecs)
    plugin = type("Failing", (), {name: staticmethod(hookimpl(fail))})()
    manager.register(plugin, name="failing")
    ask = getattr(Plugins(manager, ["failing"]), ASKED_BY.get(name, name))
    arguments = [EXAMPLES.get(each) for each in inspect.signature(ask).parameters]
    match documented_hook(name)[0]:
        case "Provider":
            with pytest.raises(PluginError, match="on purpose"):
                ask(*arguments)
        case "Gate":
            assert isinstance(ask(*arguments), Refusal)
        case "Responder":
            assert ask(*arguments) is EXAMPLES["response"]
        case kind:
            assert kind == "Observer"
            assert ask(*arguments) is None


# --- Settings ---------------------------------------------------------------------------------

SECTIONS = {
    **CORE_SECTIONS,
    **settings_sections(),
    "sqlite": SqliteSettings,
    "redis": RedisSettings,
    "prometheus": PrometheusSettings,
}
SECTIONS |= {"blockfrost": BlockfrostSettings, "blockfrost_backup": BlockfrostBackupSettings}
SECTIONS |= {"sentry": SentrySettings, "networks.ID": NetworkSettings}
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


def test_every_reason_is_described_where_it_is_answered() -> None:
    """In the OpenAPI document, among the refusals of some path or among the verdicts."""
    refused = {reason for each in enums(paths(1, [])) for reason in each}
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
    for name, _, prepare in cli_commands():
        found[name] = argparse.ArgumentParser()
        prepare(found[name])
    return found


def test_every_command_is_documented_and_none_else() -> None:
    headings = re.findall(r"^## facilitator ([\w-]+)$", page("cli.md"), re.M)
    assert sorted(headings) == sorted(parsers())


@pytest.mark.parametrize("command", parsers())
def test_every_option_is_documented_with_its_default(command: str) -> None:
    text = sections(page("cli.md"))[f"facilitator {command}"]
    options = {
        action.option_strings[-1]: action
        for action in parsers()[command]._actions
        if action.option_strings and action.dest != "help"
    }
    assert set(re.findall(r"^\| `(--[\w-]+)", text, re.M)) == set(options)
    for name, option in options.items():
        row = re.search(rf"^\| `{name}\b.*$", text, re.M)
        assert row is not None
        assert option.default in (None, False) or f"`{option.default}`" in row[0], name
        assert all(f"`{choice}`" in row[0] for choice in option.choices or ()), name


# --- Claims, storage, chain -------------------------------------------------------------------


def methods(*protocols: type) -> set[str]:
    return {name for each in protocols for name in vars(each) if not name.startswith("_")}


def test_claims_and_storage_are_documented() -> None:
    parts = sections(page("storage-and-claims.md"))
    assert first_cells(parts["States"]) == list(ClaimState)
    assert first_cells(parts["Fields"]) == [field.name for field in dataclasses.fields(Claim)]
    assert set(first_cells(parts["What a storage does"])) == methods(Storage)
    shared = methods(SharesChain, SharesOutputs)
    assert set(first_cells(parts["What a storage may share"])) == shared


def members(protocol: type) -> Iterator[str]:
    """Each property and method as the pages write it."""
    (declared,) = ast.parse(inspect.getsource(protocol)).body
    assert isinstance(declared, ast.ClassDef)
    for each in declared.body:
        if isinstance(each, ast.FunctionDef):
            assert each.returns is not None
            arguments = ast.unparse(each.args).removeprefix("self").removeprefix(", ")
            is_property = any(ast.unparse(mark) == "property" for mark in each.decorator_list)
            returns = ast.unparse(each.returns)
            yield (
                f"{each.name}: {returns}"
                if is_property
                else f"{each.name}({arguments}) -> {returns}"
            )


@pytest.mark.parametrize("name", ["chain-provider.md", "storage-and-claims.md"])
def test_members_are_documented_as_they_are_called(name: str) -> None:
    blocks = re.findall(r"<!-- members: (\S+) ([\w ]+) -->\n```text\n(.*?)\n```", page(name), re.S)
    assert blocks
    for module, protocols, block in blocks:
        owner = importlib.import_module(module)
        expected = [line for each in protocols.split() for line in members(getattr(owner, each))]
        assert block.splitlines() == expected


@pytest.mark.parametrize("name", ["chain-provider.md", "storage-and-claims.md"])
def test_values_are_documented_with_their_fields(name: str) -> None:
    """Those of a row are all that there are, save where it says that they are the ledger's."""
    found = 0
    for cell, module, told in value_rows(page(name)):
        for each in re.findall(r"`(\w+)`", cell):
            value = getattr(importlib.import_module(module), each)
            fields = getattr(value, "_fields", None) or getattr(value, "__dataclass_fields__", ())
            if "ledger's names" not in told and fields:
                assert re.findall(r"(?:^|, )`(\w+)`", told) == list(fields), each
            found += 1
    assert found


def value_rows(text: str) -> Iterator[tuple[str, str, str]]:
    """Of the tables of values: the names, their module, and what is told of the fields."""
    yield from re.findall(
        r"^\| (`\w+`(?:, `\w+`)*) \| `(facilitator[\w.]*)` \| (.*) \|$", text, re.M
    )
    for module, rows in re.findall(
        r"^\| value of `(facilitator[\w.]*)` .*\n\|---.*\n((?:\|.*\n)+)", text, re.M
    ):
        for cell, told in re.findall(r"^\| (`\w+`) \| (.*) \|$", rows, re.M):
            yield cell, module, told


def test_chain_providers_are_documented() -> None:
    documented = set(first_cells(page("chain-provider.md").split("## Values")[0]))
    assert documented == methods(
        ChainProvider,
        AwaitsBlocks,
        EvaluatesScripts,
        ExaminesServer,
        HasPlan,
        ListsOutputs,
        NamesNetwork,
        ReadsLedgerState,
    )


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
