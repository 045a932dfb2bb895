"""Parts of a plugin that misbehave, and what becomes of a plugin that goes on to."""

import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from facilitator.api.probe import Probes
from facilitator.clock import SystemClock
from facilitator.plugin import faults, observers, plugin_calls, time_limits
from facilitator.plugin.context import Context
from facilitator.plugin.hook_caller import FailedGate
from facilitator.plugin.manager import Plugins
from facilitator.roles.chain import AwaitsBlocks, Point
from facilitator.roles.storage import StorageUnavailable
from facilitator.settings import load_settings
from facilitator.testing.examples import example_claim
from facilitator.testing.waiting import eventually
from support.misbehaving import (
    DROPPED,
    FAILS,
    FAULTS,
    LONG,
    SHORT,
    WAYS,
    calls,
    counting,
    limit,
    misbehaving,
)
from support.payment_views import PAYMENT

pytestmark = pytest.mark.once

Install = Callable[..., Plugins]


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(load_settings(None, {}, tmp_path), SystemClock())


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


HANGING = """
from facilitator_devnet.devnet import Devnet
from facilitator_memory.storage import MemoryStorage


class Storage(MemoryStorage):
    def claim(self, transaction_id):
        forever.wait()


class Chain(Devnet):
    def await_block(self, after, timeout):
        forever.wait()
        return True


@hookimpl
def storage():
    return Storage()


@hookimpl
def chain_provider(context, network):
    return Chain(network, context.clock)
"""


def _claim(plugins: Plugins, context: Context) -> None:
    plugins.one_storage(context).claim("ab" * 32)


def _await_block(plugins: Plugins, context: Context) -> None:
    ((_, chain),) = plugins.chain_providers(context, "cardano:preprod")
    assert isinstance(chain, AwaitsBlocks)
    chain.await_block(Point(1, "ab" * 32), 1.0)


@pytest.mark.parametrize("call", [_claim, _await_block], ids=["claim", "await_block"])
def test_a_storage_or_provider_that_hangs_is_named_until_it_does_not(
    install: Install,
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    call: Callable[[Plugins, Context], None],
) -> None:
    method = call.__name__.removeprefix("_")
    monkeypatch.setattr(faults, "RECENT_SECONDS", 0.0)
    monkeypatch.setattr(plugin_calls, "AT_ONCE_SECONDS", SHORT)
    plugins = install(misbehaving({}, "hangs") + HANGING)
    thread = threading.Thread(target=call, args=(plugins, context))
    thread.start()
    eventually(lambda: plugins.recent_faults() == {"bad": f"hangs in {method}"})
    told = f"plugin bad hangs in {method}: it takes longer than {SHORT:g} s"
    eventually(lambda: told in caplog.text)
    sys.modules["shelved_bad"].forever.set()
    thread.join()
    assert plugins.recent_faults() == {}


def test_of_two_calls_that_hang_the_other_is_still_named() -> None:
    found = faults.PluginFaults()
    for method in ("claim", "await_block"):
        found.hangs_on("bad", method)
    found.returned("bad", "claim")
    assert found.recent() == {"bad": "hangs in await_block"}
    found.returned("bad", "await_block")
    assert found.recent() == {}


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
    eventually(lambda: "plugin bad observes nothing any more" in caplog.text)


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
