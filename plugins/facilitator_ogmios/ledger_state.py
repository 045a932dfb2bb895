"""Ledger state as of one point: accounts, pools, DReps, the treasury; with governance."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeVar

from facilitator.cardano.addresses import bech32
from facilitator.cardano.ogmios.fields import (
    Malformed,
    Row,
    from_hex,
    inner,
    lovelace,
    rows,
    table,
    text,
)
from facilitator.cardano.state import Account, LedgerState, StateQuery
from facilitator.cardano.transaction import Credential
from facilitator.plugin import Point
from facilitator_ogmios.blocks import show_point
from facilitator_ogmios.client import Client, Refused, Session
from facilitator_ogmios.credentials import HASH_SIZE, read_credential
from facilitator_ogmios.governance import read_committee, read_constitution, read_proposals
from facilitator_ogmios.health import read_version
from facilitator_ogmios.outputs import take_question

T = TypeVar("T")

_POOL = "pool"
_NO_SUCH_METHOD = (-32_600, -32_601)
"""Ogmios' codes for a query that its version does not have."""
_ALL_PROPOSALS_SINCE = (6, 11, 2)
"""The version from which all open proposals are shown."""


def read_ledger_state(client: Client, point: Point | None, query: StateQuery) -> LedgerState:
    """Return the facts asked for, as far as Ogmios has them, at the point.

    Raises :class:`ChainUnavailable`, also if the node is no longer at that point's chain.
    """
    take_question()
    asks_committee = query.committee and (
        read_version(client.target, client.timeout) >= _ALL_PROPOSALS_SINCE
    )

    def look(session: Session) -> LedgerState:
        session.ask("acquireLedgerState", _anything, point=show_point(point))
        state = LedgerState(
            accounts=_accounts(session, query.accounts) if query.accounts else {},
            pools=_pools(session, query.pools) if query.pools else {},
            # From here on there are versions without the query.
            dreps=_known(lambda: _dreps(session, query.dreps), {}) if query.dreps else {},
            treasury=_known(lambda: _treasury(session), None) if query.treasury else None,
            committee=_known(lambda: read_committee(session), None) if asks_committee else None,
            proposals=(
                _known(lambda: read_proposals(session, query.proposals), {})
                if query.proposals
                else {}
            ),
            constitution=(
                _known(lambda: read_constitution(session), None) if query.constitution else None
            ),
        )
        session.ask("releaseLedgerState", _anything)
        return state

    return client.session(look)


def _known(look: Callable[[], T], unknown: T) -> T:
    """Return the facts; ``unknown`` from a version of Ogmios that has no such query."""
    try:
        return look()
    except Refused as error:
        if error.code not in _NO_SUCH_METHOD:
            raise
        return unknown


def _accounts(
    session: Session, credentials: Collection[Credential]
) -> Mapping[Credential, Account | None]:
    found: dict[Credential, Account | None] = dict.fromkeys(credentials)

    def read(result: Any) -> None:
        for credential, row, says_all in _summaries(result, credentials):
            drep = row.get("delegateRepresentative")
            if drep is None and not says_all:
                del found[credential]  # an older version does not say whether there is one
                continue
            found[credential] = Account(
                lovelace(row, "deposit"),
                lovelace(row, "rewards"),
                drep=None if drep is None else text(table(drep, "a delegation"), "type"),
                pool=_pool_id(inner(row, "stakePool")) if row.get("stakePool") else None,
            )

    session.ask("queryLedgerState/rewardAccountSummaries", read, **_by_origin(credentials))
    return found


def _summaries(
    result: Any, credentials: Collection[Credential]
) -> Iterator[tuple[Credential, Row, bool]]:
    """Yield each account with its summary, and if that would have a delegation to a DRep.

    Since version 6.13 they are a list. Before, they were a map without the kind of credential.
    """
    if isinstance(result, dict):
        for name, row in result.items():
            hash_ = from_hex(name, "a credential", HASH_SIZE)
            for credential in credentials:
                if credential.hash == hash_:
                    yield credential, table(row, "an account"), "stakePool" in row
        return
    for row in rows(result, "accounts"):
        credential = read_credential(row, "credential")
        if credential not in credentials:
            raise Malformed("an account that was not asked for")
        yield credential, row, True


def _pools(session: Session, pools: Collection[bytes]) -> Mapping[bytes, bool]:
    names = {bech32.encode(_POOL, pool): pool for pool in pools}

    def read(result: Any) -> Mapping[bytes, bool]:
        shown = table(result, "pools")
        # One that has just retired is shown with its id alone.
        return {
            pool: name in shown and "vrfVerificationKeyHash" in inner(shown, name)
            for name, pool in names.items()
        }

    wanted = [{"id": name} for name in names]
    return session.ask("queryLedgerState/stakePools", read, stakePools=wanted)


def _dreps(
    session: Session, credentials: Collection[Credential]
) -> Mapping[Credential, int | None]:
    found: dict[Credential, int | None] = dict.fromkeys(credentials)

    def read(result: Any) -> None:
        for row in rows(result, "DReps"):
            # One that retired is shown without these while its stake still counts.
            if text(row, "type") == "registered" and "deposit" in row and "mandate" in row:
                found[read_credential(row, "id")] = lovelace(row, "deposit")

    session.ask("queryLedgerState/delegateRepresentatives", read, **_by_origin(credentials))
    return {credential: found[credential] for credential in credentials}


def _treasury(session: Session) -> int:
    return session.ask(
        "queryLedgerState/treasuryAndReserves",
        lambda result: lovelace(table(result, "treasury and reserves"), "treasury"),
    )


def _by_origin(credentials: Collection[Credential]) -> dict[str, object]:
    """Return the parameters that name the credentials; an empty list would stand for all."""
    kinds = {"keys": False, "scripts": True}
    named = {
        name: [each.hash.hex() for each in credentials if each.is_script is is_script]
        for name, is_script in kinds.items()
    }
    return {name: hashes for name, hashes in named.items() if hashes}


def _pool_id(row: Row) -> bytes:
    try:
        prefix, pool = bech32.decode(text(row, "id"))
    except ValueError as error:
        raise Malformed(f"a pool's id is none: {error}") from None
    if prefix != _POOL or len(pool) != HASH_SIZE:
        raise Malformed("a pool's id is none")
    return pool


def _anything(result: object) -> None:
    """Take any result."""
