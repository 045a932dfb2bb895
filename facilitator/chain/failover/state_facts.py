"""Facts of the ledger state from several providers, each of which may leave some unknown."""

from facilitator.cardano.state import LedgerState, StateQuery


def missing(query: StateQuery, state: LedgerState) -> StateQuery:
    """Return the part of the query that the state leaves unknown."""
    return StateQuery(
        accounts=query.accounts - state.accounts.keys(),
        pools=query.pools - state.pools.keys(),
        dreps=query.dreps - state.dreps.keys(),
        treasury=query.treasury and state.treasury is None,
        committee=query.committee and state.committee is None,
        proposals=query.proposals - state.proposals.keys(),
        roots=query.roots - state.roots.keys(),
        constitution=query.constitution and state.constitution is None,
    )


def merge(first: LedgerState, second: LedgerState) -> LedgerState:
    """Return the facts of both; of what both know, those of the first."""
    return LedgerState(
        accounts={**second.accounts, **first.accounts},
        pools={**second.pools, **first.pools},
        dreps={**second.dreps, **first.dreps},
        treasury=second.treasury if first.treasury is None else first.treasury,
        committee=second.committee if first.committee is None else first.committee,
        proposals={**second.proposals, **first.proposals},
        roots={**second.roots, **first.roots},
        constitution=second.constitution if first.constitution is None else first.constitution,
    )
