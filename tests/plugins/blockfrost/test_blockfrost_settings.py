"""From the settings to a provider: keys, networks, addresses, and what is wrong with them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facilitator.errors import FacilitatorError
from facilitator.plugin.context import Context
from facilitator.plugin.discovery import available_plugins
from facilitator.plugin.loading import configure
from facilitator.roles.chain import ChainProvider, EvaluatesScripts
from facilitator.runtime.composition import build_facilitator
from facilitator.settings import ConfigInvalidError
from facilitator.testing.clock import ManualClock
from facilitator_blockfrost.endpoints import find_endpoint
from facilitator_blockfrost.settings import BlockfrostSettings
from support.upstream import Asked, Reply, Upstream, by_path

Start = Callable[[Callable[[Asked], Reply]], Upstream]

MAINNET, PREPROD, PREVIEW = "cardano:mainnet", "cardano:preprod", "cardano:preview"
SECRET = "preprodSecretSecretSecretSecret00"
PREVIEW_SECRET = "previewSecretSecretSecretSecret00"


def providers(tmp_path: Path, **environ: str) -> dict[str, ChainProvider | None]:
    """By network, what the plugin provides with the variables given."""
    settings, plugins = configured(tmp_path, **environ)
    context = Context(settings, ManualClock(0))
    found: dict[str, ChainProvider | None] = {}
    for network in settings.networks:
        provided = plugins.chain_providers(context, network)
        found[network] = provided[0][1] if provided else None
    return found


def configured(tmp_path: Path, **environ: str) -> Any:
    variables = {
        "PLUGINS": "blockfrost,memory",
        "NETWORK": PREPROD,
        "MAINNET": "true",
        **environ,
    }
    prefixed = {
        name if name == "MAINNET" else f"FACILITATOR_{name}": value
        for name, value in variables.items()
    }
    return configure(environ=prefixed, cwd=tmp_path)


def refusal(tmp_path: Path, **environ: str) -> str:
    with pytest.raises(ConfigInvalidError) as error:
        providers(tmp_path, **environ)
    assert "Secret" not in repr(error.value) + str(error.value)
    return str(error.value)


def test_the_project_id_is_required(tmp_path: Path) -> None:
    said = "blockfrost.project_id: Blockfrost project ID is required"
    assert refusal(tmp_path) == said
    assert refusal(tmp_path, BLOCKFROST__PROJECT_ID="") == said
    with pytest.raises(ConfigInvalidError, match=f"^{said}$"):
        build_facilitator(*configured(tmp_path))


def test_mainnet_needs_consent(tmp_path: Path) -> None:
    said = "Mainnet connection requires explicit MAINNET=true environment variable"
    key = {"BLOCKFROST__PROJECT_ID": "mainnet" + SECRET, "NETWORK": MAINNET}
    assert said in refusal(tmp_path, MAINNET="", **key)
    assert providers(tmp_path, **key)[MAINNET] is not None


def test_a_key_serves_the_network_that_it_names(tmp_path: Path) -> None:
    (provider,) = providers(tmp_path, BLOCKFROST__PROJECT_ID=SECRET).values()
    assert provider is not None
    assert (provider.network, provider.poll_seconds) == (PREPROD, 20)
    assert isinstance(provider, EvaluatesScripts)


@pytest.mark.parametrize(
    ("key", "network", "said"),
    [
        (SECRET, MAINNET, "project_id: is for preprod, but the network is cardano:mainnet"),
        (
            "mainnetSecret",
            PREPROD,
            "project_id: is for mainnet, but the network is cardano:preprod",
        ),
        ("ipfsSecret", PREPROD, "project_id: must begin with mainnet, preprod or preview"),
        ("preprod Secret", PREPROD, "project_id: must consist of visible ASCII letters"),
        ("preprod\nSecret", PREPROD, "project_id: must consist of visible ASCII letters"),
    ],
)
def test_a_key_of_another_network_is_refused(
    tmp_path: Path, key: str, network: str, said: str
) -> None:
    assert said in refusal(tmp_path, BLOCKFROST__PROJECT_ID=key, NETWORK=network)


def test_several_networks_have_a_key_each(tmp_path: Path) -> None:
    both = f"{PREPROD},{PREVIEW}"
    keys = {
        "BLOCKFROST__PROJECT_IDS__PREPROD": SECRET,
        "BLOCKFROST__PROJECT_IDS__PREVIEW": PREVIEW_SECRET,
    }
    found = providers(tmp_path, NETWORK=both, **keys)
    assert [each and each.network for each in found.values()] == [PREPROD, PREVIEW]
    found = providers(tmp_path, NETWORK=both, BLOCKFROST__PROJECT_ID=SECRET)
    assert [each and each.network for each in found.values()] == [PREPROD, None]
    with pytest.raises(FacilitatorError, match=r"no enabled plugin provides .*preview"):
        build_facilitator(*configured(tmp_path, NETWORK=both, BLOCKFROST__PROJECT_ID=SECRET))


def test_a_key_under_another_networks_name_is_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, BLOCKFROST__PROJECT_IDS__PREPROD=PREVIEW_SECRET)
    assert said == "blockfrost.project_ids.preprod: is for preview, as its first letters say"
    said = refusal(tmp_path, BLOCKFROST__PROJECT_IDS__SANCHONET="x")
    assert "sanchonet is not a network" in said


# --- Addresses --------------------------------------------------------------------------------


@pytest.mark.parametrize("network", [MAINNET, PREPROD, PREVIEW])
def test_blockfrost_io_is_asked_unless_another_is_named(network: str) -> None:
    name = network.removeprefix("cardano:")
    found = find_endpoint("blockfrost", BlockfrostSettings(f"{name}Secret"), network, [network])
    assert found is not None
    assert found.base_url == f"https://cardano-{name}.blockfrost.io/api"
    assert (found.tier, found.is_hosted) == ("free", True)
    assert "Secret" not in repr(found)


@pytest.mark.parametrize("end", ["", "/", "/v0", "/v0/"])
def test_a_base_url_may_end_in_the_version(end: str) -> None:
    settings = BlockfrostSettings(base_url=f"http://127.0.0.1:3000/api{end}")
    found = find_endpoint("blockfrost", settings, PREPROD, [PREPROD])
    assert found is not None
    assert found.base_url == "http://127.0.0.1:3000/api"
    assert (found.project_id, found.tier, found.is_hosted) == (None, None, False)


def test_another_address_of_blockfrost_io_needs_a_key(tmp_path: Path) -> None:
    url = "https://cardano-preprod.blockfrost.io/api/v0"
    assert "is required" in refusal(tmp_path, BLOCKFROST__BASE_URL=url)


def test_a_key_is_not_sent_in_clear(tmp_path: Path) -> None:
    url = "http://cardano-preprod.blockfrost.io/api/v0"
    keys = {"BLOCKFROST__PROJECT_ID": SECRET, "BLOCKFROST__BASE_URL": url}
    assert "blockfrost.base_url: must begin with https" in refusal(tmp_path, **keys)


def test_one_address_may_stand_for_several_networks(tmp_path: Path) -> None:
    both = f"{PREPROD},{PREVIEW}"
    url = "http://{network}.blockfrost.test/"
    settings = BlockfrostSettings(base_url=url)
    found = find_endpoint("blockfrost", settings, PREVIEW, [PREPROD, PREVIEW])
    assert found is not None
    assert found.base_url == "http://preview.blockfrost.test"
    said = refusal(tmp_path, NETWORK=both, BLOCKFROST__BASE_URL="http://127.0.0.1:1")
    assert "must have {network} in it" in said


@pytest.mark.parametrize(
    "url", ["blockfrost.io", "ftp://x/", "http://", "https://u:p@x/", "http://x?y"]
)
def test_what_is_no_address_is_refused(tmp_path: Path, url: str) -> None:
    assert "blockfrost.base_url: must be a URL" in refusal(tmp_path, BLOCKFROST__BASE_URL=url)


def test_limits_are_kept_elsewhere_when_they_are_named(tmp_path: Path) -> None:
    settings = BlockfrostSettings(base_url="http://127.0.0.1:1", tier="hobby")
    found = find_endpoint("blockfrost", settings, PREPROD, [PREPROD])
    assert found is not None
    assert found.tier == "hobby"
    assert "tier: must be one of free" in refusal(tmp_path, BLOCKFROST__TIER="best")


# --- The plugin -------------------------------------------------------------------------------


def test_it_is_installed_twice() -> None:
    roles = {info.name: (info.roles, info.problem) for info in available_plugins([])}
    assert roles["blockfrost"] == roles["blockfrost_backup"] == (("chain provider",), None)


def test_the_backup_has_a_table_of_its_own(tmp_path: Path) -> None:
    said = refusal(tmp_path, PLUGINS="blockfrost_backup,memory")
    assert said == "blockfrost_backup.project_id: Blockfrost project ID is required"
    environ = {"PLUGINS": "blockfrost_backup,memory", "BLOCKFROST_BACKUP__PROJECT_ID": SECRET}
    assert providers(tmp_path, **environ)[PREPROD] is not None


def test_a_facilitator_runs_on_it(tmp_path: Path, upstream: Start) -> None:
    block = {"hash": "ab" * 32, "height": 7, "slot": 140}
    server = upstream(by_path({"/blocks/latest": block, "/genesis": {"network_magic": 1}}))
    settings, plugins = configured(
        tmp_path, BLOCKFROST__BASE_URL=server.url, BLOCKFROST__PROJECT_ID="any-token"
    )
    running = build_facilitator(settings, plugins)
    try:
        assert running.chains[PREPROD].tip().height == 7
    finally:
        running.close()
    assert server.asked[0].headers["project_id"] == "any-token"


def test_without_a_key_none_is_sent(
    tmp_path: Path, upstream: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLOCKFROST_PROJECT_ID", SECRET)
    server = upstream(by_path({"/blocks/latest": {"hash": "ab" * 32, "height": 7, "slot": 140}}))
    provider = providers(tmp_path, BLOCKFROST__BASE_URL=server.url)[PREPROD]
    assert provider is not None
    provider.tip()
    provider.close()
    assert "project_id" not in server.asked[0].headers
