"""Filling the claims of version 4 of the schema from those of version 3."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg

from facilitator.plugin import Claim, ClaimState
from facilitator_postgres.rows import COLUMNS, PLACES, Row, encode_claim, unescape

AT_ONCE = 1_000

_FORMER = (
    *("transaction_id", "network", "state", "transaction", "requirements", "payer", "amount"),
    *("confirmations", "invalid_hereafter", "owner", "lease_until", "created_at", "updated_at"),
    *("keep_until", "accepted", "block", "block_slot", "block_height", "depth", "error", "answer"),
    *("answer_key", "version", "nonce", "follows", "scheme", "record", "details"),
    *("delivered_to", "delivery_request"),
)
_FORMER_COLUMNS = ", ".join(f'"{name}"' for name in _FORMER)

# These statements contain constant names and parameters, nothing that was received.
_NEXT = f"""
    SELECT {_FORMER_COLUMNS} FROM {{schema}}.claims_version_3 WHERE transaction_id > %s
    ORDER BY transaction_id LIMIT %s
"""  # noqa: S608
_ADD = f"INSERT INTO {{schema}}.claims ({COLUMNS}) VALUES ({PLACES})"  # noqa: S608
_INDEX = "CREATE UNIQUE INDEX ON {schema}.claims_version_3 (transaction_id)"
_DROP = "DROP TABLE {schema}.claims_version_3"


def shorten_claims(connection: "psycopg.Connection[Any]", prepare: Callable[[str], bytes]) -> None:
    """Copy all claims into the new form; drop the former table if it had none.

    ``prepare`` puts the name of the schema into a statement. Raises :class:`psycopg.Error`.
    """
    connection.execute(prepare(_INDEX))
    has_claims = False
    with connection.cursor() as cursor:
        for rows in _former_rows(connection, prepare(_NEXT)):
            has_claims = True
            claims = map(_decode_former, rows)
            cursor.executemany(prepare(_ADD), [encode_claim(claim) for claim in claims])
    if not has_claims:
        connection.execute(prepare(_DROP))


def _former_rows(connection: "psycopg.Connection[Any]", query: bytes) -> Iterator[list[Row]]:
    last = ""
    while rows := connection.execute(query, (last, AT_ONCE)).fetchall():
        yield rows
        last = rows[-1][0]


def _decode_former(row: Row) -> Claim:
    texts = (unescape(each) if isinstance(each, str) else each for each in row)
    values: dict[str, Any] = dict(zip(_FORMER, texts, strict=True))
    values["state"] = ClaimState(values["state"])
    for name in ("invalid_hereafter", "block_slot"):
        values[name] = None if values[name] is None else int(values[name])
    return Claim(**values)
