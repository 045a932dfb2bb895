"""Rules over the contexts of Plutus scripts, which describe the transaction to them.

The ledger collects scripts, cost models and contexts before it runs any script. It refuses the
transaction if it cannot collect them (Alonzo UTXOS, ``CollectErrors``). These rules are in force
only if a Plutus script is needed.
"""

from collections.abc import Iterable

from facilitator.cardano.rules.failure import Failure, format_items
from facilitator.cardano.rules.needed import Scripts
from facilitator.cardano.rules.resolved import ResolvedTransaction
from facilitator.cardano.transaction import Body, Language, Output

NO_COST_MODEL = "CollectErrors:NoCostModel"
BAD_TRANSLATION = "CollectErrors:BadTranslation:"

_OLD_CERTIFICATES = frozenset({0, 1, 2, 3, 4, 7, 8})
"""Kinds that the contexts of Plutus V1 and V2 support."""


def no_cost_model(resolved: ResolvedTransaction, scripts: Scripts) -> Failure | None:
    """Alonzo UTXOS, ``NoCostModel``: the parameters price every language that is needed."""
    costs = resolved.env.parameters.cost_models
    missing = sorted(language for language in _languages(scripts) if language - 1 not in costs)
    if not missing:
        return None
    names = format_items([f"V{language.value}" for language in missing])
    return Failure(NO_COST_MODEL, f"the protocol parameters have no cost model for Plutus {names}")


def byron_output(resolved: ResolvedTransaction, _scripts: Scripts) -> Failure | None:
    """Babbage UTXOS, ``ByronTxOutInContext``: no Byron address is spent, read or paid to."""
    found = [where for where, output in _list_context_outputs(resolved) if output.address[0] & 0x80]
    return _refuse_untranslated("ByronTxOutInContext", "Byron addresses", found)


def inline_datums(resolved: ResolvedTransaction, scripts: Scripts) -> Failure | None:
    """Conway UTXOS, ``InlineDatumsNotSupported``: for Plutus V1 there are none."""
    if Language.PLUTUS_V1 not in _languages(scripts):
        return None
    found = [where for where, output in _list_context_outputs(resolved) if output.datum is not None]
    return _refuse_untranslated("InlineDatumsNotSupported", "inline datums", found)


def conway_features(resolved: ResolvedTransaction, scripts: Scripts) -> Failure | None:
    """Conway UTXOS, ``guardConwayFeaturesForPlutusV1V2``: no Conway fields for V1 and V2."""
    if not _languages(scripts) & {Language.PLUTUS_V1, Language.PLUTUS_V2}:
        return None
    body = resolved.tx.body
    if body.voters:
        return _refuse_unsupported("VotingProceduresFieldNotSupported", "votes")
    if body.proposals:
        return _refuse_unsupported("ProposalProceduresFieldNotSupported", "proposals")
    if body.donation:
        return _refuse_unsupported(
            "TreasuryDonationFieldNotSupported", "a donation to the treasury"
        )
    if body.treasury is not None:
        return _refuse_unsupported("CurrentTreasuryFieldNotSupported", "the treasury's balance")
    return None


def conway_certificates(resolved: ResolvedTransaction, scripts: Scripts) -> Failure | None:
    """Conway UTXOS, ``CertificateNotSupported``: no Conway certificates for V1 and V2."""
    if not _languages(scripts) & {Language.PLUTUS_V1, Language.PLUTUS_V2}:
        return None
    new = sorted(_kinds(resolved.tx.body) - _OLD_CERTIFICATES)
    if not new:
        return None
    return _refuse_unsupported("CertificateNotSupported", f"certificates of the kinds {new}")


def reference_inputs_not_disjoint(
    resolved: ResolvedTransaction, scripts: Scripts
) -> Failure | None:
    """Conway UTXOS, ``ReferenceInputsNotDisjointFromInputs``: for V3, from protocol 11 on."""
    if resolved.env.parameters.protocol_major < 11 or Language.PLUTUS_V3 not in _languages(scripts):
        return None
    both = sorted(str(ref) for ref in resolved.inputs.keys() & resolved.references.keys())
    return _refuse_untranslated(
        "ReferenceInputsNotDisjointFromInputs", "inputs that are reference inputs as well", both
    )


def _languages(scripts: Scripts) -> set[Language]:
    return {script.language for script in scripts.plutus().values()}


def _kinds(body: Body) -> set[int]:
    return {certificate.kind for certificate in body.certificates}


def _list_context_outputs(resolved: ResolvedTransaction) -> Iterable[tuple[str, Output]]:
    """Yield each output in a context with its position, without collateral and its return."""
    for outputs in (resolved.inputs, resolved.references):
        yield from ((str(ref), output) for ref, output in outputs.items())
    for index, output in enumerate(resolved.tx.body.outputs):
        yield f"output {index}", output


def _refuse_untranslated(name: str, what: str, found: list[str]) -> Failure | None:
    if not found:
        return None
    return Failure(
        BAD_TRANSLATION + name, f"Plutus scripts cannot be shown {what}: {format_items(found)}"
    )


def _refuse_unsupported(name: str, what: str) -> Failure:
    return Failure(BAD_TRANSLATION + name, f"Plutus V1 and V2 scripts cannot be shown {what}")


CONTEXT_RULES = (
    no_cost_model,
    byron_output,
    inline_datums,
    conway_features,
    conway_certificates,
    reference_inputs_not_disjoint,
)
