"""The hard fork that is ahead, from ``/proposal_list``."""

from facilitator_koios.client import Client
from facilitator_koios.fields import Malformed, Row, rows, table, whole

_COLUMNS = "proposal_description,ratified_epoch,enacted_epoch"


def read_next_version(client: Client) -> int | None:
    """Return the major version of the hard fork that is ratified and not enacted, if there is one.

    Raises :class:`ChainUnavailable`.
    """
    found = client.get(
        "/proposal_list",
        proposal_type="eq.HardForkInitiation",
        order="block_time.desc",
        limit=10,
        select=_COLUMNS,
    )
    ahead = [
        _major(row)
        for row in rows(found, "proposals")
        if row.get("ratified_epoch") is not None and row.get("enacted_epoch") is None
    ]
    return max(ahead, default=None)


def _major(row: Row) -> int:
    """Return the version in a description, ``{tag, contents: [previous action, version]}``."""
    contents = table(row.get("proposal_description"), "a description").get("contents")
    if not isinstance(contents, list) or not contents:
        raise Malformed("a hard fork without a version")
    return whole(table(contents[-1], "a version"), "major")
