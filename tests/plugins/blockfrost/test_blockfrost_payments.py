"""Whole payments by a facilitator that runs on the plugin, also when calls fail."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from facilitator.clock import SystemClock
from facilitator.testing.payments import Payer
from facilitator.testing.running import NETWORK, Running
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet


@contextmanager
def running_on_blockfrost(tmp_path: Path) -> Iterator[tuple[Running, BlockfrostApi]]:
    devnet = Devnet(NETWORK, SystemClock(), block_seconds=0.5)
    with closing(devnet), BlockfrostApi(devnet) as api:
        settings = {
            "FACILITATOR_PLUGINS": "blockfrost,memory",
            "FACILITATOR_BLOCKFROST__BASE_URL": api.url,
            "FACILITATOR_BLOCKFROST__PROJECT_ID": "preprodOfTheDevnet",
            "FACILITATOR_BLOCKFROST__POLL_SECONDS": "1",
        }
        with closing(Running(tmp_path, settings=settings, real_time=True)) as running:
            yield running, api


def test_a_payment_goes_through_with_few_requests(tmp_path: Path) -> None:
    with running_on_blockfrost(tmp_path) as (running, api):
        body = Payer(running).body(confirmations=1)
        assert running.verify(body)["isValid"]
        assert api.counts()["by_endpoint"]["GET /txs/{hash}/utxos"] == 1
        answer = running.settle(body)
        assert answer["success"], answer
        counts = api.counts()["by_endpoint"]
        assert counts["POST /tx/submit"] == 1
        assert counts["GET /txs/{hash}/utxos"] <= 2
        assert {"GET /genesis", "GET /epochs/latest/parameters"} <= set(counts)


FAULTS: dict[str, Callable[[BlockfrostApi], None]] = {
    "lost answer": lambda api: api.faults.cut_after("POST /tx/submit", times=1),
    "lost request": lambda api: api.faults.cut_before("POST /tx/submit", times=1),
    "500 on submission": lambda api: api.faults.answer(500, "POST /tx/submit", times=1),
    "full mempool": lambda api: api.faults.answer(425, "POST /tx/submit", times=1),
    "failing blocks": lambda api: api.faults.answer(
        503, "GET /blocks/{hash_or_number}/next", times=4
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_payment_goes_through_all_the_same(tmp_path: Path, fault: str) -> None:
    with running_on_blockfrost(tmp_path) as (running, api):
        body = Payer(running).body(confirmations=1)
        assert running.verify(body)["isValid"]
        FAULTS[fault](api)
        assert running.settle_until(body, lambda answer: answer["success"])
