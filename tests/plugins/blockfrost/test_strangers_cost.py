"""What a stranger's payment costs upstream: a handful of calls, whatever its bytes name."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from facilitator.cardano.transaction import OutputRef, Value
from facilitator.clock import SystemClock
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE, BOB, MERCHANT, request_body, requirements
from facilitator.testing.running import NETWORK, NOW, Running
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import build, pay, sign

MOST = 8
"""Calls for a payment that is refused."""
MANY = 60
PROXY = "127.0.0.1"
AMOUNT, FEE, HELD = 2_000_000, 3_000_000, 5_000_000


class Site:
    """A facilitator on a Blockfrost-compatible server that counts its calls."""

    def __init__(
        self,
        folder: Path,
        devnet: Devnet,
        api: BlockfrostApi,
        clock: ManualClock | None = None,
        **more: str,
    ) -> None:
        settings = {
            "FACILITATOR_PLUGINS": "blockfrost,memory",
            "FACILITATOR_BLOCKFROST__BASE_URL": api.url,
            "FACILITATOR_BLOCKFROST__PROJECT_ID": "preprodOfTheDevnet",
            "FACILITATOR_BLOCKFROST__POLL_SECONDS": "600",
            "FACILITATOR_RATE_LIMIT__ENABLED": "false",
            **more,
        }
        self.devnet, self.api = devnet, api
        self.running = Running(folder, settings=settings, clock=clock, real_time=clock is None)
        self.warm_up()

    def warm_up(self) -> None:
        """Have what is asked once for all be known, and following begun."""
        assert self.verify(self.payment([self.fund()]))["isValid"]

    def fund(self, owner: bytes = ALICE.address) -> OutputRef:
        """An output in a transaction of its own."""
        return self.devnet.fund(owner, HELD)

    def payment(self, inputs: Sequence[OutputRef], **fields: Any) -> dict[str, Any]:
        """A payment by Alice out of the inputs, each with what :meth:`fund` gives."""
        change = max(HELD * len(inputs) - AMOUNT - FEE, 1_500_000)
        outputs = [(MERCHANT.address, Value(AMOUNT, {}))]
        if len(inputs) > 1:
            outputs.append((ALICE.address, Value(change, {})))
        body = build(inputs, outputs, FEE, self.running.slot + 300, **fields)
        return request_body(sign(body, [ALICE.payment_key]), requirements(), inputs[0])

    def verify(self, body: Mapping[str, Any], client: str | None = None) -> dict[str, Any]:
        headers = {} if client is None else {"X-Forwarded-For": client}
        status, answer = self.running.call("POST", "/verify", body, headers)
        assert status == 200, answer
        return dict(answer)

    def cost(self, body: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
        """The verdict and the calls that it cost, without those that follow the chain."""
        self.api.counters.reset()
        answer = self.verify(body)
        calls = self.api.counts()["by_endpoint"]
        return answer, sum(n for name, n in calls.items() if not name.startswith("GET /blocks/"))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    devnet = Devnet(NETWORK, SystemClock())
    with closing(devnet), BlockfrostApi(devnet) as api:
        site = Site(tmp_path, devnet, api)
        with closing(site.running):
            yield site


def nowhere() -> OutputRef:
    return OutputRef(os.urandom(32), 0)


def never_were(site: Site) -> dict[str, Any]:
    return site.payment([nowhere() for _ in range(400)])


def one_of_ones_own_first(site: Site) -> dict[str, Any]:
    return site.payment([site.fund(), *(nowhere() for _ in range(MANY))])


def those_of_others(site: Site) -> dict[str, Any]:
    return site.payment([site.fund(), *(site.fund(BOB.address) for _ in range(MANY))])


def references(site: Site) -> dict[str, Any]:
    return site.payment([site.fund()], _18=[list(nowhere()) for _ in range(400)])


def references_that_are(site: Site) -> dict[str, Any]:
    return site.payment([site.fund()], _18=[list(site.fund(BOB.address)) for _ in range(MANY)])


def collateral(site: Site) -> dict[str, Any]:
    return site.payment([site.fund()], _13=[list(nowhere()) for _ in range(3)])


def registrations(site: Site) -> dict[str, Any]:
    certificates = [[0, [0, os.urandom(28)]] for _ in range(400)]
    return site.payment([site.fund()], _4=certificates)


def scripts_withdrawals(site: Site) -> dict[str, Any]:
    return site.payment([site.fund()], _5={b"\xf0" + os.urandom(28): 0 for _ in range(100)})


def one_that_its_transaction_never_made(site: Site) -> dict[str, Any]:
    return site.payment([site.fund()._replace(index=7)])


WORST: Sequence[Callable[[Site], dict[str, Any]]] = (
    never_were,
    one_of_ones_own_first,
    those_of_others,
    references,
    references_that_are,
    collateral,
    registrations,
    scripts_withdrawals,
    one_that_its_transaction_never_made,
)


@pytest.mark.parametrize("make", WORST, ids=lambda make: make.__name__)
def test_a_bad_payment_costs_a_handful_of_calls(
    site: Site, make: Callable[[Site], dict[str, Any]]
) -> None:
    body = make(site)
    answer, calls = site.cost(body)
    assert not answer["isValid"], answer
    assert calls <= MOST, answer


@pytest.mark.parametrize(
    "make", [never_were, references, one_that_its_transaction_never_made], ids=lambda m: m.__name__
)
def test_a_bad_payment_that_is_repeated_costs_nothing(
    site: Site, make: Callable[[Site], dict[str, Any]]
) -> None:
    body = make(site)
    first = site.verify(body)
    again, calls = site.cost(body)
    assert (again["invalidReason"], calls) == (first["invalidReason"], 0)


def test_a_settlement_of_junk_costs_as_little(site: Site) -> None:
    body = never_were(site)
    site.api.counters.reset()
    assert not site.running.settle(body)["success"]
    assert site.api.counts()["by_endpoint"]["GET /txs/{hash}/utxos"] == 1


def test_inputs_of_others_are_refused_as_unsigned(site: Site) -> None:
    answer = site.verify(those_of_others(site))
    assert answer["invalidReason"] == "invalid_exact_cardano_payload_phase1_invalid"
    assert "MissingVKeyWitnessesUTXOW" in answer["invalidMessage"]


def test_a_spent_input_is_named_though_others_are_not_known(site: Site) -> None:
    ref = site.fund()
    utxo = {ref: site.devnet.outputs_at(ALICE.address)[ref]}
    slot = site.running.slot
    raw = pay(ALICE, utxo, BOB.address, AMOUNT, parameters=PARAMETERS, ttl=slot + 100)
    site.devnet.submit(raw)
    site.devnet.produce_block()
    answer, calls = site.cost(site.payment([ref, nowhere(), nowhere()]))
    assert answer["invalidReason"] == "invalid_exact_cardano_payload_nonce_not_on_chain", answer
    assert calls == 1


def test_a_wallet_of_small_outputs_is_judged(site: Site) -> None:
    """Each request gets further, until all outputs are known; none says anything wrong."""
    body = site.payment([site.fund() for _ in range(MANY)])
    answers = []
    for _ in range(4):
        answer, calls = site.cost(body)
        answers.append(answer)
        assert calls <= 24
        if answer["isValid"]:
            break
        assert answer["invalidReason"] == "exact_cardano_facilitator_chain_lookup_failed"
        assert "24" in answer["invalidMessage"]
    assert [answer["isValid"] for answer in answers] == [False, False, True]


def test_an_ordinary_wallet_is_judged_at_once(site: Site) -> None:
    body = site.payment([site.fund() for _ in range(20)])
    answer, calls = site.cost(body)
    assert (answer["isValid"], calls) == (True, 20), answer


def test_a_verdict_that_takes_too_long_gets_further_the_next_time(tmp_path: Path) -> None:
    devnet = Devnet(NETWORK, SystemClock())
    with closing(devnet), BlockfrostApi(devnet) as api:
        site = Site(tmp_path, devnet, api, FACILITATOR_CHAIN__VERDICT_SECONDS="1")
        with closing(site.running):
            body = site.payment([site.fund() for _ in range(4)])
            api.faults.latency(600, "GET /txs/{hash}/utxos", times=4)
            answer = site.verify(body)
            assert answer["invalidReason"] == "exact_cardano_facilitator_chain_lookup_failed"
            assert "no answer within 1 s" in answer["invalidMessage"]
            api.faults.clear()
            again, calls = site.cost(body)
            assert again["isValid"]
            assert calls < 4


def test_an_inspection_of_junk_is_bounded(tmp_path: Path) -> None:
    devnet = Devnet(NETWORK, SystemClock())
    with closing(devnet), BlockfrostApi(devnet) as api:
        site = Site(tmp_path, devnet, api, FACILITATOR_INSPECT__ENABLED="true")
        with closing(site.running):
            api.counters.reset()
            status, _ = site.running.call("POST", "/inspect", never_were(site))
            assert status == 200
            assert api.counts()["by_endpoint"]["GET /txs/{hash}/utxos"] <= 24


def test_others_are_judged_while_one_client_floods(tmp_path: Path) -> None:
    """On a free plan, whose requests the flood would use up.

    The clock stands still: as time passes, there is room for more requests.
    """
    clock = ManualClock(NOW)
    devnet = Devnet(NETWORK, clock)
    more = {"FACILITATOR_BLOCKFROST__TIER": "free", "FACILITATOR_SERVER__TRUSTED_PROXIES": PROXY}
    with closing(devnet), BlockfrostApi(devnet) as api:
        site = Site(tmp_path, devnet, api, clock, **more)
        with closing(site.running):
            flood = [site.verify(one_of_ones_own_first(site), "203.0.113.1") for _ in range(120)]
            assert "kept for others" in flood[-1]["invalidMessage"]
            honest = [site.verify(site.payment([site.fund()]), "203.0.113.2") for _ in range(30)]
            assert [answer["isValid"] for answer in honest] == [True] * 30
            assert site.running.settle(site.payment([site.fund()]), Prefer="wait=0")["transaction"]


def test_inspections_count_as_those_of_their_client(tmp_path: Path) -> None:
    """Not as this machine's own, whose payments would be kept waiting. Nor are they free."""
    clock = ManualClock(NOW)
    devnet = Devnet(NETWORK, clock)
    more = {
        "FACILITATOR_BLOCKFROST__TIER": "free",
        "FACILITATOR_INSPECT__ENABLED": "true",
        "FACILITATOR_SERVER__TRUSTED_PROXIES": PROXY,
    }
    with closing(devnet), BlockfrostApi(devnet) as api:
        site = Site(tmp_path, devnet, api, clock, **more)
        with closing(site.running):
            stranger = "203.0.113.1"
            for _ in range(20):
                headers = {"X-Forwarded-For": stranger}
                assert site.running.call("POST", "/inspect", never_were(site), headers)[0] == 200
            assert site.verify(site.payment([site.fund()]))["isValid"]
            refused = site.verify(site.payment([site.fund()]), stranger)
            assert "kept for others" in refused["invalidMessage"]
