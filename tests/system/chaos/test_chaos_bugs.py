"""The suite finds what it is for: bugs planted in real processes."""

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path

import pytest

from chaos.campaign import Campaign
from chaos.checker import check
from chaos.history import History
from chaos.plan import Naming, Patience, Pay, Rival, Trouble, Upset
from chaos.violations import Kind
from facilitator.testing.waiting import eventually
from support.drills import OUTPUTS
from support.redis_servers import needs_redis

PATIENT = Patience(has_key=False, verifies=False, wait_seconds=3, lines=(), replays=0)
WAITS_ON = replace(PATIENT, wait_seconds=8)
ASKS_AGAIN = replace(PATIENT, replays=1)
WITH_KEY = replace(ASKS_AGAIN, has_key=True)
OTHER_TENANT = replace(WITH_KEY, tenant=1)
IN_NO_BLOCK_YET = 2
"""More newer blocks than there are when a caller is answered."""
LONG_AFTER = 8
"""Blocks that take longer than a facilitator may take a caller for there that is not."""


def pay(number: int = 0, *callers: Patience, confirmations: int = 1) -> Pay:
    who = callers or (PATIENT,)
    return Pay(number, confirmations, 300, who, Rival.NONE, is_offered_for_less=False)


def in_one_of_three(test: Callable[..., None]) -> Callable[..., None]:
    """Run the test again in another folder if it fails: a bug shows only if threads meet."""

    @wraps(test)
    def run(tmp_path: Path, **given: object) -> None:
        for number in range(3):
            folder = tmp_path / str(number)
            folder.mkdir()
            try:
                return test(folder, **given)
            except AssertionError:
                if number == 2:
                    raise
        return None

    return run


def found(history: History) -> set[Kind]:
    return {violation.kind for violation in check(history).violations}


@pytest.mark.parametrize(
    ("bug", "kind", "step"),
    [
        ("skip_the_claim", Kind.UNCLAIMED, pay()),
        ("deliver_to_every_caller", Kind.DELIVERED_TWICE, pay(0, ASKS_AGAIN)),
        ("count_too_far", Kind.DELIVERED_EARLY, pay(confirmations=IN_NO_BLOCK_YET)),
        (
            "repeat_by_identifier",
            Kind.DELIVERED_TWICE,
            replace(pay(0, ASKS_AGAIN), naming=Naming.ALL),
        ),
        ("share_all_names", Kind.LEAKED, pay(0, WITH_KEY, PATIENT, OTHER_TENANT)),
        ("guard_nothing", Kind.PAID_TWICE, replace(pay(), naming=Naming.TWICE)),
        ("spend_keys_on_anything", Kind.FAULT, replace(pay(0, WITH_KEY), is_expired_first=True)),
        ("obey_every_hold", Kind.LOCKED_OUT, replace(pay(1), is_signed_again=True)),
        ("serve_the_gone", Kind.UNDELIVERED, replace(pay(confirmations=LONG_AFTER), crowd=60)),
        ("lose_an_event", Kind.UNRECORDED, pay()),
        ("record_before_the_change", Kind.MISRECORDED, pay()),
    ],
)
@in_one_of_three
def test_a_planted_bug_is_found(tmp_path: Path, bug: str, kind: Kind, step: Pay) -> None:
    # Of those that share names it depends on who comes first whether one sees another's success.
    payments = 8 if bug == "share_all_names" else 1
    with Campaign(tmp_path, "sqlite", workers=2, bug=bug) as campaign:
        campaign.carry_out([replace(step, number=step.number + each) for each in range(payments)])
        assert kind in found(campaign.stop())


@in_one_of_three
def test_a_claim_for_ever_is_found(tmp_path: Path) -> None:
    """Killed between the claim and the submission, it is open for ever."""
    with Campaign(tmp_path, "sqlite", workers=2, bug="claim_for_ever", patient=6.0) as campaign:
        provider = campaign.network.provider
        provider.faults.latency(1500, OUTPUTS)
        paying = threading.Thread(target=campaign.carry_out, args=([pay()],))
        paying.start()
        eventually(lambda: provider.count(OUTPUTS))
        campaign.carry_out([Trouble(Upset.KILL_ALL, 0.0, 0.0)])
        provider.heal()
        paying.join()
        assert found(campaign.end(undisturbed=2.0, at_most=4.0)) == {Kind.ENDLESS}


@in_one_of_three
def test_slots_that_are_never_given_back_are_found(tmp_path: Path) -> None:
    with Campaign(tmp_path, "sqlite", workers=1, bug="keep_every_slot") as campaign:
        campaign.carry_out([replace(pay(number), crowd=20) for number in range(5)])
        assert Kind.TURNED_AWAY in found(campaign.end(undisturbed=8.0))


@in_one_of_three
def test_a_lease_believed_for_an_hour_is_found(tmp_path: Path) -> None:
    """The one that leads has a clock that is an hour ahead, and is killed."""
    with Campaign(tmp_path, "sqlite", workers=2, bug="believe_leases", apart=3600) as campaign:
        campaign.carry_out([pay()])
        campaign.carry_out([Trouble(Upset.KILL_LEADER, 0.0, 0.0)])
        assert Kind.LATE in found(campaign.end(undisturbed=22.0))


@needs_redis
@in_one_of_three
def test_an_old_server_that_is_kept_is_found(tmp_path: Path) -> None:
    bug = "stay_with_the_old_server"
    with Campaign(tmp_path, "switched", workers=1, bug=bug, patient=6.0) as campaign:
        # So many at once that the connections which they need are enough for what comes later.
        campaign.carry_out([pay(number, *[PATIENT] * 4) for number in range(10)])
        campaign.carry_out([Trouble(Upset.SWAP, 0.0, 0.0)])
        assert Kind.ENDLESS in found(campaign.end(undisturbed=4.0, at_most=4.0))


@in_one_of_three
def test_a_submission_that_another_made_is_found(tmp_path: Path) -> None:
    with Campaign(tmp_path, "separate", workers=1, bug="doubt_nothing") as campaign:
        campaign.carry_out([pay()])
        assert Kind.DELIVERED_TWICE in found(campaign.stop())


@in_one_of_three
def test_a_lost_log_that_is_ignored_is_found(tmp_path: Path) -> None:
    with Campaign(tmp_path, "unlogged", workers=1, bug="ignore_a_lost_log") as campaign:
        campaign.carry_out([pay()])
        losing = threading.Thread(
            target=campaign.carry_out, args=([Trouble(Upset.LOSE_LOG, 6.0, 0.0)],)
        )
        losing.start()
        eventually(lambda: campaign.fleet.number_up == 2 or not losing.is_alive())
        campaign.carry_out([pay(number, *[WAITS_ON] * 4) for number in range(3)])
        losing.join()
        assert Kind.DELIVERED_TWICE in found(campaign.stop())
