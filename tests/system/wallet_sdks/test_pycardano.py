"""A wallet in pycardano locks money at scripts and takes it back, on the devnet as a Blockfrost."""

import importlib
from collections.abc import Iterator
from typing import Any

import pytest

from facilitator.plugin import SystemClock
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from support.script_spends import BAD, GOOD, OLD, V2


@pytest.fixture
def devnet() -> Iterator[Devnet]:
    pytest.importorskip("uplc", reason="the extra [plutus] is not installed")
    devnet = Devnet("cardano:preprod", SystemClock())
    yield devnet
    devnet.close()


@pytest.fixture(scope="module")
def theirs() -> Any:
    return importlib.import_module("wallet_sdks.pycardano_wallet")


@pytest.fixture
def wallet(theirs: Any, devnet: Devnet) -> Iterator[Any]:
    with BlockfrostApi(devnet) as api:
        chain = theirs.pycardano.BlockFrostChainContext("preprodAny", base_url=f"{api.url}/api")
        yield theirs.Wallet(devnet, chain)


def test_an_always_succeeding_v3_script(theirs: Any, wallet: Any, devnet: Devnet) -> None:
    locked = wallet.lock(GOOD)
    assert locked.output.address.payment_part == theirs.pycardano.plutus_script_hash(theirs.V3_GOOD)
    taken = wallet.take(locked, theirs.V3_GOOD, 0)
    assert not devnet.outputs_at(GOOD.address)
    assert taken.transaction_body.collateral_return is not None


def test_a_v2_script_that_checks_the_datum(theirs: Any, wallet: Any, devnet: Devnet) -> None:
    """Whose code is in the output itself; what it refuses pycardano does not send."""
    datum = theirs.pycardano.IndefiniteList([1, b"two"])
    locked = wallet.lock(OLD[V2], datum=datum, carried=theirs.V2_SAME)
    with pytest.raises(theirs.pycardano.TransactionFailedException, match="it ends in an error"):
        wallet.take(locked, None, theirs.pycardano.IndefiniteList([1, b"three"]))
    assert devnet.outputs_at(OLD[V2].address)
    wallet.take(locked, None, datum)
    assert not devnet.outputs_at(OLD[V2].address)


def test_a_failing_script_is_not_even_built(theirs: Any, wallet: Any, devnet: Devnet) -> None:
    locked = wallet.lock(BAD)
    with pytest.raises(theirs.pycardano.TransactionFailedException, match="it ends in an error"):
        wallet.take(locked, theirs.V3_BAD, 0)
    assert devnet.outputs_at(BAD.address)
