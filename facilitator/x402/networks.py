"""Networks by their x402 names (``scheme_exact_cardano.md``, "Network Identifiers").

:data:`NETWORKS` holds those that are known: the public networks of Cardano, and those that settings
and plugins register at start. A registered network never changes and never goes, so that its
canonical id means the same for as long as the process runs.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from facilitator.cardano.slots import KNOWN_ERAS, EraSummary

MAINNET_MAGIC = 764_824_073
CARDANO = "cardano"
"""The namespace of Cardano's networks, and of nothing else."""

_ID = re.compile(r"[-a-z0-9]{3,8}:[-_a-z0-9]{1,32}")
_ALIAS = re.compile(r"[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}")
_CIP34 = "cip34"
_BYRON_EPOCH_SLOTS = 21_600


@dataclass(frozen=True, slots=True)
class Network:
    """A network of any kind, by its canonical CAIP-2 id.

    What verifies, follows and settles here is made for :class:`CardanoNetwork`. Any other network
    can be named, and is refused where it would have to be served.
    """

    id: str
    """Its namespace and its name in lower case, such as ``cardano:preprod``."""
    aliases: tuple[str, ...] = ()
    """Other ids that messages and settings may have for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardanoNetwork(Network):
    """A network of Cardano: its id begins with ``cardano:``."""

    network_id: int = 0
    """The ledger's network id: 1 for mainnet, 0 for every test network."""
    magic: int
    """The network magic of its genesis, from 0 to 2^32 - 1."""
    eras: EraSummary | None = None
    """The relation of slots and time, where it is known before a chain provider was asked."""
    epoch_slots: int = 432_000
    """Slots of an epoch of its last era."""

    @property
    def cip34(self) -> str:
        """Its CIP-34 id, which is an alias of every network of Cardano."""
        return f"{_CIP34}:{self.network_id}-{self.magic}"

    @property
    def first_epoch(self) -> tuple[int, int]:
        """The first slot of its last era, if that is known, and the epoch that begins with it."""
        start = self.eras.eras[-1].start_slot if self.eras else 0
        return start, start // _BYRON_EPOCH_SLOTS

    def begins_slot_at(self, slot: int, unix_seconds: int) -> bool:
        """Return True if the slot began then, or if its eras are not known."""
        return self.eras is None or self.eras.start_ms(slot) == unix_seconds * 1000


MAINNET = CardanoNetwork(
    "cardano:mainnet", network_id=1, magic=MAINNET_MAGIC, eras=KNOWN_ERAS["cardano:mainnet"]
)
PREPROD = CardanoNetwork("cardano:preprod", magic=1, eras=KNOWN_ERAS["cardano:preprod"])
PREVIEW = CardanoNetwork(
    "cardano:preview", magic=2, eras=KNOWN_ERAS["cardano:preview"], epoch_slots=86_400
)


class Networks(Mapping[str, Network]):
    """Networks by canonical id, in the order of their registration.

    Safe to read from many threads while one thread registers.
    """

    def __init__(self, networks: Iterable[Network]) -> None:
        """Begin with the networks, which are not checked."""
        self._by_id = {network.id: network for network in networks}
        self._owners = dict.fromkeys(self._by_id, "x402")
        self._names = {name: each.id for each in self._by_id.values() for name in names_of(each)}

    def __getitem__(self, network: str) -> Network:
        """Return the network with the canonical id."""
        return self._by_id[network]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the canonical ids."""
        return iter(tuple(self._by_id))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._by_id)

    def canonical(self, name: str) -> str | None:
        """Return the canonical id for an id or an alias; ``None`` for anything else."""
        return self._names.get(name)

    def register(self, network: Network, owner: str) -> None:
        """Add the network for ``owner``, such as a plugin by its name.

        What the same owner registers again stays as it was at first, as when settings are read
        again. Anybody may register one that is there already, just like this. Raises
        :class:`ValueError` with a sentence about it if it is misshapen, bears a name of another
        one, or passes for Cardano's mainnet.
        """
        if complaint := _complaint(network):
            raise ValueError(complaint)
        known = self._by_id.get(network.id)
        if known is not None and (known == network or self._owners[network.id] == owner):
            return
        if known is not None:
            raise ValueError(f"is known with other properties, by {self._owners[network.id]}")
        for name in names_of(network):
            if name in self._names:
                raise ValueError(f"has the name {name}, as has {self._names[name]}")
        self._owners = {**self._owners, network.id: owner}
        self._by_id = {**self._by_id, network.id: network}
        self._names = {**self._names, **dict.fromkeys(names_of(network), network.id)}


def names_of(network: Network) -> tuple[str, ...]:
    """Return the network's canonical id and its aliases."""
    own = (network.cip34,) if isinstance(network, CardanoNetwork) else ()
    return tuple(dict.fromkeys((network.id, *own, *network.aliases)))


def _complaint(network: Network) -> str | None:
    """Return what is wrong with a network by itself."""
    texts = (network.id, *network.aliases)
    if not all(isinstance(text, str) for text in texts):
        return "must have texts for its id and its aliases"
    if not _ID.fullmatch(network.id):
        return "must have an id such as cardano:sanchonet, in lower case"
    for alias in network.aliases:
        if not _ALIAS.fullmatch(alias):
            return f"must have aliases such as cardano:sancho, and {alias!r:.60} is none"
    is_cardano = isinstance(network, CardanoNetwork)
    if is_cardano is not network.id.startswith(f"{CARDANO}:"):
        return f"must begin with {CARDANO}: if it is a CardanoNetwork, and only then"
    for alias in network.aliases:
        if alias.partition(":")[0] == _CIP34 and alias != getattr(network, "cip34", None):
            return f"must not have the alias {alias}: a CIP-34 id says network id and magic"
    return _cardano_complaint(network) if isinstance(network, CardanoNetwork) else None


def _cardano_complaint(network: CardanoNetwork) -> str | None:
    numbers = (network.network_id, network.magic, network.epoch_slots)
    if not all(type(number) is int for number in numbers):
        return "must have whole numbers for network_id, magic and epoch_slots"
    if network.network_id != 0 or network.magic == MAINNET_MAGIC:
        return f"must have network_id 0 and a magic of its own: 1 and {MAINNET_MAGIC} are mainnet's"
    if not 0 <= network.magic < 1 << 32:
        return f"must have a magic from 0 to {(1 << 32) - 1}"
    if network.epoch_slots < 1:
        return "must have epoch_slots of at least 1"
    if network.eras and any(era.slot_ms < 1 for era in network.eras.eras):
        return "must have slots that last at least a millisecond"
    return None


NETWORKS = Networks((MAINNET, PREPROD, PREVIEW))
"""All known networks by canonical id. Look into it when a name is needed: it grows at start."""


def canonical_network(name: str) -> str | None:
    """Return the canonical id for a canonical id or an alias; ``None`` for anything else."""
    return NETWORKS.canonical(name)


def cardano_network(network: str) -> CardanoNetwork:
    """Return the network of Cardano with the canonical id.

    Raises :class:`LookupError` when it is not known, or of another kind.
    """
    found = NETWORKS.get(network)
    if not isinstance(found, CardanoNetwork):
        raise LookupError(f"{network} is no known network of Cardano")
    return found


def cardano_networks() -> tuple[CardanoNetwork, ...]:
    """Return the known networks of Cardano."""
    return tuple(each for each in NETWORKS.values() if isinstance(each, CardanoNetwork))
