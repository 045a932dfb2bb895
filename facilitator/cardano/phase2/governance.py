"""Certificates, votes and proposals in the form of Plutus V3 (``PlutusLedgerApi.V3.Contexts``)."""

from fractions import Fraction

from facilitator.cardano.addresses.address import reward_credential
from facilitator.cardano.phase2.context_v1v2 import read_pool_vrf
from facilitator.cardano.phase2.data import Constr, Data, Map, build_maybe
from facilitator.cardano.phase2.values import build_credential
from facilitator.cardano.rules.evaluation import CannotEvaluate
from facilitator.cardano.transaction import (
    Action,
    ActionId,
    ActionKind,
    Body,
    Certificate,
    Credential,
    Proposal,
    Voter,
)

_BOOTSTRAP = 9
"""The protocol version whose contexts have no deposits in (de)registrations."""
_ALWAYS_ABSTAIN = 2
_POOL_VOTER = 4
_DREP_VOTERS = (2, 3)
_SCRIPT_VOTERS = (1, 3)
_VOTER_ORDER = {1: 0, 0: 1, 3: 2, 2: 3, 4: 4}
_COST_MODELS = 18


def build_certificate(found: Certificate, protocol_major: int) -> Constr:
    """Return the ``TxCert``."""
    built = _build_pool_certificate(found) or _build_stake_certificate(found, protocol_major)
    if built is None:
        built = _build_governance_certificate(found)
    if built is None:
        raise CannotEvaluate(f"Plutus V3 has no certificates of kind {found.kind}")
    return built


def _build_pool_certificate(found: Certificate) -> Constr | None:
    if found.kind == 3 and found.pool is not None:
        return Constr(7, (found.pool, read_pool_vrf(found)))
    if found.kind == 4 and found.pool is not None and found.epoch is not None:
        return Constr(8, (found.pool, found.epoch))
    return None


def _build_stake_certificate(found: Certificate, protocol_major: int) -> Constr | None:
    if found.credential is None:
        return None
    account = build_credential(found.credential)
    if found.kind in (0, 7, 1, 8):
        deposit = None if protocol_major <= _BOOTSTRAP else found.deposit
        return Constr(0 if found.kind in (0, 7) else 1, (account, build_maybe(deposit)))
    if found.kind in (2, 9, 10):
        return Constr(2, (account, _build_delegatee(found)))
    if found.kind in (11, 12, 13) and found.deposit is not None:
        return Constr(3, (account, _build_delegatee(found), found.deposit))
    return None


def _build_governance_certificate(found: Certificate) -> Constr | None:
    if found.credential is None:
        return None
    subject = build_credential(found.credential)
    if found.kind == 14 and found.hot is not None:
        return Constr(9, (subject, build_credential(found.hot)))
    if found.kind == 15:
        return Constr(10, (subject,))
    if found.kind in (16, 17) and found.deposit is not None:
        return Constr(4 if found.kind == 16 else 6, (subject, found.deposit))
    return Constr(5, (subject,)) if found.kind == 18 else None


def _build_delegatee(found: Certificate) -> Constr:
    if found.kind in (2, 11) and found.pool is not None:
        return Constr(0, (found.pool,))
    if found.pool is None:
        return Constr(1, (_build_drep(found),))
    return Constr(2, (found.pool, _build_drep(found)))


def _build_drep(found: Certificate) -> Constr:
    if found.drep is not None:
        return Constr(0, (build_credential(found.drep),))
    return Constr(1 if found.details == (_ALWAYS_ABSTAIN,) else 2)


def build_voter(found: Voter) -> Constr:
    """Return the ``Voter``: of the committee, a DRep or a pool."""
    if found.kind == _POOL_VOTER:
        return Constr(2, (found.hash,))
    subject = build_credential(Credential(found.kind in _SCRIPT_VOTERS, found.hash))
    return Constr(1 if found.kind in _DREP_VOTERS else 0, (subject,))


def sort_voters(body: Body) -> list[Voter]:
    """Return the voters in the ledger's order: committee, DReps, pools; scripts precede keys."""
    return sorted(body.voters, key=lambda found: (_VOTER_ORDER[found.kind], found.hash))


def build_votes(body: Body, voters: list[Voter]) -> Map:
    """Return the votes by voter, in the order of ``voters``, and by action."""
    return Map(
        tuple(
            (
                build_voter(voter),
                Map(
                    tuple(
                        (_build_action_id(vote.action), Constr(vote.choice))
                        for vote in sorted(body.votes)
                        if vote.voter == voter
                    )
                ),
            )
            for voter in voters
        )
    )


def build_proposal(found: Proposal) -> Constr:
    """Return the ``ProposalProcedure``."""
    account = build_credential(reward_credential(found.return_address))
    return Constr(0, (found.deposit, account, _build_action(found.action)))


def _build_action_id(found: ActionId) -> Constr:
    return Constr(0, (found.transaction_id, found.index))


def _build_action(found: Action) -> Constr:
    previous = build_maybe(None if found.previous is None else _build_action_id(found.previous))
    guardrails = build_maybe(found.guardrails)
    if found.kind is ActionKind.PARAMETER_CHANGE:
        changes = tuple((key, _build_parameter(key, new)) for key, new in found.parameters)
        return Constr(0, (previous, Map(changes), guardrails))
    if found.kind is ActionKind.HARD_FORK_INITIATION and found.version is not None:
        return Constr(1, (previous, Constr(0, found.version)))
    if found.kind is ActionKind.TREASURY_WITHDRAWALS:
        return Constr(2, (_build_withdrawals(found), guardrails))
    if found.kind is ActionKind.NO_CONFIDENCE:
        return Constr(3, (previous,))
    if found.kind is ActionKind.UPDATE_COMMITTEE:
        return Constr(4, (previous, *_build_committee(found)))
    if found.kind is ActionKind.NEW_CONSTITUTION:
        return Constr(5, (previous, Constr(0, (build_maybe(_read_guardrails(found)),))))
    return Constr(6)


def _build_withdrawals(found: Action) -> Map:
    accounts = {reward_credential(account): amount for account, amount in found.withdrawals}
    ordered = sorted(accounts, key=_script_first)
    return Map(tuple((build_credential(account), accounts[account]) for account in ordered))


def _build_committee(found: Action) -> tuple[Data, ...]:
    (quorum,) = found.details
    if not isinstance(quorum, Fraction):
        raise CannotEvaluate("an update of the committee names no quorum")
    added = dict(found.added)
    return (
        tuple(build_credential(cold) for cold in sorted(found.removed, key=_script_first)),
        Map(
            tuple(
                (build_credential(cold), added[cold]) for cold in sorted(added, key=_script_first)
            )
        ),
        Constr(0, (quorum.numerator, quorum.denominator)),
    )


def _read_guardrails(found: Action) -> bytes | None:
    """Return the hash of the guardrails script that a new constitution would have."""
    _anchor, guardrails = found.details
    return guardrails if isinstance(guardrails, bytes) else None


def _script_first(found: Credential) -> tuple[bool, bytes]:
    return (not found.is_script, found.hash)


def _build_parameter(key: int, new: object) -> Data:
    """Return ``ToPlutusData`` of a parameter: a number, a ratio as two of them, or a list."""
    if isinstance(new, Fraction):
        return (new.numerator, new.denominator)
    if isinstance(new, tuple):
        if key == _COST_MODELS:
            return Map(tuple((language, _build_parameter(-1, costs)) for language, costs in new))
        return tuple(_build_parameter(-1, part) for part in new)
    if not isinstance(new, int):
        raise CannotEvaluate(f"the change of parameter {key} is of an unknown form")
    return new
