"""Script contexts of Plutus V3 (``PlutusLedgerApi.V3``, ``ScriptContext``)."""

from collections.abc import Mapping

from facilitator.cardano.addresses.address import reward_credential
from facilitator.cardano.phase2.context_v1v2 import build_datums, build_output_v2, sort_rewarded
from facilitator.cardano.phase2.data import Constr, Map, build_maybe, decode_data
from facilitator.cardano.phase2.governance import (
    build_certificate,
    build_proposal,
    build_voter,
    build_votes,
    sort_voters,
)
from facilitator.cardano.phase2.values import (
    build_assets,
    build_credential,
    build_reference,
    build_transaction_id,
    build_valid_range,
    sort_signatories,
)
from facilitator.cardano.rules.evaluation import ScriptRun
from facilitator.cardano.rules.needed import (
    CERTIFYING,
    MINTING,
    REWARDING,
    SPENDING,
    VOTING,
)
from facilitator.cardano.rules.resolved import ResolvedTransaction
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.transaction import Output, OutputRef


def build_context_v3(resolved: ResolvedTransaction, eras: EraSummary, run: ScriptRun) -> Constr:
    """Return the only argument of a V3 script: the transaction, its redeemer and its purpose."""
    tag, item = run.purpose.tag, run.purpose.item
    purpose = _build_purpose(resolved, tag, item)
    if tag == SPENDING:
        datum = None if run.datum is None else decode_data(run.datum)
        purpose = Constr(purpose.tag, (*purpose.fields, build_maybe(datum)))
    return Constr(0, (_build_info(resolved, eras), decode_data(run.redeemer.data), purpose))


def _build_info(resolved: ResolvedTransaction, eras: EraSummary) -> Constr:
    body = resolved.tx.body
    protocol = resolved.env.parameters.protocol_major
    withdrawals = {
        reward_credential(account): amount for account, amount in (body.withdrawals or {}).items()
    }
    return Constr(
        0,
        (
            _build_inputs(resolved.inputs),
            _build_inputs(resolved.references),
            tuple(map(build_output_v2, body.outputs)),
            body.fee,
            build_assets(body.mint or {}),
            tuple(build_certificate(found, protocol) for found in body.certificates),
            Map(
                tuple(
                    (build_credential(account), withdrawals[account])
                    for account in sort_rewarded(resolved)
                )
            ),
            build_valid_range(body, eras, protocol),
            sort_signatories(body),
            Map(
                tuple(
                    (_build_purpose(resolved, found.tag, found.index), decode_data(found.data))
                    for found in sorted(resolved.tx.witnesses.redeemers)
                )
            ),
            Map(tuple(build_datums(resolved))),
            build_transaction_id(resolved.tx.id, wrapped=False),
            build_votes(body, sort_voters(body)),
            tuple(map(build_proposal, body.proposals)),
            build_maybe(body.treasury),
            build_maybe(body.donation or None),
        ),
    )


def _build_purpose(resolved: ResolvedTransaction, tag: int, item: int) -> Constr:
    """Return the ``ScriptPurpose``, which begins as ``ScriptInfo`` does."""
    body = resolved.tx.body
    if tag == SPENDING:
        return Constr(1, (build_reference(sorted(resolved.inputs)[item], wrapped=False),))
    if tag == MINTING:
        return Constr(0, (sorted({asset[:28] for asset in body.mint or {}})[item],))
    if tag == REWARDING:
        return Constr(2, (build_credential(sort_rewarded(resolved)[item]),))
    if tag == CERTIFYING:
        protocol = resolved.env.parameters.protocol_major
        return Constr(3, (item, build_certificate(body.certificates[item], protocol)))
    if tag == VOTING:
        return Constr(4, (build_voter(sort_voters(body)[item]),))
    return Constr(5, (item, build_proposal(body.proposals[item])))


def _build_inputs(found: Mapping[OutputRef, Output]) -> tuple[Constr, ...]:
    return tuple(
        Constr(0, (build_reference(ref, wrapped=False), build_output_v2(found[ref])))
        for ref in sorted(found)
    )
