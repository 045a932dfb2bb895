"""The order of calls and the rule of failure of each kind of hook."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest

from facilitator.clock import SystemClock
from facilitator.errors import PluginError
from facilitator.exact.built_in import BUILT_IN_METHODS
from facilitator.plugin.context import Context
from facilitator.plugin.loading import load_plugins
from facilitator.plugin.manager import Plugins
from facilitator.roles.payment_hooks import Refusal
from facilitator.runtime.chains import one_chain_provider
from facilitator.settings import load_settings
from facilitator.testing.border import unguarded
from facilitator.testing.waiting import DEADLINE_SECONDS
from facilitator.x402.messages import SettleResponse, VerifyResponse
from facilitator.x402.reasons import Reason
from support.payment_views import PAYMENT
from support.web import payment, serving

RECORDS = """
    calls = []
    @hookimpl
    def after_verify(payment, response):
        calls.append("after_verify")
    @hookimpl
    def shutdown():
        import shelved_log
        shelved_log.order.append(__name__)
"""
RAISES = """
    @hookimpl
    def after_verify():
        raise RuntimeError("boom")
    @hookimpl
    def after_settle():
        raise RuntimeError("boom")
    @hookimpl
    def before_verify():
        raise RuntimeError("boom")
    @hookimpl
    def shutdown():
        raise RuntimeError("boom")
    @hookimpl
    def startup():
        raise RuntimeError("boom")
"""


class Shelf(Protocol):
    folder: Path

    def add(self, name: str, source: str = "", **options: Any) -> str: ...


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(load_settings(None, {}, tmp_path), SystemClock())


def gate(hook: str, message: str) -> str:
    return f"""
        from facilitator.plugin import Refusal
        @hookimpl
        def {hook}():
            return Refusal({message!r}, "policy")
    """


def provider(hook: str, value: str) -> str:
    return f"@hookimpl\ndef {hook}():\n    return {value}\n"


def part(hook: str, name: str) -> str:
    """A plugin that returns a part which does nothing, and is equal to its name."""
    return f"""
        from facilitator.plugin.validation import PARTS
        protocol = vars(PARTS[{hook!r}])
        members = {{key: protocol[key] for key in protocol if not key.startswith("_")}}
        part = type("Part", (str,), members)({name!r})
        {provider(hook, "part").replace(chr(10), chr(10) + " " * 8)}
    """


def contribution(hook: str, name: str, number: int) -> str:
    """A plugin that contributes what will do as a method, resource, check or wallet: a number."""
    return f"""
        class Thing(int):
            def check(self, terms, transaction): ...
            def on_get(self, request, response): ...
            def __call__(self): ...
            address = b""
            def sign(self, transaction_id): ...
        {provider(hook, f"{{{name!r}: Thing({number})}}").replace(chr(10), chr(10) + " " * 8)}
    """


@pytest.mark.parametrize("order", [["a", "b", "c"], ["c", "a", "b"]])
def test_plugins_are_called_in_the_order_of_the_settings(
    shelf: Shelf, context: Context, order: list[str]
) -> None:
    for name in order:
        shelf.add(name, part("error_reporter", name))
    reporters = load_plugins(order).error_reporters(context)
    assert [plugin for plugin, _ in reporters] == order
    assert [str(unguarded(reporter)) for _, reporter in reporters] == order


def test_the_first_refusal_counts(shelf: Shelf) -> None:
    shelf.add("passes", "@hookimpl\ndef before_verify(payment): assert payment.transaction_id")
    shelf.add("first", gate("before_verify", "first"))
    shelf.add("second", gate("before_verify", "second"))
    plugins = load_plugins(["passes", "first", "second"])
    assert plugins.before_verify(PAYMENT) == Refusal("first", "policy")
    assert load_plugins(["passes"]).before_verify(PAYMENT) is None
    assert plugins.before_settle(PAYMENT) is None


@pytest.mark.parametrize("hook", ["before_verify", "before_settle", "authenticate"])
@pytest.mark.parametrize("body", ["raise RuntimeError('boom')", "return False", "return 'yes'"])
def test_a_gate_that_fails_refuses(shelf: Shelf, hook: str, body: str) -> None:
    shelf.add("gate", f"@hookimpl\ndef {hook}(): {body}")
    plugins = load_plugins(["gate"])
    reported: list[tuple[BaseException, Mapping[str, str]]] = []
    plugins.report_errors_to(lambda error, context: reported.append((error, context)))
    refusal = getattr(plugins, hook)(PAYMENT)
    assert refusal.reason == Reason.VERIFICATION_ERROR
    assert "plugin 'gate'" in refusal.message
    assert "boom" not in refusal.message
    ((_, told),) = reported
    assert told == {"plugin": "gate", "hook": hook}


def test_a_refusal_before_a_failing_gate_stands(shelf: Shelf) -> None:
    shelf.add("first", gate("before_verify", "first"))
    shelf.add("raises", RAISES)
    assert load_plugins(["first", "raises"]).before_verify(PAYMENT) == Refusal("first", "policy")


def test_what_an_observer_raises_stops_no_delivery(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.add("before", RECORDS)
    shelf.add("raises", RAISES)
    shelf.add("after", RECORDS)
    plugins = load_plugins(["before", "raises", "after"])
    reported: list[str] = []
    plugins.report_errors_to(lambda error, _: reported.append(str(error)))
    plugins.after_verify(PAYMENT, VerifyResponse(is_valid=True))
    plugins.after_settle(PAYMENT, SettleResponse(success=True, network="cardano:preprod"))
    assert plugins.wait_for_observers(DEADLINE_SECONDS)
    assert sys.modules["shelved_before"].calls == sys.modules["shelved_after"].calls
    assert sys.modules["shelved_after"].calls == ["after_verify"]
    assert reported == ["boom", "boom"]
    assert "plugin raises failed in after_verify" in caplog.text


def test_a_reporter_that_fails_changes_nothing(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise OSError("no network")

    shelf.add("raises", RAISES)
    plugins = load_plugins(["raises"])
    plugins.report_errors_to(fail)
    plugins.after_verify(PAYMENT, VerifyResponse(is_valid=True))
    assert plugins.wait_for_observers(DEADLINE_SECONDS)
    assert "reporting the error of plugin raises failed" in caplog.text


def test_shutdown_goes_backwards_and_on(shelf: Shelf) -> None:
    shelf.add("log", "order = []")
    shelf.add("first", RECORDS)
    shelf.add("raises", RAISES)
    shelf.add("last", RECORDS)
    load_plugins(["log", "first", "raises", "last"]).shutdown()
    assert sys.modules["shelved_log"].order == ["shelved_last", "shelved_first"]


def test_a_failing_start_stops(shelf: Shelf, context: Context) -> None:
    shelf.add("raises", RAISES)
    with pytest.raises(
        PluginError, match=r"^plugin 'raises' failed in startup: RuntimeError: boom"
    ):
        load_plugins(["raises"]).startup(context)


def test_a_providers_own_sentence_is_kept(shelf: Shelf, context: Context) -> None:
    source = """
        from facilitator.plugin import PluginError
        @hookimpl
        def storage():
            raise PluginError("give me a disk")
    """
    shelf.add("picky", source)
    with pytest.raises(PluginError, match=r"^give me a disk$"):
        load_plugins(["picky"]).one_storage(context)


def ask_storage(plugins: Plugins, context: Context) -> object:
    return plugins.one_storage(context)


def ask_chain(plugins: Plugins, context: Context) -> object:
    return one_chain_provider(plugins, context, "cardano:preprod")


@pytest.mark.parametrize(
    ("hook", "ask", "what"),
    [
        ("storage", ask_storage, "the storage"),
        ("chain_provider", ask_chain, "the network cardano:preprod"),
    ],
)
def test_exactly_one_provider(
    shelf: Shelf, context: Context, hook: str, ask: Any, what: str
) -> None:
    shelf.add("one", part(hook, "one"))
    shelf.add("two", part(hook, "two"))
    shelf.add("none", provider(hook, "None"))
    assert unguarded(ask(load_plugins(["none", "one"]), context)) == "one"
    with pytest.raises(PluginError, match=rf"^plugins 'one' and 'two' both provide {what}: "):
        ask(load_plugins(["one", "none", "two"]), context)
    with pytest.raises(
        PluginError, match=rf"^no enabled plugin provides {what}: .*\(enabled: none"
    ):
        ask(load_plugins(["none"]), context)


def test_a_provider_may_serve_one_network_only(shelf: Shelf, context: Context) -> None:
    source = part("chain_provider", "mine")
    source = source.replace("():", "(network):").replace(
        "return part", "return part if network == 'cardano:preview' else None"
    )
    shelf.add("preview", source)
    plugins = load_plugins(["preview"])
    ((name, provider),) = plugins.chain_providers(context, "cardano:preview")
    assert (name, unguarded(provider)) == ("preview", "mine")
    assert plugins.chain_providers(context, "cardano:preprod") == []


def test_at_most_one_rate_limiter(shelf: Shelf, context: Context) -> None:
    assert load_plugins([]).rate_limiter(context) is None
    shelf.add("one", part("rate_limiter", "one"))
    shelf.add("two", part("rate_limiter", "two"))
    assert unguarded(load_plugins(["one"]).rate_limiter(context)) == "one"
    with pytest.raises(PluginError, match="both provide the rate limiter"):
        load_plugins(["one", "two"]).rate_limiter(context)


@pytest.mark.parametrize("hook", ["transfer_methods", "routes", "health_checks", "wallets"])
def test_contributions_are_put_together(shelf: Shelf, context: Context, hook: str) -> None:
    shelf.add("one", contribution(hook, "a", 1))
    shelf.add("two", contribution(hook, "b", 2))
    shelf.add("clash", contribution(hook, "a", 3))
    together: Any = ask(hook, load_plugins(["one", "two"]), context)
    assert {name: unguarded(part) for name, part in together.items()} == {"a": 1, "b": 2}
    with pytest.raises(PluginError, match=r"^plugin 'clash' brings .* a, as does plugin 'one'$"):
        ask(hook, load_plugins(["one", "clash"]), context)


def ask(hook: str, plugins: Plugins, context: Context) -> object:
    match hook:
        case "storage":
            return plugins.one_storage(context)
        case "chain_provider":
            return plugins.chain_providers(context, "cardano:preprod")
        case "error_reporter":
            return plugins.error_reporters(context)
        case "settings_sections" | "cli_commands" | "payers":
            return getattr(plugins, hook)()
        case "wallets":
            return plugins.wallets(context, "cardano:preprod")
        case _:
            return getattr(plugins, hook)(context)


METHODLESS = "type('Meters', (), {})()"
BINDS = """type('Bound', (ReadsAll,), {'bind_key': lambda self, k, f, e, n: f})()"""


@pytest.mark.parametrize(
    ("hook", "returned", "told"),
    [
        ("storage", "object", "the class object: return an instance of it"),
        (
            "storage",
            BINDS,
            "a Bound whose bind_key does not take key, value, expires_at, now",
        ),
        ("meter", METHODLESS, "a Meters without count, observe, gauge"),
        ("rate_limiter", "5", "an int without hit, close"),
        ("error_reporter", METHODLESS, "a Meters without report, flush"),
        ("chain_provider", "''", "a str without network, is_devnet, poll_seconds, tip, outputs"),
        ("settings_sections", "['table']", "a list, not a mapping"),
        ("transfer_methods", "(each for each in 'ab')", "a generator, not a mapping"),
        ("transfer_methods", "{'twice': 2}", "'twice': an int without check"),
        ("routes", "{'/mine': object()}", "'/mine': an object without a method such as on_get"),
        ("health_checks", "{'disk': 5}", "'disk': an int, which cannot be called"),
        ("health_checks", "{5: print}", "5: whose name is not text"),
        ("wallets", "{'mine': ''}", "'mine': a str without address, sign"),
        ("payers", "{'upto': 5}", "'upto': an int without pay, take_back"),
        ("cli_commands", "[('wave', print)]", "something else than a list of (name, help, fun"),
    ],
)
def test_what_does_not_fit_is_told_at_start(
    shelf: Shelf, context: Context, hook: str, returned: str, told: str
) -> None:
    source = f"""
        from facilitator.plugin.validation import PARTS
        ReadsAll = type("ReadsAll", (), {{
            key: member for key, member in vars(PARTS["storage"]).items() if key[0] != "_"
        }})
        {provider(hook, returned).replace(chr(10), chr(10) + " " * 8)}
    """
    shelf.add("bad", source)
    with pytest.raises(PluginError) as failure:
        ask(hook, load_plugins(["bad"]), context)
    assert str(failure.value).startswith(f"plugin 'bad' returns from {hook} {told}")


@pytest.mark.parametrize("name", BUILT_IN_METHODS)
def test_the_cores_transfer_methods_stay(shelf: Shelf, context: Context, name: str) -> None:
    shelf.add("mine", contribution("transfer_methods", name, 1))
    with pytest.raises(PluginError, match=rf"brings the transfer method {name}, as does the core"):
        load_plugins(["mine"]).transfer_methods(context)


def test_commands_are_put_together(shelf: Shelf) -> None:
    shelf.add("one", provider("cli_commands", "[('wave', 'wave a hand', print)]"))
    shelf.add("two", provider("cli_commands", "[('nod', 'nod', print)]"))
    assert [name for name, _, _ in load_plugins(["one", "two"]).cli_commands()] == ["wave", "nod"]


def test_has_tells_whether_a_hook_is_worth_calling(shelf: Shelf) -> None:
    shelf.add("watcher", RECORDS)
    plugins = load_plugins(["watcher"])
    assert plugins.has("after_verify")
    assert not plugins.has("before_verify")
    with pytest.raises(KeyError):
        plugins.has("before_verifi")


def test_observers_see_every_request_and_cannot_change_its_answer(
    shelf: Shelf, tmp_path: Path
) -> None:
    source = """
        seen = []
        @hookimpl
        def request_started(request):
            seen.append((request.method, request.path))
            raise RuntimeError("boom")
        @hookimpl
        def request_completed(request, response):
            seen.append((request.method, request.uri_template, response.status_code))
            raise RuntimeError("boom")
    """
    plugins = load_plugins([shelf.add("watching", source)])
    with serving(tmp_path, api={"request_listener": plugins}) as client:
        answers = [
            client.call("POST", "/verify", payment()),
            client.call("HEAD", "/supported"),
            client.call("GET", "/nothing"),
        ]
    assert [answer.status for answer in answers] == [200, 200, 404]
    assert plugins.wait_for_observers(DEADLINE_SECONDS)
    assert sys.modules["shelved_watching"].seen == [
        ("POST", "/verify"),
        ("POST", "/verify", 200),
        ("HEAD", "/supported"),
        ("HEAD", "/supported", 200),
        ("GET", "/nothing"),
        ("GET", None, 404),
    ]
