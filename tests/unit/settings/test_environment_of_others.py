"""Variables that others write: Kubernetes, Docker, other users of dynaconf."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from facilitator.settings import ConfigInvalidError, Settings, load_settings, setting


@dataclass(frozen=True)
class Third:
    """The table of a plugin whose names look like those of links."""

    service_host: str | None = setting(None, "Host of its service.")
    service_port: int | None = setting(None, "Port of its service.")


def load(folder: Path, **environ: str) -> Settings:
    named = {f"FACILITATOR_{name}": value for name, value in environ.items()}
    return load_settings(environ=named, cwd=folder, sections={"third": Third})


def problems(folder: Path, **environ: str) -> list[str]:
    with pytest.raises(ConfigInvalidError) as raised:
        load(folder, **environ)
    return str(raised.value).splitlines()


# --- Service links ----------------------------------------------------------------------------


def links(service: str, address: str = "10.0.0.7", protocol: str = "tcp") -> dict[str, str]:
    """What Kubernetes injects for a service of that name."""
    name = service.upper().replace("-", "_")
    url = f"{protocol}://{f'[{address}]' if ':' in address else address}:6379"
    first = f"{name}_PORT_6379_{protocol.upper()}"
    return {
        f"{name}_SERVICE_HOST": address,
        f"{name}_SERVICE_PORT": "6379",
        f"{name}_SERVICE_PORT_TCP_REDIS": "6379",
        f"{name}_PORT": url,
        first: url,
        f"{first}_PROTO": protocol,
        f"{first}_PORT": "6379",
        f"{first}_ADDR": address,
    }


@pytest.mark.parametrize(
    "service",
    [
        "facilitator",
        "facilitator-redis",
        "facilitator-redis-master",
        "facilitator-postgresql-hl",
        "facilitator-server",
        "facilitator-server--port",
        "facilitator-auth--api-keys--shop",
        "facilitator-network",
        "facilitator-0",
    ],
)
@pytest.mark.parametrize("protocol", ["tcp", "udp", "sctp"])
def test_links_to_services_of_any_name_change_nothing(
    tmp_path: Path, service: str, protocol: str
) -> None:
    for address in ("10.0.0.7", "fd00::7"):
        environ = links(service, address, protocol)
        assert load_settings(environ=environ, cwd=tmp_path) == load_settings(
            environ={}, cwd=tmp_path
        )


def test_docker_adds_a_name_and_the_environment_of_the_other_side(tmp_path: Path) -> None:
    docker = {"REDIS_NAME": "/shop/redis", "REDIS_ENV_REDIS_VERSION": "8"}
    ports = {
        "REDIS_PORT_1_TCP_START": "tcp://10.0.0.7:1",
        "REDIS_PORT_1_TCP_END": "tcp://1.1.1.1:9",
    }
    load(tmp_path, REDIS_PORT="tcp://10.0.0.7:6379", **docker, **ports)
    assert len(problems(tmp_path, **docker)) == 2


def test_what_only_looks_like_a_link_is_a_setting(tmp_path: Path) -> None:
    declared = load(tmp_path, THIRD__SERVICE_HOST="10.0.0.7", THIRD__SERVICE_PORT="80")
    third = declared.section(Third)
    assert (third.service_host, third.service_port) == ("10.0.0.7", 80)
    keys = load(tmp_path, AUTH__API_KEYS__SHOP_SERVICE_PORT="a-key").auth.api_keys
    assert keys == {"shop_service_port": "a-key"}
    told = problems(tmp_path, REDIS_PORT="6379", SERVER_PORT="8080", REDIS_SERVICE_HOST="redis")
    assert [line.partition(":")[0] for line in told] == [
        "redis_port",
        "redis_service_host",
        "server_port",
    ]


# --- Dynaconf ---------------------------------------------------------------------------------

OF_DYNACONF = {
    "VAULT_ENABLED_FOR_DYNACONF": "true",
    "REDIS_ENABLED_FOR_DYNACONF": "true",
    "REDIS_PORT_FOR_DYNACONF": "tcp://10.0.0.7:6379",
    "LOADERS_FOR_DYNACONF": "['left_a_trace']",
    "CORE_LOADERS_FOR_DYNACONF": "['PY']",
    "INSTANCE_FOR_DYNACONF": "left_a_trace.settings",
    "PRELOAD_FOR_DYNACONF": "['left_a_trace.py']",
    "INCLUDES_FOR_DYNACONF": "['left_a_trace.py']",
    "SETTINGS_FILE_FOR_DYNACONF": "left_a_trace.py",
    "SETTINGS_MODULE": "left_a_trace",
    "DYNACONF_SETTINGS": "left_a_trace",
    "PROJECT_ROOT": "@jinja {{ 1 / 0 }}",
    "SECRETS_FOR_DYNACONF": "left_a_trace.py",
    "ENVIRONMENTS_FOR_DYNACONF": "true",
    "ENV_FOR_DYNACONF": "production",
    "FORCE_ENV_FOR_DYNACONF": "production",
    "ENVVAR_PREFIX_FOR_DYNACONF": "OTHER",
    "NESTED_SEPARATOR_FOR_DYNACONF": "___",
    "INDEX_SEPARATOR_FOR_DYNACONF": "_",
    "DOTTED_LOOKUP_FOR_DYNACONF": "false",
    "MERGE_ENABLED_FOR_DYNACONF": "true",
    "AUTO_CAST_FOR_DYNACONF": "true",
    "ENCODING_FOR_DYNACONF": "utf-16",
    "LOAD_DOTENV_FOR_DYNACONF": "true",
    "LOWERCASE_READ_FOR_DYNACONF": "false",
    "SYSENV_FALLBACK_FOR_DYNACONF": "true",
    "A_NEW_ONE_FOR_DYNACONF": "@format {this.nothing}",
}
SHOWN = """
import os, sys
from facilitator.settings import load_settings
settings = load_settings()
print([(each.key, each.value, each.origin) for each in settings.effective])
print(settings.environment, "left_a_trace" in sys.modules)
print(sorted(name for name in os.environ if "DYNACONF" in name))
"""


def shown(folder: Path, environ: dict[str, str]) -> list[str]:
    """What a process has for settings with these variables, and what it imported."""
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", SHOWN],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    return process.stdout.splitlines()


def test_dynaconf_s_variables_of_other_applications_do_nothing(tmp_path: Path) -> None:
    (tmp_path / "left_a_trace.py").write_text("raise SystemExit('imported')\n")
    (tmp_path / ".env").write_text("FACILITATOR_SERVER__PORT=1\n")
    (tmp_path / "settings.toml").write_text("[default.server]\nhost = '@format x'\n")
    own = {"FACILITATOR_SERVER__PORT": "8080", "FACILITATOR_FACILITATOR__SEED_PHRASE": "@int 3"}
    before = shown(tmp_path, own)
    after = shown(tmp_path, {**own, **OF_DYNACONF})
    assert after[:2] == before[:2]
    assert after[1] == "development False"
    # Other code of the process finds them where they were.
    assert after[2] == str(sorted(name for name in OF_DYNACONF if "DYNACONF" in name))


@pytest.mark.parametrize("option", ["AUTO_CAST_FOR_DYNACONF", "dynaconf_skip_loaders"])
def test_a_file_sets_no_option_of_dynaconf(tmp_path: Path, option: str) -> None:
    text = f"{option} = true\n[default.facilitator]\nseed_phrase = '@format {{env[HOME]}}'\n"
    (tmp_path / "settings.toml").write_text(text)
    (line,) = problems(tmp_path)
    assert f"{option.lower()} stands outside of any environment" in line
