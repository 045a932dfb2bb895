"""Protocol parameters and eras from Blockfrost, kept as long as they hold."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from threading import Event
from typing import Any

import pytest

from facilitator.cardano.slots import KNOWN_ERAS, Era
from facilitator.roles.chain_errors import ChainUnavailable, ProviderUnusable
from facilitator.testing.clock import ManualClock
from facilitator.testing.threads import together
from facilitator.x402.networks import NETWORKS, CardanoNetwork
from facilitator_blockfrost import client as client_module
from facilitator_blockfrost.parameters import LAG_SECONDS
from facilitator_blockfrost.provider import Blockfrost
from support.networks import forgotten_afterwards
from support.upstream import NOT_FOUND, Asked, Reply, Upstream, by_path, problem, reply

Start = Callable[[Callable[[Asked], Reply]], Upstream]
ProviderOf = Callable[..., Blockfrost]

NETWORK = "cardano:preprod"
EPOCH_SECONDS = 432_000
FIRST_EPOCH_AT = 1_655_769_600
"""When epoch 4 of preprod began."""
NOW_EPOCH = 4 + (1_790_000_000 - FIRST_EPOCH_AT) // EPOCH_SECONDS
ERAS = [
    {
        "start": {"time": 0, "slot": 0, "epoch": 0},
        "end": {"time": 1_728_000, "slot": 86_400, "epoch": 4},
        "parameters": {"epoch_length": 21_600, "slot_length": 20, "safe_zone": 4320},
    },
    {
        "start": {"time": 1_728_000, "slot": 86_400, "epoch": 4},
        "end": {"time": 2_160_000, "slot": 518_400, "epoch": 5},
        "parameters": {"epoch_length": 432_000, "slot_length": 1, "safe_zone": 129_600},
    },
    {
        "start": {"time": 2_160_000, "slot": 518_400, "epoch": 5},
        "end": {"time": 144_720_000, "slot": 143_078_400, "epoch": 335},
        "parameters": {"epoch_length": 432_000, "slot_length": 1, "safe_zone": 129_600},
    },
]
GENESIS = {"system_start": 1_654_041_600, "epoch_length": 432_000}
COSTS = {"PlutusV1": [3, 1, 2], "PlutusV2": [9, -8], "PlutusV3": [7]}


@pytest.fixture
def own() -> Iterator[str]:
    """A registered network of which the calendar is not known."""
    with forgotten_afterwards():
        NETWORKS.register(CardanoNetwork("cardano:own", magic=42), "tests")
        yield "cardano:own"


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "FIRST_BACKOFF", 0.001)


def parameters(epoch: int = NOW_EPOCH, **changes: Any) -> dict[str, Any]:
    """As blockfrost.io has them: some numbers are texts."""
    return {
        "epoch": epoch,
        "min_fee_a": 44,
        "min_fee_b": 155_381,
        "max_tx_size": 16_384,
        "key_deposit": "2000000",
        "pool_deposit": "500000000",
        "e_max": 18,
        "protocol_major_ver": 10,
        "protocol_minor_ver": 2,
        "min_utxo": "4310",
        "min_pool_cost": "170000000",
        "cost_models": {"PlutusV1": {"a": 1}},
        "cost_models_raw": COSTS,
        "price_mem": 0.0577,
        "price_step": 0.0000721,
        "max_tx_ex_mem": "16500000",
        "max_tx_ex_steps": "10000000000",
        "max_val_size": "5000",
        "collateral_percent": 150,
        "max_collateral_inputs": 3,
        "coins_per_utxo_size": "4310",
        "gov_action_deposit": "100000000000",
        "drep_deposit": "500000000",
        "min_fee_ref_script_cost_per_byte": 15,
        **changes,
    }


def replies(**changes: Any) -> dict[str, Any]:
    return {
        "/network/eras": ERAS,
        "/genesis": GENESIS,
        "/epochs/latest/parameters": parameters(),
        **changes,
    }


def test_every_parameter_has_its_value(upstream: Start, provider_of: ProviderOf) -> None:
    found = provider_of(upstream(by_path(replies()))).parameters()
    assert found.coins_per_utxo_byte == 4310
    assert (found.price_memory, found.price_steps) == (Fraction(577, 10**4), Fraction(721, 10**7))
    assert found.min_fee_ref_script_cost_per_byte == Fraction(15)
    assert (found.protocol_major, found.protocol_minor) == (10, 2)
    assert found.cost_models == {0: (3, 1, 2), 1: (9, -8), 2: (7,)}
    assert (found.drep_deposit, found.gov_action_deposit) == (500_000_000, 100_000_000_000)
    assert (found.epoch, found.max_epoch) == (NOW_EPOCH, 18)


@pytest.mark.parametrize(
    "changes",
    [
        {"min_fee_a": None},
        {"key_deposit": "2e6"},
        {"price_mem": "x"},
        {"price_mem": True},
        {"price_mem": -0.5},
        {"price_mem": 1e300},
        {"price_mem": "1e999999999"},
        {"cost_models_raw": [1]},
        {"cost_models_raw": {"PlutusV1": ["x"]}},
    ],
)
def test_a_parameter_that_is_missing_or_strange_is_no_verdict(
    upstream: Start, provider_of: ProviderOf, changes: dict[str, Any]
) -> None:
    told = {"/epochs/latest/parameters": parameters(**changes)}
    with pytest.raises(ChainUnavailable, match="unforeseen"):
        provider_of(upstream(by_path({**replies(), **told}))).parameters()


def test_a_fraction_may_be_a_text(upstream: Start, provider_of: ProviderOf) -> None:
    told = {"/epochs/latest/parameters": parameters(price_mem="0.0577")}
    found = provider_of(upstream(by_path({**replies(), **told}))).parameters()
    assert found.price_memory == Fraction(577, 10**4)


def test_parameters_are_asked_for_once_an_epoch(
    upstream: Start, provider_of: ProviderOf, clock: ManualClock
) -> None:
    answers = replies()
    server = upstream(lambda asked: by_path(answers)(asked))
    provider = provider_of(server)
    assert {provider.parameters().epoch for _ in range(3)} == {NOW_EPOCH}
    assert server.count("/parameters") == 1
    answers["/epochs/latest/parameters"] = parameters(NOW_EPOCH + 1, min_fee_a=45)
    clock.advance(EPOCH_SECONDS)
    assert {provider.parameters().min_fee_a for _ in range(3)} == {45}
    assert server.count("/parameters") == 2


def test_parameters_are_asked_for_again_when_the_clock_is_set_back(
    upstream: Start, provider_of: ProviderOf, clock: ManualClock
) -> None:
    """It was weeks ahead: they would count for weeks."""
    answers = replies()
    provider = provider_of(upstream(lambda asked: by_path(answers)(asked)))
    clock.advance(10 * EPOCH_SECONDS)
    provider.parameters()
    answers["/epochs/latest/parameters"] = parameters(NOW_EPOCH, min_fee_a=45)
    clock.set_back(10 * EPOCH_SECONDS)
    assert provider.parameters().min_fee_a == 45


def test_just_after_an_epochs_start_those_before_hold_on_for_a_while(
    upstream: Start, provider_of: ProviderOf, clock: ManualClock
) -> None:
    answers = replies()
    server = upstream(lambda asked: by_path(answers)(asked))
    provider = provider_of(server)
    start = FIRST_EPOCH_AT + (NOW_EPOCH + 1 - 4) * EPOCH_SECONDS
    clock.advance(start - clock.time())
    for asked in (1, 2, 3):
        assert {provider.parameters().epoch for _ in range(3)} == {NOW_EPOCH}
        assert server.count("/parameters") == asked
        clock.advance(15)
    answers["/epochs/latest/parameters"] = parameters(NOW_EPOCH + 1)
    assert {provider.parameters().epoch for _ in range(3)} == {NOW_EPOCH + 1}
    assert server.count("/parameters") == 4
    clock.advance(EPOCH_SECONDS / 2)
    provider.parameters()
    assert server.count("/parameters") == 4


def test_parameters_of_the_epoch_before_do_not_hold_for_long(
    upstream: Start, provider_of: ProviderOf, clock: ManualClock
) -> None:
    provider = provider_of(upstream(by_path(replies())))
    start = FIRST_EPOCH_AT + (NOW_EPOCH + 1 - 4) * EPOCH_SECONDS
    clock.advance(start + LAG_SECONDS + 1 - clock.time())
    with pytest.raises(ChainUnavailable, match=f"the parameters of epoch {NOW_EPOCH + 1} yet"):
        provider.parameters()


def test_a_network_that_counts_epochs_otherwise_is_asked_at_its_clock(
    upstream: Start, provider_of: ProviderOf
) -> None:
    told = {"/epochs/latest/parameters": parameters(7)}
    server = upstream(by_path({**replies(), **told}))
    provider = provider_of(server)
    assert [provider.parameters().epoch for _ in range(3)] == [7] * 3
    assert server.count("/parameters") == 1


def test_many_threads_ask_once(upstream: Start, provider_of: ProviderOf) -> None:
    gate = Event()

    def answer(asked: Asked) -> Reply:
        gate.wait(60)
        return by_path(replies())(asked)

    server = upstream(answer)
    provider = provider_of(server)
    calls: list[Callable[[], object]] = [provider.parameters] * 8
    found = together([*calls, gate.set])
    assert all(each == found[0] for each in found[:8])
    assert server.count("/parameters") == 1


def test_a_failure_is_told_to_all_who_wait_and_not_kept(
    upstream: Start, provider_of: ProviderOf, own: str
) -> None:
    answers = replies(**{"/network/eras": problem(500)})
    provider = provider_of(upstream(lambda asked: by_path(answers)(asked)), own)
    with pytest.raises(ChainUnavailable):
        provider.parameters()
    answers["/network/eras"] = reply(200, ERAS)
    assert provider.parameters().epoch == NOW_EPOCH


# --- Eras -------------------------------------------------------------------------------------


def test_eras_of_one_slot_length_are_one(
    upstream: Start, provider_of: ProviderOf, own: str
) -> None:
    server = upstream(by_path(replies()))
    provider = provider_of(server, own)
    assert provider.eras().eras == provider.eras().eras == KNOWN_ERAS[NETWORK].eras
    assert len(server.asked) == 2


def test_the_calendar_of_a_known_network_is_not_asked_for(
    upstream: Start, provider_of: ProviderOf
) -> None:
    server = upstream(by_path(replies(**{"/network/eras": problem(500)})))
    provider = provider_of(server)
    assert provider.eras() is provider.eras() is KNOWN_ERAS[NETWORK]
    assert provider.parameters().epoch == NOW_EPOCH
    assert server.count("/network/eras") == server.count("/genesis") == 0


@pytest.mark.parametrize("missing", ["/network/eras", "/genesis"])
def test_without_any_calendar_no_verdict_is_given(
    upstream: Start, provider_of: ProviderOf, own: str, missing: str
) -> None:
    provider = provider_of(upstream(by_path(replies(**{missing: NOT_FOUND}))), own)
    with pytest.raises(ProviderUnusable, match="how slots and time relate"):
        provider.eras()


def test_an_era_that_the_network_began_after_is_none(
    upstream: Start, provider_of: ProviderOf, own: str
) -> None:
    nothing = {"time": 0, "slot": 0, "epoch": 0}
    before = {"start": nothing, "end": nothing, "parameters": ERAS[0]["parameters"]}
    only = {"start": nothing, "end": ERAS[-1]["end"], "parameters": ERAS[-1]["parameters"]}
    told = {"/network/eras": [before, before, only]}
    provider = provider_of(upstream(by_path({**replies(), **told})), own)
    assert provider.eras().eras == (Era(0, 1_654_041_600_000, 1_000),)


@pytest.mark.parametrize(
    "eras",
    [
        [],
        {},
        [{"start": {}, "end": {}, "parameters": {}}],
        [{**ERAS[1], "parameters": {"epoch_length": 432_000, "slot_length": 0}}],
        [{**ERAS[1], "parameters": {"epoch_length": 0, "slot_length": 1}}],
    ],
)
def test_eras_that_make_no_sense_are_no_verdict(
    upstream: Start, provider_of: ProviderOf, own: str, eras: Any
) -> None:
    with pytest.raises(ChainUnavailable, match="unforeseen"):
        provider_of(upstream(by_path(replies(**{"/network/eras": eras}))), own).eras()
