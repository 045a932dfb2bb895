"""What every devnet begins with: wallets, a test token, protocol parameters."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from hashlib import blake2b
from typing import NamedTuple

from facilitator.cardano.decode import decode_output
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.transaction import Output, OutputRef, Value
from facilitator.x402.networks import NETWORKS
from facilitator_devnet.encoding import encode_output
from facilitator_devnet.wallet import Wallet

WALLETS = ("alice", "bob", "carol", "merchant")
TEST_TOKEN = bytes.fromhex("e675b46e4d2242c991a8932a99db3044e80515ae14b4c4ccf6b3f4c9") + (
    bytes.fromhex("0014df10745553444d")
)
"""tUSDM as on preprod: 6 decimals."""

GENESIS_VALUES = (
    *[Value(1_000_000_000, {})] * 5,
    *[Value(10_000_000, {TEST_TOKEN: 1_000_000_000})] * 3,
)
"""What each genesis wallet holds: five outputs of 1000 ada, three of 10 ada and 1000 tUSDM."""

PARAMETERS = ProtocolParameters(
    min_fee_a=44,
    min_fee_b=155_381,
    coins_per_utxo_byte=4_310,
    max_tx_size=16_384,
    max_value_size=5_000,
    key_deposit=2_000_000,
    pool_deposit=500_000_000,
    min_pool_cost=170_000_000,
    drep_deposit=500_000_000,
    gov_action_deposit=100_000_000_000,
    collateral_percentage=150,
    max_collateral_inputs=3,
    min_fee_ref_script_cost_per_byte=Fraction(15),
    price_memory=Fraction(577, 10_000),
    price_steps=Fraction(721, 10_000_000),
    max_tx_memory=16_500_000,
    max_tx_steps=10_000_000_000,
    protocol_major=10,
    protocol_minor=0,
    cost_models={},
)
"""As on preprod; without cost models, since the devnet runs no Plutus."""


class Epochs(NamedTuple):
    """From which slot on epochs are numbered from what, and how many slots they last."""

    start_slot: int
    start_epoch: int
    slots: int

    def at(self, slot: int) -> int:
        """The epoch the slot lies in."""
        return self.start_epoch + max(0, slot - self.start_slot) // self.slots


EPOCHS = {
    "cardano:mainnet": Epochs(4_492_800, 208, 432_000),
    "cardano:preprod": Epochs(86_400, 4, 432_000),
    "cardano:preview": Epochs(0, 0, 86_400),
}


def wallets(network: str) -> Mapping[str, Wallet]:
    """The genesis wallets by name."""
    return {name: Wallet(name, NETWORKS[network].network_id) for name in WALLETS}


def genesis_outputs(network: str) -> Iterator[tuple[OutputRef, Output]]:
    """Every output there is at first. One wallet's come from one made-up transaction."""
    for name, wallet in wallets(network).items():
        transaction_id = digest(f"devnet genesis of {network}: {name}".encode())
        for index, value in enumerate(GENESIS_VALUES):
            output = decode_output(encode_output(wallet.address, value))
            yield OutputRef(transaction_id, index), output


def digest(data: bytes) -> bytes:
    """Blake2b-256, the hash that ids of transactions and blocks are made with."""
    return blake2b(data, digest_size=32).digest()
