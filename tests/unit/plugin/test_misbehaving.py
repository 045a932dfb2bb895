"""A plugin that misbehaves in a hook, in each of ten ways, changes nothing and is named."""

import copy
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import falcon
import pytest
from falcon.testing import create_environ

from facilitator.api.probe import Probes
from facilitator.clock import SystemClock
from facilitator.errors import PluginError
from facilitator.plugin import faults, observers, time_limits
from facilitator.plugin.context import Context
from facilitator.plugin.hook_caller import FailedGate
from facilitator.plugin.loading import load_plugins
from facilitator.plugin.manager import Plugins
from facilitator.roles.payment_hooks import PaymentView
from facilitator.roles.requests import RequestView, ResponseView
from facilitator.roles.storage import StorageUnavailable
from facilitator.settings import HookSettings, load_settings
from facilitator.testing.examples import example_claim
from facilitator.x402.messages import Requirements, SettleResponse, VerifyResponse
from support.misbehaving import FAILS, WAYS, misbehaving
from support.waiting import DEADLINE_SECONDS, eventually

LONG = DEADLINE_SECONDS
"""A limit that no call reaches that is not meant to."""
SHORT = 0.1
"""The limit of a call that never returns."""
EXTRA = {"assetTransferMethod": "default"}
REQUIREMENTS = Requirements("exact", "cardano:preprod", "1", "lovelace", "addr_test1", 60, EXTRA)
PAYMENT = PaymentView("ab" * 32, "cardano:preprod", REQUIREMENTS)
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


class CountingMeter:
    def __init__(self) -> None:
        self.counts: Counter[tuple[str, ...]] = Counter()

    def count(self, metric: Any, amount: float = 1, /, **labels: str) -> None:
        self.counts[(metric.name, *labels.values())] += int(amount)

    def observe(self, metric: Any, value: float, /, **labels: str) -> None: ...

    def gauge(self, metric: Any, read: Callable[[], float], /, **labels: str) -> None: ...


Install = Callable[..., Plugins]
FAULTS = "facilitator_plugin_faults_total"
DROPPED = "facilitator_plugin_dropped_calls_total"


@pytest.fixture
def install(shelf: Shelf) -> Iterator[Install]:
    """Load the plugin ``bad`` between two good ones, with limits."""

    def load(source: str, *, good: str = "", **limits: Any) -> Plugins:
        names = [shelf.add("first", good), shelf.add("bad", source), shelf.add("last", good)]
        plugins = load_plugins(names)
        defaults = {"gate_seconds": LONG, "observer_seconds": LONG, "start_seconds": LONG}
        plugins.limits = HookSettings(**{**defaults, **limits})
        return plugins

    yield load
    for name, module in list(sys.modules.items()):
        if name.startswith("shelved_") and hasattr(module, "forever"):
            module.forever.set()


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(load_settings(None, {}, tmp_path), SystemClock())


def counting(plugins: Plugins) -> Counter[tuple[str, ...]]:
    meter = CountingMeter()
    plugins.count_with(meter)
    return meter.counts


def calls(name: str) -> list[Any]:
    return list(sys.modules[f"shelved_{name}"].calls)


def limit(way: str) -> float:
    return SHORT if way == "hangs" else LONG


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
    "rate_limiter": ("context",),
    "error_reporter": ("context",),
    "transfer_methods": ("context",),
    "routes": ("context",),
    "health_checks": ("context",),
    "wallets": ("context", "network"),
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


# --- Parts that plugins return -------------------------------------------------------------------

PART = """
class Part:
    {members}
    def __getattr__(self, name):
        raise AttributeError(name)
@hookimpl
def {hook}(context):
    return {returned}
"""


def part(hook: str, methods: Mapping[str, str], act: str, returned: str = "Part()") -> str:
    members = "".join(
        f"\n    def {name}(self, {arguments}):\n        {act}\n"
        for name, arguments in methods.items()
    )
    header = misbehaving({}, "is slow")
    text = PART.replace("{members}", members.strip()).replace("{hook}", hook)
    return header + text.replace("{returned}", returned)


@pytest.mark.parametrize("way", FAILS)
def test_a_rate_limiter_that_fails_is_not_waited_for(
    install: Install, context: Context, way: str
) -> None:
    methods = {"hit": "client, *, sensitive", "close": ""}
    plugins = install(part("rate_limiter", methods, WAYS[way]), gate_seconds=limit(way))
    plugins.ending.begin(0)
    limiter = plugins.rate_limiter(context)
    assert limiter is not None
    with pytest.raises(StorageUnavailable):
        limiter.hit("client", sensitive=True)
    assert plugins.recent_faults()["bad"].endswith("in hit")
    limiter.close()
    assert plugins.recent_faults()["bad"].endswith("in close")


@pytest.mark.parametrize("way", FAILS)
@pytest.mark.parametrize(
    ("hook", "methods", "ask"),
    [
        (
            "meter",
            {
                "count": "metric, amount=1, **labels",
                "observe": "metric, value, **labels",
                "gauge": "metric, read, **labels",
            },
            lambda plugins, context: plugins.meter(context).count("metric"),
        ),
        (
            "error_reporter",
            {"report": "error, context", "flush": "timeout"},
            lambda plugins, context: plugins.error_reporters(context)[0][1].report(KeyError(), {}),
        ),
    ],
    ids=["meter", "error_reporter"],
)
def test_a_part_that_is_called_later_is_not_waited_for(
    install: Install, context: Context, hook: str, methods: Any, ask: Any, way: str
) -> None:
    plugins = install(part(hook, methods, WAYS[way]), observer_seconds=limit(way))
    ask(plugins, context)
    method = next(iter(methods))
    eventually(lambda: plugins.recent_faults().get("bad", "").endswith(f"in {method}"))


@pytest.mark.parametrize(
    "answer", ["'fast'", "float('nan')", "float('inf')", "object()", "sys.exit(3)"]
)
def test_a_health_check_that_answers_nonsense_is_down(
    install: Install, context: Context, answer: str
) -> None:
    source = part("health_checks", {"check": ""}, f"return {answer}", "{'disk': Part().check}")
    plugins = install(source)
    checked = Probes(plugins.health_checks(context), plugins.recent_faults)
    assert not checked.outcomes()["disk"].is_up
    assert checked.outcomes()["plugin bad"].error == "failed in health_checks"


def test_a_health_check_that_says_what_is_down_is_no_fault(
    install: Install, context: Context
) -> None:
    source = part("health_checks", {"check": ""}, "raise OSError('x')", "{'disk': Part().check}")
    plugins = install(source)
    checked = Probes(plugins.health_checks(context), plugins.recent_faults)
    assert not checked.outcomes()["disk"].is_up
    assert plugins.recent_faults() == {}


def test_a_health_check_that_hangs_names_its_plugin(install: Install, context: Context) -> None:
    source = part("health_checks", {"hang": ""}, "forever.wait()", "{'disk': Part().hang}")
    plugins = install(source, observer_seconds=SHORT)
    check = plugins.health_checks(context)["disk"]
    thread = threading.Thread(target=check)
    thread.start()
    eventually(lambda: plugins.recent_faults() == {"bad": "hangs in health_checks"})
    sys.modules["shelved_bad"].forever.set()
    thread.join()


# --- When it goes on -----------------------------------------------------------------------------


def changes(plugins: Plugins, number: int) -> None:
    for _ in range(number):
        plugins.settlement_changed(example_claim())


def test_calls_beyond_the_queue_are_dropped_and_counted(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    source = misbehaving({"settlement_changed": ("claim",)}, "hangs")
    plugins = install(source, observer_queue=2)
    counts = counting(plugins)
    changes(plugins, 1)
    eventually(lambda: calls("bad"))
    changes(plugins, 5)
    assert counts[DROPPED, "bad", "settlement_changed"] == 3
    assert "too many wait" in plugins.recent_faults()["bad"]
    assert caplog.text.count("plugin bad is too slow for settlement_changed") == 1
    sys.modules["shelved_bad"].forever.set()
    eventually(lambda: len(calls("bad")) == 3)


def test_an_observer_that_keeps_failing_is_switched_off(
    install: Install, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(observers, "FAULTS_IN_A_ROW", 3)
    plugins = install(misbehaving({"settlement_changed": ("claim",)}, "raises"))
    counts = counting(plugins)
    changes(plugins, 3)
    eventually(lambda: "switched off" in plugins.recent_faults().get("bad", ""))
    changes(plugins, 4)
    assert len(calls("bad")) == 3
    assert counts[DROPPED, "bad", "settlement_changed"] == 4
    assert "plugin bad observes nothing any more" in caplog.text


def test_an_observer_that_hangs_is_switched_off(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observers, "HANGS_TIMES", 2)
    source = misbehaving({"settlement_changed": ("claim",)}, "hangs")
    plugins = install(source, observer_seconds=SHORT)
    changes(plugins, 2)
    eventually(lambda: "switched off" in plugins.recent_faults().get("bad", ""))
    sys.modules["shelved_bad"].forever.set()
    assert not plugins.wait_for_observers(0)
    assert len(calls("bad")) == 1


def test_what_hangs_is_named_until_it_does_not(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "RECENT_SECONDS", 0.0)
    monkeypatch.setattr(observers, "HANGS_TIMES", 10_000)
    source = misbehaving({"settlement_changed": ("claim",)}, "hangs")
    plugins = install(source, observer_seconds=SHORT)
    changes(plugins, 1)
    eventually(lambda: plugins.recent_faults() == {"bad": "hangs in settlement_changed"})
    sys.modules["shelved_bad"].forever.set()
    eventually(lambda: plugins.recent_faults() == {})


def test_an_observer_that_hangs_at_the_end_is_named(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    plugins = install(misbehaving({"settlement_changed": ("claim",)}, "hangs"))
    changes(plugins, 1)
    eventually(lambda: calls("bad"))
    plugins.ending.begin(0)
    plugins.shutdown()
    assert "plugin bad hangs in settlement_changed: it does not return" in caplog.text


def test_what_is_queued_at_the_end_is_observed(install: Install) -> None:
    plugins = install(misbehaving({"settlement_changed": ("claim",)}, "returns nonsense"))
    changes(plugins, 50)
    plugins.shutdown()
    assert len(calls("bad")) == 50


def test_a_gate_whose_threads_hang_refuses_at_once_until_they_do_not(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_limits, "MOST_THREADS", 2)
    plugins = install(misbehaving({"before_verify": ("payment",)}, "hangs"), gate_seconds=SHORT)
    for _ in range(5):
        assert isinstance(plugins.before_verify(PAYMENT), FailedGate)
    assert len(calls("bad")) == 2
    sys.modules["shelved_bad"].forever.set()
    eventually(lambda: plugins.before_verify(PAYMENT) is None)


def test_calls_wait_for_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_limits, "MOST_THREADS", 2)
    limited = time_limits.LimitedCalls("busy")
    names: set[str] = set()
    answers: list[int] = []

    def call(number: int) -> None:
        def work() -> int:
            names.add(str(threading.get_ident()))
            return number

        answers.append(limited.run(work, LONG).value)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == list(range(20))
    assert len(names) <= 2


def test_observers_see_settlements_in_their_order(install: Install) -> None:
    source = """
        calls = []
        @hookimpl
        def settlement_changed(claim):
            calls.append(claim.updated_at)
    """
    plugins = install(source)
    for number in range(200):
        plugins.settlement_changed(example_claim(updated_at=float(number)))
    assert plugins.wait_for_observers(LONG)
    assert calls("bad") == [float(number) for number in range(200)]


def test_faults_of_one_kind_are_logged_once_a_minute(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    plugins = install(misbehaving({"before_verify": ("payment",)}, "raises"))
    counts = counting(plugins)
    for _ in range(3):
        plugins.before_verify(PAYMENT)
    assert caplog.text.count("plugin bad failed in before_verify") == 1
    assert counts[FAULTS, "bad", "before_verify"] == 3
