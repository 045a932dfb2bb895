"""The devnet's settings."""

from dataclasses import dataclass

from facilitator.plugin import setting

MAX_PORT = 65_535
DRESS_NAMES = (
    "blockfrost",
    "ryo",
    "ryo_and_submit_api",
    "ryo_of_2024",
    "platform",
    "dolos",
    "yaci",
)


def is_address(listen: str) -> bool:
    """Return True if the text is ``host:port``."""
    host, colon, port = listen.rpartition(":")
    return bool(colon and host and port.isdecimal() and int(port) <= MAX_PORT)


@dataclass(frozen=True)
class DevnetSettings:
    """The table ``devnet``."""

    block_seconds: float = setting(
        2.0,
        "Seconds between blocks; 0 leaves making blocks to the caller. Below 1, slots run ahead of"
        " the clock, since no two blocks share a slot.",
        minimum=0,
        maximum=86_400,
    )
    protocol_version: int = setting(
        10,
        "The major protocol version at first; 9 to 11 are Conway's, 12 is Dijkstra's.",
        minimum=9,
        maximum=255,
    )
    fork_slot: int | None = setting(
        None,
        "The first slot of `devnet.fork_version`: a hard fork. Choose the first slot of an epoch,"
        " since what reads the devnet as a Blockfrost or Koios reads its parameters once an epoch."
        " No fork when unset.",
        minimum=0,
    )
    fork_version: int = setting(
        12, "The major protocol version after the hard fork.", minimum=9, maximum=255
    )
    path: str | None = setting(
        None,
        "SQLite file that keeps the chain; in memory when unset. With several networks,"
        " '{network}' in it stands for the network's name.",
    )
    listen: str | None = setting(
        None,
        "Address (host:port) at which `facilitator serve` also offers the devnet as a"
        " Blockfrost-compatible API; the port 0 takes a free one. Not offered when unset.",
        check=lambda listen: None if is_address(listen) else "must be host:port",
    )
    listen_koios: str | None = setting(
        None,
        "Address (host:port) at which `facilitator serve` also offers the devnet as a"
        " Koios-compatible API; the port 0 takes a free one. Not offered when unset.",
        check=lambda listen: None if is_address(listen) else "must be host:port",
    )
    listen_ogmios: str | None = setting(
        None,
        "Address (host:port) at which `facilitator serve` also offers the devnet as an Ogmios; the"
        " port 0 takes a free one. Needs the extra `ogmios`. Not offered when unset.",
        check=lambda listen: None if is_address(listen) else "must be host:port",
    )
    dress: str = setting(
        "blockfrost",
        "The server whose manners that API has: blockfrost, ryo, ryo_and_submit_api, ryo_of_2024,"
        " platform, dolos or yaci.",
        check=lambda dress: (
            None if dress in DRESS_NAMES else f"must be one of {', '.join(DRESS_NAMES)}"
        ),
    )
