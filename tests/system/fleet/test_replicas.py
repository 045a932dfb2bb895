"""Two replicas of two workers each, on one storage, behind a balancer that knows only TCP."""

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from facilitator.clock import SystemClock
from facilitator.testing.http import call
from facilitator.testing.payments import transaction_id
from facilitator.testing.running import NETWORK
from facilitator.testing.waiting import eventually
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from support.drills import BLOCKS, DUPLICATE, OUTPUTS, PENDING, SUBMIT, Body
from support.proxies import Balancer
from support.shared_storages import POSTGRES, REDIS, shared_storage
from workers.fleet import Connection, Fleet, payment

LEADS = "this process follows cardano:preprod for all"


class Replicas:
    """The replicas, the balancer before them and the devnet behind."""

    def __init__(
        self, stack: ExitStack, folder: Path, kind: str, storage: Mapping[str, str]
    ) -> None:
        self.devnet = stack.enter_context(closing(Devnet(NETWORK, SystemClock())))
        self.all: list[Fleet] = []
        self.apis: list[BlockfrostApi] = []
        """For each replica the provider that it asks, all of the same chain."""
        for name in ("one", "other"):
            (folder / name).mkdir()
            environ = {
                "FACILITATOR_PLUGINS": f"blockfrost,{kind}",
                **storage,
                "FACILITATOR_SERVER__THREADS": "32",
                # Whoever is slower than that to submit is helped by another, which submits again.
                "FACILITATOR_SETTLEMENT__LEASE_SECONDS": "60",
            }
            self.apis.append(stack.enter_context(BlockfrostApi(self.devnet)))
            fleet = Fleet(folder / name, self.apis[-1], environ)
            self.all.append(stack.enter_context(closing(fleet)))
        self.balancer = Balancer(*(replica.port for replica in self.all))
        stack.callback(self.balancer.close)
        self._stack = stack

    def connections(self) -> list[Connection]:
        """One to each worker, those of the replicas in turn."""
        one, other = (
            [self._stack.enter_context(replica.connected(each)) for each in replica.workers]
            for replica in self.all
        )
        return [connection for pair in zip(one, other, strict=True) for connection in pair]

    def settle(self, body: Body, wait: float = 1) -> Body:
        """Through the balancer, each call on a connection of its own."""
        headers = {"Prefer": f"wait={wait}"}
        status, answer = call(self.balancer.port, "POST", "/settle", body, headers)
        assert status == 200, answer
        return dict(answer)

    def settled_once(self, body: Body) -> None:
        """Assert that the payment, which is submitted, is told once and made once."""
        told: list[Body] = []

        def is_settled() -> bool:
            self.devnet.produce_block()
            told.append(self.settle(body))
            assert told[-1]["success"] or told[-1]["errorReason"] == PENDING, told[-1]
            return bool(told[-1]["success"])

        eventually(is_settled)
        for _ in range(4):
            assert self.settle(body)["errorReason"] == DUPLICATE
        self.is_made_once(body)

    def is_made_once(self, body: Body) -> None:
        with self.devnet.chain() as chain:
            made = [each for block in chain.blocks[1:] for each in block.block.transactions]
        assert made.count(transaction_id(body)) == 1

    def counts(self, endpoint: str) -> list[int]:
        """For each replica how often it asked."""
        return [int(api.counts()["by_endpoint"].get(endpoint, 0)) for api in self.apis]

    def count(self, endpoint: str) -> int:
        return sum(self.counts(endpoint))


@pytest.fixture(params=[REDIS, POSTGRES])
def replicas(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Replicas]:
    with ExitStack() as stack:
        storage = stack.enter_context(shared_storage(request.param, tmp_path))
        yield Replicas(stack, tmp_path, request.param, storage)


def test_any_worker_of_any_replica_takes_up_what_another_began(replicas: Replicas) -> None:
    first, second, third, fourth = replicas.connections()
    body, pending = payment(0), payment(1)
    assert first.call("POST", "/verify", body)["isValid"] is True
    for connection in (second, third, fourth):
        answer = connection.call("POST", "/settle", body, Prefer="wait=0")
        assert (answer["errorReason"], answer["transaction"]) == (PENDING, transaction_id(body))
    replicas.settled_once(body)
    for connection in (first, second, third, fourth):
        assert connection.call("POST", "/settle", body)["errorReason"] == DUPLICATE
        assert connection.call("POST", "/verify", body)["invalidReason"] == DUPLICATE

    assert first.call("POST", "/settle", pending, Prefer="wait=0")["errorReason"] == PENDING
    one, _ = replicas.all
    one.process.kill()
    one.wait()
    replicas.settled_once(pending)
    assert replicas.count(SUBMIT) == 2


def test_of_all_who_settle_at_once_one_is_told(replicas: Replicas) -> None:
    callers, bodies = 16, [payment(number) for number in range(3)]
    with ThreadPoolExecutor(callers * len(bodies)) as pool:
        told = {
            transaction_id(body): [pool.submit(replicas.settle, body, 60) for _ in range(callers)]
            for body in bodies
        }
        eventually(lambda: replicas.count(SUBMIT) == len(bodies))
        waiting = {answer for each in told.values() for answer in each}
        while waiting:
            replicas.devnet.produce_block()
            _, waiting = wait(waiting, timeout=0.2)
    for each in told.values():
        outcomes = Counter(answer.result().get("errorReason", "success") for answer in each)
        assert outcomes["success"] == 1, outcomes
        assert set(outcomes) <= {"success", DUPLICATE, PENDING}
    for body in bodies:
        replicas.is_made_once(body)
    assert replicas.count(SUBMIT) == len(bodies)


def test_more_processes_ask_the_provider_no_more(replicas: Replicas) -> None:
    connections = replicas.connections()
    *bodies, first, second, third = [payment(number) for number in range(8)]

    def verify_everywhere(body: Body, begin: int) -> None:
        for each in range(4):
            connection = connections[(begin + each) % 4]
            assert connection.call("POST", "/verify", body)["isValid"] is True

    def is_asked_once(body: Body) -> bool:
        before = replicas.count(OUTPUTS)
        verify_everywhere(body, 0)
        return replicas.count(OUTPUTS) == before + 1

    # Those that only read what the leader publishes know after a poll how recent that is. Until
    # then each asks for an output once, as it does not believe what others asked before.
    verify_everywhere(first, 0)
    polls = replicas.count(BLOCKS)

    def has_polled() -> bool:
        verify_everywhere(first, 0)  # it follows the chain as long as somebody asks
        return replicas.count(BLOCKS) > polls + 2

    eventually(has_polled)
    assert is_asked_once(second) or is_asked_once(third)
    for api in replicas.apis:
        api.counters.reset()
    for number, body in enumerate(bodies):
        verify_everywhere(body, number)
        answer = connections[number % 4].call("POST", "/settle", body, Prefer="wait=0")
        assert answer["errorReason"] == PENDING
    for body in bodies:
        replicas.settled_once(body)
    assert replicas.count(SUBMIT) == len(bodies)
    assert replicas.count(OUTPUTS) <= 2 * len(bodies)  # each is asked for by one, not by all four
    leaders = [replica.count(LEADS) for replica in replicas.all]
    assert sorted(leaders) == [0, 1]
    # the workers of the replica without the leader have not asked for a block
    assert [bool(each) for each in replicas.counts(BLOCKS)] == [bool(each) for each in leaders]
