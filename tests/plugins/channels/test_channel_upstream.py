"""What channels ask of a server that is asked call by call: Blockfrost, over the devnet."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from facilitator.clock import SystemClock
from facilitator.testing.running import NETWORK, Running
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from support.channel_parties import Held, Opening, Redemption
from support.channels import ACCEPTS, PRICE, request, terms
from support.extras import needs_plutus

pytestmark = needs_plutus

QUESTIONS = 2


class Site:
    """A devnet, its server and a facilitator that asks it."""

    def __init__(self, folder: Path, devnet: Devnet, api: BlockfrostApi, questions: int) -> None:
        self.devnet, self.api = devnet, api
        settings = {
            "FACILITATOR_PLUGINS": "blockfrost,memory,channels",
            "FACILITATOR_CHANNELS__SCRIPT_HASHES": json.dumps([ACCEPTS.hash.hex()]),
            "FACILITATOR_BLOCKFROST__BASE_URL": api.url,
            "FACILITATOR_BLOCKFROST__PROJECT_ID": "preprodOfTheDevnet",
            "FACILITATOR_BLOCKFROST__POLL_SECONDS": "600",
            "FACILITATOR_CHAIN__QUESTIONS": str(questions),
        }
        self.running = Running(folder, settings=settings, real_time=True)

    def submit(self, raw: bytes) -> None:
        """Put a transaction into a block, past the facilitator."""
        name = self.devnet.submit(raw)
        assert name in self.devnet.produce_block().transactions

    def open(self, number: int) -> Held:
        opening = Opening(number=number)
        self.submit(opening.transaction)
        return opening.held

    def calls(self) -> int:
        """The calls since the last count, without those that follow the chain."""
        found = self.api.counts()["by_endpoint"]
        self.api.counters.reset()
        return sum(count for name, count in found.items() if "/txs/" in name)


@contextmanager
def site_of(folder: Path, questions: int) -> Iterator[Site]:
    devnet = Devnet(NETWORK, SystemClock(), block_seconds=0)
    with closing(devnet), BlockfrostApi(devnet) as api:
        site = Site(folder, devnet, api, questions)
        with closing(site.running):
            yield site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_of(tmp_path, 6) as site:
        yield site


def test_a_channel_that_has_moved_is_found_once(site: Site) -> None:
    held = first = site.open(0)
    for fuel in (1, 2):
        raw = held.top_up(1_000_000, fuel=fuel)
        site.submit(raw)
        held = held.after(raw)
    site.calls()
    body = request(first.promise(PRICE), terms())
    verdict = site.running.verify(body)
    assert verdict["isValid"], verdict
    assert verdict["extra"]["channelRef"] == str(held.ref)
    assert site.calls() > 2
    assert site.running.verify(body) == verdict
    assert site.calls() <= 1


def test_a_claim_of_many_channels_is_taken_up_again(tmp_path: Path) -> None:
    """It needs more questions than one message may cost; what was found is remembered."""
    with site_of(tmp_path, QUESTIONS) as site:
        channels = [(site.open(number), 2_000_000) for number in range(QUESTIONS + 1)]
        body = Redemption(channels).body
        answer = site.running.settle(body, Prefer="wait=0")
        assert answer["errorReason"] == "exact_cardano_facilitator_chain_lookup_failed"
        assert "questions" in answer["errorMessage"]
        answer = site.running.settle(body, Prefer="wait=0")
        assert answer["errorReason"] == "settlement_pending", answer
