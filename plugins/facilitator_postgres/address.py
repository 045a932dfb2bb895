"""The setting ``postgres.url``, which names one server or several, and the login."""

from dataclasses import dataclass, field
from typing import Any

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

_SCHEMES = ("postgresql://", "postgres://")
_LOGIN = ("user", "password", "passfile", "sslcert", "sslkey", "sslpassword", "sslrootcert")
_DEFAULTS = {
    "application_name": "x402-facilitator",
    # Of several hosts the one that takes changes, and none that is a standby.
    "target_session_attrs": "read-write",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
}


@dataclass(frozen=True, slots=True)
class Address:
    """The parameters of libpq. Its text names the servers and the database, and no secret."""

    parameters: dict[str, Any] = field(repr=False)

    def __str__(self) -> str:
        """Return the text for messages."""
        hosts = str(self.parameters.get("host") or self.parameters.get("hostaddr") or "localhost")
        ports = str(self.parameters.get("port") or "5432").split(",")
        names = hosts.split(",")
        if len(ports) < len(names):
            ports *= len(names)
        places = (f"{name}:{port}" for name, port in zip(names, ports, strict=False))
        return f"PostgreSQL at {', '.join(places)}"

    def is_same_database(self, other: "Address") -> bool:
        """Return True if the other address differs in logins and certificates at most."""
        return self._place() == other._place()

    def _place(self) -> dict[str, Any]:
        return {name: value for name, value in self.parameters.items() if name not in _LOGIN}


def parse_address(url: str) -> Address:
    """Return the address in the URL. Raises :class:`ValueError`, which does not quote it."""
    if not url.startswith(_SCHEMES):
        raise ValueError("must begin with postgresql://")
    try:
        given = conninfo_to_dict(url)
    except ProgrammingError:
        raise ValueError(
            "must be a URL as libpq takes it, such as postgresql://user:password@host:5432/name,"
            " with special characters of user and password as %2F"
        ) from None
    return Address({**_DEFAULTS, **given, "client_encoding": "utf8"})
