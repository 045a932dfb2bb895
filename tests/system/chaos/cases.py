"""Small histories by hand, for the tests of the checker."""

from dataclasses import replace

from chaos.checker import check
from chaos.history import (
    CONFLICT,
    DUPLICATE,
    Block,
    Call,
    History,
    Offer,
    Payment,
    Recorded,
    RolledBack,
)
from chaos.violations import Kind

LATER = 100.0
"""So much later than what else happens that nothing of that is still known."""


OFFER = Offer("tx", 1, b"body", "payer", "shop", frozenset({"input"}), "name")
LESS = replace(OFFER, body=b"less")
RIVAL = replace(OFFER, transaction="rival", body=b"rival", identifier=None)
SECOND = replace(OFFER, transaction="second", body=b"second", inputs=frozenset({"another"}))


def success(at: float = 10.0, key: str | None = None, depth: int = 1, **fields: object) -> Call:
    answer = {"success": True, "extra": {"confirmations": depth}}
    call = Call(OFFER, key, at - 1.0, at, 200, answer)
    return replace(call, **fields)  # type: ignore[arg-type]


def refused(reason: str, at: float = 11.0, key: str | None = None, **fields: object) -> Call:
    call = Call(OFFER, key, at - 1.0, at, 200, {"success": False, "errorReason": reason})
    return replace(call, **fields)  # type: ignore[arg-type]


def lost(at: float = 9.5, key: str | None = None, **fields: object) -> Call:
    return replace(Call(OFFER, key, at - 1.0, at), **fields)  # type: ignore[arg-type]


def conflict(at: float = 11.0, **fields: object) -> Call:
    return replace(Call(OFFER, "a", at - 1.0, at, CONFLICT), **fields)  # type: ignore[arg-type]


def named_before(holder: str = "tx", **fields: object) -> Call:
    """The second payment, refused for the first, which has its identifier."""
    extra = {"status": "confirmed", "transactionId": holder}
    answer = {"success": False, "errorReason": DUPLICATE, "extra": extra}
    call = refused(DUPLICATE, offer=SECOND, answer=answer)
    return replace(call, **fields)  # type: ignore[arg-type]


def chain() -> list[Block | RolledBack]:
    """Blocks at 1, 2, 3 …; the transaction is in the second."""
    return [Block(float(height), height, ("tx",) if height == 2 else ()) for height in range(1, 6)]


def history(*calls: Call, **fields: object) -> History:
    kept = History(calls=calls, chain=chain(), claims={"tx": {"settled"}})
    return replace(kept, **fields)  # type: ignore[arg-type]


def kinds(found: History) -> set[Kind]:
    return {violation.kind for violation in check(found).violations}


TOLD = [
    Recorded(1, "submitted", "none"),
    Recorded(2, "included", "none"),
    Recorded(3, "settled", "none"),
    Recorded(4, "settled", "delivered", "shop"),
]
"""A payment as its ledger tells it."""


def recorded(*events: Recorded, claim: Recorded | None = TOLD[-1]) -> History:
    """The history of a payment of which the ledger tells this."""
    shown = events[-1] if events else None
    return history(success(), ledger=[Payment("tx", claim, events, shown)])
