"""A payer's histories with crashes, losses, rollbacks and lies, and the bugs that they find."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from facilitator_channels.client import channel as rules
from facilitator_channels.paying import finding, page_channels, purchase, sending
from support.payer_histories import random_history, run_history

HISTORIES = int(os.environ.get("FACILITATOR_TEST_PAYER_HISTORIES", "40"))
"""``FACILITATOR_TEST_PAYER_HISTORIES=1000`` for a longer run."""


def test_a_payer_never_signs_ahead_and_nothing_is_stuck(tmp_path: Path) -> None:
    for seed in range(HISTORIES):
        actions = random_history(seed)
        try:
            run_history(tmp_path / str(seed), actions)
        except Exception as error:
            raise AssertionError(f"history {seed}: {actions}") from error


def signs_ahead(patch: pytest.MonkeyPatch) -> None:
    """The amount is wrong, and the bound that would stop it is away."""
    begin = sending.Sender.begin

    def bad(self: Any) -> Any:
        entry = begin(self)
        self._agreed += 1
        return entry

    patch.setattr(sending.Sender, "begin", bad)
    patch.setattr(sending, "next_amount", lambda known, price: known.count + price + 1)


def takes_over_any_count(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "iou_holds", lambda *_: True)


def pays_any_charge(patch: pytest.MonkeyPatch) -> None:
    def bad(known: Any, _: int, extra: Mapping[str, Any]) -> Any:
        return replace(known, count=known.count + int(extra["chargedAmount"]))

    patch.setattr(purchase, "settled", bad)


def counts_what_it_sends(patch: pytest.MonkeyPatch) -> None:
    """The count moves before an answer is there."""
    sign = sending.Sender._sign

    def bad(self: Any, entry: Any, amount: int) -> Any:
        return sign(self, entry.with_channel(replace(entry.channel, count=amount)), amount)

    patch.setattr(sending.Sender, "_sign", bad)


def believes_the_iou_that_it_has_just_signed(patch: pytest.MonkeyPatch) -> None:
    sign = sending.Sender._sign

    def bad(self: Any, entry: Any, amount: int) -> Any:
        signed = sign(self, entry, amount)
        self._signed_now.clear()
        return signed

    patch.setattr(sending.Sender, "_sign", bad)


def forgets_its_channels(patch: pytest.MonkeyPatch) -> None:
    """A channel that is in no record is not looked for."""
    patch.setattr(page_channels, "list_channels", lambda _: iter(()))


def waits_for_any_opening(patch: pytest.MonkeyPatch) -> None:
    """An opening that can never land is waited for."""
    patch.setattr(finding, "_judge_opening", lambda entry, _: entry)


def keeps_what_was_rolled_back(patch: pytest.MonkeyPatch) -> None:
    """A channel that was found on the chain counts as open although its block is gone."""
    patch.setattr(finding, "_judge_position", lambda entry, _: entry)


BUGS: Mapping[Callable[[pytest.MonkeyPatch], None], int] = {
    signs_ahead: 0,
    takes_over_any_count: 119,
    pays_any_charge: 0,
    counts_what_it_sends: 3,
    believes_the_iou_that_it_has_just_signed: 23,
    forgets_its_channels: 0,
    waits_for_any_opening: 2,
    keeps_what_was_rolled_back: 74,
}
"""Each with the first history that has found it, which is tried before all others."""


@pytest.mark.parametrize("plant", BUGS, ids=lambda plant: plant.__name__)
def test_each_planted_bug_is_found(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plant(monkeypatch)
    for number, seed in enumerate([BUGS[plant], *range(400)]):
        try:
            run_history(tmp_path / str(number), random_history(seed))
        except AssertionError:
            return
    raise AssertionError("no history finds it")
