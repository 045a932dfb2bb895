"""The parameters of a connection to PostgreSQL: those of its address, whatever the environment has.

libpq fills in what an address leaves out from variables such as ``PGHOSTADDR``, which other parts
of a web server have for databases of their own. Then records would be kept in a database that no
other machine of the seller looks into, and a voucher would be honoured twice.
"""

import logging
import os
import pwd

from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

_USER = "user"
_HARMLESS = frozenset({"service", "sslcertmode", "min_protocol_version", "max_protocol_version"})
"""Parameters that cannot be set to "not given": with them a connection fails, or is the same."""

_log = logging.getLogger("facilitator.channels")


def own_parameters(url: str) -> dict[str, str]:
    """Return the parameters in the address, and defaults for what libpq would look up elsewhere.

    A variable that is left aside so is named in a warning: it may be meant, such as ``PGSSLMODE``.
    Raises :class:`psycopg.ProgrammingError` for what is no address.
    """
    given = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    has_service = "service" in given or "PGSERVICE" in os.environ
    left_aside = []
    for each in Conninfo.get_defaults():
        name, variable = each.keyword.decode(), (each.envvar or b"").decode()
        if name in given or name in _HARMLESS or not variable:
            continue
        if variable in os.environ:
            left_aside.append(variable)
        elif not has_service:
            continue
        given[name] = _user() if name == _USER else (each.compiled or b"").decode()
    if left_aside:
        _log.warning(
            "the records of channels use nothing of the environment, so not %s: write what is meant"
            " into the address of the store",
            ", ".join(left_aside),
        )
    return given


def _user() -> str:
    """Return the user of this process by the system, as libpq takes it."""
    return pwd.getpwuid(os.geteuid()).pw_name
