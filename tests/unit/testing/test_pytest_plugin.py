"""The fixtures that tests of plugins get, and what the plugin costs those who use none."""

import subprocess
import sys
from collections.abc import Mapping

import pytest

from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.storage import StorageUnavailable
from facilitator.testing.faults import Faults
from facilitator.testing.payments import transaction_id
from facilitator.testing.pytest_plugin import MakePayer, RunFacilitator
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.wallet import Wallet


def test_a_payment_is_settled(run_facilitator: RunFacilitator, make_payer: MakePayer) -> None:
    payer = make_payer(run_facilitator())
    assert payer.pay()["success"]
    assert payer.pay(confirmations=0)["success"]


def test_bad_payments_are_refused(run_facilitator: RunFacilitator, make_payer: MakePayer) -> None:
    running = run_facilitator()
    for name, body in make_payer(running).bad_bodies().items():
        assert not running.verify(body)["isValid"], name


def test_another_wallet_pays(
    run_facilitator: RunFacilitator, make_payer: MakePayer, devnet_wallets: Mapping[str, Wallet]
) -> None:
    answer = make_payer(run_facilitator(), devnet_wallets["bob"]).pay()
    assert answer["payer"] == devnet_wallets["bob"].bech32


def test_a_fault_of_the_storage(
    run_facilitator: RunFacilitator, make_payer: MakePayer, part_faults: Mapping[str, Faults]
) -> None:
    running = run_facilitator(faults=part_faults)
    body = make_payer(running).body()
    part_faults["storage"].fail("add_claim", StorageUnavailable("it is away"))
    status, _ = running.call("POST", "/settle", body)
    assert status == 503
    part_faults["storage"].clear()
    assert running.settle(body, Prefer="wait=0")["transaction"] == transaction_id(body)
    assert part_faults["storage"].calls.count("add_claim") >= 2


def test_a_fault_of_the_chain_once(
    run_facilitator: RunFacilitator, make_payer: MakePayer, part_faults: Mapping[str, Faults]
) -> None:
    running = run_facilitator(faults=part_faults)
    part_faults["chain_provider"].fail("outputs", ChainUnavailable("it is away"), times=1)
    body = make_payer(running).body()
    assert [running.verify(body)["isValid"] for _ in range(2)] == [False, True]


def test_a_devnet_by_itself(lone_devnet: Devnet) -> None:
    height = lone_devnet.tip().height
    lone_devnet.produce_block()
    assert lone_devnet.tip().height == height + 1


def test_the_plugin_imports_next_to_nothing() -> None:
    """Every run of a plugin's tests loads it."""
    program = (
        "import sys, pytest; before = set(sys.modules); import facilitator.testing.pytest_plugin;"
        "print(*sorted(name for name in set(sys.modules) - before if name.count('.') < 2))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    loaded = done.stdout.decode().split()
    assert [name for name in loaded if name.split(".")[0] not in ("facilitator", "pluggy")] == []
    assert {name for name in loaded if name.startswith("facilitator")} <= {
        "facilitator",
        "facilitator.testing",
    }


@pytest.mark.parametrize("name", ["storage", "chain_provider"])
def test_a_part_can_be_held(
    run_facilitator: RunFacilitator, part_faults: Mapping[str, Faults], name: str
) -> None:
    running = run_facilitator(faults=part_faults)
    part_faults[name].hold("no method").set()
    assert running.call("GET", "/supported")[0] == 200
