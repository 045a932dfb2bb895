"""The checker lets a ledger pass that agrees with the claims, and finds one that does not."""

from dataclasses import replace

import pytest

from chaos.cases import TOLD, history, kinds, recorded, success
from chaos.checker import check
from chaos.history import History, Loss, Payment, Recorded
from chaos.violations import Kind

SUBMITTED, INCLUDED, SETTLED, DELIVERED = TOLD
EXPIRED = Recorded(2, "expired", "none")
ELSEWHERE = Recorded(5, "settled", "delivered", "another shop")


def again(event: Recorded, version: int) -> Recorded:
    return event._replace(version=version)


@pytest.mark.parametrize(
    "agreed",
    [
        recorded(*TOLD),
        recorded(SUBMITTED, claim=SUBMITTED),
        recorded(SUBMITTED, again(DELIVERED, 2), claim=again(DELIVERED, 2)),
        recorded(*TOLD[1:]),  # the claim was restored from the chain
        recorded(
            *TOLD[:3],
            again(SUBMITTED, 4),
            again(INCLUDED, 5),
            again(SETTLED, 6),
            claim=again(SETTLED, 6),
        ),
        recorded(SUBMITTED, EXPIRED, again(SETTLED, 3), claim=again(SETTLED, 3)),
        recorded(*TOLD, again(SETTLED, 5), again(ELSEWHERE, 6), claim=again(ELSEWHERE, 6)),
        recorded(claim=Recorded(0, "claimed", "none")),
        recorded(*TOLD, claim=None),
    ],
)
def test_a_ledger_that_agrees_passes(agreed: History) -> None:
    assert check(agreed).violations == []


@pytest.mark.parametrize(
    ("spoiled", "kind"),
    [
        (recorded(), Kind.UNRECORDED),
        (recorded(*TOLD[:3]), Kind.UNRECORDED),
        (recorded(SUBMITTED, *TOLD[2:]), Kind.UNRECORDED),
        (recorded(*TOLD, claim=SETTLED), Kind.UNRECORDED),
        (recorded(*TOLD[:3], again(EXPIRED, 4), claim=again(EXPIRED, 4)), Kind.MISRECORDED),
        (recorded(*TOLD, again(INCLUDED, 5), claim=again(INCLUDED, 5)), Kind.MISRECORDED),
        (recorded(*TOLD, ELSEWHERE, claim=ELSEWHERE), Kind.MISRECORDED),
        (recorded(*TOLD, again(DELIVERED, 4)), Kind.MISRECORDED),
        (recorded(*TOLD, Recorded(5, "submitted", "delivered")), Kind.MISRECORDED),
        (
            recorded(SUBMITTED, EXPIRED, again(EXPIRED._replace(state="submitted"), 3)),
            Kind.MISRECORDED,
        ),
        (
            history(success(), ledger=[Payment("tx", DELIVERED, TOLD, SETTLED)]),
            Kind.UNRECORDED,
        ),
    ],
)
def test_a_ledger_that_does_not_agree_is_found(spoiled: History, kind: Kind) -> None:
    assert kind in kinds(spoiled)


def test_what_a_storage_has_forgotten_is_excused() -> None:
    spoiled = replace(recorded(*TOLD[:2]), losses=[Loss(0.0, 10.0, "a failover")])
    assert check(spoiled).violations == []
