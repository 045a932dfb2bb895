"""A wallet in pycardano locks money at scripts and takes it back, on the devnet as a Blockfrost."""

from collections.abc import Iterator
from typing import Any

import pycardano
import pytest

from facilitator.plugin import SystemClock
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from support.script_spends import ALICE, BAD, GOOD, LOCKED, OLD, V2, Script

KEY: Any = pycardano.PaymentSigningKey.from_primitive(bytes(ALICE.payment_key))
OWN = pycardano.Address.from_primitive(ALICE.address)
V3_GOOD, V3_BAD = pycardano.PlutusV3Script(GOOD.code), pycardano.PlutusV3Script(BAD.code)
V2_SAME = pycardano.PlutusV2Script(OLD[V2].code)
"""Succeeds if the redeemer is the datum."""


@pytest.fixture
def devnet() -> Iterator[Devnet]:
    pytest.importorskip("uplc", reason="the extra [plutus] is not installed")
    devnet = Devnet("cardano:preprod", SystemClock())
    yield devnet
    devnet.close()


@pytest.fixture
def chain(devnet: Devnet) -> Iterator[pycardano.BlockFrostChainContext]:
    with BlockfrostApi(devnet) as api:
        yield pycardano.BlockFrostChainContext("preprodAny", base_url=f"{api.url}/api")


class Wallet:
    """Builds, signs and sends, each time in a block of its own."""

    def __init__(self, devnet: Devnet, chain: pycardano.BlockFrostChainContext) -> None:
        self._devnet, self._chain = devnet, chain

    def lock(self, script: Script, *, datum: Any = None, carried: Any = None) -> Any:
        """Pay to the script; return the output, which may carry a reference script."""
        address = place_of(script)
        made = pycardano.TransactionOutput(
            address, pycardano.Value(LOCKED), datum=datum, script=carried
        )
        builder = pycardano.TransactionBuilder(self._chain)
        builder.add_input_address(OWN)
        builder.add_output(made)
        self.send(builder)
        (found,) = self._chain.utxos(address)
        return found

    def take(self, locked: Any, script: Any, data: Any) -> pycardano.Transaction:
        builder = pycardano.TransactionBuilder(self._chain)
        builder.add_input_address(OWN)
        builder.add_script_input(locked, script, redeemer=pycardano.Redeemer(data))
        return self.send(builder)

    def send(self, builder: pycardano.TransactionBuilder) -> pycardano.Transaction:
        signed = builder.build_and_sign([KEY], change_address=OWN)
        self._chain.submit_tx(signed)
        assert str(signed.id) in self._devnet.produce_block().transactions
        return signed


@pytest.fixture
def wallet(devnet: Devnet, chain: pycardano.BlockFrostChainContext) -> Wallet:
    return Wallet(devnet, chain)


def place_of(script: Script) -> Any:
    return pycardano.Address.from_primitive(script.address)


def test_an_always_succeeding_v3_script(wallet: Wallet, devnet: Devnet) -> None:
    locked = wallet.lock(GOOD)
    assert locked.output.address.payment_part == pycardano.plutus_script_hash(V3_GOOD)
    taken = wallet.take(locked, V3_GOOD, 0)
    assert not devnet.outputs_at(GOOD.address)
    assert taken.transaction_body.collateral_return is not None


def test_a_v2_script_that_checks_the_datum(wallet: Wallet, devnet: Devnet) -> None:
    """Whose code is in the output itself; what it refuses pycardano does not send."""
    datum = pycardano.IndefiniteList([1, b"two"])
    locked = wallet.lock(OLD[V2], datum=datum, carried=V2_SAME)
    with pytest.raises(pycardano.TransactionFailedException, match="it ends in an error"):
        wallet.take(locked, None, pycardano.IndefiniteList([1, b"three"]))
    assert devnet.outputs_at(OLD[V2].address)
    wallet.take(locked, None, datum)
    assert not devnet.outputs_at(OLD[V2].address)


def test_a_failing_script_is_not_even_built(wallet: Wallet, devnet: Devnet) -> None:
    locked = wallet.lock(BAD)
    with pytest.raises(pycardano.TransactionFailedException, match="it ends in an error"):
        wallet.take(locked, V3_BAD, 0)
    assert devnet.outputs_at(BAD.address)
