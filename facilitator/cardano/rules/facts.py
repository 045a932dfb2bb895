"""Finds the facts of the ledger state that a transaction's verdict depends on."""

from collections.abc import Iterator

from facilitator.cardano.addresses.address import reward_credential
from facilitator.cardano.rules.certificates import ABOUT_ACCOUNTS, ABOUT_COMMITTEE, ABOUT_DREPS
from facilitator.cardano.rules.dijkstra import list_accounts
from facilitator.cardano.rules.governance import (
    COMMITTEE_VOTERS,
    DREP_VOTERS,
    POOL_VOTERS,
    needs_guardrails,
    purpose_of,
    voter_credential,
)
from facilitator.cardano.state import NO_FACTS, StateQuery
from facilitator.cardano.transaction import ActionId, Body, Credential


def build_state_query(body: Body) -> StateQuery:
    """Return the facts that certificates, withdrawals, votes, proposals and claims depend on."""
    parts = (body.certificates, body.withdrawals, body.votes, body.proposals, body.dijkstra)
    if not any(parts) and body.treasury is None:
        return NO_FACTS
    actions = [proposal.action for proposal in body.proposals]
    return StateQuery(
        accounts=frozenset(_find_accounts(body)),
        pools=frozenset(_find_pools(body)),
        dreps=frozenset(_find_dreps(body)),
        treasury=body.treasury is not None,
        committee=_is_about_committee(body),
        proposals=frozenset(_find_proposals(body)),
        roots=frozenset(filter(None, map(purpose_of, actions))),
        constitution=any(map(needs_guardrails, actions)),
    )


def _find_accounts(body: Body) -> Iterator[Credential]:
    yield from map(reward_credential, body.withdrawals or ())
    for certificate in body.certificates:
        if certificate.credential is not None and certificate.kind in ABOUT_ACCOUNTS:
            yield certificate.credential
    for proposal in body.proposals:
        yield reward_credential(proposal.return_address)
        for address, _ in proposal.action.withdrawals:
            yield reward_credential(address)
    if body.dijkstra is not None:
        yield from list_accounts(body.dijkstra)


def _find_pools(body: Body) -> Iterator[bytes]:
    for certificate in body.certificates:
        if certificate.pool is not None:
            yield certificate.pool
    for voter in body.voters:
        if voter.kind in POOL_VOTERS:
            yield voter.hash


def _find_dreps(body: Body) -> Iterator[Credential]:
    for certificate in body.certificates:
        if certificate.credential is not None and certificate.kind in ABOUT_DREPS:
            yield certificate.credential
        if certificate.drep is not None:
            yield certificate.drep
    for voter in body.voters:
        if voter.kind in DREP_VOTERS:
            yield voter_credential(voter)


def _is_about_committee(body: Body) -> bool:
    return any(certificate.kind in ABOUT_COMMITTEE for certificate in body.certificates) or any(
        voter.kind in COMMITTEE_VOTERS for voter in body.voters
    )


def _find_proposals(body: Body) -> Iterator[ActionId]:
    for vote in body.votes:
        yield vote.action
    for proposal in body.proposals:
        if proposal.action.previous is not None:
            yield proposal.action.previous
