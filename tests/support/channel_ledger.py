"""A chain that holds the genesis of the devnet, and what a test puts there."""

from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Any

import cbor2

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.slots import KNOWN_ERAS, EraSummary
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.exact.verification import in_process
from facilitator.plugin import (
    ChainUnavailable,
    OutputStatus,
    SchemeChain,
    Spender,
    SpentBy,
    Unknown,
    Unspent,
)
from facilitator.roles.chain import Spent
from facilitator.testing.payments import ALICE, BOB, CAROL, MERCHANT
from facilitator.testing.running import NETWORK
from facilitator_devnet.genesis import PARAMETERS
from support.channel_drafts import as_output, genesis_utxos


class Ledger:
    """A chain that holds the genesis of the devnet, and what a test puts there."""

    def __init__(self) -> None:
        self.unspent: dict[OutputRef, Output] = {
            ref: output
            for wallet in (ALICE, BOB, CAROL, MERCHANT)
            for ref, output in genesis_utxos(wallet).items()
        }
        self.spent: dict[OutputRef, SpentBy | None] = {}
        self.silent: set[OutputRef] = set()
        """Outputs of which it does not know."""
        self.asked: list[OutputRef] = []
        self.is_away = False

    def put(self, made: Mapping[int, Any], ref: OutputRef | None = None) -> OutputRef:
        """Make an output unspent."""
        ref = ref or OutputRef(blake2b(cbor2.dumps(dict(made)), digest_size=32).digest(), 0)
        self.unspent[ref] = as_output(made)
        return ref

    def apply(self, raw: bytes) -> None:
        """Put the transaction into a block, whatever it says."""
        tx = decode_transaction(raw)
        made = tuple((OutputRef(tx.id, at), each) for at, each in enumerate(tx.body.outputs))
        by = SpentBy(tx.id.hex(), None, tx.body.inputs, made)
        for ref in tx.body.inputs:
            self.unspent.pop(ref, None)
            self.spent[ref] = by
        self.unspent.update(made)

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        self.asked += refs
        return {ref: self._status(ref) for ref in refs}

    def _status(self, ref: OutputRef) -> OutputStatus:
        if ref in self.silent:
            return Unknown("the index lags")
        if ref in self.unspent:
            return Unspent(self.unspent[ref])
        if ref in self.spent:
            by = self.spent[ref]
            return Spent(by.transaction_id if by else None)
        return Unknown("it was never made")

    def spender(self, ref: OutputRef) -> Spender:
        self.asked.append(ref)
        status = self._status(ref)
        if isinstance(status, Spent):
            return self.spent[ref] or Unknown("it is not told by whom")
        return status

    def parameters(self) -> ProtocolParameters:
        if self.is_away:
            raise ChainUnavailable("it was told to be away")
        return PARAMETERS

    def eras(self) -> EraSummary:
        return KNOWN_ERAS[NETWORK]

    @property
    def chain(self) -> SchemeChain:
        return SchemeChain(self, self.outputs, in_process)
