"""Payments whose change has a token of a Plutus V3 script, and a chain on which they are valid."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from hashlib import blake2b

import cbor2

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.slots import KNOWN_ERAS, EraSummary
from facilitator.cardano.transaction import Language, OutputRef, Value
from facilitator.roles.chain import OutputStatus, Spent, Unspent
from facilitator.testing.payments import ALICE, MERCHANT, genesis_utxos
from facilitator.testing.running import NETWORK
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import build
from support.ledger_values import plutus
from support.plutus_programs import program

COSTS = (0,) * 297
NOW = 1_800_000_000.0
BUDGET = [1000, 1000]
FEE = 400_000
GOOD = program(("lam", ("con", (3,), "")))
BAD = program(("lam", ("error",)))
_LOOP = ("lam", ("apply", ("var", 1), ("var", 1)))
ENDLESS = program(("lam", ("apply", _LOOP, _LOOP)))
"""Never ends where steps cost nothing."""


class Chain:
    """A chain with the outputs of ALICE at genesis and parameters that price Plutus V3."""

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        held = genesis_utxos(ALICE)
        return {ref: Unspent(held[ref]) if ref in held else Spent() for ref in refs}

    def parameters(self) -> ProtocolParameters:
        return replace(PARAMETERS, cost_models={2: COSTS})

    def eras(self) -> EraSummary:
        return KNOWN_ERAS[NETWORK]


def minting_payment(code: bytes, fee: int = FEE) -> bytes:
    """A payment of 2 ada to MERCHANT whose change has a token of the Plutus V3 script."""
    script = plutus(Language.PLUTUS_V3, code)
    ref, held = next((r, o) for r, o in genesis_utxos(ALICE).items() if not o.value.assets)
    change = held.value.lovelace - 2_000_000 - fee
    redeemers = cbor2.dumps({(1, 0): [0, BUDGET]})
    views = b"\xa1\x02" + cbor2.dumps(list(COSTS))
    integrity = blake2b(redeemers + views, digest_size=32).digest()
    outputs = [
        (MERCHANT.address, Value(2_000_000, {})),
        (ALICE.address, Value(change, {script.hash + b"x": 1})),
    ]
    ttl = KNOWN_ERAS[NETWORK].slot_at(int(NOW * 1000)) + 300
    collateral = [list(ref)]
    mint = {script.hash: {b"x": 1}}
    body = build([ref], outputs, fee, ttl, _9=mint, _11=integrity, _13=collateral)
    signature = ALICE.payment_key.sign(blake2b(body, digest_size=32).digest()).signature
    vkeys = [[bytes(ALICE.payment_key.verify_key), signature]]
    witnesses = (
        b"\xa3\x00" + cbor2.dumps(vkeys) + b"\x05" + redeemers + b"\x07" + cbor2.dumps([code])
    )
    return b"\x84" + body + witnesses + b"\xf5\xf6"
