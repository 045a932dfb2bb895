"""Networks that settings register, in files and variables."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from facilitator.cardano.slots import Era
from facilitator.server.reload import changed_keys, is_reloaded
from facilitator.settings import ConfigInvalidError, Settings, load_settings
from facilitator.x402.networks import NETWORKS, cardano_network
from support.networks import forgotten_afterwards

SANCHONET = "cardano:sanchonet"
FILE = """
[default]
network = ["cardano:preprod", "cip34:0-4"]

[default.networks."cardano:sanchonet"]
network_id = 0
magic = 4
eras = ["0 1686789000000 1000"]
epoch_slots = 86400
"""


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    with forgotten_afterwards():
        yield


def load(folder: Path, **environ: str) -> Settings:
    named = {f"FACILITATOR_{name}": value for name, value in environ.items()}
    return load_settings(environ=named, cwd=folder)


def refusal(folder: Path, **environ: str) -> str:
    with pytest.raises(ConfigInvalidError) as caught:
        load(folder, **environ)
    return str(caught.value)


def test_a_file_registers_a_network(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(FILE)
    loaded = load(tmp_path)
    assert loaded.networks == ("cardano:preprod", SANCHONET)
    network = cardano_network(SANCHONET)
    assert (network.network_id, network.magic, network.epoch_slots) == (0, 4, 86400)
    assert network.eras
    assert network.eras.eras == (Era(0, 1_686_789_000_000, 1000),)
    shown = {each.key: each.value for each in loaded.effective if each.key.startswith("networks")}
    assert shown[f"networks.{SANCHONET}.magic"] == 4
    assert shown[f"networks.{SANCHONET}.aliases"] == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NETWORKS", '{"cardano:sanchonet" = {network_id = 0, magic = 4}}'),
        ("NETWORKS", '{"cardano:sanchonet": {"magic": 4}}'),
        ("NETWORKS__cardano:sanchonet", "{magic = 4}"),
        ("NETWORKS__cardano:sanchonet__MAGIC", "4"),
    ],
)
def test_so_does_a_variable(tmp_path: Path, name: str, value: str) -> None:
    assert load(tmp_path, **{name: value}, NETWORK=SANCHONET).networks == (SANCHONET,)
    assert cardano_network(SANCHONET).magic == 4


def test_a_variable_overrides_a_key_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(FILE)
    load(tmp_path, **{"NETWORKS__cardano:sanchonet__epoch_slots": "500"})
    network = cardano_network(SANCHONET)
    assert (network.magic, network.epoch_slots) == (4, 500)


def test_it_stays_as_it_was_registered(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(FILE)
    former = load(tmp_path)
    new = load(tmp_path, **{"NETWORKS__cardano:sanchonet__magic": "5"})
    assert cardano_network(SANCHONET).magic == 4
    (changed,) = changed_keys(former, new)
    assert changed == f"networks.{SANCHONET}.magic"
    assert not is_reloaded(changed, former, new)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("{}", "networks.cardano:x.magic: is required: the network magic of its genesis"),
        ("4", "networks.cardano:x: must be a table, such as { magic = 4 }"),
        ("{magic = 4, magik = 5}", "networks.cardano:x.magik: unknown setting, did you mean"),
        ("{magic = -1}", "networks.cardano:x.magic: must be at least 0"),
        ("{magic = 4, network_id = 1}", "networks.cardano:x: must have network_id 0 and a magic"),
        ("{magic = 764824073}", "networks.cardano:x: must have network_id 0 and a magic of its"),
        ("{magic = 1}", "networks.cardano:x: has the name cip34:0-1, as has cardano:preprod"),
        ("{magic = 4, aliases = ['cardano:mainnet']}", "networks.cardano:x: has the name card"),
        ("{magic = 4, eras = ['0 1000']}", "networks.cardano:x.eras: '0 1000' is not first slot"),
    ],
)
def test_what_is_wrong_stops_the_start(tmp_path: Path, table: str, problem: str) -> None:
    told = refusal(tmp_path, NETWORKS=f'{{"cardano:x" = {table}}}')
    assert told.startswith(problem)
    assert "cardano:x" not in NETWORKS


def test_mainnet_needs_consent_under_any_name(tmp_path: Path) -> None:
    own = '{"cardano:x" = {magic = 764824073, network_id = 1}}'
    told = refusal(tmp_path, NETWORKS=own, NETWORK="cardano:x")
    assert "1 and 764824073 are mainnet's" in told
    assert "unknown network cardano:x" in told
    for name in ("cardano:mainnet", "cip34:1-764824073"):
        assert "requires explicit MAINNET=true" in refusal(tmp_path, NETWORK=name)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("sanchonet", "networks: must be a table with a table for each network"),
        ("{sanchonet = {magic = 4}}", "networks.sanchonet: must have an id such as"),
        ('{"toy:x" = {magic = 4}}', "networks.toy:x: must begin with cardano:"),
    ],
)
def test_its_name_must_be_an_id_of_cardano(tmp_path: Path, value: str, problem: str) -> None:
    assert refusal(tmp_path, NETWORKS=value).startswith(problem)
