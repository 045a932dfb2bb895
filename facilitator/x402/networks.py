"""Cardano networks by their x402 names (``scheme_exact_cardano.md``, "Network Identifiers")."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Network:
    """A network, its canonical id and the facts that never change."""

    id: str
    network_id: int
    """The ledger's network id: 1 for mainnet, 0 for every test network."""
    magic: int


MAINNET = Network("cardano:mainnet", 1, 764824073)
PREPROD = Network("cardano:preprod", 0, 1)
PREVIEW = Network("cardano:preview", 0, 2)

NETWORKS = {network.id: network for network in (MAINNET, PREPROD, PREVIEW)}

_ALIASES = {
    "cip34:1-764824073": MAINNET.id,
    "cip34:0-1": PREPROD.id,
    "cip34:0-2": PREVIEW.id,
}


def canonical_network(name: str) -> str | None:
    """Return the canonical id for a canonical id or a CIP-34 alias; ``None`` for anything else."""
    name = _ALIASES.get(name, name)
    return name if name in NETWORKS else None
