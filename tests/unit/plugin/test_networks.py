"""Networks of one's own: by a plugin or a setting, from the settings to a settled payment."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from facilitator.cli import main
from facilitator.errors import ConfigInvalidError
from facilitator.plugin.loading import configure
from facilitator.testing.running import Running
from facilitator.x402.networks import NETWORKS
from support.networks import forgotten_afterwards, sample_payment

from .conftest import Shelf

SANCHONET = "cardano:sanchonet"
PRIVATE = "cardano:private"
SETTINGS = """
[default]
plugins = ["devnet", "memory"]
network = "cardano:sanchonet"

[default.networks."cardano:sanchonet"]
magic = 4
aliases = ["cardano:sancho"]
eras = ["0 1686789000000 1000"]

[default.devnet]
block_seconds = 0.2
"""
PLUGIN = """
from facilitator.plugin import CardanoNetwork, Context
from facilitator_devnet.devnet import Devnet

@hookimpl
def networks():
    return [CardanoNetwork("cardano:private", ("cardano:lab",), magic=1097911063)]

@hookimpl
def chain_provider(context: Context, network):
    if network == "cardano:private":
        return Devnet(network, context.clock, block_seconds=0.2)
    return None
"""


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    with forgotten_afterwards():
        yield


def aliased(body: dict[str, Any], alias: str) -> dict[str, Any]:
    """The request with another name of its network."""
    return dict(json.loads(json.dumps(body).replace(body["paymentRequirements"]["network"], alias)))


def pay_on(running: Running, network: str, alias: str) -> None:
    (kind,) = running.call("GET", "/supported")[1]["kinds"]
    assert kind["network"] == network
    schemas = running.call("GET", "/openapi.json")[1]["components"]["schemas"]
    assert network in schemas["Network"]["enum"]
    body = sample_payment(network)
    assert running.verify(aliased(body, alias))["isValid"]
    answer = running.settle_until(body, lambda answer: bool(answer["success"]))
    assert answer["network"] == network
    assert running.call("GET", f"/status/{answer['transaction']}")[1]["network"] == network


def test_a_payment_on_a_network_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(SETTINGS)
    environ = {"FACILITATOR_DEVNET__BLOCK_SECONDS": "0.2"}
    with closing(Running(tmp_path, settings=environ, real_time=True)) as running:
        pay_on(running, SANCHONET, "cardano:sancho")
        assert running.devnet_of(SANCHONET).network_magic() == 4


def test_a_chain_provider_for_a_network_of_ones_own_is_a_plugin_away(
    tmp_path: Path, shelf: Shelf
) -> None:
    shelf.add("lab", PLUGIN)
    environ = {"FACILITATOR_PLUGINS": "lab,memory", "FACILITATOR_NETWORK": "cardano:lab"}
    with closing(Running(tmp_path, settings=environ, real_time=True)) as running:
        pay_on(running, PRIVATE, "cip34:0-1097911063")


def test_the_commands_know_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "settings.toml").write_text(SETTINGS)
    monkeypatch.chdir(tmp_path)
    assert main(["sample-payment", "--network", SANCHONET]) == 0
    body = capsys.readouterr().out
    assert json.loads(body)["paymentRequirements"]["network"] == SANCHONET
    (tmp_path / "payment.json").write_text(body)
    assert main(["inspect", "payment.json", "--json"]) == 1  # a devnet at its genesis
    report = json.loads(capsys.readouterr().out)
    assert (report["network"], report["verify"]["isValid"]) == (SANCHONET, True)
    transaction = json.loads(body)["paymentPayload"]["payload"]["transaction"]
    (tmp_path / "transaction").write_text(transaction)
    assert main(["inspect", "transaction", "--network", "cardano:sancho", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["network"] == SANCHONET
    assert main(["inspect", "payment.json", "--offline"]) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert main(["check", "--json"]) == 0
    checked = {each["name"]: each["status"] for each in json.loads(capsys.readouterr().out)}
    assert checked[f"chain {SANCHONET}"] == "ok"


def test_offline_the_slots_of_some_networks_are_not_known(
    tmp_path: Path,
    shelf: Shelf,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shelf.add("lab", PLUGIN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACILITATOR_PLUGINS", "lab,memory")
    monkeypatch.setenv("FACILITATOR_NETWORK", PRIVATE)
    configure()
    (tmp_path / "payment.json").write_text(json.dumps(sample_payment(PRIVATE)))
    main(["inspect", "payment.json", "--json"])
    assert json.loads(capsys.readouterr().out)["verify"]["isValid"]
    assert main(["inspect", "payment.json", "--offline"]) == 1
    told = capsys.readouterr().err
    assert told == (
        "Unreadable: the slot that it is now is not known: cardano:private is not asked, as this "
        "is offline\n"
    )


def test_slots_that_are_not_known_are_asked_for(tmp_path: Path, shelf: Shelf) -> None:
    shelf.add("lab", PLUGIN)
    environ = {
        "FACILITATOR_PLUGINS": "lab,memory",
        "FACILITATOR_NETWORK": PRIVATE,
        "FACILITATOR_INSPECT__ENABLED": "true",
    }
    with closing(Running(tmp_path, settings=environ, real_time=True)) as running:
        body = sample_payment(PRIVATE)
        assert running.call("POST", "/inspect", body)[1]["verify"]["isValid"]
        running.devnet_of(PRIVATE).faults.fail("eras", 10**9)
        status, answer = running.call("POST", "/inspect", body)
        assert (status, answer["error"]) == (503, "exact_cardano_facilitator_evidence_unavailable")


@pytest.mark.parametrize(
    ("returned", "problem"),
    [
        (
            "[CardanoNetwork('cardano:evil', magic=764824073)]",
            "plugin 'lab' registers the network cardano:evil, which must have network_id 0 and a "
            "magic of its own: 1 and 764824073 are mainnet's",
        ),
        (
            "[CardanoNetwork('cardano:evil', network_id=1, magic=7)]",
            "plugin 'lab' registers the network cardano:evil, which must have network_id 0 and a "
            "magic of its own: 1 and 764824073 are mainnet's",
        ),
        (
            "[CardanoNetwork('cardano:evil', ('cardano:mainnet',), magic=7)]",
            "plugin 'lab' registers the network cardano:evil, which has the name "
            "cardano:mainnet, as has cardano:mainnet",
        ),
        ("['cardano:evil']", "plugin 'lab' returns from networks something else than a list"),
        ("1 / 0", "plugin 'lab' failed in networks: ZeroDivisionError"),
    ],
)
def test_a_plugin_s_network_that_is_refused(
    tmp_path: Path, shelf: Shelf, returned: str, problem: str
) -> None:
    source = f"""
from facilitator.plugin import CardanoNetwork

@hookimpl
def networks():
    return {returned}
"""
    shelf.add("lab", source)
    environ = {"FACILITATOR_PLUGINS": "lab,devnet,memory", "FACILITATOR_NETWORK": "cardano:preprod"}
    with pytest.raises(ConfigInvalidError) as caught:
        configure(environ=environ, cwd=tmp_path)
    assert str(caught.value).startswith(f"plugins: {problem}")
    assert "cardano:evil" not in NETWORKS


TOY = """
from facilitator.plugin import Network

@hookimpl
def networks():
    return [Network("toy:carousel")]
"""


def test_a_network_that_is_not_cardano_s_is_known_and_not_served(
    tmp_path: Path, shelf: Shelf
) -> None:
    """What judges and settles is Cardano's, and its types say so."""
    shelf.add("toy", TOY)
    plugins = {"FACILITATOR_PLUGINS": "toy,devnet,memory"}
    with pytest.raises(ConfigInvalidError) as caught:
        configure(environ={**plugins, "FACILITATOR_NETWORK": "toy:carousel"}, cwd=tmp_path)
    assert str(caught.value) == (
        "network: toy:carousel is no network of Cardano: nothing here can serve it"
    )
    with closing(Running(tmp_path, settings=plugins)) as running:
        assert "toy:carousel" in NETWORKS
        body = aliased(sample_payment("cardano:preprod"), "toy:carousel")
        answer = running.verify(body)
        assert answer["invalidReason"] == "network_mismatch"
