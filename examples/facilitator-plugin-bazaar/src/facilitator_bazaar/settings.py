"""The plugin's settings."""

from dataclasses import dataclass

from facilitator.plugin import setting


@dataclass(frozen=True)
class BazaarSettings:
    """The table ``bazaar``."""

    hosts: tuple[str, ...] = setting(
        (), "Hosts whose resources are listed, with those below them; every host when empty."
    )
    max_resources: int = setting(
        10_000, "Resources that are listed at most; further ones are rejected.", minimum=1
    )
    max_per_recipient: int = setting(
        100, "Resources of one recipient that are listed at most.", minimum=1
    )
    keep_days: float = setting(
        30.0, "Days without a payment after which a resource is listed no longer.", minimum=0.01
    )
    path: str = setting("bazaar.db", "File with the catalogue, on a local disk; made when missing.")
