"""A transaction of channels as it is planned, and the facts that it is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple, TypeAlias

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.transaction import Language, Output, OutputRef
from facilitator.plugin import ChainProvider, Clock
from facilitator.x402.networks import cardano_network
from facilitator_channels.transactions.wire import NewOutput


class CannotBuild(ValueError):
    """No such transaction can be made; the text says why, as a sentence."""


class NotCovered(CannotBuild):
    """The outputs that may be spent are too little."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The facts of the chain that a transaction depends on."""

    parameters: ProtocolParameters
    eras: EraSummary
    slot: int
    """The slot at which it is built."""
    network_id: int
    """0 for the test networks, 1 for mainnet."""


def read_ledger(chain: ChainProvider, clock: Clock) -> Ledger:
    """Return the facts for a transaction that is built now. Raises ``ChainUnavailable``."""
    eras = chain.eras()
    slot = eras.slot_at(round(clock.time() * 1000))
    return Ledger(chain.parameters(), eras, slot, cardano_network(chain.network).network_id)


def is_plain(output: Output) -> bool:
    """Return True without datum and script: with one it was locked there for a purpose."""
    return output.datum is None and output.datum_hash is None and output.script is None


@dataclass(frozen=True, slots=True)
class Purse:
    """Outputs of one key without datum and script: they pay fees and deposits, and are collateral.

    What a transaction has left goes back to the address.
    """

    address: bytes
    utxo: Mapping[OutputRef, Output]
    """The outputs that may be spent, all at addresses of the key."""
    collateral: Mapping[OutputRef, Output] | None = None
    """Outputs that are collateral and never spent; ``None`` to take it from ``utxo``."""


class ScriptWitness(NamedTuple):
    """The validator, brought by the transaction itself."""

    code: bytes
    """Its bytes as in a witness set: the program in one CBOR byte string."""

    @property
    def hash(self) -> bytes:
        """The hash by which outputs are locked, 28 bytes."""
        return blake2b(bytes([Language.PLUTUS_V3]) + self.code, digest_size=28).digest()


class ScriptReference(NamedTuple):
    """The validator, in an output that the transaction refers to."""

    ref: OutputRef
    output: Output


ScriptSource: TypeAlias = ScriptWitness | ScriptReference


@dataclass(frozen=True, slots=True)
class Plan:
    """A transaction without fee, change, collateral and units."""

    inputs: Mapping[OutputRef, Output]
    """The outputs that it spends in any case."""
    outputs: tuple[NewOutput, ...] = ()
    """The outputs that it creates, but for the change."""
    redeemers: Mapping[OutputRef, bytes] = field(default_factory=dict)
    """The CBOR of redeemers, by the input that each is for."""
    script: ScriptSource | None = None
    signers: frozenset[bytes] = frozenset()
    """Hashes of the keys that scripts ask for, 28 bytes."""
    valid_from: int | None = None
    """The first slot in which it is valid."""
    valid_until: int | None = None
    """The first slot in which it is no longer valid."""
    adds_inputs: bool = True
    """False if it spends no output of the purse: its own inputs pay the fee."""
