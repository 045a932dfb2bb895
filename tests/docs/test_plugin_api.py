"""The page on the plugin API is what its generator writes; what plugins may import is there."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pluggy
import pytest

from facilitator import hookimpl, plugin
from facilitator.errors import PluginError
from facilitator.plugin import API_VERSION, hookspecs
from facilitator.plugin.loading import configure
from facilitator.plugin.manager import Plugins
from facilitator.roles.payment_hooks import Refusal
from facilitator.runtime.composition import build_facilitator
from facilitator.settings import HookSettings, ServerSettings
from facilitator.testing.examples import example_claim
from facilitator.testing.pytest_plugin import MakePayer, RunFacilitator
from facilitator.testing.waiting import eventually
from support.networks import forgotten_afterwards
from support.payment_views import PAYMENT, VALID

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs/reference"
GENERATOR = "docs/generate_reference.py"

pytestmark = pytest.mark.skipif(not REFERENCE.is_dir(), reason="needs a checkout: no docs/ here")


def page(name: str = "plugin-api.md") -> str:
    return (REFERENCE / name).read_text("utf-8")


def generate(*options: str, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the generator without any package: it needs the sources alone."""
    command = [sys.executable, "-B", "-E", "-S", str(root / GENERATOR), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


# --- The generator ----------------------------------------------------------------------------


def test_the_page_is_what_the_code_says() -> None:
    checked = generate("--check")
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sources that the generator reads, and the page, to change them."""
    folders = ["docs", "docs/reference", "facilitator", "facilitator/plugin", "facilitator/roles"]
    folders += ["facilitator/client", "facilitator/exact", "facilitator/settings"]
    folders += ["facilitator/observability"]
    for folder in [*folders, "facilitator/x402"]:
        (tmp_path / folder).mkdir()
        for file in (ROOT / folder).glob("*.*"):
            if file.suffix in {".py", ".md"}:
                (tmp_path / folder / file.name).write_bytes(file.read_bytes())
    return tmp_path


def change(file: Path, before: str, after: str) -> None:
    text = file.read_text("utf-8")
    assert before in text
    file.write_text(text.replace(before, after, 1), "utf-8")


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("plugin/hookspecs.py", "Return the storage.", "Return a storage."),
        ("plugin/hookspecs.py", "* **Gate**: called", "* **Gate**: asked"),
        ("roles/chain.py", "Return the newest block.", "Return the newest of the blocks."),
        (
            "roles/chain.py",
            "def await_block(self, after: Point",
            "def await_block(self, past: Point",
        ),
        ("roles/claim.py", "accepted: bool = False", "accepted: bool = True"),
        ("plugin/__init__.py", "# Storages", "# Stores"),
        ("plugin/api_version.py", 'API_VERSION = "', 'API_VERSION = "9'),
    ],
)
def test_a_change_of_the_code_is_found_and_written(
    copy: Path, file: str, before: str, after: str
) -> None:
    change(copy / "facilitator" / file, before, after)
    checked = generate("--check", root=copy)
    assert checked.returncode == 1
    assert checked.stdout == f"plugin-api.md is not what the code says: run python {GENERATOR}\n"
    assert generate(root=copy).returncode == 0
    assert (copy / "docs/reference/plugin-api.md").read_text("utf-8") != page()
    assert generate("--check", root=copy).returncode == 0


@pytest.mark.parametrize(
    ("file", "before", "gap"),
    [
        (
            "roles/claim.py",
            '    """Hash of the block in which it was seen."""\n',
            "block: str | None",
        ),
        (
            "roles/wallet.py",
            '        """Sign the 32-byte hash of a transaction\'s body."""\n',
            "sign(",
        ),
        ("errors.py", '    """One problem of the settings."""\n', "Problem"),
    ],
)
def test_a_name_without_docstring_is_named(copy: Path, file: str, before: str, gap: str) -> None:
    change(copy / "facilitator" / file, before, "")
    written = generate(root=copy)
    assert written.returncode == 1
    assert written.stdout.startswith(f"missing: the docstring of {gap}")
    assert (copy / "docs/reference/plugin-api.md").read_text("utf-8") == page()


def test_a_hook_without_example_is_named(copy: Path) -> None:
    change(copy / "docs/reference/hook_examples.py", "def storage(", "def another(")
    written = generate(root=copy)
    assert written.returncode == 1
    assert written.stdout == "missing: an example of storage in docs/reference/hook_examples.py\n"


# --- Names ------------------------------------------------------------------------------------

HOOKS = {
    name: hook
    for name, hook in vars(hookspecs).items()
    if inspect.isfunction(hook) and hook.__module__ == hookspecs.__name__
}


def test_it_has_every_hook_and_every_name_once() -> None:
    calls = [
        f"{name}({', '.join(inspect.signature(hook).parameters)})" for name, hook in HOOKS.items()
    ]
    headings = re.findall(r"^### (.*)$", page(), re.M)
    assert headings == ["Kinds of hooks", *calls, *plugin.__all__]
    anchors = [re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings]
    anchors += [each.lower().replace(" ", "-") for each in re.findall(r"^## (.*)$", page(), re.M)]
    assert len(set(anchors)) == len(anchors)
    assert f"Version {API_VERSION} of the plugin API" in page()


def test_it_has_no_trace_of_markup() -> None:
    assert not re.findall(r":\w+:`|``[^`]|\bNone: ", re.sub(r"```.*?```", "", page(), flags=re.S))


def test_the_limits_that_it_names_are_settings() -> None:
    named = set(re.findall(r"`((?:hooks|server)\.\w+)`", page()))
    assert len(named) > 4
    for name in named:
        table, _, key = name.partition(".")
        assert hasattr({"hooks": HookSettings, "server": ServerSettings}[table], key), name


# --- Kinds ------------------------------------------------------------------------------------

ASKED_BY = {
    "networks": "register_networks",
    "chain_provider": "chain_providers",
    "storage": "one_storage",
    "error_reporter": "error_reporters",
    "verify_extensions": "extend_verify",
    "settle_extensions": "extend_settle",
}
EXAMPLES = {"payment": PAYMENT, "response": VALID, "claim": example_claim()}
"""What a payment's hooks are called with; the others do without."""


def documented_kind(name: str) -> str:
    found = re.search(rf"^### {name}\([^\n]*\n\n\*(\w+)\*", page(), re.M)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_that_raises_has_the_effect_of_its_kind(name: str) -> None:
    def fail() -> None:
        raise RuntimeError("on purpose")

    manager = pluggy.PluginManager("facilitator")
    manager.add_hookspecs(hookspecs)
    failing = type("Failing", (), {name: staticmethod(hookimpl(fail))})()
    manager.register(failing, name="failing")
    ask = getattr(Plugins(manager, ["failing"]), ASKED_BY.get(name, name))
    arguments = [EXAMPLES.get(each) for each in inspect.signature(ask).parameters]
    match documented_kind(name):
        case "Provider":
            with pytest.raises(PluginError, match="on purpose"):
                ask(*arguments)
        case "Gate":
            assert isinstance(ask(*arguments), Refusal)
        case "Responder":
            assert ask(*arguments) is EXAMPLES["response"]
        case kind:
            assert kind in ("Observer", "End")
            assert ask(*arguments) is None


# --- Examples ---------------------------------------------------------------------------------


@pytest.fixture
def _networks_go_with_the_test() -> Iterator[None]:
    with forgotten_afterwards():
        yield


@pytest.mark.usefixtures("_networks_go_with_the_test")
def test_the_examples_have_every_hook_and_run(
    tmp_path: Path, run_facilitator: RunFacilitator, make_payer: MakePayer
) -> None:
    (tmp_path / "hook_examples.py").write_bytes((REFERENCE / "hook_examples.py").read_bytes())
    running = run_facilitator(plugins="devnet,memory,./hook_examples.py")
    plugins = running.facilitator.plugins
    assert [name for name in HOOKS if not plugins.has(name)] == []
    paid = make_payer(running).pay()
    assert paid["extensions"]["example"] == {"status": "success"}
    eventually(lambda: running.call("GET", "/example/numbers") == (200, {"seen": 1}))
    assert "/example/numbers" in running.call("GET", "/openapi.json")[1]["paths"]


@pytest.mark.usefixtures("_networks_go_with_the_test")
def test_the_examples_serve_a_network_and_keep_claims(tmp_path: Path) -> None:
    (tmp_path / "hook_examples.py").write_bytes((REFERENCE / "hook_examples.py").read_bytes())
    environ = {
        "FACILITATOR_PLUGINS": "./hook_examples.py",
        "FACILITATOR_HOOK_EXAMPLES__NETWORKS": "cardano:preprod",
        "FACILITATOR_HOOK_EXAMPLES__KEEPS_CLAIMS": "true",
    }
    running = build_facilitator(*configure(environ=environ, cwd=tmp_path))
    try:
        assert list(running.chains) == ["cardano:preprod"]
    finally:
        running.close()


# --- What you may import ----------------------------------------------------------------------


def may_import() -> set[str]:
    """The modules in the tables of the page."""
    return set(re.findall(r"^\| `(facilitator[\w.]*)`", page("what-you-may-import.md"), re.M))


def test_what_you_may_import_is_there() -> None:
    assert len(may_import()) > 10
    for module in may_import():
        importlib.import_module(module)


def test_the_names_that_you_may_import_are_there() -> None:
    rows = r"^\| `(facilitator\.(?:cardano|x402)\.[\w.]*)` \| (.*?)(?:, for .*)? \|"
    named = {
        (module, name)
        for module, names in re.findall(rows, page("what-you-may-import.md"), re.M)
        for name in re.findall(r"`(\w+)`", names)
    }
    assert len(named) > 6
    for module, name in named:
        assert hasattr(importlib.import_module(module), name), f"{module} has no {name}"


def imports(text: str) -> Iterator[str]:
    for each in ast.walk(ast.parse(text)):
        if isinstance(each, ast.ImportFrom) and each.module and each.level == 0:
            yield each.module


def test_examples_import_nothing_else() -> None:
    found = (ROOT / "examples").glob("facilitator-plugin-*/**/*.py")
    files = [REFERENCE / "hook_examples.py", *(each for each in found if "tests" not in each.parts)]
    assert len(files) > 4
    for file in files:
        for module in imports(file.read_text("utf-8")):
            if module.partition(".")[0] in ("facilitator", "facilitator_devnet"):
                assert module.startswith(tuple(may_import())), f"{file.name} imports {module}"


def test_types_of_the_ledger_that_roles_name_may_be_imported() -> None:
    """A role cannot be implemented without them."""
    roles = ROOT / "facilitator/roles"
    named = {module for file in roles.glob("*.py") for module in imports(file.read_text("utf-8"))}
    ledger = {module for module in named if module.startswith("facilitator.cardano")}
    assert ledger
    assert ledger <= may_import()
