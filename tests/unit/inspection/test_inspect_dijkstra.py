"""A transaction of Dijkstra in the report and in words."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from facilitator.cardano.codec.dijkstra.any_era import decode_any_era
from facilitator.inspection.render import render
from facilitator.inspection.report import Inspector
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NETWORK, NOW
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.protocol import ProtocolSchedule
from support import dijkstra
from support.transactions import KEY_HASH


@pytest.fixture
def inspector() -> Iterator[Inspector]:
    clock = ManualClock(NOW)
    with closing(Devnet(NETWORK, clock, schedule=ProtocolSchedule(12))) as devnet:
        yield Inspector({NETWORK: devnet}, {}, clock)


def test_its_new_parts_are_shown(inspector: Inspector) -> None:
    wanted = {key: dijkstra.TOP_BODY[key] for key in (14, 23, 25)}
    tx = decode_any_era(dijkstra.transaction(wanted))
    report: dict[str, Any] = inspector.transaction(tx, NETWORK)
    shown = report["transaction"]
    assert shown["guards"][0] == f"key {KEY_HASH.hex()}"
    assert [each["lovelace"] for each in shown["directDeposits"]] == [5, 0]
    assert tx.body.dijkstra is not None
    assert shown["subTransactions"] == [tx.body.dijkstra.subs[0].id.hex()]
    broken = {row["rule"] for row in report["checks"] if row["result"] == "fail"}
    assert "BatchNotAccepted" in broken
    text = render(report)
    for words in (f"guard key {KEY_HASH.hex()}", "deposit 0.000005 ada", "sub-transaction "):
        assert words in text
