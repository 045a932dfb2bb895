"""The plugin passes the contract of chain providers over real HTTP, and when calls fail, too."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from threading import Lock

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.refusals import Proof
from facilitator.cardano.transaction import OutputRef
from facilitator.roles.chain import (
    EvaluatesScripts,
    InMempool,
    ReadsLedgerState,
    Spent,
    Unknown,
    Unspent,
)
from facilitator.roles.chain_errors import ChainUnavailable, SubmissionRejected, SubmissionUnknown
from facilitator.testing.chain import ChainProviderContract, Silence
from facilitator.testing.clock import ManualClock
from facilitator.testing.over_devnet import OverDevnet
from facilitator_blockfrost import client as client_module
from facilitator_blockfrost.client import Client
from facilitator_blockfrost.provider import Blockfrost, HostedBlockfrost
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.blockfrost.dress import without_spends
from facilitator_devnet.blockfrost.faults import Effects, Faults
from facilitator_devnet.devnet import Devnet

NETWORK = "cardano:preprod"
PROJECT_ID = "preprodOfTheDevnet"


class EverySecond(Faults):
    """Has every second GET of each endpoint fail in one way."""

    def __init__(self, effects: Effects) -> None:
        super().__init__()
        self.failed = 0
        self._effects = effects
        self._seen: dict[str, int] = {}
        self._counting = Lock()

    def effects(self, endpoint: str) -> Effects:
        with self._counting:
            seen = self._seen[endpoint] = self._seen.get(endpoint, 0) + 1
            fails = endpoint.startswith("GET") and seen % 2 == 1
            self.failed += fails
        return self._effects if fails else super().effects(endpoint)


class BlockfrostUnderTest(OverDevnet[Blockfrost]):
    """A devnet behind its API, asked by the plugin."""

    def __init__(self, api: BlockfrostApi, provider: Blockfrost) -> None:
        super().__init__(provider, api.devnet)
        self.api = api

    def hide_spends(self, how: Silence) -> None:
        self.api.dress = replace(self.api.dress, edits=without_spends(how))

    def refuse_what_is_taken(self, text: str) -> None:
        self.api.faults.refuse(text, "POST /tx/submit", times=1)

    def cut_off(self) -> None:
        self.api.close()


@contextmanager
def under_test(clock: ManualClock) -> Iterator[BlockfrostUnderTest]:
    with closing(Devnet(NETWORK, clock)) as devnet, BlockfrostApi(devnet) as api:
        client = Client(f"{api.url}/api", PROJECT_ID, clock=clock, timeout=10, budget=None)
        with closing(HostedBlockfrost(NETWORK, client, clock, poll_seconds=0.1)) as provider:
            yield BlockfrostUnderTest(api, provider)


class TestBlockfrost(ChainProviderContract):
    @pytest.fixture
    def chain(self, clock: ManualClock) -> Iterator[BlockfrostUnderTest]:
        with under_test(clock) as chain:
            yield chain


FAULTS = {
    "429": Effects(status=429, retry_after=0),
    "500": Effects(status=500),
    "cut before": Effects(cut_before=True),
    "cut after": Effects(cut_after=True),
    "truncated": Effects(truncate=True),
}


class TestBlockfrostWhenCallsFail(ChainProviderContract):
    """Every GET fails once, and is answered when it is tried again."""

    @pytest.fixture(params=FAULTS)
    def chain(
        self, request: pytest.FixtureRequest, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[BlockfrostUnderTest]:
        monkeypatch.setattr(client_module, "FIRST_BACKOFF", 0.001)
        with under_test(clock) as chain:
            faults = chain.api.faults = EverySecond(FAULTS[request.param])
            yield chain
            asked = any(each.startswith("GET") for each in chain.api.counts()["by_endpoint"])
            assert bool(faults.failed) == asked


def test_what_the_provider_can_do(clock: ManualClock) -> None:
    with under_test(clock) as chain:
        assert isinstance(chain.provider, ReadsLedgerState)
        assert isinstance(chain.provider, EvaluatesScripts)
        assert not isinstance(Blockfrost, EvaluatesScripts)
        assert not chain.provider.is_devnet


def test_looking_up_one_transactions_outputs_costs_one_call(clock: ManualClock) -> None:
    with under_test(clock) as chain:
        ref = chain.fund()
        chain.provider.outputs([ref, OutputRef(ref.transaction_id, 1)])
        assert chain.api.counts()["by_endpoint"] == {"GET /txs/{hash}/utxos": 1}


def test_outputs_cost_a_call_for_each_transaction(clock: ManualClock) -> None:
    with under_test(clock) as chain:
        refs = [chain.fund() for _ in range(5)]
        found = chain.provider.outputs(refs)
        assert all(isinstance(found[ref], Unspent) for ref in refs)
        assert chain.api.counts()["by_endpoint"] == {"GET /txs/{hash}/utxos": 5}


def test_what_only_a_list_of_an_address_says_is_no_evidence(clock: ManualClock) -> None:
    with under_test(clock) as chain:
        refs = [chain.fund() for _ in range(5)]
        chain.provider.submit(chain.spend(refs[-1]))
        chain.make_block()
        chain.api.faults.stale(1, "GET /addresses/{address}/utxos")
        found = chain.provider.outputs(refs)
        assert [type(found[ref]) for ref in refs] == [Unspent] * 4 + [Spent]


def test_an_empty_block_costs_no_call_of_its_own(clock: ManualClock) -> None:
    with under_test(clock) as chain:
        before = chain.provider.tip().point
        for _ in range(3):
            chain.make_block()
        chain.api.counters.reset()
        assert len(chain.provider.blocks_after(before)) == 3
        assert chain.api.counts()["total"] == 1


def test_parameters_and_eras_are_asked_for_once(clock: ManualClock) -> None:
    with under_test(clock) as chain:
        for _ in range(3):
            assert chain.provider.parameters() == chain.devnet.parameters()
            assert chain.provider.eras().eras == chain.devnet.eras().eras
        assert chain.api.counts()["by_endpoint"] == {
            "GET /epochs/latest/parameters": 1,
        }


def test_a_machine_that_lags_gives_no_verdict_and_no_rollback(clock: ManualClock) -> None:
    with under_test(clock) as chain:
        before = chain.provider.tip().point
        transaction_id = chain.provider.submit(chain.spend(chain.fund()))
        chain.make_block()
        made = OutputRef(bytes.fromhex(transaction_id), 0)
        chain.api.faults.stale(1, "GET /txs/{hash}/utxos", times=1)
        assert isinstance(chain.provider.outputs([made])[made], Unknown)
        assert isinstance(chain.provider.outputs([made])[made], Unspent)
        tip = chain.provider.tip().point
        chain.api.faults.stale(1, "GET /blocks/{hash_or_number}/next", times=1)
        assert list(chain.provider.blocks_after(tip)) == []
        chain.api.faults.stale(1)
        with pytest.raises(ChainUnavailable, match="lags"):
            chain.provider.blocks_after(tip)
        chain.api.faults.clear()
        assert len(chain.provider.blocks_after(before)) == 1


def test_a_submission_whose_answer_is_lost_is_unknown_and_was_made_once(
    clock: ManualClock,
) -> None:
    with under_test(clock) as chain:
        raw = chain.spend(chain.fund())
        chain.api.faults.cut_after("POST /tx/submit", times=1)
        with pytest.raises(SubmissionUnknown):
            chain.provider.submit(raw)
        assert chain.api.counts()["by_endpoint"] == {"POST /tx/submit": 1}
        assert chain.provider.transaction(decode_transaction(raw).id.hex()) == InMempool()


def test_a_used_up_day_is_said_and_not_asked_about_again(clock: ManualClock) -> None:
    with under_test(clock) as chain:
        chain.api.faults.quota(2)
        chain.provider.tip()
        chain.provider.tip()
        for _ in range(3):
            with pytest.raises(ChainUnavailable, match="at midnight UTC"):
                chain.provider.tip()
        assert chain.api.counts()["total"] == 3


def test_the_nodes_reason_is_told_in_words(clock: ManualClock) -> None:
    with under_test(clock) as chain:
        ref = chain.fund()
        raw = chain.spend(ref)
        signature = decode_transaction(raw).witnesses.vkeys[0].signature
        with pytest.raises(
            SubmissionRejected, match=r"^a signature does not match \(Invalid"
        ) as it:
            chain.provider.submit(raw.replace(signature, bytes(64)))
        assert it.value.proves is Proof.BYTES
        chain.provider.submit(raw)
        with pytest.raises(SubmissionRejected, match="All inputs are spent") as it:
            chain.provider.submit(chain.spend(ref))
        assert it.value.proves is Proof.INPUTS
        with pytest.raises(SubmissionRejected, match="it is no transaction") as it:
            chain.provider.submit(b"\x84")
        assert it.value.proves is Proof.BYTES


def test_a_project_id_of_another_network_is_refused(clock: ManualClock) -> None:
    with under_test(clock) as chain:
        url = f"{chain.api.url}/api"
        client = Client(url, "mainnetOther", clock=clock, timeout=10, budget=None)
        provider = Blockfrost(NETWORK, client, clock, poll_seconds=1)
        with pytest.raises(ChainUnavailable, match="refuses the project ID"):
            provider.tip()
        provider.close()
