"""Ledger state read from a scripted Ogmios."""

from contextlib import closing
from typing import Any

from facilitator.cardano.state import LedgerState, StateQuery
from facilitator.plugin import Point
from facilitator.testing.clock import ManualClock
from facilitator_ogmios.ledger_state import read_ledger_state
from support.ogmios import provider_of, scripted

POINT = Point(7, "ab" * 32)


def state(
    clock: ManualClock, query: StateQuery, version: str = "v6.14.0", **answers: Any
) -> LedgerState:
    """What is read if each query is answered so."""
    shown = {f"queryLedgerState/{name}": answer for name, answer in answers.items()}
    shown |= {"acquireLedgerState": {}, "releaseLedgerState": {}}
    with scripted(shown) as server, closing(provider_of(server.url, clock)) as provider:
        server.version = version
        found = read_ledger_state(provider._client, POINT, query)
        asked = [method for method, _ in server.asked]
        assert server.asked[0] == (
            "acquireLedgerState",
            {"point": {"slot": 7, "id": POINT.block}},
        )
        assert asked[-1] == "releaseLedgerState"
        return found
