"""What values are accepted, and that every problem is told without telling a secret."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.settings import ConfigInvalidError, Settings, load_settings, setting
from facilitator.settings.load import MAINNET_NEEDS_CONSENT
from facilitator.settings.schema import fields_of


@dataclass(frozen=True)
class BlockfrostLike:
    """A plugin's table."""

    project_id: str = setting(
        None, "Project ID.", required="Blockfrost project ID is required", secret=True
    )
    base_url: str | None = setting(None, "Base URL.")
    timeout_seconds: float = setting(10.0, "Time-out in seconds.", minimum=0.1, maximum=60)


@dataclass(frozen=True)
class Range:
    """A table whose keys depend on each other."""

    low: int = setting(1, "Least.")
    high: int = setting(2, "Greatest.")

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low must not be above high")


SECTIONS: Mapping[str, type] = {"blockfrost": BlockfrostLike}
NOWHERE = Path("/nonexistent")


def load(sections: Mapping[str, type] | None = None, /, **environ: str) -> Settings:
    prefixed = {
        name if name == "MAINNET" else f"FACILITATOR_{name}": value
        for name, value in environ.items()
    }
    return load_settings(None, prefixed, NOWHERE, sections)


def problems(sections: Mapping[str, type] | None = None, /, **environ: str) -> list[str]:
    with pytest.raises(ConfigInvalidError) as raised:
        load(sections, **environ)
    return str(raised.value).splitlines()


def problem_in_file(tmp_path: Path, text: str) -> str:
    (tmp_path / "settings.toml").write_text(text)
    with pytest.raises(ConfigInvalidError) as raised:
        load_settings(None, {}, tmp_path)
    (line,) = str(raised.value).splitlines()
    return line


def test_every_problem_is_named_at_once() -> None:
    lines = problems(
        SECTIONS,
        SERVER__PROT="1",
        SERVER__PORT="70000",
        NETWORK="cardano:mainnet",
        LOG__LEVEL="loud",
        SERVER__WORKERS="0",
    )
    assert lines == [
        "server.prot: unknown setting, did you mean server.port?"
        " (environment variable FACILITATOR_SERVER__PROT)",
        "server.port: must be at most 65535 (environment variable FACILITATOR_SERVER__PORT)",
        "server.workers: must be at least 1 (environment variable FACILITATOR_SERVER__WORKERS)",
        "log.level: must be one of debug, info, warning, error, critical"
        " (environment variable FACILITATOR_LOG__LEVEL)",
        "blockfrost.project_id: Blockfrost project ID is required",
        f"network: {MAINNET_NEEDS_CONSENT}",
    ]


def test_a_required_setting_may_not_be_empty() -> None:
    assert problems(SECTIONS, BLOCKFROST__PROJECT_ID="") == [
        "blockfrost.project_id: Blockfrost project ID is required"
    ]


def test_a_section_is_read_by_its_declaration() -> None:
    settings = load(SECTIONS, BLOCKFROST__PROJECT_ID="12345", BLOCKFROST__TIMEOUT_SECONDS="3")
    section = settings.section(BlockfrostLike)
    assert section.project_id == "12345"
    assert section.timeout_seconds == 3.0
    assert section.base_url is None
    with pytest.raises(LookupError, match="Range"):
        settings.section(Range)


@pytest.mark.parametrize("text", ["12345", "true", "1e5", "0x10", "2026-01-01", "@none", "['x']"])
def test_text_settings_take_variables_as_written(text: str) -> None:
    assert load(SERVER__HOST=text).server.host == text


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("SERVER__PORT", "3000.0"),
        ("SERVER__PORT", "true"),
        ("SERVER__PORT", "0x10"),
        ("SERVER__PORT", ""),
        ("SERVER__PORT", "-1"),
        ("SERVER__PORT", "65536"),
        ("SERVER__PORT", "9" * 5000),
        ("SERVER__PORT", "٣"),
        ("SERVER__THREADS", "3"),
        ("SERVER__HOST", ""),
        ("SERVER__SHUTDOWN_SECONDS", "nan"),
        ("SERVER__SHUTDOWN_SECONDS", "inf"),
        ("SERVER__SHUTDOWN_SECONDS", "1e3"),
        ("SERVER__TRUSTED_PROXIES", "10.0.0.1/8"),
        ("SERVER__TRUSTED_PROXIES", "10.0.0.1,10.0.0.1"),
        ("SERVER__CORS_ORIGINS", "shop.example"),
        ("SETTLEMENT__ACCEPT_MEMPOOL", "1"),
        ("SETTLEMENT__MAX_WAITING", "1400"),
        ("RESERVATION__MAX_CONCURRENT", "0"),
        ("PLUGINS", "a,a"),
        ("PLUGINS", "[1]"),
        ("PLUGINS", "['a'"),
        ("NETWORK", ""),
        ("NETWORK", "cardano:preprod,cip34:0-1"),
        ("NETWORK", "eip155:1"),
        ("AUTH__API_KEYS", "secret"),
        ("AUTH__API_KEYS__SHOP", ""),
        ("AUTH__API_KEYS__SHOP", "with space"),
        ("SERVER", "{port = 1}"),
    ],
)
def test_wrong_values_are_refused(key: str, text: str) -> None:
    (line,) = problems(**{key: text})
    dotted = key.lower().replace("__", ".")
    assert dotted.startswith(line.split(": ")[0])
    assert line.split(": ", 1)[1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[default.server]\nport = '3000'\n", "server.port: must be a whole number"),
        ("[default.server]\nport = true\n", "server.port: must be a whole number"),
        ("[default.server]\nport = 3000.0\n", "server.port: must be a whole number"),
        ("[default.server.port]\nx = 1\n", "server.port: must be a whole number"),
        ("[default.server]\nhost = 1\n", "server.host: must be text, in quotes"),
        ("[default.server]\nshutdown_seconds = nan\n", "server.shutdown_seconds: must be a number"),
        ("[default.settlement]\naccept_mempool = 'true'\n", "settlement.accept_mempool: must be"),
        ("[default]\nserver = 1\n", "server: is a table"),
        ("[default.auth]\napi_keys = ['a']\n", "auth.api_keys: must be a table"),
        ("[default.auth.api_keys]\nshop = 12345\n", "auth.api_keys.shop: must be text, in quotes"),
        ("[default.auth.api_keys]\nshop = ''\n", "auth.api_keys.shop: must not be empty"),
        ("[default.facilitator]\naddress = 'addr_test1x'\n", "facilitator.address: is not an addr"),
        ("[default.servre]\nport = 1\n", "servre: unknown table, did you mean server?"),
        ("[default]\nport = 1\n", "port: unknown setting, did you mean server.port?"),
        ("[default.server]\ndynaconf_merge = true\n", "server.dynaconf_merge: unknown setting"),
    ],
)
def test_files_are_read_by_their_types(tmp_path: Path, text: str, told: str) -> None:
    line = problem_in_file(tmp_path, text)
    assert line.startswith(told)
    assert line.endswith("(settings.toml [default])")


def test_whole_numbers_do_as_seconds(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("[default.server]\nshutdown_seconds = 3\n")
    seconds = load_settings(None, {}, tmp_path).server.shutdown_seconds
    assert (type(seconds), seconds) == (float, 3.0)


def test_an_empty_text_unsets_what_may_be_unset(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("[default.facilitator]\naddress = 'addr_test1'\n")
    settings = load_settings(None, {"FACILITATOR_FACILITATOR__ADDRESS": ""}, tmp_path)
    assert settings.facilitator.address is None


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False), ("TRUE", True)])
def test_booleans_from_variables(text: str, value: bool) -> None:
    assert load(SETTLEMENT__ACCEPT_MEMPOOL=text).settlement.accept_mempool is value


def test_port_zero_is_allowed() -> None:
    assert load(SERVER__PORT="0").server.port == 0


def test_networks_are_canonical() -> None:
    assert load(NETWORK="cip34:0-2,cardano:preprod").networks == (
        "cardano:preview",
        "cardano:preprod",
    )
    assert "did you mean cardano:preview?" in problems(NETWORK="cardano:previw")[0]


@pytest.mark.parametrize("network", ["cardano:mainnet", "cip34:1-764824073"])
@pytest.mark.parametrize("consent", [None, "", "false", "1", "TRUE"])
def test_mainnet_needs_consent(network: str, consent: str | None) -> None:
    environ = {} if consent is None else {"MAINNET": consent}
    assert problems(NETWORK=network, **environ) == [f"network: {MAINNET_NEEDS_CONSENT}"]
    assert load(NETWORK=network, MAINNET="true").networks == ("cardano:mainnet",)


@pytest.mark.parametrize(
    ("environ", "waiting"),
    [
        ({}, 1050),
        ({"SERVER__THREADS": "8"}, 6),
        ({"SETTLEMENT__MAX_WAITING": "5"}, 5),
        ({"SETTLEMENT__MAX_WAITING": "0"}, 0),
    ],
)
def test_how_many_may_wait(environ: dict[str, str], waiting: int) -> None:
    assert load(**environ).max_waiting == waiting


@pytest.mark.parametrize(
    ("environ", "threads", "waiting"),
    [
        ({}, 1400, 1050),
        ({}, 100, 75),
        ({"SETTLEMENT__MAX_WAITING": "1300"}, 1400, 1300),
        ({"SETTLEMENT__MAX_WAITING": "1300"}, 1399, 1049),
        ({"SETTLEMENT__MAX_WAITING": "5"}, 100, 5),
    ],
)
def test_how_many_may_wait_in_fewer_threads(
    environ: dict[str, str], threads: int, waiting: int
) -> None:
    assert load(**environ).max_waiting_with(threads) == waiting


def test_a_sections_own_check_is_told() -> None:
    assert problems({"range": Range}, RANGE__LOW="3") == ["range: low must not be above high"]


def test_tables_of_plugins_that_are_not_enabled_are_left_unread() -> None:
    settings = load({}, PLUGINS="sqlite", DEVNET__WHATEVER="1")
    assert settings.plugins == ("sqlite",)


def test_tables_of_enabled_plugins_are_checked() -> None:
    lines = problems(SECTIONS, BLOCKFROST__PROJECT_ID="x", BLOCKFROST__PROJET="1", DEVNET__X="1")
    assert [line.split(":")[0] for line in lines] == ["blockfrost.projet", "devnet"]


def test_secrets_are_never_shown() -> None:
    settings = load(
        SECTIONS,
        AUTH__API_KEYS__SHOP="key-of-shop",
        FACILITATOR__SEED_PHRASE="legal winner thank",
        BLOCKFROST__PROJECT_ID="preprodSecret",
    )
    secrets = ("key-of-shop", "legal winner thank", "preprodSecret")
    assert sorted(settings.secrets()) == sorted(secrets)
    shown = repr(settings) + "".join(repr(section) for section in settings.sections)
    assert not any(secret in shown for secret in secrets)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=8))
def test_problems_never_hold_secret_values(secret: str) -> None:
    secret = f"<{secret} >"
    lines = problems(
        {**SECTIONS, "range": Range},
        AUTH__API_KEYS__SHOP=secret,
        FACILITATOR__SEED_PHRASES=secret,
        BLOCKFROST__TIMEOUT_SECONDS=secret,
        RANGE__LOW=secret,
    )
    assert len(lines) == 5
    assert secret not in "\n".join(lines)


@given(st.integers(0, 65535))
def test_every_port_is_read_as_written(port: int) -> None:
    assert load(SERVER__PORT=str(port)).server.port == port


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,12}", fullmatch=True), st.text("a1[]{}'\",.=@ ")))
def test_whatever_the_variables_are_it_is_settings_or_problems(variables: dict[str, str]) -> None:
    try:
        settings = load(**{name.upper(): value for name, value in variables.items()})
    except ConfigInvalidError as error:
        told = str(error)
    else:
        told = ",".join(settings.networks)
    assert told


def test_settings_are_frozen() -> None:
    settings = load()
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.environment = "production"  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.server.port = 1  # type: ignore[misc]


def test_declarations_are_checked() -> None:
    @dataclass(frozen=True)
    class NotDeclared:
        plain: int = 3

    @dataclass(frozen=True)
    class WrongType:
        raw: bytes = setting(b"", "Bytes.")

    with pytest.raises(TypeError, match="not declared with setting"):
        fields_of(NotDeclared)
    with pytest.raises(TypeError, match="settings cannot be"):
        fields_of(WrongType)
