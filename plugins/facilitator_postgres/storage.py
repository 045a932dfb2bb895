"""The storage in PostgreSQL."""

import logging
from collections.abc import Sequence
from typing import Any

from facilitator.plugin import Claim, PaymentLedger, ReadableClaims, is_recorded
from facilitator_postgres.address import Address
from facilitator_postgres.api_keys import PostgresApiKeys
from facilitator_postgres.database import Database
from facilitator_postgres.keys import PostgresKeys
from facilitator_postgres.ledger import PostgresLedger
from facilitator_postgres.ledger_rows import encode_changes
from facilitator_postgres.requirements import Requirements
from facilitator_postgres.rows import (
    COLUMNS,
    PLACES,
    decode_claim,
    encode_claim,
    escape,
    unescape,
)
from facilitator_postgres.sharing import SharedChain

FORGOTTEN_AT_ONCE = 500

_log = logging.getLogger("facilitator.postgres")

# These statements contain constant names and parameters, nothing that was received.
_CLAIM = f"SELECT {COLUMNS} FROM {{schema}}.claims WHERE transaction_id = %s"  # noqa: S608
_ADD = f"""
    INSERT INTO {{schema}}.claims ({COLUMNS}) VALUES ({PLACES}) ON CONFLICT DO NOTHING
    RETURNING 1
"""  # noqa: S608
_CHANGE = f"""
    UPDATE {{schema}}.claims SET ({COLUMNS}) = ROW ({PLACES})
    WHERE transaction_id = %s AND version = %s AND nonce = %s RETURNING 1
"""  # noqa: S608
_RECORDED = "WITH done AS ({}) SELECT {{schema}}.record_changes(%s::jsonb) FROM done"
_ADD_RECORDED, _CHANGE_RECORDED = _RECORDED.format(_ADD), _RECORDED.format(_CHANGE)
_CONFIRM = """
    UPDATE {schema}.claims SET version = version
    WHERE transaction_id = %s AND version = %s AND nonce = %s RETURNING 1
"""
_REMOVE = """
    DELETE FROM {schema}.claims
    WHERE transaction_id = %s AND version = %s AND nonce = %s RETURNING 1
"""
_OPEN = f"""
    SELECT {COLUMNS} FROM {{schema}}.claims WHERE open_since IS NOT NULL ORDER BY open_since
"""  # noqa: S608
_FORGET = """
    DELETE FROM {schema}.claims WHERE transaction_id IN (
        SELECT transaction_id FROM {schema}.claims
        WHERE keep_until <= %s ORDER BY keep_until LIMIT %s FOR UPDATE SKIP LOCKED
    ) RETURNING 1
"""
_SERVER_TIME = "SELECT {schema}.server_now()"

_PING = """
    INSERT INTO {schema}.pings VALUES (1, {schema}.server_now())
    ON CONFLICT (number) DO UPDATE SET at = excluded.at
"""


class PostgresStorage(PostgresKeys, PostgresApiKeys, SharedChain):
    """A :class:`~facilitator.roles.storage.Storage` for all processes on the same database.

    Acknowledged changes outlive this process. The settings of PostgreSQL decide what outlives it.
    """

    is_shared = True
    is_durable = True

    def __init__(self, database: Database) -> None:
        """Keep everything in the database, whose tables are there."""
        PostgresKeys.__init__(self, database)
        PostgresApiKeys.__init__(self, database)
        SharedChain.__init__(self, database)
        self._reports = database.for_reports()
        self._requirements = Requirements(database)
        self._readable = ReadableClaims(_log)

    def add_claim(self, claim: Claim) -> Claim:
        """Write the claim unless its transaction has one; return the one that is now there."""
        while not self._write(claim, _ADD, _ADD_RECORDED):
            stored = self.claim(claim.transaction_id)
            if stored == claim and self._is_confirmed(claim):
                return claim
            if stored not in (None, claim):  # else it was removed or changed meanwhile
                return stored
        return claim

    def claim(self, transaction_id: str) -> Claim | None:
        """Return the claim on the transaction, if there is one."""
        rows = self._database.read(_CLAIM, escape(transaction_id))
        return decode_claim(rows[0]) if rows else None

    def change_claim(self, claim: Claim) -> bool:
        """Write the claim if it was made from the stored one; return True if it is stored now."""
        expected = (escape(claim.transaction_id), claim.version - 1, escape(claim.follows))
        if self._write(claim, _CHANGE, _CHANGE_RECORDED, *expected):
            return True
        return self.claim(claim.transaction_id) == claim and self._is_confirmed(claim)

    def _write(self, claim: Claim, plain: str, recorded: str, *expected: Any) -> bool:
        """Run the statement that writes the claim, and its event if it has one."""
        if is_recorded(claim):
            changes = encode_changes([claim])
            return bool(self._database.change(recorded, *encode_claim(claim), *expected, changes))
        return bool(self._database.change(plain, *encode_claim(claim), *expected))

    def _is_confirmed(self, claim: Claim) -> bool:
        """Return True once the stored claim, which equals this one, is as durable as any change.

        An earlier call may have ended before the disk or a standby had it. Another commit waits for
        all before it.
        """
        return bool(self._database.change(_CONFIRM, *_stored(claim)))

    def remove_claim(self, claim: Claim) -> bool:
        """Remove the claim if the stored one equals it; return True if it was removed."""
        if self.claim(claim.transaction_id) != claim:
            return False
        return bool(self._database.change(_REMOVE, *_stored(claim), repeatable=False))

    def open_claims(self) -> Sequence[Claim]:
        """Return all claims that are not final, oldest first."""
        rows = self._database.read(_OPEN)
        return self._readable.read(rows, decode_claim, lambda row: unescape(row[0]))

    def forget_claims(self, now: float) -> int:
        """Remove some final claims whose ``keep_until`` has passed; return their number."""
        return len(self._database.change(_FORGET, now, FORGOTTEN_AT_ONCE, repeatable=False))

    def server_time(self) -> float:
        """Return the time of the server's clock in Unix seconds."""
        ((now,),) = self._database.read(_SERVER_TIME)
        return float(now)

    def ping(self) -> None:
        """Check that PostgreSQL takes changes. Raises ``StorageUnavailable`` otherwise.

        Now and then, look at the settings that can lose claims as well.
        """
        self._database.change(_PING)
        self._requirements.check()

    def payment_ledger(self) -> PaymentLedger:
        """Return the ledger in the same tables, to which each change of a claim is written."""
        return PostgresLedger(self._database, self._reports, closes=False)

    def change_login(self, address: Address) -> None:
        """Connect by this address, of the same database, from now on; no call is broken off."""
        for each in (self._database, self._reports):
            each.change_login(address)

    def close(self) -> None:
        """Close the connections."""
        self._listener.close()
        self._reports.close()
        self._database.close()


def _stored(claim: Claim) -> tuple[str, int, str]:
    """Return what names one change of one claim."""
    return (escape(claim.transaction_id), claim.version, escape(claim.nonce))
