"""Adds the event of a claim's change to the payment ledger, in the transaction that makes it.

Each statement, and each page that one touches, is a part of what a settlement costs.
"""

import sqlite3

from facilitator.plugin import Claim, ClaimState, is_recorded, new_event, new_record
from facilitator_sqlite.ledger_rows import (
    NEW_EVENT_COLUMNS,
    PAYMENT_COLUMNS,
    encode_changes,
    encode_event,
    encode_payment,
    places,
)

_CHANGES = """
    updated_at = :updated_at,
    settled_at = CASE WHEN :settled_at IS NULL THEN NULL
        ELSE coalesce(settled_at, :settled_at) END,
    block = :block, block_slot = :block_slot, block_height = :block_height, depth = :depth,
    error = :error, delivery = :delivery,
    delivered_at = CASE WHEN :delivered_at IS NULL THEN NULL
        ELSE coalesce(delivered_at, :delivered_at) END,
    delivered_to = CASE WHEN is_erased THEN NULL ELSE :delivered_to END
    WHERE transaction_id = :transaction_id
"""
# State and payer are apart: what a statement names is written again, with each index that has it.
# A payer that is not known yet is an empty text; one that was erased is NULL, and stays so.
_UPDATE = f"""
    UPDATE payments SET {_CHANGES} AND state = :state AND (payer IS NOT '' OR :payer = '')
"""  # noqa: S608 -- constants
_ADVANCE = f"UPDATE payments SET state = :state, {_CHANGES}"  # noqa: S608 -- constants
_NAME_PAYER = "UPDATE payments SET payer = ? WHERE transaction_id = ? AND payer = ''"
# These statements contain constant names and question marks, nothing that was received.
_ADD_PAYMENT = f"""
    INSERT INTO payments ({PAYMENT_COLUMNS}) VALUES ({places(PAYMENT_COLUMNS)})
    ON CONFLICT DO NOTHING
"""  # noqa: S608
_ADD_EVENT = f"""
    INSERT INTO payment_events ({NEW_EVENT_COLUMNS})
    SELECT number, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CASE WHEN is_erased THEN NULL ELSE ? END
    FROM payments WHERE transaction_id = ? ON CONFLICT DO NOTHING
"""  # noqa: S608


def record_change(connection: sqlite3.Connection, claim: Claim) -> None:
    """Add the event of one change, in the transaction that makes it, unless it is there."""
    if not is_recorded(claim):
        return
    event = encode_event(new_event(claim, 0, is_erased=False), claim.nonce)
    is_new = _may_be_first(claim) and _add_payment(connection, claim)
    if not connection.execute(_ADD_EVENT, event).rowcount:
        if not _add_payment(connection, claim):
            return
        is_new = True
        connection.execute(_ADD_EVENT, event)
    if not is_new:
        _update_payment(connection, claim)


def _may_be_first(claim: Claim) -> bool:
    """Return True for a change like most of those that are recorded first."""
    return claim.state is ClaimState.SUBMITTED and not claim.accepted


def _add_payment(connection: sqlite3.Connection, claim: Claim) -> bool:
    """Add the payment that this change begins; return False if it is there."""
    return connection.execute(_ADD_PAYMENT, encode_payment(new_record(claim))).rowcount == 1


def _update_payment(connection: sqlite3.Connection, claim: Claim) -> None:
    changes = {**encode_changes(claim), "transaction_id": claim.transaction_id}
    if connection.execute(_UPDATE, changes).rowcount:
        return
    connection.execute(_ADVANCE, changes)
    if claim.payer:
        connection.execute(_NAME_PAYER, (claim.payer, claim.transaction_id))
