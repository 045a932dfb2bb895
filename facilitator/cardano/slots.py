"""Slots and wall-clock time, by the network's era summary."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Era:
    """The length of slots from a first slot on."""

    start_slot: int
    start_ms: int
    """Unix time in ms at which :attr:`start_slot` begins."""
    slot_ms: int


class EraSummary:
    """Converts between slots and Unix time in ms; assumes that the last era does not end."""

    def __init__(self, eras: Sequence[Era]) -> None:
        """Sort the eras, which may come in any order. Raises :class:`ValueError` for none."""
        if not eras:
            raise ValueError("an era summary needs at least one era")
        self.eras = tuple(sorted(eras, key=lambda era: era.start_slot))

    def __eq__(self, other: object) -> bool:
        """Return True for a summary of the same eras."""
        return isinstance(other, EraSummary) and other.eras == self.eras

    def __hash__(self) -> int:
        """Return the hash of the eras."""
        return hash(self.eras)

    def slot_at(self, unix_ms: int) -> int:
        """Return the slot of the instant; slot 0 before the first era."""
        for era in reversed(self.eras):
            if unix_ms >= era.start_ms:
                return era.start_slot + (unix_ms - era.start_ms) // era.slot_ms
        return 0

    def start_ms(self, slot: int) -> int:
        """Return the Unix time in ms at which the slot begins."""
        for era in reversed(self.eras):
            if slot >= era.start_slot:
                return era.start_ms + (slot - era.start_slot) * era.slot_ms
        return self.eras[0].start_ms


KNOWN_ERAS = {
    "cardano:mainnet": EraSummary(
        [Era(0, 1506203091000, 20000), Era(4492800, 1596059091000, 1000)]
    ),
    "cardano:preprod": EraSummary([Era(0, 1654041600000, 20000), Era(86400, 1655769600000, 1000)]),
    "cardano:preview": EraSummary([Era(0, 1666656000000, 1000)]),
}
"""The era summaries of the public networks, for use without a chain provider."""
