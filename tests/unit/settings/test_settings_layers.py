"""Where settings come from, which layer wins, and what is refused."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from facilitator.settings import ConfigInvalidError, Settings, load_settings
from facilitator.settings.layers import PACKAGED


def load(cwd: Path, path: str | None = None, **environ: str) -> Settings:
    return load_settings(path, environ, cwd)


def problems(cwd: Path, path: str | None = None, **environ: str) -> list[str]:
    with pytest.raises(ConfigInvalidError) as raised:
        load_settings(path, environ, cwd)
    return str(raised.value).splitlines()


def write(folder: Path, **files: str) -> None:
    names = {"main": "settings.toml", "local": "settings.local.toml", "secrets": ".secrets.toml"}
    for name, text in files.items():
        (folder / names[name]).write_text(text)


def test_nothing_is_needed(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings.environment == "development"
    assert settings.plugins == ("devnet", "sqlite")
    assert settings.networks == ("cardano:preprod",)
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 3000)
    assert settings.files == ()


def test_each_layer_beats_the_one_below(tmp_path: Path) -> None:
    assert load(tmp_path).server.port == 3000
    write(tmp_path, main="[default.server]\nport = 1\n")
    assert load(tmp_path).server.port == 1
    write(tmp_path, main="[default.server]\nport = 1\n[development.server]\nport = 2\n")
    assert load(tmp_path).server.port == 2
    write(tmp_path, local="[default.server]\nport = 3\n")
    assert load(tmp_path).server.port == 3
    write(tmp_path, secrets="[development.server]\nport = 4\n")
    assert load(tmp_path).server.port == 4
    assert load(tmp_path, FACILITATOR_SERVER__PORT="5").server.port == 5


def test_tables_combine_key_by_key(tmp_path: Path) -> None:
    write(
        tmp_path,
        main="[default.server]\nhost = '0.0.0.0'\nport = 1\n[development.server]\nport = 2\n",
        secrets="[default.server]\nthreads = 8\n[default.auth.api_keys]\nshop = 'k1'\n",
    )
    settings = load(tmp_path, FACILITATOR_AUTH__API_KEYS__PANTRY="k2")
    assert settings.server.host == "0.0.0.0"
    assert settings.server.port == 2
    assert settings.server.threads == 8
    assert settings.auth.api_keys == {"shop": "k1", "pantry": "k2"}


def test_lists_are_replaced_whole(tmp_path: Path) -> None:
    write(
        tmp_path,
        main="[default]\nplugins = ['a', 'b']\n[development]\nplugins = ['c']\n",
    )
    assert load(tmp_path).plugins == ("c",)


def test_another_environment_is_chosen_by_variable(tmp_path: Path) -> None:
    write(tmp_path, main="[development.server]\nport = 1\n[preview.server]\nport = 2\n")
    settings = load(tmp_path, FACILITATOR_ENV="preview")
    assert (settings.environment, settings.server.port) == ("preview", 2)


def test_an_empty_environment_name_means_the_default_one(tmp_path: Path) -> None:
    assert load(tmp_path, FACILITATOR_ENV="").environment == "development"


def test_the_file_by_argument_beats_the_one_by_variable(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[default.server]\nport = 1\n")
    (tmp_path / "b.toml").write_text("[default.server]\nport = 2\n")
    write(tmp_path, main="[default.server]\nport = 3\n")
    assert load(tmp_path, "b.toml", FACILITATOR_SETTINGS="a.toml").server.port == 2
    assert load(tmp_path, FACILITATOR_SETTINGS="a.toml").server.port == 1


def test_secrets_are_looked_for_beside_the_file(tmp_path: Path) -> None:
    elsewhere = tmp_path / "etc"
    elsewhere.mkdir()
    write(elsewhere, main="[default]\n", secrets="[default.server]\nport = 7\n")
    settings = load(tmp_path, "etc/settings.toml")
    assert settings.server.port == 7
    assert [file.name for file in settings.files] == ["settings.toml", ".secrets.toml"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[prodution]\n",
            "settings.toml: [prodution] is not an environment, did you mean production?",
        ),
        (
            "[server]\nport = 1\n",
            "settings.toml: server stands outside of any environment: write [default.server]",
        ),
        (
            "plugins = []\n",
            "settings.toml: plugins stands outside of any environment:"
            " write plugins below [default]",
        ),
        ("dynaconf_include = ['x.toml']\n", "settings.toml: dynaconf_include stands outside"),
        ("default = 3\n", "settings.toml: "),
    ],
)
def test_a_file_holds_environments_only(tmp_path: Path, text: str, told: str) -> None:
    write(tmp_path, main=text)
    (line,) = problems(tmp_path)
    assert line.startswith(told)


def test_an_unknown_environment_is_refused(tmp_path: Path) -> None:
    assert problems(tmp_path, FACILITATOR_ENV="prodction") == [
        "FACILITATOR_ENV: unknown environment prodction, did you mean production?"
    ]
    assert "known are development, preview" in problems(tmp_path, FACILITATOR_ENV="default")[0]


def test_an_environment_is_not_chosen_by_other_variables(tmp_path: Path) -> None:
    """Nor do variables hold for one of them alone."""
    told = problems(
        tmp_path, FACILITATOR_ENVIRONMENT="production", FACILITATOR_PRODUCTION__LOG__LEVEL="debug"
    )
    assert told == [
        "environment: unknown setting, did you mean FACILITATOR_ENV?"
        " (environment variable FACILITATOR_ENVIRONMENT)",
        "production: unknown table: variables hold for any environment, leave out PRODUCTION__"
        " (environment variable FACILITATOR_PRODUCTION__LOG__LEVEL)",
    ]


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    assert problems(tmp_path, "missing.toml") == ["missing.toml: this settings file does not exist"]
    (line,) = problems(tmp_path, FACILITATOR_SETTINGS="other.toml")
    assert line.startswith("other.toml: ")


def test_broken_files_are_named_together(tmp_path: Path) -> None:
    write(tmp_path, main="[default\n", local="[default]\nplugins = [\n")
    (tmp_path / ".secrets.toml").write_bytes(b"[default]\nnetwork = '\xff'\n")
    first, second, third = problems(tmp_path)
    assert "settings.toml: is not valid TOML" in first
    assert "settings.local.toml: is not valid TOML" in second
    assert third.endswith(".secrets.toml: is not UTF-8 text")


def test_a_byte_order_mark_is_named(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_bytes(b"\xef\xbb\xbf[default]\n")
    (line,) = problems(tmp_path)
    assert line.endswith(
        "settings.toml: begins with a byte order mark: save it as UTF-8 without one"
    )


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").mkdir()
    (line,) = problems(tmp_path)
    assert "settings.toml: cannot be read" in line


@pytest.mark.parametrize(
    "text", ["@format {env[HOME]}", "@jinja {{ 1 }}", "@none", "@int 3", "0x10"]
)
def test_text_is_never_evaluated(tmp_path: Path, text: str) -> None:
    write(tmp_path, main=f"[default.facilitator]\nseed_phrase = '{text}'\n")
    assert load(tmp_path).facilitator.seed_phrase == text
    assert load(tmp_path, FACILITATOR_SERVER__HOST=text).server.host == text


def test_a_hooks_file_beside_the_settings_is_not_run(tmp_path: Path) -> None:
    write(tmp_path, main="[default]\n")
    (tmp_path / "dynaconf_hooks.py").write_text("raise SystemExit('run')\n")
    assert load(tmp_path).server.port == 3000


def test_one_variable_does_not_hide_another(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        FACILITATOR_AUTH__API_KEYS="{shop = 'k1', pantry = 'k2'}",
        FACILITATOR_AUTH__API_KEYS__PANTRY="k3",
    )
    assert settings.auth.api_keys == {"shop": "k1", "pantry": "k3"}


@pytest.mark.parametrize("text", ["['a','b']", '["a", "b"]', "a,b", " a , b,"])
def test_lists_from_variables(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, FACILITATOR_PLUGINS=text).plugins == ("a", "b")


def test_service_links_are_no_settings(tmp_path: Path) -> None:
    links: Mapping[str, str] = {
        "FACILITATOR_SERVICE_HOST": "10.0.0.1",
        "FACILITATOR_SERVICE_PORT": "3000",
        "FACILITATOR_SERVICE_PORT_HTTP": "3000",
        "FACILITATOR_PORT": "tcp://10.0.0.1:3000",
        "FACILITATOR_PORT_3000_TCP": "tcp://10.0.0.1:3000",
        "FACILITATOR_PORT_3000_TCP_ADDR": "10.0.0.1",
    }
    assert load(tmp_path, **links).server.port == 3000


def test_the_packaged_defaults_are_read_as_a_layer(tmp_path: Path) -> None:
    assert PACKAGED.is_file()
    origins = {found.key: found.origin for found in load(tmp_path).effective}
    assert origins["plugins"] == "built-in default"
    assert origins["server.port"] == "default"


def test_origins_are_told(tmp_path: Path) -> None:
    write(tmp_path, main="[default.server]\nport = 1\n[development.log]\nlevel = 'debug'\n")
    settings = load(tmp_path, FACILITATOR_SERVER__HOST="::1")
    origins = {found.key: found.origin for found in settings.effective}
    assert origins["server.port"] == "settings.toml [default]"
    assert origins["log.level"] == "settings.toml [development]"
    assert origins["server.host"] == "environment variable FACILITATOR_SERVER__HOST"


def test_the_example_in_the_root_equals_the_defaults(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    example, defaults = load(root, str(root / "settings.toml")), load(tmp_path)
    assert example.files
    assert (example.plugins, example.networks) == (defaults.plugins, defaults.networks)
    assert example.sections == defaults.sections


@pytest.mark.parametrize("environment", ["development", "preview", "preprod", "production"])
def test_the_example_in_the_root_works_in_each_environment(environment: str) -> None:
    path = os.fspath(Path(__file__).parents[3] / "settings.toml")
    settings = load_settings(path, {"FACILITATOR_ENV": environment})
    assert settings.environment == environment
