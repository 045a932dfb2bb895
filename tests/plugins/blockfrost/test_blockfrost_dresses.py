"""The plugin passes the contract behind each server that speaks Blockfrost, or says why not."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from facilitator.clock import SystemClock
from facilitator.plugin import ChainUnavailable, NotFound, SubmissionRejected
from facilitator.testing.chain import ChainProviderContract, ChainUnderTest, Silence
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import Payer
from facilitator.testing.running import NETWORK, Running
from facilitator_blockfrost.client import Client
from facilitator_blockfrost.provider import Blockfrost, HostedBlockfrost
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.blockfrost.dress import DRESSES
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.settings import DRESS_NAMES
from support.dressed import Dressed
from support.drills import DRESS_PATHS
from support.upstream import Asked, Reply, Upstream, by_path, problem, reply

SUBMITTING = [name for name in DRESSES if name != "ryo"]
LACKS = {
    "ryo": {"/mempool", "/tx/submit"},
    "ryo_and_submit_api": {"/mempool"},
    "ryo_of_2024": {"/mempool", "/blocks/{hash_or_number}/txs/cbor"},
    "platform": {"/mempool", "/blocks/{hash_or_number}/txs/cbor"},
    "dolos": {"/mempool"},
    "yaci": {"/mempool", "/genesis", "/network/eras", "/blocks/{hash_or_number}/txs/cbor"},
    "blockfrost": set(),
}


@contextmanager
def dressed(name: str, clock: ManualClock) -> Iterator[Dressed]:
    with closing(Devnet(NETWORK, clock)) as devnet, BlockfrostApi(devnet, dress=name) as api:
        url = f"{api.url}{DRESS_PATHS[name]}"
        client = Client(
            url, "preprodAny", clock=clock, timeout=10, budget=None, prefixes=("/v0", "")
        )
        with closing(Blockfrost(NETWORK, client, clock, poll_seconds=0.1)) as provider:
            yield Dressed(api, provider)


class TestBlockfrostInEachDress(ChainProviderContract):
    @pytest.fixture(params=[name for name in SUBMITTING if name != "dolos"])
    def chain(self, request: pytest.FixtureRequest, clock: ManualClock) -> Iterator[Dressed]:
        with dressed(request.param, clock) as chain:
            chain.provider.network_magic()
            chain.provider.examine()
            yield chain


class TestBlockfrostByDolos(ChainProviderContract):
    """Dolos gives no reason for a refusal, so that none of its refusals is definite."""

    @pytest.fixture
    def chain(self, clock: ManualClock) -> Iterator[Dressed]:
        with dressed("dolos", clock) as chain:
            chain.provider.network_magic()
            chain.provider.examine()
            yield chain

    def test_a_double_spend_is_rejected(self, chain: ChainUnderTest) -> None:
        self._is_not_taken(chain, lambda ref: chain.spend(ref))

    def test_a_forged_signature_is_rejected(self, chain: ChainUnderTest) -> None:
        self._is_not_taken(chain, lambda ref: chain.spend(ref)[:-100] + bytes(100))

    @pytest.mark.parametrize("junk", [b"", b"\x00", b"\xff" * 100])
    def test_junk_is_rejected(self, chain: ChainUnderTest, junk: bytes) -> None:
        self._is_not_taken(chain, lambda _: junk)

    @staticmethod
    def _is_not_taken(chain: ChainUnderTest, made: Callable[..., bytes]) -> None:
        ref = chain.fund()
        chain.provider.submit(chain.spend(ref))
        chain.make_block()
        with pytest.raises((ChainUnavailable, SubmissionRejected)):
            chain.provider.submit(made(ref))


@pytest.mark.parametrize("name", DRESSES)
def test_what_a_server_lacks_is_said(name: str, clock: ManualClock) -> None:
    with dressed(name, clock) as chain:
        assert chain.provider.network_magic() == 1
        has, _, lacks = chain.provider.examine().partition("; lacks ")
        assert {each for each in LACKS[name] if each in lacks} == LACKS[name]
        assert not any(each in has.split("; ")[-1] for each in LACKS[name])
        assert ("/tx/submit" in lacks) == (name == "ryo")
        assert chain.provider.transaction("ab" * 32) == NotFound()


def test_a_block_without_cbor_costs_a_call_for_each_transaction(clock: ManualClock) -> None:
    with dressed("platform", clock) as chain:
        chain.provider.examine()
        before = chain.provider.tip().point
        for _ in range(3):
            chain.provider.submit(chain.spend(chain.fund()))
        chain.make_block()
        chain.api.counters.reset()
        (block,) = chain.provider.blocks_after(before)
        assert len(block.transactions) == len(block.spent) == 3
        assert chain.api.counts()["by_endpoint"] == {
            "GET /blocks/{hash_or_number}/next": 1,
            "GET /blocks/{hash_or_number}/txs": 1,
            "GET /txs/{hash}/utxos": 3,
        }


NO_PATH = {
    "404": problem(404),
    "400 without a body": reply(400, b""),
    "403 of a gateway": reply(403, {"message": "Missing Authentication Token"}),
    "405": reply(405, b""),
    "410": reply(410, b""),
    "500 for ever": problem(500),
    "a page": reply(200, b"<html>no such page</html>"),
}


@pytest.mark.parametrize("answer", NO_PATH.values(), ids=NO_PATH.keys())
def test_a_path_that_is_not_there_is_done_without_however_that_is_said(
    upstream: Callable[..., Upstream],
    provider_of: Callable[..., HostedBlockfrost],
    monkeypatch: pytest.MonkeyPatch,
    answer: Reply,
) -> None:
    monkeypatch.setattr("facilitator_blockfrost.client.FIRST_BACKOFF", 0.0)
    block = {"hash": "ab" * 32, "height": 7, "slot": 86_400, "time": 1_655_769_600}
    there = by_path({"/blocks/latest": block, "/blocks/0/next": []})
    missing = ("/txs/cbor", "/mempool", "/network/eras", "/genesis")

    def serve(asked: Asked) -> Reply:
        path = asked.path.partition("?")[0]
        return answer if path.endswith(missing) or "/mempool/" in path else there(asked)

    provider = provider_of(upstream(serve))
    assert provider.network_magic() == 1
    _, _, lacks = provider.examine().partition("; lacks ")
    assert all(path in lacks for path in missing)
    assert provider.transaction("cd" * 32) == NotFound()


@pytest.mark.parametrize("status", [429, 503])
def test_a_path_that_cannot_be_asked_for_now_is_not_given_up(
    upstream: Callable[..., Upstream],
    provider_of: Callable[..., HostedBlockfrost],
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    monkeypatch.setattr("facilitator_blockfrost.client.FIRST_BACKOFF", 0.0)
    latest = by_path({"/blocks/latest": {"hash": "ab" * 32, "height": 7}, "/blocks/0/next": []})
    provider = provider_of(
        upstream(lambda asked: problem(status) if "/cbor" in asked.path else latest(asked))
    )
    with pytest.raises(ChainUnavailable, match=str(status)):
        provider.examine()


@pytest.mark.parametrize("name", SUBMITTING)
def test_a_payment_settles_behind_each(tmp_path: Path, name: str) -> None:
    devnet = Devnet(NETWORK, SystemClock(), block_seconds=0.3)
    with closing(devnet), BlockfrostApi(devnet, dress=name) as api:
        settings = {
            "FACILITATOR_PLUGINS": "blockfrost,memory",
            "FACILITATOR_BLOCKFROST__BASE_URL": f"{api.url}{DRESS_PATHS[name]}",
            "FACILITATOR_BLOCKFROST__PROJECT_ID": "preprodAny",
            "FACILITATOR_BLOCKFROST__POLL_SECONDS": "1",
        }
        with closing(Running(tmp_path, settings=settings, real_time=True)) as running:
            body = Payer(running).body(confirmations=1)
            assert running.verify(body)["isValid"]
            answer = running.settle(body, Prefer="wait=30")
            assert answer["success"], answer
            assert running.verify(body)["isValid"] is False


def test_the_setting_names_every_dress() -> None:
    assert tuple(DRESSES) == DRESS_NAMES


def test_hiding_spends_is_noticed_in_a_dress(clock: ManualClock) -> None:
    silences: list[Silence] = ["missing", "null"]
    for how in silences:
        with dressed("dolos", clock) as chain:
            chain.provider.submit(chain.spend(chain.fund()))
            chain.make_block()
            chain.hide_spends(how)
            with pytest.raises(ChainUnavailable):
                chain.provider.examine()
