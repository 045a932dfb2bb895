"""Script contexts of Plutus V3 (``PlutusLedgerApi.V3``, ``ScriptContext``)."""

from collections.abc import Mapping

from facilitator.cardano.addresses.address import reward_credential
from facilitator.cardano.phase2.context_v1v2 import datums, output_v2, rewarded
from facilitator.cardano.phase2.data import Constr, Map, decode_data, just
from facilitator.cardano.phase2.governance import (
    certificate,
    ordered_voters,
    proposal,
    voter,
    votes,
)
from facilitator.cardano.phase2.values import (
    assets,
    credential,
    reference,
    signatories,
    transaction_id,
    valid_range,
)
from facilitator.cardano.rules.evaluation import ScriptRun
from facilitator.cardano.rules.needed import (
    CERTIFYING,
    MINTING,
    REWARDING,
    SPENDING,
    VOTING,
)
from facilitator.cardano.rules.resolved import Resolved
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.transaction import Output, OutputRef


def context_v3(resolved: Resolved, eras: EraSummary, run: ScriptRun) -> Constr:
    """Return the only argument of a V3 script: the transaction, its redeemer and its purpose."""
    tag, item = run.purpose.tag, run.purpose.item
    purpose = _purpose(resolved, tag, item)
    if tag == SPENDING:
        datum = None if run.datum is None else decode_data(run.datum)
        purpose = Constr(purpose.tag, (*purpose.fields, just(datum)))
    return Constr(0, (_info(resolved, eras), decode_data(run.redeemer.data), purpose))


def _info(resolved: Resolved, eras: EraSummary) -> Constr:
    body = resolved.tx.body
    protocol = resolved.env.parameters.protocol_major
    withdrawals = {
        reward_credential(account): amount for account, amount in (body.withdrawals or {}).items()
    }
    return Constr(
        0,
        (
            _inputs(resolved.inputs),
            _inputs(resolved.references),
            tuple(map(output_v2, body.outputs)),
            body.fee,
            assets(body.mint or {}),
            tuple(certificate(found, protocol) for found in body.certificates),
            Map(
                tuple((credential(account), withdrawals[account]) for account in rewarded(resolved))
            ),
            valid_range(body, eras, protocol),
            signatories(body),
            Map(
                tuple(
                    (_purpose(resolved, found.tag, found.index), decode_data(found.data))
                    for found in sorted(resolved.tx.witnesses.redeemers)
                )
            ),
            Map(tuple(datums(resolved))),
            transaction_id(resolved.tx.id, wrapped=False),
            votes(body, ordered_voters(body)),
            tuple(map(proposal, body.proposals)),
            just(body.treasury),
            just(body.donation or None),
        ),
    )


def _purpose(resolved: Resolved, tag: int, item: int) -> Constr:
    """Return the ``ScriptPurpose``, which begins as ``ScriptInfo`` does."""
    body = resolved.tx.body
    if tag == SPENDING:
        return Constr(1, (reference(sorted(resolved.inputs)[item], wrapped=False),))
    if tag == MINTING:
        return Constr(0, (sorted({asset[:28] for asset in body.mint or {}})[item],))
    if tag == REWARDING:
        return Constr(2, (credential(rewarded(resolved)[item]),))
    if tag == CERTIFYING:
        protocol = resolved.env.parameters.protocol_major
        return Constr(3, (item, certificate(body.certificates[item], protocol)))
    if tag == VOTING:
        return Constr(4, (voter(ordered_voters(body)[item]),))
    return Constr(5, (item, proposal(body.proposals[item])))


def _inputs(found: Mapping[OutputRef, Output]) -> tuple[Constr, ...]:
    return tuple(
        Constr(0, (reference(ref, wrapped=False), output_v2(found[ref]))) for ref in sorted(found)
    )
