"""A plugin that misbehaves in a hook, in each of ten ways, changes nothing and is named."""

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import falcon
import pytest
from falcon.testing import create_environ

from facilitator.clock import SystemClock
from facilitator.errors import PluginError
from facilitator.plugin.context import Context
from facilitator.plugin.hook_caller import FailedGate
from facilitator.plugin.loading import load_plugins
from facilitator.plugin.manager import Plugins
from facilitator.roles.requests import RequestView, ResponseView
from facilitator.settings import load_settings
from facilitator.testing.examples import example_claim
from facilitator.testing.waiting import eventually
from facilitator.x402.messages import SettleResponse, VerifyResponse
from support.misbehaving import (
    FAILS,
    FAULTS,
    WAYS,
    calls,
    counting,
    limit,
    misbehaving,
)
from support.payment_views import PAYMENT

pytestmark = pytest.mark.once

REQUEST = RequestView("id", "POST", "/verify", "/verify", "127.0.0.1", None, {"host": "here"})
OBSERVERS: Mapping[str, Mapping[str, Any]] = {
    "after_verify": {"payment": PAYMENT, "response": VerifyResponse(is_valid=True)},
    "after_settle": {
        "payment": PAYMENT,
        "response": SettleResponse(success=True, network="cardano:preprod"),
    },
    "settlement_changed": {"claim": example_claim()},
    "request_started": {"request": REQUEST},
    "request_completed": {"request": REQUEST, "response": ResponseView(200, 0.01)},
    "request_failed": {"error": KeyError("x"), "context": {"status": "500"}},
}
GATES: Mapping[str, Mapping[str, Any]] = {
    "before_verify": {"payment": PAYMENT},
    "before_settle": {"payment": PAYMENT},
    "authenticate": {"request": REQUEST},
}


class Shelf(Protocol):
    folder: Path

    def add(self, name: str, source: str = "", **options: Any) -> str: ...


Install = Callable[..., Plugins]


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(load_settings(None, {}, tmp_path), SystemClock())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("hook", OBSERVERS)
def test_an_observer_changes_nothing(install: Install, hook: str, way: str) -> None:
    hooks = {hook: tuple(OBSERVERS[hook])}
    good = misbehaving(hooks, "blocks shutdown").partition("\n\n@hookimpl\ndef shutdown")[0]
    plugins = install(misbehaving(hooks, way), good=good, observer_seconds=limit(way))
    counts = counting(plugins)
    arguments = copy.deepcopy({k: v for k, v in OBSERVERS[hook].items() if k != "error"})
    for _ in range(2):
        getattr(plugins, hook)(**OBSERVERS[hook])
    eventually(lambda: calls("first") == calls("last") == [hook, hook])
    assert {k: v for k, v in OBSERVERS[hook].items() if k != "error"} == arguments
    if way in FAILS:
        verb = "hangs" if way == "hangs" else "failed"
        eventually(lambda: plugins.recent_faults() == {"bad": f"{verb} in {hook}"})
        eventually(lambda: counts[FAULTS, "bad", hook])
    else:
        eventually(lambda: calls("bad") == [hook, hook])
        assert plugins.recent_faults() == {}
    plugins.ending.begin(0)
    plugins.shutdown()
    assert ("shutdown" in plugins.recent_faults().get("bad", "")) == (way == "blocks shutdown")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("hook", GATES)
def test_a_gate_fails_closed(install: Install, hook: str, way: str) -> None:
    source = misbehaving({hook: tuple(GATES[hook])}, way)
    plugins = install(source, gate_seconds=limit(way))
    counts = counting(plugins)
    arguments = copy.deepcopy(GATES[hook])
    refusal = getattr(plugins, hook)(**GATES[hook])
    assert GATES[hook] == arguments
    if way in (*FAILS, "returns nonsense"):
        assert isinstance(refusal, FailedGate)
        assert "plugin 'bad'" in refusal.message
        verb = "hangs" if way == "hangs" else "failed"
        assert plugins.recent_faults() == {"bad": f"{verb} in {hook}"}
        assert counts[FAULTS, "bad", hook] == 1
    else:
        assert refusal is None
        assert plugins.recent_faults() == {}


@pytest.mark.parametrize(
    "refusal", ["Refusal(5, 'no')", "Refusal('no', 5)", "Refusal(None, None)", "Refusal"]
)
def test_a_gate_that_refuses_without_words_fails_closed(install: Install, refusal: str) -> None:
    source = f"""
        from facilitator.plugin import Refusal
        @hookimpl
        def before_verify():
            return {refusal}
    """
    plugins = install(source)
    assert isinstance(plugins.before_verify(PAYMENT), FailedGate)


def test_a_request_that_a_gate_reads_and_changes_is_as_it_was(install: Install) -> None:
    source = """
        @hookimpl
        def authenticate(request):
            assert request.get_header("X-Token") == "mine"
            assert request.context.is_local
            assert request.bounded_stream.read() == b""
            request.env.clear()
            request.context.is_local = False
            request.method = "GET"
    """
    plugins = install(source)
    request = falcon.Request(create_environ(body="paid", headers={"X-Token": "mine"}))
    request.context.is_local = True
    assert plugins.authenticate(request) is None
    assert request.get_header("X-Token") == "mine"
    assert request.context.is_local
    assert request.bounded_stream.read() == b"paid"


@pytest.mark.parametrize("way", WAYS)
def test_the_end_of_a_plugin_is_the_end_of_no_other(install: Install, way: str) -> None:
    good = misbehaving({"shutdown": ()}, "is slow")
    plugins = install(misbehaving({"shutdown": ()}, way), good=good)
    if way == "hangs":
        plugins.ending.begin(0)
    plugins.shutdown()
    eventually(lambda: calls("first") == calls("bad") == calls("last") == ["shutdown"])
    if way in FAILS:
        verb = "hangs" if way == "hangs" else "failed"
        assert plugins.recent_faults()["bad"] == f"{verb} in shutdown"


@pytest.mark.parametrize("way", WAYS)
def test_a_start_that_fails_names_the_plugin(
    install: Install, context: Context, way: str, tmp_path: Path
) -> None:
    source = misbehaving({"startup": ("context",)}, way)
    plugins = install(source, start_seconds=limit(way))
    context = Context(load_settings(None, {}, tmp_path), SystemClock())
    if way in FAILS:
        with pytest.raises(PluginError, match=r"^plugin 'bad' failed in startup: "):
            plugins.startup(context)
    else:
        plugins.startup(context)


PROVIDERS: Mapping[str, tuple[str, ...]] = {
    "settings_sections": (),
    "meter": ("context",),
    "chain_provider": ("context", "network"),
    "storage": ("context",),
    "payment_ledger": ("context",),
    "rate_limiter": ("context",),
    "error_reporter": ("context",),
    "transfer_methods": ("context",),
    "routes": ("context",),
    "health_checks": ("context",),
    "wallets": ("context", "network"),
    "payers": (),
    "cli_commands": (),
}
ASKED_BY = {
    "chain_provider": "chain_providers",
    "storage": "one_storage",
    "error_reporter": "error_reporters",
}


@pytest.mark.parametrize("way", [*FAILS, "returns nonsense"])
@pytest.mark.parametrize("hook", PROVIDERS)
def test_a_provider_that_fails_is_named(
    install: Install, context: Context, hook: str, way: str
) -> None:
    plugins = install(misbehaving({hook: PROVIDERS[hook]}, way), start_seconds=limit(way))
    values = {"context": context, "network": "cardano:preprod"}
    with pytest.raises(PluginError, match=r"^plugin 'bad' "):
        getattr(plugins, ASKED_BY.get(hook, hook))(*(values[name] for name in PROVIDERS[hook]))


def test_an_import_that_exits_is_a_plugin_that_cannot_be_imported(shelf: Shelf) -> None:
    shelf.add("bad", "import sys\nsys.exit(3)")
    with pytest.raises(PluginError, match="plugin 'bad' cannot be imported: SystemExit: 3"):
        load_plugins(["bad"])
