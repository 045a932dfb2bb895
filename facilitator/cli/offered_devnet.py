"""The settings of a command that asks the devnet of another process."""

from collections.abc import Mapping

from facilitator.client.errors import CannotPay
from facilitator.plugin.loading import configure
from facilitator.plugin.manager import Plugins
from facilitator.settings import Settings

_PLUGIN = "blockfrost"


def configure_with_devnet(path: str | None, url: str | None) -> tuple[Settings, Plugins]:
    """Return the settings and their plugins; with a URL, the devnet there is each network's chain.

    The URL is that of a Blockfrost-compatible API, such as a facilitator's at ``devnet.listen``. No
    project ID of the settings is sent there. Raises :class:`CannotPay` unless the URL is HTTP, and
    what :func:`~facilitator.plugin.loading.configure` raises.
    """
    settings, plugins = configure(path)
    if url is None:
        return settings, plugins
    plugins.shutdown()
    if not url.lower().startswith(("http://", "https://")):
        raise CannotPay(f"--devnet {url!r} is no URL of HTTP")
    providers = dict.fromkeys(settings.networks, f'["{_PLUGIN}"]')
    no_ids = {network.removeprefix("cardano:"): '"devnet"' for network in settings.networks}
    options = {
        "plugins": ",".join(dict.fromkeys((*settings.plugins, _PLUGIN))),
        "chain.providers": _inline_table(providers),
        f"{_PLUGIN}.base_url": url,
        f"{_PLUGIN}.project_ids": _inline_table(no_ids),
    }
    return configure(path, options=options)


def _inline_table(values: Mapping[str, str]) -> str:
    """Return a table in TOML, of keys and values in TOML."""
    return "{" + ", ".join(f'"{key}" = {value}' for key, value in values.items()) + "}"
