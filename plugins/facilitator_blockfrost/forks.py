"""The hard fork that is ahead, from ``/governance/proposals``."""

from collections.abc import Mapping
from typing import Any

from facilitator_blockfrost.client import Client, Missing
from facilitator_blockfrost.fields import Malformed, digest, optional, rows, table, text, whole

_NEWEST = "/governance/proposals?order=desc&count=100"
_PROPOSAL = "/governance/proposals/{tx_hash}/{cert_index}"
_HARD_FORK = "hard_fork_initiation"


def read_next_version(client: Client) -> int | None:
    """Return the major version of the hard fork that is ratified and not enacted, if there is one.

    Looks at the newest hundred proposals, and asks once more for each hard fork among them. Returns
    ``None`` for a server without governance, too. Raises :class:`ChainUnavailable`.
    """
    try:
        listed = rows(client.get(_NEWEST), "proposals")
        forks = [_proposal(client, row) for row in listed if _is_hard_fork(row)]
    except Missing:
        return None
    ahead = [
        _major(row)
        for row in forks
        if optional(whole, row, "ratified_epoch") is not None
        and optional(whole, row, "enacted_epoch") is None
    ]
    return max(ahead, default=None)


def _is_hard_fork(row: Mapping[str, Any]) -> bool:
    return text(row, "governance_type") == _HARD_FORK


def _proposal(client: Client, row: Mapping[str, Any]) -> Mapping[str, Any]:
    tx_hash, cert_index = digest(row, "tx_hash"), whole(row, "cert_index")
    return table(client.get(_PROPOSAL, tx_hash=tx_hash, cert_index=cert_index), "a proposal")


def _major(row: Mapping[str, Any]) -> int:
    """Return the version in a description, ``{tag, contents: [previous action, version]}``."""
    contents = table(row.get("governance_description"), "a description").get("contents")
    if not isinstance(contents, list) or not contents:
        raise Malformed("a hard fork without a version")
    return whole(table(contents[-1], "a version"), "major")
