"""Secrets from Redis, by the loader that a variable names."""

from pathlib import Path

import pytest

from facilitator.settings import ConfigInvalidError, Settings, load_settings
from support.redis_servers import RedisServer, free_port, needs_redis

pytestmark = needs_redis

BOTH = ("FACILITATOR_DEFAULT", "FACILITATOR_PRODUCTION")


@pytest.fixture
def store(redis_server: RedisServer) -> RedisServer:
    redis_server.command("DEL", *BOTH)
    return redis_server


def load(store: RedisServer, folder: Path, **environ: str) -> Settings:
    variables = {
        "FACILITATOR_ENV": "production",
        "FACILITATOR_LOADERS": "redis",
        "FACILITATOR_LOADERS_REDIS_URL": store.url,
        **{f"FACILITATOR_{name}": value for name, value in environ.items()},
    }
    return load_settings(environ=variables, cwd=folder)


def refusal(store: RedisServer, folder: Path, **environ: str) -> str:
    with pytest.raises(ConfigInvalidError) as caught:
        load(store, folder, **environ)
    return str(caught.value)


def test_secrets_stand_between_files_and_variables(store: RedisServer, tmp_path: Path) -> None:
    (tmp_path / ".secrets.toml").write_text(
        "[default.auth.api_keys]\nfile = 'of-the-file'\nboth = 'of-the-file'\n"
    )
    store.command("HSET", BOTH[0], "AUTH__API_KEYS__BOTH", "1234", "auth__api_keys__all", "@none")
    text = "@format {env[HOME]}"
    store.command("HSET", BOTH[1], "AUTH__API_KEYS__SHOP", "x", "FACILITATOR__SEED_PHRASE", text)
    loaded = load(store, tmp_path, AUTH__API_KEYS__SHOP="of-the-variable")
    assert loaded.auth.api_keys == {
        "file": "of-the-file",
        "both": "1234",
        "all": "@none",
        "shop": "of-the-variable",
    }
    origins = {each.key: each.origin for each in loaded.effective}
    assert origins["auth.api_keys.both"] == "Redis hash FACILITATOR_DEFAULT"
    assert loaded.facilitator.seed_phrase == text
    assert {"1234", text} <= set(loaded.secrets())


def test_a_variable_s_file_overrides_it(store: RedisServer, tmp_path: Path) -> None:
    store.command("HSET", BOTH[0], "AUTH__API_KEYS__SHOP", "of-the-store")
    (tmp_path / "key").write_text("of-the-file\n")
    loaded = load(store, tmp_path, AUTH__API_KEYS__SHOP_FILE=str(tmp_path / "key"))
    assert loaded.auth.api_keys == {"shop": "of-the-file"}


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("SERVER__HOST", "server.host: is not a secret: a loader gives secrets alone"),
        ("PLUGINS", "plugins: is not a secret: a loader gives secrets alone"),
        (
            "FACILITATOR__SEED_PHRASE_FILE",
            "facilitator.seed_phrase_file: is not a secret: a loader gives secrets alone",
        ),
        ("AUTH__API_KEY", "auth.api_key: unknown setting"),
    ],
)
def test_it_gives_secrets_alone(
    store: RedisServer, tmp_path: Path, name: str, problem: str
) -> None:
    store.command("HSET", BOTH[0], name, "of-the-store")
    assert refusal(store, tmp_path).startswith(problem)


def test_nothing_starts_without_its_secrets(store: RedisServer, tmp_path: Path) -> None:
    assert refusal(store, tmp_path) == (
        "FACILITATOR_LOADERS: Redis has neither of the hashes FACILITATOR_DEFAULT and "
        "FACILITATOR_PRODUCTION: write the secrets there"
    )
    away = f"redis://user:hidden@127.0.0.1:{free_port()}/0"
    told = refusal(store, tmp_path, LOADERS_REDIS_URL=away)
    assert told == "FACILITATOR_LOADERS: the settings in Redis cannot be read (ConnectionError)"
    told = refusal(store, tmp_path, LOADERS_REDIS_URL="hidden")
    assert told == "FACILITATOR_LOADERS: the settings in Redis cannot be read (ValueError)"
    assert refusal(store, tmp_path, LOADERS_REDIS_URL="").startswith("FACILITATOR_LOADERS_REDIS_U")
    assert refusal(store, tmp_path, LOADERS="vault") == (
        "FACILITATOR_LOADERS: unknown loader vault; known is redis"
    )


def test_its_address_may_be_in_a_file(store: RedisServer, tmp_path: Path) -> None:
    store.command("HSET", BOTH[0], "AUTH__API_KEYS__SHOP", "of-the-store")
    (tmp_path / "url").write_text(f"{store.url}\n")
    named = {"LOADERS_REDIS_URL": "", "LOADERS_REDIS_URL_FILE": str(tmp_path / "url")}
    assert load(store, tmp_path, **named).auth.api_keys == {"shop": "of-the-store"}
    named["LOADERS_REDIS_URL_FILE"] = str(tmp_path / "none")
    assert "cannot be read" in refusal(store, tmp_path, **named)
