"""The plugin's settings."""

import re
from dataclasses import dataclass

from facilitator.plugin import setting
from facilitator_postgres.address import parse_address


def _names_a_database(url: str) -> str | None:
    try:
        parse_address(url)
    except ValueError as error:
        return str(error)
    return None


def _is_same_database(former: str, new: str) -> bool:
    return parse_address(former).is_same_database(parse_address(new))


def _is_plain_name(schema: str) -> str | None:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", schema) or schema.startswith("pg_"):
        return "must be 1 to 63 small letters, digits and underscores, and not begin with pg_"
    return None


@dataclass(frozen=True)
class PostgresSettings:
    """The table ``postgres``."""

    url: str = setting(
        "postgresql://127.0.0.1:5432/facilitator",
        "Where PostgreSQL is, with user and password if it needs them.",
        secret=True,
        check=_names_a_database,
        reloads=_is_same_database,
    )
    schema: str = setting(
        "x402",
        "The schema of all tables; who has the same one in a database shares the records.",
        check=_is_plain_name,
    )
    storage: bool = setting(
        True,
        "Whether it is the storage. If not, it is the payment ledger for another storage.",
    )
    connections: int = setting(
        8,
        "How many connections a process opens at most, beside three for blocks and reports.",
        minimum=1,
        maximum=1000,
    )
    timeout_seconds: float = setting(
        5.0, "Seconds that an answer of PostgreSQL is waited for.", minimum=1, maximum=60
    )
