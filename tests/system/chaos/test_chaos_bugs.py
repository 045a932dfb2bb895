"""The suite finds what it is for: bugs planted in real processes."""

import threading
from pathlib import Path

import pytest

from chaos.campaign import Campaign
from chaos.checker import Kind, check
from chaos.plan import Patience, Pay, Rival, Trouble, Upset
from support.drills import OUTPUTS
from support.waiting import eventually

PATIENT = Patience(has_key=False, verifies=False, wait_seconds=3, lines=(), replays=0)
ASKS_AGAIN = Patience(has_key=False, verifies=False, wait_seconds=3, lines=(), replays=1)
IN_NO_BLOCK_YET = 2
"""More newer blocks than there are when it is told."""


def pay(number: int, patience: Patience = PATIENT) -> Pay:
    return Pay(number, IN_NO_BLOCK_YET, 300, (patience,), Rival.NONE, is_offered_for_less=False)


def found(campaign: Campaign) -> set[Kind]:
    history = campaign.end(undisturbed=2.0, at_most=4.0)
    return {violation.kind for violation in check(history).violations}


@pytest.mark.parametrize(
    ("bug", "kind"),
    [
        ("skip_the_claim", Kind.UNCLAIMED),
        ("deliver_to_every_caller", Kind.DELIVERED_TWICE),
        ("count_too_far", Kind.DELIVERED_EARLY),
    ],
)
def test_a_planted_bug_is_found(tmp_path: Path, bug: str, kind: Kind) -> None:
    with Campaign(tmp_path, "sqlite", workers=2, bug=bug) as campaign:
        campaign.carry_out([pay(number, ASKS_AGAIN) for number in range(3)])
        assert kind in found(campaign)


def test_a_claim_for_ever_is_found(tmp_path: Path) -> None:
    """Killed between the claim and the submission, it is open for ever."""
    with Campaign(tmp_path, "sqlite", workers=2, bug="claim_for_ever", patient=6.0) as campaign:
        provider = campaign.network.provider
        provider.faults.latency(1500, OUTPUTS)
        paying = threading.Thread(target=campaign.carry_out, args=([pay(0)],))
        paying.start()
        eventually(lambda: provider.count(OUTPUTS))
        campaign.carry_out([Trouble(Upset.KILL_ALL, 0.0, 0.0)])
        provider.heal()
        paying.join()
        assert found(campaign) == {Kind.ENDLESS}
