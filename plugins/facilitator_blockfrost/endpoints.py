"""A network's Blockfrost by the settings: its address, its project ID and its limits."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from blockfrost import ApiUrls  # type: ignore[import-untyped]  # has no type hints

from facilitator.plugin import ConfigInvalidError, Problem
from facilitator_blockfrost.settings import BlockfrostSettings, Tier

_OFFICIAL = "blockfrost.io"
_HOSTED = ("mainnet", "preprod", "preview")
"""The networks that blockfrost.io has, and whose names its project IDs begin with."""
_VERSION = "/v0"
_PREFIX = "cardano:"

REQUIRED = "Blockfrost project ID is required"


@dataclass(frozen=True)
class Endpoint:
    """The address and the limits of a network's Blockfrost."""

    base_url: str
    """The URL without the version and without a slash at its end."""
    project_id: str | None = field(repr=False)
    tier: Tier | None
    """The plan whose limits the client keeps, if any."""
    prefixes: tuple[str, ...] = (_VERSION,)
    """Paths that may follow the URL; the client finds out which does."""
    is_hosted: bool = False
    """True if it belongs to blockfrost.io, which can do more."""


def find_endpoint(
    table: str, settings: BlockfrostSettings, network: str, served: Collection[str]
) -> Endpoint | None:
    """Return the network's endpoint; ``None`` when the settings are for another one served.

    Args:
        table: The settings' table, for messages.
        settings: The table's values.
        network: Canonical id.
        served: All networks served, ``network`` among them.

    Raises:
        ConfigInvalidError: The settings do not fit the network.
    """
    name = network.removeprefix(_PREFIX)
    base_url = settings.base_url
    if base_url is not None and len(served) > 1 and "{network}" not in base_url:
        sentence = "must have {network} in it, since several networks are served"
        raise _problem(f"{table}.base_url", sentence)
    if base_url is None and name not in _HOSTED:
        raise _problem(f"{table}.base_url", f"is required for {name}, which blockfrost.io has not")
    url = (base_url or ApiUrls[name].value).replace("{network}", name)
    url = url.rstrip("/")
    prefixes = (_VERSION,) if url.endswith(_VERSION) or _is_official(url) else (_VERSION, "")
    url = url.removesuffix(_VERSION).rstrip("/")
    if not _is_official(url):
        project_id = _by_name(settings).get(name, settings.project_id)
        return Endpoint(url, project_id, settings.tier, prefixes)
    if url.startswith("http:"):
        raise _problem(f"{table}.base_url", "must begin with https, so that the project ID is safe")
    project_id = _project_ids(table, settings, served).get(name)
    return (
        None
        if project_id is None
        else Endpoint(url, project_id, settings.tier or "free", is_hosted=True)
    )


def _is_official(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host == _OFFICIAL or host.endswith(f".{_OFFICIAL}")


def _by_name(settings: BlockfrostSettings) -> Mapping[str, str]:
    return {name.lower(): project_id for name, project_id in settings.project_ids.items()}


def _project_ids(
    table: str, settings: BlockfrostSettings, served: Collection[str]
) -> Mapping[str, str]:
    """Return the project IDs by the network that their first letters name."""
    found = {}
    for name, project_id in _by_name(settings).items():
        key = f"{table}.project_ids.{name}"
        found[name] = project_id
        if (named := _network_of(key, project_id)) != name:
            raise _problem(key, f"is for {named}, as its first letters say")
    if settings.project_id is not None:
        key = f"{table}.project_id"
        named = _network_of(key, settings.project_id)
        if f"{_PREFIX}{named}" not in served:
            raise _problem(key, f"is for {named}, but the network is {', '.join(served)}")
        found.setdefault(named, settings.project_id)
    if not found:
        raise _problem(f"{table}.project_id", REQUIRED)
    return found


def _network_of(key: str, project_id: str) -> str:
    for name in _HOSTED:
        if project_id.startswith(name):
            return name
    raise _problem(key, "must begin with mainnet, preprod or preview, as project IDs do")


def _problem(key: str, sentence: str) -> ConfigInvalidError:
    return ConfigInvalidError([Problem(key, sentence)])
