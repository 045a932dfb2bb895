"""The result of ``queryLedgerState/eraSummaries``: slots, epochs and time of a network."""

from typing import Any, NamedTuple

from facilitator.cardano.ogmios.fields import Malformed, inner, rows, whole
from facilitator.cardano.slots import Era, EraSummary


class Calendar(NamedTuple):
    """The era summary, and the epochs of the last era."""

    eras: EraSummary
    start_slot: int
    """The first slot of the last era."""
    start_epoch: int
    epoch_slots: int

    def epoch_at(self, unix_ms: int) -> int:
        """Return the epoch that the instant lies in."""
        return self.epoch_of(self.eras.slot_at(unix_ms))

    def epoch_of(self, slot: int) -> int:
        """Return the epoch of a slot of the last era."""
        return self.start_epoch + (slot - self.start_slot) // self.epoch_slots

    def start_ms(self, epoch: int) -> int:
        """Return the Unix time in ms at which an epoch of the last era begins."""
        return self.eras.start_ms(self.start_slot + (epoch - self.start_epoch) * self.epoch_slots)


def read_calendar(result: Any, start_ms: int) -> Calendar:
    """Return the calendar of a network that started at that Unix time in ms.

    Raises :class:`Malformed`.
    """
    eras: list[Era] = []
    last: tuple[int, int, int] | None = None
    for row in rows(result, "eras"):
        start, parameters = inner(row, "start"), inner(row, "parameters")
        slot = whole(start, "slot")
        if row.get("end") is not None and whole(inner(row, "end"), "slot") == slot:
            continue  # an era that the network began after
        slot_ms = whole(inner(parameters, "slotLength"), "milliseconds")
        if slot_ms == 0 or not whole(parameters, "epochLength"):
            raise Malformed("an era has slots or epochs without length")
        last = slot, whole(start, "epoch"), whole(parameters, "epochLength")
        if not eras or eras[-1].slot_ms != slot_ms:
            eras.append(
                Era(slot, start_ms + whole(inner(start, "time"), "seconds") * 1000, slot_ms)
            )
    if last is None:
        raise Malformed("eras are none")
    return Calendar(EraSummary(eras), *last)
