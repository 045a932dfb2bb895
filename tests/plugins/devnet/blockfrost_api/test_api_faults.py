"""Each fault does what it says, to whom and as often as was asked; requests are counted."""

import http.client
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from facilitator_devnet.blockfrost import face as face_module
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import wallets
from support.blockfrost_api_client import BlockfrostApiClient

Payment = Callable[..., bytes]
MERCHANT = wallets("cardano:preprod")["merchant"].bech32
LATEST = "GET /blocks/latest"
SUBMIT = "POST /tx/submit"


def statuses(client: BlockfrostApiClient, path: str, count: int) -> list[int]:
    return [client.ask(path).status for _ in range(count)]


@pytest.mark.parametrize("status", [402, 403, 418, 425, 429, 500, 502, 503, 504])
def test_requests_are_answered_with_an_error(
    api: BlockfrostApi, client: BlockfrostApiClient, status: int
) -> None:
    api.faults.answer(status, LATEST, times=2)
    reply = client.ask("/blocks/latest")
    assert (reply.status, reply.json["status_code"]) == (status, status)
    assert reply.headers["Retry-After"] is None
    assert statuses(client, "/genesis", 1) == [200]
    assert statuses(client, "/blocks/latest", 2) == [status, 200]


def test_an_answer_can_name_a_time_to_try_again(
    api: BlockfrostApi, client: BlockfrostApiClient
) -> None:
    api.faults.answer(429, retry_after=7)
    assert client.ask("/health").headers["Retry-After"] == "7"


def test_a_refused_submission_is_not_taken(
    api: BlockfrostApi, client: BlockfrostApiClient, payment: Payment
) -> None:
    api.faults.answer(425, SUBMIT, times=1)
    raw = payment()
    assert client.ask("/tx/submit", raw).status == 425
    assert client.get("/mempool") == []
    assert client.ask("/tx/submit", raw).status == 200


def test_a_fault_stays_until_it_is_cleared(api: BlockfrostApi, client: BlockfrostApiClient) -> None:
    api.faults.answer(500)
    assert statuses(client, "/health", 5) == [500] * 5
    api.faults.clear()
    assert statuses(client, "/health", 1) == [200]


def test_a_quota_runs_out(api: BlockfrostApi, client: BlockfrostApiClient) -> None:
    api.faults.quota(3)
    assert statuses(client, "/blocks/latest", 5) == [200, 200, 200, 402, 402]
    assert statuses(client, "/genesis", 1) == [402]


def test_a_connection_cut_before_leaves_nothing_done(
    api: BlockfrostApi, client: BlockfrostApiClient, payment: Payment
) -> None:
    api.faults.cut_before(SUBMIT, times=1)
    with pytest.raises(http.client.RemoteDisconnected):
        client.ask("/tx/submit", payment())
    assert client.get("/mempool") == []


def test_a_connection_cut_after_leaves_the_submission_taken(
    api: BlockfrostApi, client: BlockfrostApiClient, payment: Payment
) -> None:
    api.faults.cut_after(SUBMIT, times=1)
    with pytest.raises(http.client.RemoteDisconnected):
        client.ask("/tx/submit", payment())
    assert len(client.get("/mempool")) == 1


def test_a_refusal_can_be_of_what_was_taken(
    api: BlockfrostApi, client: BlockfrostApiClient, payment: Payment
) -> None:
    api.faults.refuse("a text", SUBMIT, times=1)
    reply = client.ask("/tx/submit", payment())
    assert (reply.status, reply.json["message"]) == (400, "a text")
    assert len(client.get("/mempool")) == 1


def test_a_body_can_end_too_early(api: BlockfrostApi, client: BlockfrostApiClient) -> None:
    api.faults.truncate(times=1)
    with pytest.raises(http.client.IncompleteRead):
        client.ask("/genesis")
    assert client.ask("/genesis").status == 200


def test_an_answer_can_be_late(
    api: BlockfrostApi, client: BlockfrostApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(face_module, "time", SimpleNamespace(sleep=slept.append))
    api.faults.latency(150, times=1)
    api.faults.latency(160, times=1)
    client.get("/health")
    client.get("/health")
    assert slept == [0.31]


def test_a_lagging_backend_knows_the_chain_of_some_blocks_ago(
    api: BlockfrostApi, client: BlockfrostApiClient, devnet: Devnet, payment: Payment
) -> None:
    def shown() -> object:
        paths = [
            f"/addresses/{MERCHANT}/utxos",
            f"/addresses/{MERCHANT}/transactions",
            f"/addresses/{wallets('cardano:preprod')['alice'].bech32}/utxos?order=desc",
            "/blocks/latest",
            "/blocks/0/next",
            "/epochs/latest",
            "/network",
            *(f"/txs/{each}/utxos" for each in client.get("/blocks/0/txs")),
        ]
        return [client.get(path) for path in paths]

    history = [shown()]
    names = []
    for sender in ("alice", "bob", "alice"):
        names.append(client.ask("/tx/submit", payment(sender=sender)).json)
        devnet.produce_block()
        history.append(shown())
    waiting = client.ask("/tx/submit", payment(sender="carol")).json
    for blocks, then in enumerate(reversed(history)):
        api.faults.clear()
        api.faults.stale(blocks)
        assert shown() == then
        assert [client.ask(f"/txs/{name}").status for name in names] == (
            [200] * (3 - blocks) + [404] * blocks
        )
        assert client.get("/mempool") == [{"tx_hash": waiting}]
    api.faults.clear()
    api.faults.stale(99)
    assert client.get("/blocks/latest")["height"] == 0


def test_requests_are_counted_by_endpoint(api: BlockfrostApi, client: BlockfrostApiClient) -> None:
    for number in range(3):
        client.ask(f"/txs/{number:064x}/utxos")
    client.ask("/nowhere")
    client.tell("GET", "counters")
    api.faults.answer(500)
    client.ask("/tx/submit", b"")
    counts = {
        "total": 5,
        "by_endpoint": {"GET /txs/{hash}/utxos": 3, "unknown": 1, "POST /tx/submit": 1},
    }
    assert api.counts() == counts
    assert client.tell("GET", "counters") == counts
    assert client.tell("POST", "counters/reset") == {"total": 0, "by_endpoint": {}}
    assert api.counts()["total"] == 0


def test_counting_bears_many_clients(api: BlockfrostApi) -> None:
    def ask() -> None:
        with BlockfrostApiClient(api.url) as client:
            for _ in range(20):
                client.get("/blocks/latest")

    threads = [threading.Thread(target=ask) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert api.counts() == {"total": 1280, "by_endpoint": {LATEST: 1280}}


def test_faults_can_be_asked_for_over_http(client: BlockfrostApiClient) -> None:
    told = client.tell("POST", "faults", kind="answer", status=429, times=1, retry_after=2)
    assert [(each["kind"], each["times"]) for each in told] == [("answer", 1)]
    client.tell("POST", "faults", kind="stale", blocks=2, endpoint=LATEST)
    reply = client.ask("/health")
    assert (reply.status, reply.headers["Retry-After"]) == (429, "2")
    assert [each["kind"] for each in client.tell("GET", "faults")] == ["answer", "stale"]
    assert client.tell("POST", "faults/clear") == []
    assert client.ask("/health").status == 200


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({}, "kind"),
        ({"kind": "flood"}, "kind must be one of latency, answer"),
        ({"kind": "answer"}, "status must be one of 400, 401"),
        ({"kind": "answer", "status": 200}, "status must be one of"),
        ({"kind": "latency", "ms": "1"}, "ms must be a whole number"),
        ({"kind": "latency", "ms": 1, "endpoint": "/txs"}, "there is no endpoint '/txs'"),
        ({"kind": "latency", "ms": 1, "times": -1}, "times must be a whole number"),
        ({"kind": "latency", "seconds": 1}, "seconds"),
    ],
)
def test_faults_that_make_no_sense_are_explained(
    client: BlockfrostApiClient, arguments: dict[str, object], why: str
) -> None:
    assert why in client.refused("faults", **arguments)
    assert client.tell("GET", "faults") == []


@pytest.mark.parametrize("arguments", [{"blocks": 1}, {"blocks": "1"}, {"drop": 1}, {"blocks": 0}])
def test_rollbacks_that_cannot_be_are_explained(
    client: BlockfrostApiClient, arguments: dict[str, object]
) -> None:
    assert client.refused("rollback", **arguments)


def test_control_is_only_what_it_is(api: BlockfrostApi) -> None:
    with BlockfrostApiClient(api.url, root="/devnet", project=None) as client:
        reply = client.ask("/nothing")
        assert reply.status == 404
        assert "POST /devnet/faucet" in reply.json["message"]
        assert client.ask("/faults", b"[]").status == 400
        assert client.ask("/faults", b"{").status == 400
    assert api.counts()["total"] == 0


@pytest.fixture
def idle(api: BlockfrostApi) -> Iterator[BlockfrostApiClient]:
    with BlockfrostApiClient(api.url) as client:
        client.get("/health")
        yield client


def test_closing_ends_idle_connections(
    api: BlockfrostApi, idle: BlockfrostApiClient, devnet: Devnet
) -> None:
    api.close()
    with pytest.raises((http.client.HTTPException, OSError)):
        idle.get("/health")
    assert devnet.tip().height == 0
