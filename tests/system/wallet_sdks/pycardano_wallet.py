"""A wallet in pycardano, whose import takes a second: only the tests that use it load it."""

from typing import Any

import pycardano

from facilitator_devnet.devnet import Devnet
from support.script_spends import ALICE, BAD, GOOD, LOCKED, OLD, V2, Script

KEY: Any = pycardano.PaymentSigningKey.from_primitive(bytes(ALICE.payment_key))
OWN = pycardano.Address.from_primitive(ALICE.address)
V3_GOOD, V3_BAD = pycardano.PlutusV3Script(GOOD.code), pycardano.PlutusV3Script(BAD.code)
V2_SAME = pycardano.PlutusV2Script(OLD[V2].code)
"""Succeeds if the redeemer is the datum."""


def place_of(script: Script) -> Any:
    return pycardano.Address.from_primitive(script.address)


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
