"""``[networks."cardano:…"]``: networks of Cardano that settings register, a table for each."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from facilitator.cardano.slots import Era, EraSummary
from facilitator.errors import Problem
from facilitator.settings.layers import NETWORK_TABLES, Layer
from facilitator.settings.resolve import Resolver
from facilitator.settings.schema import entries_of, setting
from facilitator.x402.networks import NETWORKS, CardanoNetwork

_ERA = re.compile(r"([0-9]{1,15}) ([0-9]{1,15}) ([0-9]{1,9})")


def _eras(texts: Sequence[str]) -> str | None:
    for text in texts:
        if not _ERA.fullmatch(text):
            return (
                f"{text!r:.60} is not first slot, Unix time of it in ms, and length of a slot in"
                " ms, such as '0 1686789000000 1000'"
            )
    return None


@dataclass(frozen=True)
class NetworkSettings:
    """A network of Cardano besides the public ones."""

    magic: int | None = setting(
        None,
        "Network magic of its genesis.",
        minimum=0,
        maximum=4_294_967_295,
        required="is required: the network magic of its genesis",
    )
    network_id: int = setting(
        0, "Network id in its addresses: 0, since 1 is mainnet's.", minimum=0, maximum=1
    )
    aliases: tuple[str, ...] = setting((), "Further ids for it; its CIP-34 id is one anyway.")
    eras: tuple[str, ...] = setting(
        (),
        "How slots and time relate: for each length of slots the first slot, the Unix time in ms at"
        " which it begins, and its length in ms. When unset, its chain provider is asked.",
        check=_eras,
    )
    epoch_slots: int = setting(
        432_000, "Slots of an epoch of its last era.", minimum=1, maximum=1_000_000_000
    )

    def network(self, network: str) -> CardanoNetwork:
        """Return the network with that id."""
        eras = [Era(*map(int, text.split())) for text in self.eras]
        return CardanoNetwork(
            network,
            self.aliases,
            network_id=self.network_id,
            magic=self.magic or 0,
            eras=EraSummary(eras) if eras else None,
            epoch_slots=self.epoch_slots,
        )


def network_sections(layers: Sequence[Layer]) -> dict[str, type]:
    """Return the declaration of each network's table by the name of the table."""
    names = (name for layer in layers for name in _names(layer))
    return {f"{NETWORK_TABLES}.{name}": NetworkSettings for name in names}


def _names(layer: Layer) -> Iterator[str]:
    for written, value in layer.values.items():
        if written.lower() == NETWORK_TABLES and not layer.may_be_link:
            entries = entries_of(value)
            yield from entries if isinstance(entries, Mapping) else ()


def register_networks(layers: Sequence[Layer]) -> Iterator[Problem]:
    """Register the networks of the layers, and yield the problem of each that cannot be.

    A table whose values are wrong is left out: resolving all settings names what is wrong.
    """
    sections = network_sections(layers)
    resolver = Resolver(sections, ())
    built = resolver.resolve(layers)
    for section in sections:
        is_wrong = any(problem.key.startswith(f"{section}.") for problem in resolver.problems)
        settings = built.get(section)
        if isinstance(settings, NetworkSettings) and not is_wrong:
            network = settings.network(section.removeprefix(f"{NETWORK_TABLES}."))
            try:
                NETWORKS.register(network, "the settings")
            except ValueError as error:
                yield Problem(section, str(error))
