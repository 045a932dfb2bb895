"""What the slow re-statement of the ledger's rules looks at."""

from collections.abc import Mapping
from dataclasses import dataclass

from facilitator.cardano.parameters import ProtocolParameters
from support.slow_ledger.plain_cbor import Malformed
from support.slow_ledger.plain_output import PlainOutput, read_output
from support.slow_ledger.plain_transaction import PlainTransaction, Ref, read_transaction

Who = tuple[bool, bytes]
"""A credential: whether it is a script's, and the hash."""


@dataclass(frozen=True)
class PlainAccount:
    deposit: int
    reward: int
    votes: bool
    """Whether it delegates its vote."""


@dataclass(frozen=True)
class Facts:
    """The ledger state beyond outputs; who is not listed is not registered."""

    accounts: Mapping[Who, PlainAccount]
    pools: frozenset[bytes]
    dreps: Mapping[Who, int]
    """With the deposit paid."""
    treasury: int


@dataclass(frozen=True)
class View:
    """A transaction and everything that its verdict depends on."""

    tx: PlainTransaction
    utxo: Mapping[Ref, PlainOutput]
    """The outputs it refers to, as far as they exist."""
    facts: Facts
    slot: int
    network_id: int
    parameters: ProtocolParameters

    def spent(self) -> list[PlainOutput]:
        """The outputs behind the inputs."""
        return [self.utxo[ref] for ref in sorted(set(self.tx.inputs)) if ref in self.utxo]

    def script_sources(self) -> list[PlainOutput]:
        """The outputs whose reference scripts are at hand."""
        refs = set(self.tx.inputs) | set(self.tx.references)
        return [self.utxo[ref] for ref in refs if ref in self.utxo]

    def created(self) -> list[PlainOutput]:
        returned = self.tx.collateral_return
        return self.tx.outputs + ([] if returned is None else [returned])


def look(
    raw: bytes,
    utxo: Mapping[Ref, bytes],
    facts: Facts,
    slot: int,
    network_id: int,
    parameters: ProtocolParameters,
) -> View | None:
    """Decode the transaction; ``None`` when that fails."""
    try:
        tx = read_transaction(raw)
    except Malformed:
        return None
    refs = {*tx.inputs, *tx.collateral, *tx.references}
    known = {ref: read_output(utxo[ref]) for ref in refs if ref in utxo}
    return View(tx, known, facts, slot, network_id, parameters)


def who(credential: tuple[int, bytes]) -> Who:
    return credential[0] == 1, credential[1]
