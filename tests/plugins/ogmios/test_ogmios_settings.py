"""From the settings to a provider: addresses, the header, the file, and what is wrong with them."""

import os
from pathlib import Path
from typing import Any

import pytest

from facilitator.plugin.context import Context
from facilitator.plugin.loading import configure
from facilitator.settings import ConfigInvalidError
from facilitator.testing.clock import ManualClock

PREPROD, PREVIEW = "cardano:preprod", "cardano:preview"
SECRET = "SecretSecretSecret"


def provider(tmp_path: Path, network: str = PREPROD, **environ: str) -> Any:
    variables = {"PLUGINS": "ogmios,memory", **environ}
    prefixed = {f"FACILITATOR_{name}": value for name, value in variables.items()}
    settings, plugins = configure(environ=prefixed, cwd=tmp_path)
    ((name, found),) = plugins.chain_providers(Context(settings, ManualClock(0)), network)
    assert name == "ogmios"
    return found


def test_nothing_needs_to_be_set(tmp_path: Path) -> None:
    found = provider(tmp_path)
    assert found._client.target.url == "ws://127.0.0.1:1337"
    assert found._client.target.headers == {}
    assert found._sync._points._path == Path("ogmios-preprod.json")


def test_the_file_can_be_left_out(tmp_path: Path) -> None:
    assert provider(tmp_path, OGMIOS__PATH="")._sync._points._path is None


def test_networks_have_addresses_of_their_own(tmp_path: Path) -> None:
    both = {"NETWORK": f"{PREPROD},{PREVIEW}", "OGMIOS__URL": "wss://{network}.ogmios.example/"}
    assert provider(tmp_path, **both)._client.target.url == "wss://preprod.ogmios.example"
    found = provider(tmp_path, PREVIEW, **both)
    assert found._client.target.url == "wss://preview.ogmios.example"
    assert found._sync._points._path == Path("ogmios-preview.json")
    with pytest.raises(ConfigInvalidError, match=r"ogmios\.path: must have"):
        provider(tmp_path, **both, OGMIOS__PATH="points.json")
    with pytest.raises(ConfigInvalidError, match=r"ogmios\.url: must have"):
        provider(tmp_path, NETWORK=f"{PREPROD},{PREVIEW}")


def test_a_header_is_secret(tmp_path: Path) -> None:
    found = provider(tmp_path, OGMIOS__HEADER=f"dmtr-api-key: {SECRET}")
    assert found._client.target.headers == {"dmtr-api-key": SECRET}
    assert SECRET not in repr(found) + repr(vars(found)) + repr(found._client)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("URL", "http://127.0.0.1:1337"),
        ("URL", "ws://user:password@127.0.0.1"),
        ("URL", "ws://127.0.0.1/?key=1"),
        ("HEADER", "no header"),
        ("HEADER", "name: va\nlue"),
        ("BLOCKS", "10"),
        ("SILENCE_SECONDS", "5"),
    ],
)
def test_what_cannot_be_is_refused_by_name(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(ConfigInvalidError, match=rf"ogmios\.{key.lower()}"):
        provider(tmp_path, **{f"OGMIOS__{key}": value})


def test_nothing_is_connected_to_before_it_is_needed(tmp_path: Path) -> None:
    found = provider(tmp_path, OGMIOS__URL="ws://127.0.0.1:1")
    found.close()
    assert os.listdir(tmp_path) == []
