"""The variables that libpq reads by itself, which are meant for other programs.

``PGHOSTADDR`` leads to another server than the one that ``postgres.url`` names, and others change
what a connection does. libpq has no option by which it reads none of them.
"""

import logging
import os

from psycopg.pq import Conninfo

_log = logging.getLogger("facilitator.postgres")

_WITHOUT_PARAMETER = frozenset({"PGSERVICEFILE", "PGSYSCONFDIR", "PGTZ", "PGDATESTYLE", "PGGEQO"})
"""Variables that stand for no parameter of a connection."""


def forget_variables() -> None:
    """Remove them from the environment of this process, with a warning that names them."""
    known = _WITHOUT_PARAMETER | {
        each.envvar.decode() for each in Conninfo.get_defaults() if each.envvar
    }
    if found := sorted(known & os.environ.keys()):
        for name in found:
            del os.environ[name]
        _log.warning(
            "PostgreSQL: of the environment nothing is used, so not %s:"
            " write what is meant into postgres.url",
            ", ".join(found),
        )
