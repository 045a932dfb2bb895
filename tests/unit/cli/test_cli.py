"""The ``facilitator`` command: what it prints and the exit code it ends with."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facilitator import __version__
from facilitator.cli import COMMANDS, main
from facilitator.plugin import API_VERSION

SHOPPING = """
facilitator_api = "1.0"
from facilitator import hookimpl

@hookimpl
def cli_commands():
    def prepare(parser):
        parser.add_argument("--times", type=int, default=1)
        return lambda arguments: print("wave " * arguments.times) or 7
    return [("wave", "wave a hand", prepare)]

@hookimpl
def health_checks():
    def fail():
        raise OSError("the shop is\\nclosed")
    return {"shop": fail, "street": lambda: None}
"""


CARELESS = """
from dataclasses import dataclass
from facilitator import hookimpl
from facilitator.settings import setting

@dataclass(frozen=True)
class CarelessSettings:
    url: str = setting("http://careless-user:pw-of-the-careless@host", "Its URL.", secret=True)

@hookimpl
def settings_sections():
    return {"careless": CarelessSettings}

@hookimpl
def storage(context):
    raise OSError("cannot connect to " + context.settings.section(CarelessSettings).url)

@hookimpl
def health_checks(context):
    def fail():
        raise OSError("pw-of-the-careless was refused")
    return {"door": fail}

@hookimpl
def rate_limiter():
    return "none"

@hookimpl
def shutdown():
    raise OSError("pw-of-the-careless is still in use")
"""


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the command in an empty folder: ``run("settings", LOG__LEVEL="debug")``."""
    for name in [name for name in os.environ if name.startswith("FACILITATOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("MAINNET", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*words: str, **environ: str) -> tuple[int, str, str]:
        for name, value in environ.items():
            monkeypatch.setenv(f"FACILITATOR_{name}", value)
        try:
            code = main(words)
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Install a plugin with a name and a source."""

    def install(name: str, source: str) -> str:
        site = tmp_path / "site"
        info = site / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            f"[facilitator.plugins]\n{name} = {name}_of_the_cli_tests\n"
        )
        (site / f"{name}_of_the_cli_tests.py").write_text(source)
        monkeypatch.syspath_prepend(site)
        return name

    return install


@pytest.fixture
def shop(install: Callable[[str, str], str]) -> str:
    """An installed plugin with a command and two health checks."""
    return install("shop", SHOPPING)


def test_version(run: Any) -> None:
    assert run("--version") == (0, f"facilitator {__version__}\n", "")


def test_help_names_every_command(run: Any) -> None:
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    for name, (summary, _) in COMMANDS.items():
        assert name in out
        assert summary in out


def test_help_does_not_depend_on_the_settings(run: Any) -> None:
    code, out, err = run("--help", PLUGINS="absent", SERVER__PORT="x")
    assert (code, err) == (0, "")
    assert "serve" in out


@pytest.mark.parametrize("name", ["serve", "check", "settings", "plugins"])
def test_each_command_has_help(run: Any, name: str) -> None:
    code, out, _ = run(name, "--help", SERVER__PORT="x")
    assert code == 0
    assert out.startswith(f"usage: facilitator {name} ")
    assert "--settings PATH" in out


@pytest.mark.parametrize("words", [[], ["absent"], ["serve", "--absent"], ["--settings"]])
def test_wrong_usage(run: Any, words: list[str]) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert "usage: facilitator" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["serv"], "argument COMMAND: there is no 'serv', did you mean serve?"),
        (["sample-payments"], "there is no 'sample-payments', did you mean sample-payment?"),
        (["xyz"], "there is no 'xyz'; choose from serve, check, "),
        (["channels", "list"], "channels is a command of the plugin channels, which is not enabl"),
        (["payments", "lst"], "there is no 'lst', did you mean list?"),
        (["demo", "--jsn"], "unrecognized arguments: --jsn, did you mean --json?"),
        (["payments", "list", "--sinse=2026-01-31"], "--sinse=2026-01-31, did you mean --since?"),
        (["settings", "--js"], "unrecognized arguments: --js, did you mean --json?"),
        (["--setings", "a.toml", "serve"], "unrecognized arguments: --setings, did you mean --set"),
        (
            ["sample-payment", "--wallet", "alic"],
            "--wallet: there is no 'alic', did you mean alice",
        ),
    ],
)
def test_wrong_words_are_answered_with_what_was_probably_meant(
    run: Any, words: list[str], told: str
) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert told in err.splitlines()[-1]


@pytest.mark.parametrize("words", [["payments"], ["payments", "list"], ["demo"], []])
def test_help_is_a_command_too(run: Any, words: list[str]) -> None:
    assert run("help", *words) == run(*words, "--help")
    assert run("--settings", "absent.toml", "help", *words)[0] == 0


def test_help_for_a_command_that_is_not_there(run: Any) -> None:
    code, _, err = run("help", "serv")
    assert code == 2
    assert "did you mean serve?" in err


@pytest.mark.parametrize("name", ["serve", "settings"])
def test_wrong_settings_are_told_in_lines(run: Any, name: str) -> None:
    code, out, err = run(name, SERVER__PORT="x", LOG__FORMAT="y")
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "ConfigInvalidError: server.port: must be a whole number"
        " (environment variable FACILITATOR_SERVER__PORT)",
        "ConfigInvalidError: log.format: must be one of auto, json, pretty"
        " (environment variable FACILITATOR_LOG__FORMAT)",
    ]


def test_a_wrong_option_of_serve_is_told_as_a_setting(run: Any) -> None:
    code, _, err = run("serve", "--port", "x", "--host", "[::1]", SERVER__PORT="8080")
    assert code == 1
    assert err.splitlines() == [
        "ConfigInvalidError: server.host: is an address in brackets, as URLs have it: write it"
        " without them, such as ::1 (option --host)",
        "ConfigInvalidError: server.port: must be a whole number (option --port)",
    ]


def test_settings_are_shown_with_origin_and_without_secrets(run: Any, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("[default.server]\nport = 8080\n")
    environ = {"AUTH__API_KEYS__SHOP": "key-of-shop", "FACILITATOR__SEED_PHRASE": "legal winner"}
    code, out, _ = run("settings", "--settings", "other.toml", **environ)
    assert code == 0
    rows = {line.split()[0]: line for line in out.splitlines() if line}
    assert rows["server.port"].split() == ["server.port", "8080", "other.toml", "[default]"]
    assert "********" in rows["auth.api_keys.shop"]
    assert "********" in rows["facilitator.seed_phrase"]
    assert "other.toml" in out.splitlines()[0]
    code, out_json, _ = run("--settings", "other.toml", "settings", "--json")
    assert "key-of-shop" not in out + out_json
    assert "legal winner" not in out + out_json
    entries = {entry["key"]: entry for entry in json.loads(out_json)["settings"]}
    assert entries["server.port"]["value"] == 8080
    assert entries["plugins"]["value"] == ["devnet", "sqlite"]
    assert entries["auth.api_keys.shop"]["value"] == "********"
    assert entries["auth.api_keys.shop"]["origin"].endswith("FACILITATOR_AUTH__API_KEYS__SHOP")


def test_plugins_are_listed(run: Any, shop: str) -> None:
    code, out, _ = run("plugins", PLUGINS="sqlite")
    assert code == 0
    rows = {line.split()[0]: line.split() for line in out.splitlines()}
    assert rows["sqlite"][1:5] == ["yes", "-", "x402-cardano-facilitator", __version__]
    assert rows[shop] == ["shop", "no", "1.0", "shop", "1.0", "health", "checks,", "commands"]
    assert out.splitlines()[-1] == f"The plugin API here is {API_VERSION}."
    code, out, _ = run("plugins", "--json")
    listed = {plugin["name"]: plugin for plugin in json.loads(out)}
    assert listed["sqlite"]["roles"] == ["storage", "payment ledger"]
    assert listed["devnet"]["enabled"] is False


def test_an_enabled_plugin_that_cannot_be_used_fails_the_list(run: Any) -> None:
    code, out, _ = run("plugins", PLUGINS="sqlit")
    assert code == 1
    assert "sqlit cannot be used: unknown plugin 'sqlit', did you mean sqlite?" in out


def test_check_of_the_embedded_default(run: Any) -> None:
    code, out, _ = run("check", SERVER__PORT="0")
    assert code == 0, out
    lines = out.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "✓ settings",
        "✓ plugins",
        "✓ storage",
        "✓ payment ledger",
        "! chain cardano",
        "✓ chain cardano",
        "✓ clock",
        "✓ startup",
        "✓ address",
        "✓ access",
    ]
    assert "test double" in lines[4]


def test_check_names_what_fails_and_goes_on(run: Any, shop: str) -> None:
    code, out, _ = run("check", "--json", PLUGINS=f"memory,{shop}")
    results = {result["name"]: result for result in json.loads(out)}
    assert code == 1
    assert results["storage"]["status"] == "ok"
    assert results["chain cardano:preprod"]["status"] == "failed"
    assert "no enabled plugin provides" in results["chain cardano:preprod"]["detail"]
    assert results["shop"] == {
        "name": "shop",
        "status": "failed",
        "detail": "the shop is closed",
        "remedy": "see what its plugin says of it",
    }
    assert results["street"]["status"] == "ok"


def test_check_tries_every_part_and_tells_no_secret(
    run: Any, install: Callable[[str, str], str]
) -> None:
    """Also those that only the start would ask for; each is named once, with what is wrong."""
    code, out, err = run(
        "check", PLUGINS=f"devnet,{install('careless', CARELESS)}", SERVER__PORT="0"
    )
    assert (code, err) == (1, "")
    assert "pw-of-the-careless" not in out
    told = [line for line in out.splitlines() if "careless" in line or "door" in line]
    assert told == [
        "✗ plugins: plugin 'careless' returns from rate_limiter a str without hit, close",
        "✗ storage: plugin 'careless' failed in storage: OSError: cannot connect to ***",
        "✗ door: *** was refused",
        "! plugins: plugin careless failed in shutdown: OSError: *** is still in use",
    ]


def test_check_warns_of_functions_without_the_marker(
    run: Any, install: Callable[[str, str], str]
) -> None:
    name = install("forgetful", "def before_settle(payment): ...\n")
    code, out, _ = run("check", PLUGINS=f"devnet,memory,{name}", SERVER__PORT="0")
    assert code == 0
    warning = "plugin 'forgetful' has a function before_settle without hookimpl"
    assert f"! plugins: {warning}, so it is never called as a hook" in out.splitlines()
    assert f"warning: {warning}, so" in run("plugins", PLUGINS=f"memory,{name}")[1]


ROUTE = """
from facilitator import hookimpl

class Tea:
    openapi = "tea"
    def on_get(self, req, resp): ...

@hookimpl
def routes():
    return {"/tea": Tea()}
"""


def test_check_names_the_plugin_of_a_route_that_is_described_wrongly(
    run: Any, install: Callable[[str, str], str]
) -> None:
    name = install("brewing", ROUTE)
    code, out, _ = run("check", PLUGINS=f"devnet,memory,{name}", SERVER__PORT="0")
    assert code == 1
    refusal = "plugin 'brewing' returns from routes '/tea': a Tea whose openapi is no mapping"
    assert f"✗ plugins: {refusal}" in out.splitlines()


@pytest.mark.parametrize("words", [["serve"], ["inspect", "ab" * 32]])
def test_what_stops_a_command_tells_no_secret(
    run: Any, install: Callable[[str, str], str], words: list[str]
) -> None:
    code, _, err = run(*words, PLUGINS=f"devnet,{install('careless', CARELESS)}", SERVER__PORT="0")
    assert code == 1
    assert err.splitlines()[-1] == (
        "PluginError: plugin 'careless' failed in storage: OSError: cannot connect to ***"
    )


def test_check_names_wrong_settings(run: Any) -> None:
    code, out, _ = run("check", SERVER__PORT="x", SERVER__THREADS="y")
    assert code == 1
    assert [line.split(":")[0:2] for line in out.splitlines()] == [
        ["✗ settings", " server.port"],
        ["✗ settings", " server.threads"],
    ]


def test_a_plugin_adds_commands(run: Any, shop: str) -> None:
    code, out, _ = run("wave", "--times", "2", PLUGINS=shop)
    assert (code, out) == (7, "wave wave \n")
    assert "wave a hand" in run("--help")[1]


def test_a_plugins_command_needs_valid_settings(run: Any, shop: str) -> None:
    code, _, err = run("wave", PLUGINS=shop, SERVER__PORT="x")
    assert code == 1
    assert err.startswith("ConfigInvalidError: server.port: ")


def command(*words: str, **options: Any) -> "subprocess.CompletedProcess[bytes]":
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith("FACILITATOR_")
    }
    return subprocess.run(
        [sys.executable, "-P", "-m", "facilitator", *words],
        env={**environ, **options.pop("environ", {})},
        capture_output=True,
        check=False,
        **options,
    )


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    done = command("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout.split()) == (0, [b"facilitator", __version__.encode()])


PROBE = """
import gc, sys, types
from facilitator import __main__, cli

looks = []
gc.callbacks.append(lambda phase, info: looks.append(phase))

def run(arguments):
    print(len(looks), gc.isenabled(), gc.get_freeze_count() > 0)
    return 0

sys.modules["probe"] = types.SimpleNamespace(add_arguments=lambda parser: None, run=run)
cli.COMMANDS["probe"] = ("look at the collector", "probe")
sys.exit(__main__.run())
"""


def test_no_garbage_is_looked_for_before_a_command_begins(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROBE, "probe"], cwd=tmp_path, capture_output=True, check=True
    )
    assert done.stdout.split() == [b"0", b"True", b"True"]


def test_a_terminal_without_unicode_is_served(tmp_path: Path) -> None:
    environ = {"PYTHONIOENCODING": "ascii", "FACILITATOR_SERVER__PORT": "0"}
    done = command("check", cwd=tmp_path, environ=environ)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"ok   settings: ")


@pytest.mark.parametrize(
    ("redirected", "code", "complaint"),
    [
        (">&-", 0, ""),
        (">&- 2>&-", 0, ""),
        (">/dev/full", 1, "the output cannot be written: No space left on device\n"),
    ],
)
def test_an_output_that_takes_nothing_causes_no_traceback(
    tmp_path: Path, redirected: str, code: int, complaint: str
) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -P -m facilitator settings {redirected}'],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (code, complaint)


def test_characters_that_the_output_lacks_are_escaped(tmp_path: Path) -> None:
    (tmp_path / "\u2192.toml").write_text("[default.log]\nlevel = 'debug'\n")
    environ = {"PYTHONIOENCODING": "ascii"}
    done = command("--settings", "\u2192.toml", "settings", cwd=tmp_path, environ=environ)
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"\u2192.toml" in done.stdout


def test_plain_characters_stand_for_those_that_the_output_lacks(tmp_path: Path) -> None:
    done = command("payments", "2026…", cwd=tmp_path, environ={"PYTHONIOENCODING": "ascii"})
    assert b"there is no '2026~'" in done.stderr


def test_an_error_of_the_start_is_one_line_without_traceback(tmp_path: Path) -> None:
    done = command("serve", cwd=tmp_path, environ={"FACILITATOR_PLUGINS": "memory"})
    assert (done.returncode, done.stdout) == (1, b"")
    last = done.stderr.splitlines()[-1]
    assert last.startswith(b"PluginError: no enabled plugin provides the network cardano:preprod")
    assert b"Traceback" not in done.stderr


def test_the_commands_import_no_library_that_they_do_not_need(tmp_path: Path) -> None:
    program = (
        "import sys; from facilitator.cli import main\n"
        "for word in ('settings', 'plugins', 'check', '--help'):\n"
        "    try: main([word])\n"
        "    except SystemExit: pass\n"
        "assert sys.modules.keys() & {'pycardano', 'flask', 'jinja2'} == set()\n"
    )
    subprocess.run([sys.executable, "-P", "-c", program], cwd=tmp_path, check=True)
