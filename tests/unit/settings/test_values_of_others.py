"""Secrets from files, and values as env-files and URLs have them."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from facilitator.settings import ConfigInvalidError, Settings, load_settings, setting

SECRET = "a-key-from-a-file-0123456789"


@dataclass(frozen=True)
class Third:
    """The table of a plugin."""

    service_port: int | None = setting(None, "Port of its service.")
    token: str | None = setting(None, "A secret.", secret=True)
    tokens_file: str | None = setting(None, "A setting that is called so.")


def load(folder: Path, **environ: str) -> Settings:
    named = {f"FACILITATOR_{name}": value for name, value in environ.items()}
    return load_settings(environ=named, cwd=folder, sections={"third": Third})


def problems(folder: Path, **environ: str) -> list[str]:
    with pytest.raises(ConfigInvalidError) as raised:
        load(folder, **environ)
    return str(raised.value).splitlines()


# --- Secrets in files -------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_a_secret_is_read_from_a_file(tmp_path: Path, end: str) -> None:
    file = tmp_path / "secret"
    file.write_bytes((SECRET + end).encode())
    settings = load(
        tmp_path,
        AUTH__API_KEYS__SHOP_FILE=str(file),
        FACILITATOR__SEED_PHRASE_FILE=str(file),
        THIRD__TOKEN_FILE=str(file),
        THIRD__TOKENS_FILE=str(file),
    )
    assert settings.auth.api_keys == {"shop": SECRET}
    assert settings.facilitator.seed_phrase == SECRET
    third = settings.section(Third)
    assert (third.token, third.tokens_file) == (SECRET, str(file))
    assert set(settings.secrets()) == {SECRET}
    origins = {each.key: each.origin for each in settings.effective}
    name = "FACILITATOR_AUTH__API_KEYS__SHOP_FILE"
    assert origins["auth.api_keys.shop"] == f"file by environment variable {name}"


def test_tables_in_variables_and_files_may_name_files_too(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    path = str(tmp_path / "secret")
    table = load(tmp_path, AUTH__API_KEYS=f"{{shop_file = '{path}', pantry = 'k'}}")
    assert table.auth.api_keys == {"shop": SECRET, "pantry": "k"}
    (tmp_path / "settings.toml").write_text(f"[default.auth.api_keys]\nshop_file = '{path}'\n")
    assert load(tmp_path).auth.api_keys == {"shop": SECRET}


def test_a_file_stands_above_a_lower_layer(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "settings.toml").write_text("[default.auth.api_keys]\nshop = 'old'\n")
    keys = load(tmp_path, AUTH__API_KEYS__SHOP_FILE=str(tmp_path / "secret")).auth.api_keys
    assert keys == {"shop": SECRET}


def test_one_of_both_may_be_empty_but_not_both_given(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET)
    both = {"AUTH__API_KEYS__SHOP": "k", "AUTH__API_KEYS__SHOP_FILE": str(file)}
    (line,) = problems(tmp_path, **both)
    assert line.startswith("auth.api_keys.shop: is given both itself and as _FILE: leave out one")
    (line,) = problems(tmp_path, THIRD__TOKEN="k", THIRD__TOKEN_FILE=str(file))
    assert line.startswith("third.token: is given both")
    assert load(tmp_path, **{**both, "AUTH__API_KEYS__SHOP_FILE": ""}).auth.api_keys["shop"] == "k"
    with_file = load(tmp_path, THIRD__TOKEN="", THIRD__TOKEN_FILE=str(file))
    assert with_file.section(Third).token == SECRET


def test_a_file_that_cannot_be_read_is_named_by_its_variable(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_bytes(b"a" * 100_000)
    (tmp_path / "quoted").write_text('"a-key"\n')
    expected = {
        "the-key-itself-0123456789": "names a file that cannot be read: No such file or directory",
        "": None,
        ".": "names a file that cannot be read: Is a directory",
        "empty": "names a file that is empty",
        "binary": "names a file that is not UTF-8 text",
        "large": "names a file of more than 65536 bytes",
        "quoted": "must not be in quotes",
    }
    for name, why in expected.items():
        variables = {"AUTH__API_KEYS__SHOP_FILE": name and str(tmp_path / name)}
        if why is None:
            assert load(tmp_path, **variables).auth.api_keys == {}
            continue
        (line,) = problems(tmp_path, **variables)
        assert line.startswith(f"auth.api_keys.shop: {why}")
        assert line.endswith("(environment variable FACILITATOR_AUTH__API_KEYS__SHOP_FILE)")
        assert "a-key" not in line
        assert "the-key" not in line


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (
            "SERVER__HOST_FILE",
            "server.host_file: unknown setting: only secrets are read from files",
        ),
        ("NETWORK_FILE", "network_file: unknown setting: only secrets are read from files"),
        ("AUTH__API_KEYS_FILE", "auth.api_keys_file: unknown setting: each of its entries may"),
        ("THIRD__SERVICE_PORT_FILE", "third.service_port_file: unknown setting: only secrets"),
        ("THIRD__TOKENN_FILE", "third.tokenn_file: unknown setting"),
    ],
)
def test_other_settings_are_not_read_from_files(tmp_path: Path, key: str, told: str) -> None:
    (line,) = problems(tmp_path, **{key: "/run/secrets/x"})
    assert line.startswith(told)
    assert "/run/secrets" not in line


# --- Quotes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("AUTH__API_KEYS__SHOP", "hunter-0123456789"),
        ("FACILITATOR__SEED_PHRASE", "hunter winner thank"),
        ("THIRD__TOKEN", "hunter"),
        ("SERVER__HOST", "127.0.0.1"),
        ("SERVER__PORT", "3000"),
        ("PLUGINS", "devnet,sqlite"),
        ("RATE_LIMIT__ENABLED", "true"),
        ("LOG__LEVEL", "debug"),
    ],
)
def test_quotes_that_an_env_file_kept_are_refused(
    tmp_path: Path, key: str, text: str, quote: str
) -> None:
    for value in (f"{quote}{text}{quote}", f"{quote}{text}{quote}\r", f" {quote}{text}{quote} "):
        (line,) = problems(tmp_path, **{key: value})
        name = key.lower().replace("__", ".")
        assert line.startswith(f"{name}: must not be in quotes")
        assert line.endswith(f"(environment variable FACILITATOR_{key})")
        assert text not in line


def test_so_are_they_around_the_environment(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, ENV='"production"')
    assert line.startswith("FACILITATOR_ENV: must not be in quotes")


def test_so_are_they_around_the_consent_to_mainnet(tmp_path: Path) -> None:
    environ = {"FACILITATOR_NETWORK": "cardano:mainnet", "MAINNET": '"true"'}
    with pytest.raises(ConfigInvalidError, match="MAINNET must not be in quotes"):
        load_settings(environ=environ, cwd=tmp_path)


@pytest.mark.parametrize("text", ['a"b', "'", '"a', "a'", "['a','b']"])
def test_other_quotes_are_part_of_a_text(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, THIRD__TOKEN=text).section(Third).token == text


# --- The address ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("[::]", "is an address in brackets, as URLs have it: write it without them, such as ::1"),
        ("[::1]", "is an address in brackets"),
        ("0.0.0.0:3000", "has a port: set server.port"),
        ("[::]:3000", "has a port: set server.port"),
        ("http://127.0.0.1", "is a URL: write the address or the name alone"),
    ],
)
def test_an_address_as_urls_have_it_is_explained(tmp_path: Path, host: str, why: str) -> None:
    (line,) = problems(tmp_path, SERVER__HOST=host)
    assert line.startswith(f"server.host: {why}")


@pytest.mark.parametrize("host", ["::", "::1", "fe80::1%eth0", "0.0.0.0", "localhost", "a.example"])
def test_addresses_and_names_will_do(tmp_path: Path, host: str) -> None:
    assert load(tmp_path, SERVER__HOST=host).server.host == host
