"""The functions by which a file of version 8 gets the short forms of version 9."""

import sqlite3
from typing import Any

from facilitator.plugin import Claim, ClaimState, claim_to_record
from facilitator_sqlite.rows import dense, hash_key, short_value

_FORMER = (
    *("transaction_id", "network", "state", "transaction", "requirements", "payer", "amount"),
    *("confirmations", "invalid_hereafter", "owner", "lease_until", "created_at", "updated_at"),
    *("keep_until", "accepted", "block", "block_slot", "block_height", "depth", "error", "answer"),
    *("answer_key", "version", "nonce", "follows", "scheme", "record", "details"),
    *("delivered_to", "delivery_request"),
)
FORMER_COLUMNS = ", ".join(f'"{name}"' for name in _FORMER)
"""The columns of a claim in version 8: its fields, slots as text."""


def add_functions(connection: sqlite3.Connection) -> None:
    """Let statements of the connection call these functions."""
    for function, arguments in (
        (dense, 1),
        (hash_key, 1),
        (short_value, 1),
        (claim_record, len(_FORMER)),
    ):
        connection.create_function(function.__name__, arguments, function, deterministic=True)


def claim_record(*columns: Any) -> bytes:
    """Return the record of the claim whose columns had these values."""
    values = dict(zip(_FORMER, columns, strict=True))
    values["state"] = ClaimState(values["state"])
    values["accepted"] = bool(values["accepted"])
    for name in ("invalid_hereafter", "block_slot"):
        values[name] = None if values[name] is None else int(values[name])
    return claim_to_record(Claim(**values))
