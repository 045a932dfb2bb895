"""The checker lets histories pass that keep the promises, and finds each way to break one."""

from dataclasses import replace

import pytest

from chaos.cases import (
    LATER,
    LESS,
    RIVAL,
    SECOND,
    chain,
    conflict,
    history,
    kinds,
    lost,
    named_before,
    refused,
    success,
)
from chaos.checker import NOTICE_SECONDS, STALE_SECONDS, check
from chaos.history import (
    DUPLICATE,
    EXPIRED,
    HELD,
    PENDING,
    REJECTED,
    Block,
    History,
    Loss,
    RolledBack,
    Span,
)
from chaos.naming_rules import HELD_SECONDS
from chaos.quiet_rules import LATE_SECONDS
from chaos.violations import Kind

KEPT = {
    "delivered once": history(refused(PENDING, 5.0), success(), refused(DUPLICATE)),
    "delivered to the key again": history(success(key="a"), success(12.0, key="a")),
    "delivered when asked again": history(lost(), success()),
    "delivered to a caller that is gone": history(lost(), refused(DUPLICATE)),
    "delivered to none as the storage failed": history(lost(9.0, status=503), refused(DUPLICATE)),
    "delivered to the key after a loss": history(
        lost(9.5, "a"),
        success(LATER, "a"),
        chain=[*chain(), RolledBack(11.0, 1), Block(12.0, 2, ())],
    ),
    "rolled back afterwards": history(
        success(), chain=[*chain(), RolledBack(11.0, 1), Block(12.0, 2, ())]
    ),
    "rolled back before it could be known": history(
        success(6.5 + STALE_SECONDS), chain=[*chain(), RolledBack(6.0, 1)]
    ),
    "on another branch": history(
        success(12.0),
        chain=[*chain(), RolledBack(6.0, 1), Block(7.0, 2, ("tx",)), Block(8.0, 3, ())],
    ),
    "rejected": history(refused(REJECTED), chain=[Block(1.0, 1, ())], claims={"tx": {"rejected"}}),
    "expired": history(refused(EXPIRED), chain=[Block(1.0, 1, ())], claims={"tx": {"expired"}}),
    "never claimed": history(refused("invalid"), chain=[Block(1.0, 1, ())], claims={}),
    "another's": history(
        success(), chain=[*chain(), Block(9.0, 6, ("other",))], elsewhere=frozenset({"other"})
    ),
    "gone before there was a success": history(success(), lost(2.0, is_last=True)),
    "the last one gone with the success": history(lost(is_last=True), refused(DUPLICATE)),
    "a key that two callers use": history(
        success(key="a", caller="one"), refused(DUPLICATE, key="a", caller="two")
    ),
    "a key with another body": history(success(key="a"), conflict(offer=LESS)),
    "a key with another body, just then": history(
        success(), refused("invalid", key="a", offer=RIVAL), conflict()
    ),
    "an identifier for the first alone": history(success(), named_before()),
    "an identifier after a failure": history(
        refused(REJECTED),
        success(offer=SECOND),
        chain=[Block(1.0, 1, ()), Block(2.0, 2, ("second",)), Block(3.0, 3, ())],
        claims={"tx": {"rejected"}, "second": {"settled"}},
    ),
    "an identifier that two callers use": history(
        success(caller="one"),
        success(caller="two", offer=SECOND),
        chain=[*chain()[:1], Block(2.0, 2, ("tx", "second")), *chain()[2:]],
        claims={"tx": {"settled"}, "second": {"settled"}},
    ),
    "an input that another payment has": history(success(), refused(HELD, offer=RIVAL)),
    "an input that another payment had": history(
        refused(HELD, 11.0 + HELD_SECONDS, offer=RIVAL),
        lost(11.0),
        refused("invalid", 13.0 + HELD_SECONDS),
        claims={},
        chain=chain()[:1],
    ),
    "one of two that share nothing": history(success(), refused(DUPLICATE, place=1)),
    "pending, but not for long": history(
        refused(PENDING, 2.5 + LATE_SECONDS), success(LATER), quiet=Span(0.0, LATER)
    ),
    "pending for long, disturbed": history(
        refused(PENDING, 3.5 + LATE_SECONDS), success(LATER), quiet=Span(15.0, LATER)
    ),
    "turned away, disturbed": history(
        refused(PENDING, 2.0, sent=1.5, wait_seconds=5.0), success(), quiet=Span(1.6, LATER)
    ),
}
BROKEN = {
    "two callers": (history(success(), success(11.0)), Kind.DELIVERED_TWICE),
    "two keys": (history(success(key="a"), success(11.0, key="b")), Kind.DELIVERED_TWICE),
    "a key, then none": (history(success(key="a"), success(11.0)), Kind.DELIVERED_TWICE),
    "another answer": (history(success(key="a"), success(11.0, "a", 2)), Kind.CHANGED),
    "in no block": (history(success(), chain=[Block(1.0, 1, ())]), Kind.DELIVERED_EARLY),
    "not deep enough yet": (history(success(), chain=chain()[:2]), Kind.DELIVERED_EARLY),
    "fewer blocks named": (history(success(depth=0)), Kind.DELIVERED_EARLY),
    "before its block": (history(success(1.5)), Kind.DELIVERED_EARLY),
    "gone for long": (
        history(success(LATER), chain=[*chain(), RolledBack(50.0, 1)]),
        Kind.DELIVERED_EARLY,
    ),
    "no claim": (history(success(), claims={}), Kind.UNCLAIMED),
    "an unknown one": (
        history(success(), chain=[*chain(), Block(9.0, 6, ("x",))]),
        Kind.UNCLAIMED,
    ),
    "an open claim": (history(refused(DUPLICATE), claims={"tx": {"included"}}), Kind.ENDLESS),
    "pending for ever": (history(success(key="a"), refused(PENDING, 12.0)), Kind.ENDLESS),
    "unanswered for ever": (history(success(), lost(12.0, "a")), Kind.ENDLESS),
    "rejected, and there": (history(refused(REJECTED)), Kind.MISJUDGED),
    "expired, and there": (history(lost(), claims={"tx": {"expired"}}), Kind.MISJUDGED),
    "settled, and never there": (history(success(), chain=chain()[:1]), Kind.MISJUDGED),
    "settled too early": (history(success(), chain=chain()[:2]), Kind.MISJUDGED),
    "delivered to none": (history(refused(DUPLICATE)), Kind.UNDELIVERED),
    "lost for a key": (history(lost(9.5, "a"), refused(DUPLICATE, 12.0, "a")), Kind.UNDELIVERED),
    "failed for a key": (
        history(lost(9.0, "a", status=503), refused(DUPLICATE, 12.0, "a")),
        Kind.UNDELIVERED,
    ),
    "a fault": (history(success(), lost(2.0, status=500)), Kind.FAULT),
    "another caller": (
        history(success(key="a", caller="one"), success(11.0, "a", caller="two")),
        Kind.LEAKED,
    ),
    "a key with another body again": (
        history(success(key="a"), success(11.0, "a", offer=LESS)),
        Kind.DELIVERED_TWICE,
    ),
    "two that share nothing": (history(success(), success(11.0, place=1)), Kind.DELIVERED_TWICE),
    "gone long before there was a success": (
        history(
            lost(1.0, is_last=True),
            refused(DUPLICATE, LATER),
            chain=[Block(1.0, 1, ()), Block(2.0 + NOTICE_SECONDS, 2, ("tx",)), Block(50.0, 3, ())],
        ),
        Kind.UNDELIVERED,
    ),
    "another's key": (
        history(success(key="a", caller="one"), conflict(caller="two", offer=LESS)),
        Kind.FAULT,
    ),
    "another shop's key": (
        history(success(key="a"), conflict(offer=replace(LESS, pay_to="another"))),
        Kind.FAULT,
    ),
    "a key spent by what is not valid": (
        history(success(LATER), refused("invalid", key="a", offer=RIVAL), conflict(50.0)),
        Kind.FAULT,
    ),
    "paid twice": (
        history(
            success(),
            success(11.0, offer=SECOND),
            chain=[*chain()[:1], Block(2.0, 2, ("tx", "second")), *chain()[2:]],
            claims={"tx": {"settled"}, "second": {"settled"}},
        ),
        Kind.PAID_TWICE,
    ),
    "another's identifier": (
        history(success(caller="one"), named_before(caller="two")),
        Kind.LOCKED_OUT,
    ),
    "an identifier of nothing": (history(success(), named_before("unknown")), Kind.LOCKED_OUT),
    "another's identifier when verified": (
        history(success(caller="one"), verdicts=[named_before(caller="two")]),
        Kind.LOCKED_OUT,
    ),
    "an input that nothing has": (
        history(refused(HELD), verdicts=[success(offer=RIVAL)], claims={}, chain=chain()[:1]),
        Kind.LOCKED_OUT,
    ),
    "an input that nothing has when verified": (
        history(success(), verdicts=[refused(HELD)]),
        Kind.LOCKED_OUT,
    ),
    "pending for long": (
        history(refused(PENDING, 3.5 + LATE_SECONDS), success(LATER), quiet=Span(0.0, LATER)),
        Kind.LATE,
    ),
    "turned away": (
        history(refused(PENDING, 3.0, wait_seconds=5.0), success(), quiet=Span(0.0, LATER)),
        Kind.TURNED_AWAY,
    ),
}


@pytest.mark.parametrize("kept", KEPT.values(), ids=KEPT)
def test_what_keeps_the_promises_passes(kept: History) -> None:
    assert check(kept).violations == []


@pytest.mark.parametrize(("broken", "kind"), BROKEN.values(), ids=BROKEN)
def test_what_breaks_one_is_found(broken: History, kind: Kind) -> None:
    assert kind in kinds(broken)


def test_what_a_storage_forgot_is_excused_then_and_only_then() -> None:
    twice = [success(), success(11.0)]
    during, before = Loss(9.0, 10.5, "failover"), Loss(1.0, 2.0, "failover")
    excused = check(history(*twice, losses=[during]))
    assert [each.kind for each in excused.excused] == [Kind.DELIVERED_TWICE]
    assert excused.violations == []
    assert kinds(history(*twice, losses=[before])) == {Kind.DELIVERED_TWICE}
    for never in (refused(PENDING, 12.0), lost(10.0, status=500)):
        assert check(history(success(), never, losses=[Loss(0.0, LATER, "failover")])).violations


def test_a_storage_that_forgot_everything_delivers_nothing_again() -> None:
    twice, all_ = [success(), success(LATER)], Loss(0.0, 20.0, "no log", forgets_deliveries=False)
    assert kinds(history(*twice, losses=[all_])) == {Kind.DELIVERED_TWICE}
    stays = [*chain(), RolledBack(30.0, 1), Block(31.0, 2, ("tx",)), Block(32.0, 3, ())]
    assert kinds(history(*twice, chain=stays, losses=[all_])) == set()
    assert kinds(history(success(), chain=chain(), claims={}, losses=[all_])) == set()
