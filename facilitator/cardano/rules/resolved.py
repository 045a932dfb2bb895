"""A transaction together with the outputs that its inputs point to."""

from collections.abc import Iterable, Mapping

from facilitator.cardano.rules.failure import Environment
from facilitator.cardano.state import LedgerState
from facilitator.cardano.transaction import Output, OutputRef, Transaction
from facilitator.immutable import immutable


@immutable
class ResolvedTransaction:
    """A transaction with its outputs, for all but the static rules; unknown refs are left out."""

    tx: Transaction
    env: Environment
    inputs: Mapping[OutputRef, Output]
    """The outputs that the transaction spends."""
    collateral: Mapping[OutputRef, Output]
    references: Mapping[OutputRef, Output]
    missing: tuple[OutputRef, ...]
    """Refs of any of the three kinds that are not in the UTxO set."""
    state: LedgerState | None

    def script_outputs(self) -> Iterable[Output]:
        """Return the outputs whose reference scripts count: spent or referenced, each once."""
        if not self.references:
            return self.inputs.values()
        return {**self.inputs, **self.references}.values()


def resolve(
    tx: Transaction,
    env: Environment,
    utxo: Mapping[OutputRef, Output],
    state: LedgerState | None,
) -> ResolvedTransaction:
    """Look up the outputs that the transaction refers to, in its order."""
    body = tx.body
    inputs = _pick_known(body.inputs, utxo)
    collateral = _pick_known(body.collateral, utxo)
    references = _pick_known(body.reference_inputs, utxo)
    refs = (*body.inputs, *body.collateral, *body.reference_inputs)
    missing = tuple(dict.fromkeys([ref for ref in refs if ref not in utxo]))
    return ResolvedTransaction(tx, env, inputs, collateral, references, missing, state)


def _pick_known(
    refs: tuple[OutputRef, ...], utxo: Mapping[OutputRef, Output]
) -> dict[OutputRef, Output]:
    return {ref: utxo[ref] for ref in refs if ref in utxo} if refs else {}
