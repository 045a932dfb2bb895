"""Abilities of the server behind an address, found by trying: servers differ, and rarely say so."""

import logging

from facilitator.plugin import ChainUnavailable
from facilitator_blockfrost.client import Client, Missing, NoRoute, Refused
from facilitator_blockfrost.fields import digest, table

BLOCK_CBOR = "/blocks/{hash_or_number}/txs/cbor"
ERAS = "/network/eras"
GENESIS = "/genesis"
MEMPOOL = "/mempool"
SUBMIT = "/tx/submit"
ACCOUNTS = "/accounts/{stake_address}"

_INSTEAD = {
    BLOCK_CBOR: "each transaction of a block is asked for by itself, 1 or 2 requests",
    GENESIS: "slots and time say which network it is",
    ERAS: "the calendar must be known",
    MEMPOOL: "what waits cannot be seen",
    SUBMIT: "no payment can be settled by it",
    ACCOUNTS: "payments that depend on a stake account are not judged",
}

_log = logging.getLogger(__name__)


def try_abilities(client: Client) -> str:
    """Return a line on what the server has and lacks, and note in the client what it lacks.

    Raises :class:`ChainUnavailable`.
    """
    newest = digest(table(client.get("/blocks/latest"), "a block"), "hash")
    _try(client, BLOCK_CBOR, f"{BLOCK_CBOR}?count=1", hash_or_number=newest)
    _try(client, ERAS, ERAS, or_fails=True)
    how = _try(client, MEMPOOL, f"{MEMPOOL}?count=1")
    if how is not None and issubclass(how, Missing):
        _look_for_submission(client, how)
    _look_for_accounts(client)
    has = [path for path in _INSTEAD if path not in client.lacking]
    lacks = [f"{path} ({_INSTEAD[path]})" for path in _INSTEAD if path in client.lacking]
    return f"has {', '.join(has) or 'nothing more'}" + (
        f"; lacks {', '.join(lacks)}" if lacks else ""
    )


def _try(
    client: Client, ability: str, path: str, *, or_fails: bool = False, **values: object
) -> type[Exception] | None:
    """Return the error that says that the path is not there, and note that in the client.

    Servers and what stands before them say so in any way. ``or_fails`` has every failure mean that.
    """
    client.lacking.discard(ability)
    try:
        client.get(path, **values)
    except Missing as error:
        client.lacking.add(ability)
        return type(error)
    except ChainUnavailable as error:
        if not (or_fails or is_of_the_path(error)):
            raise
        client.lacking.add(ability)
        return type(error)
    return None


def is_of_the_path(error: ChainUnavailable) -> bool:
    """Return True for an answer that the path alone has, since the server answers on others."""
    return isinstance(error, Refused) and not error.may_pass


def _look_for_accounts(client: Client) -> None:
    """Ask for what is no account: a server that has the path does not answer 404 to that.

    404 to an account would else read as one that was never registered.
    """
    client.lacking.discard(ACCOUNTS)
    try:
        client.get(ACCOUNTS, stake_address="none")
    except Missing:
        client.lacking.add(ACCOUNTS)
    except ChainUnavailable:
        pass


def _look_for_submission(client: Client, unknown_path: type[Exception]) -> None:
    """Warn if a GET of the path to submit to is answered as one that the server does not have.

    Nothing is posted. A server that has the path refuses the method in another way.
    """
    client.lacking.discard(SUBMIT)
    found: type[Exception] | None = None
    try:
        client.get(SUBMIT)
    except Missing as error:
        if not isinstance(error, NoRoute) or error.is_said:
            found = type(error)
    except ChainUnavailable:
        pass
    if found is unknown_path:
        client.lacking.add(SUBMIT)
        _log.warning(
            "Blockfrost seems to take no transactions (no %s): have a proxy before it pass %s to a"
            " cardano-submit-api, or use another server",
            SUBMIT,
            SUBMIT,
        )
