"""The genesis of every devnet: wallets, a test token, protocol parameters."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from hashlib import blake2b
from typing import NamedTuple

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.slots import Era, EraSummary
from facilitator.cardano.transaction import Output, OutputRef, Transaction, Value
from facilitator.x402.networks import cardano_network
from facilitator_devnet.cost_models import COST_MODELS
from facilitator_devnet.encoding import POLICY_BYTES
from facilitator_devnet.wallet import Wallet, build, sign

WALLETS = ("alice", "bob", "carol", "merchant")
TEST_TOKEN = bytes.fromhex("e675b46e4d2242c991a8932a99db3044e80515ae14b4c4ccf6b3f4c9") + (
    bytes.fromhex("0014df10745553444d")
)
"""tUSDM as on preprod: 6 decimals."""

GENESIS_VALUES = (
    *[Value(1_000_000_000, {})] * 5,
    *[Value(10_000_000, {TEST_TOKEN: 1_000_000_000})] * 3,
)
"""The outputs of each genesis wallet: five of 1000 ada, three of 10 ada and 1000 tUSDM."""

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
    cost_models=COST_MODELS,
)
"""The parameters of preprod."""

MAX_BLOCK_BODY_SIZE = 90_112
"""Bytes of transactions in a block, as on preprod."""


class Epochs(NamedTuple):
    """The numbering of epochs: the first slot, its epoch, and the slots in an epoch."""

    start_slot: int
    start_epoch: int
    slots: int

    def at(self, slot: int) -> int:
        """Return the epoch of the slot."""
        return self.start_epoch + max(0, slot - self.start_slot) // self.slots

    def first_slot(self, epoch: int) -> int:
        """Return the first slot of the epoch."""
        return self.start_slot + (epoch - self.start_epoch) * self.slots


_ERAS = EraSummary([Era(0, 1_666_656_000_000, 1000)])
"""The eras of a devnet for a network whose own are not known."""


def eras_of(network: str) -> EraSummary:
    """Return the eras of the network that a devnet stands in for."""
    return cardano_network(network).eras or _ERAS


def epochs_of(network: str) -> Epochs:
    """Return the epochs of the network that a devnet stands in for."""
    known = cardano_network(network)
    return Epochs(*known.first_epoch, known.epoch_slots)


def wallets(network: str) -> Mapping[str, Wallet]:
    """Return the genesis wallets by name."""
    return {name: Wallet(name, cardano_network(network).network_id) for name in WALLETS}


def genesis_transactions(network: str) -> list[Transaction]:
    """Return the transactions that made the first outputs, one for each wallet."""
    return [
        gift(
            f"devnet genesis of {network}: {name}",
            [(wallet.address, value) for value in GENESIS_VALUES],
        )
        for name, wallet in wallets(network).items()
    ]


def genesis_outputs(network: str) -> Iterator[tuple[OutputRef, Output]]:
    """Yield every output of genesis."""
    for transaction in genesis_transactions(network):
        for number, output in enumerate(transaction.body.outputs):
            yield OutputRef(transaction.id, number), output


def gift(occasion: str, outputs: Sequence[tuple[bytes, Value]]) -> Transaction:
    """Return a transaction that makes the outputs (address and value) from nothing.

    Its id follows from the occasion. No ledger would take it, but look-ups treat it like any other.
    """
    mint: dict[bytes, dict[bytes, int]] = defaultdict(lambda: defaultdict(int))
    for _, value in outputs:
        for asset, quantity in value.assets.items():
            mint[asset[:POLICY_BYTES]][asset[POLICY_BYTES:]] += quantity
    fields = {"_7": digest(occasion.encode())} | ({"_9": mint} if mint else {})
    return decode_transaction(sign(build([], outputs, 0, None, **fields), []))


def digest(data: bytes) -> bytes:
    """Return the Blake2b-256, the hash for ids of transactions and blocks."""
    return blake2b(data, digest_size=32).digest()
