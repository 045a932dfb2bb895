"""The plugin's settings."""

import re
from dataclasses import dataclass

from facilitator.plugin import setting


def _web_socket(url: str) -> str | None:
    if not re.fullmatch(r"wss?://[^/\s?#@]+(/[^\s?#]*)?", url):
        return "must be an address such as ws://127.0.0.1:1337, without user or query"
    return None


def _header(header: str) -> str | None:
    if not re.fullmatch(r"[-\w]+:[ -~]+", header, re.ASCII):
        return "must be a header such as 'api-key: secret'"
    return None


@dataclass(frozen=True)
class OgmiosSettings:
    """The table ``ogmios``."""

    url: str = setting(
        "ws://127.0.0.1:1337",
        "Address of Ogmios. With several networks, '{network}' in it stands for the name of each.",
        check=_web_socket,
    )
    header: str | None = setting(
        None,
        "Header that is sent along, as 'name: value', such as the key of a hosted Ogmios.",
        secret=True,
        check=_header,
    )
    path: str | None = setting(
        "ogmios-{network}.json",
        "File that keeps points of the chain, so that the blocks made during a restart are read"
        " after it. '{network}' in it stands for the network's name. Empty for none.",
    )
    blocks: int = setting(
        2160,
        "Newest blocks whose transactions are known by their ids.",
        minimum=100,
        maximum=100_000,
    )
    timeout_seconds: float = setting(
        10.0, "Seconds that the answer to a question may take.", minimum=1, maximum=120
    )
    submit_seconds: float = setting(
        20.0,
        "Seconds that a node may take to judge a transaction or to run its scripts.",
        minimum=1,
        maximum=120,
    )
    silence_seconds: float = setting(
        600.0,
        "Age of the newest block from which on the node counts as behind.",
        minimum=60,
        maximum=86_400,
    )
    max_message_bytes: int = setting(
        64 * 1024 * 1024,
        "Greatest message that is taken from Ogmios. A block in JSON has several megabytes.",
        minimum=1024 * 1024,
        maximum=1024 * 1024 * 1024,
    )
