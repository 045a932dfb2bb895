"""The outbox of a storage whose payment ledger is elsewhere."""

import logging
from collections.abc import Collection, Sequence
from itertools import count
from unittest.mock import Mock

import pytest

from facilitator.observability.advice import Concern
from facilitator.observability.metrics import LEDGER_WAITING
from facilitator.payments.outbox import CHANGES_AT_ONCE, MANY_CHANGES, Outbox
from facilitator.plugin import NO_METER, Change, Claim, Meter, PaymentLedger, StorageUnavailable
from facilitator.testing.payment_ledger import settled, submitted
from facilitator_memory.ledger import MemoryLedger

AWAY = StorageUnavailable("the ledger cannot be reached", "the ledger at 192.0.2.1 is away")


class Kept:
    """An outbox of a storage, in a list."""

    def __init__(self) -> None:
        self._names = count()
        self.kept: dict[str, Claim] = {}

    def add(self, *claims: Claim) -> None:
        self.kept |= {f"{next(self._names):09}": each for each in claims}

    def keep_changes(self) -> None:
        raise NotImplementedError

    def changes(self, limit: int) -> Sequence[Change]:
        return [Change(name, self.kept[name]) for name in sorted(self.kept)[:limit]]

    def forget_changes(self, names: Collection[str]) -> None:
        for name in names:
            del self.kept[name]

    def count_changes(self) -> int:
        return len(self.kept)


class Away(MemoryLedger):
    """A ledger that takes nothing."""

    def __init__(self, error: Exception = AWAY) -> None:
        super().__init__()
        self._error = error

    def record(self, changes: Sequence[Claim]) -> None:  # noqa: ARG002
        raise self._error


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def ledger() -> PaymentLedger:
    return MemoryLedger()


def test_all_changes_are_handed_over_in_their_order(kept: Kept, ledger: PaymentLedger) -> None:
    claims = [submitted(number) for number in range(CHANGES_AT_ONCE)]
    kept.add(*claims, *map(settled, claims))
    outbox = Outbox(kept, NO_METER)
    assert outbox.hand_over(ledger)
    assert not outbox.hand_over(ledger)
    assert kept.kept == {}
    told = [each.transaction_id for each in ledger.events_after(0, 1000)]
    assert told == [each.transaction_id for each in claims] * 2


def test_changes_stay_while_the_ledger_is_away(kept: Kept, ledger: PaymentLedger) -> None:
    """``/health`` says so until it takes them."""
    kept.add(submitted(), settled(submitted()))
    meter = Mock(spec=Meter)
    outbox = Outbox(kept, meter)
    ((metric, waiting),) = (call.args for call in meter.gauge.call_args_list)
    assert metric is LEDGER_WAITING
    outbox.check()
    with pytest.raises(StorageUnavailable):
        outbox.hand_over(Away())
    assert waiting() == 2
    with pytest.raises(Concern, match=r"^2 changes .* wait .*: the ledger cannot be reached$"):
        outbox.check()
    assert not outbox.hand_over(ledger)
    assert waiting() == 0
    outbox.check()


def test_callers_see_no_text_of_an_unknown_error(kept: Kept) -> None:
    kept.add(submitted())
    outbox = Outbox(kept, NO_METER)
    with pytest.raises(ValueError, match="hidden"):
        outbox.hand_over(Away(ValueError("hidden")))
    with pytest.raises(Concern, match=r"^1 changes .*: it fails, see the log$"):
        outbox.check()


def test_an_outbox_that_grows_is_warned_of(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    """Each time that it is twice as full."""
    outbox = Outbox(kept, NO_METER)
    for _ in range(9):
        kept.add(*[submitted()] * (MANY_CHANGES // 2))
        with pytest.raises(StorageUnavailable), caplog.at_level(logging.WARNING):
            outbox.hand_over(Away())
    warned = [record.getMessage().split()[0] for record in caplog.records]
    assert warned == ["10000", "20000", "40000"]
