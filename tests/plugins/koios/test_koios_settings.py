"""From the settings to a provider: tiers, tokens, addresses, and what is wrong with them."""

from pathlib import Path
from typing import Any

import pytest

from facilitator.plugin.context import Context
from facilitator.plugin.loading import configure
from facilitator.roles.chain import EvaluatesScripts
from facilitator.settings import ConfigInvalidError
from facilitator.testing.clock import ManualClock
from facilitator_koios.endpoints import find_endpoint
from facilitator_koios.settings import KoiosSettings

PREPROD, PREVIEW = "cardano:preprod", "cardano:preview"
TOKEN = "SecretSecretSecret"


def provider(tmp_path: Path, **environ: str) -> Any:
    variables = {"PLUGINS": "koios,memory", **environ}
    prefixed = {f"FACILITATOR_{name}": value for name, value in variables.items()}
    settings, plugins = configure(environ=prefixed, cwd=tmp_path)
    ((name, found),) = plugins.chain_providers(Context(settings, ManualClock(0)), PREPROD)
    assert name == "koios"
    return found


def evaluates(found: object) -> bool:
    return isinstance(found, EvaluatesScripts)


def test_nothing_needs_to_be_set(tmp_path: Path) -> None:
    found = provider(tmp_path)
    assert found.plan == "public, 9 requests a second"
    assert not evaluates(found)
    client = found._client
    assert client._base_url == "https://preprod.koios.rest/api/v1"
    assert client.body_limit == 1024


def test_a_token_means_a_registered_account(tmp_path: Path) -> None:
    found = provider(tmp_path, KOIOS__TOKEN=TOKEN, KOIOS__REQUESTS_PER_DAY="50000")
    assert found.plan == "registered, 9 requests a second, 50,000 a day"
    assert evaluates(found)
    assert found._client.body_limit == 5120
    assert TOKEN not in repr(found) + repr(vars(found))


def test_a_koios_of_ones_own_has_no_limits(tmp_path: Path) -> None:
    found = provider(tmp_path, KOIOS__BASE_URL="http://127.0.0.1:8053/api/v1/")
    assert found.plan is None
    assert evaluates(found)
    client = found._client
    assert (client._base_url, client.body_limit) == ("http://127.0.0.1:8053/api/v1", None)


@pytest.mark.parametrize(
    ("settings", "network", "served", "words"),
    [
        (KoiosSettings(), "cardano:devkit", [], "is required for devkit"),
        (KoiosSettings(base_url="https://k.example"), PREPROD, [PREPROD, PREVIEW], "{network}"),
        (
            KoiosSettings(base_url="http://preprod.koios.rest/api/v1", token=TOKEN),
            PREPROD,
            [PREPROD],
            "must begin with https",
        ),
    ],
)
def test_what_does_not_fit_the_network_is_said(
    settings: KoiosSettings, network: str, served: list[str], words: str
) -> None:
    with pytest.raises(ConfigInvalidError) as error:
        find_endpoint(settings, network, served)
    assert words in str(error.value)
    assert TOKEN not in str(error.value)


def test_each_network_has_its_own_address() -> None:
    names = {"mainnet": "api", "preprod": "preprod", "preview": "preview"}
    for network, host in names.items():
        found = find_endpoint(KoiosSettings(), f"cardano:{network}", ["cardano:preprod"])
        assert found.base_url == f"https://{host}.koios.rest/api/v1"
    own = KoiosSettings(base_url="https://k.example/{network}")
    assert find_endpoint(own, PREVIEW, [PREPROD, PREVIEW]).base_url == "https://k.example/preview"


@pytest.mark.parametrize("name", ["KOIOS__TOKEN", "KOIOS__BASE_URL"])
def test_values_that_cannot_be_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigInvalidError, match="koios"):
        provider(tmp_path, **{name: "a b\r\nc"})
