"""The tables, and the migrations of a file from each version to the next."""

from facilitator_sqlite.conversion import FORMER_COLUMNS

APPLICATION_ID = 0x78343032
"""``x402`` in ASCII, which marks the facilitator's files (``PRAGMA application_id``)."""

VERSION_1 = (
    # Slots are text because they are unsigned 64-bit numbers, which SQLite's integers cannot hold.
    """
    CREATE TABLE claims (
        transaction_id TEXT PRIMARY KEY,
        network TEXT NOT NULL,
        state TEXT NOT NULL,
        "transaction" BLOB NOT NULL,
        requirements TEXT NOT NULL,
        payer TEXT NOT NULL,
        amount TEXT NOT NULL,
        confirmations INTEGER NOT NULL,
        invalid_hereafter TEXT NOT NULL,
        owner TEXT NOT NULL,
        lease_until REAL NOT NULL,
        created_at REAL NOT NULL,
        updated_at REAL NOT NULL,
        keep_until REAL NOT NULL,
        accepted INTEGER NOT NULL,
        block TEXT,
        block_slot TEXT,
        block_height INTEGER,
        depth INTEGER,
        error TEXT,
        answer BLOB,
        answer_key TEXT,
        version INTEGER NOT NULL,
        nonce TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE INDEX open_claims ON claims (created_at)
        WHERE state IN ('claimed', 'submitted', 'included')
    """,
    """
    CREATE INDEX final_claims ON claims (keep_until)
        WHERE state IN ('settled', 'rejected', 'expired')
    """,
    """
    CREATE TABLE reservations (
        transaction_id TEXT PRIMARY KEY,
        payer TEXT NOT NULL,
        expires_at REAL NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX reservations_by_payer ON reservations (payer)",
    "CREATE INDEX reservations_by_time ON reservations (expires_at)",
    """
    CREATE TABLE reserved_inputs (
        input TEXT PRIMARY KEY,
        transaction_id TEXT NOT NULL REFERENCES reservations ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX inputs_by_transaction ON reserved_inputs (transaction_id)",
    """
    CREATE TABLE idempotency_keys (
        key TEXT PRIMARY KEY,
        fingerprint TEXT NOT NULL,
        expires_at REAL NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX keys_by_time ON idempotency_keys (expires_at)",
)

VERSION_2 = (
    """
    CREATE TABLE leaders (
        network TEXT PRIMARY KEY,
        follower TEXT NOT NULL,
        lease_until REAL NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE entries (
        network TEXT NOT NULL,
        number INTEGER NOT NULL,
        content BLOB NOT NULL,
        PRIMARY KEY (network, number)
    ) STRICT
    """,
)

VERSION_3 = (
    # Earlier reservations are dropped: they are short.
    "DROP VIEW IF EXISTS reserving",
    "DROP TABLE reserved_inputs",
    "DROP TABLE reservations",
    # Short hashes (``reserving._hash_key``) stand for transactions, payers and inputs. Each table
    # has the fewest indexes possible: every page that a reservation touches is written.
    """
    CREATE TABLE reservations (
        holder BLOB PRIMARY KEY,
        payer BLOB NOT NULL,
        expires_at REAL NOT NULL,
        transaction_id TEXT NOT NULL,
        inputs BLOB NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX reservations_by_payer ON reservations (payer, expires_at)",
    """
    CREATE TABLE reserved_inputs (
        input BLOB PRIMARY KEY,
        holder BLOB NOT NULL,
        expires_at REAL NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    # One statement reserves, with a row for each input of which the first holds the reservation:
    # a further statement would be another chance for another thread to take its turn.
    """
    CREATE VIEW reserving AS SELECT
        NULL AS input, NULL AS holder, NULL AS expires_at, NULL AS now,
        NULL AS payer, NULL AS transaction_id, NULL AS inputs, NULL AS most
    """,
    """
    CREATE TRIGGER reserve INSTEAD OF INSERT ON reserving WHEN NEW.inputs IS NOT NULL BEGIN
        SELECT RAISE(ABORT, 'refused') FROM reservations
        WHERE holder = NEW.holder AND inputs != NEW.inputs;
        SELECT RAISE(ABORT, 'refused') WHERE NEW.most <= (
            SELECT count(*) FROM reservations
            WHERE payer = NEW.payer AND expires_at > NEW.now AND holder != NEW.holder
        );
        INSERT OR REPLACE INTO reservations
        VALUES (NEW.holder, NEW.payer, NEW.expires_at, NEW.transaction_id, NEW.inputs);
    END
    """,
    """
    CREATE TRIGGER reserve_input INSTEAD OF INSERT ON reserving BEGIN
        SELECT RAISE(ABORT, 'refused') FROM reserved_inputs
        WHERE input = NEW.input AND holder != NEW.holder AND expires_at > NEW.now;
        INSERT OR REPLACE INTO reserved_inputs VALUES (NEW.input, NEW.holder, NEW.expires_at);
    END
    """,
)

VERSION_4 = ("ALTER TABLE claims ADD COLUMN follows TEXT NOT NULL DEFAULT ''",)

VERSION_5 = (
    # One row. Counts the commits that hold claims, so that a lost one is noticed: see ``marks``.
    # ``least_pages`` is the smallest size that the file was given when space was given back.
    """
    CREATE TABLE file_state (
        commits INTEGER NOT NULL,
        least_pages INTEGER
    ) STRICT
    """,
    "INSERT INTO file_state VALUES (0, NULL)",
    # Settlements keep their inputs. What was only verified is advice, and is dropped.
    "DROP VIEW reserving",
    "DROP INDEX reservations_by_payer",
    """
    DELETE FROM reservations WHERE transaction_id NOT IN (
        SELECT transaction_id FROM claims WHERE state IN ('claimed', 'submitted', 'included')
    )
    """,
    "DELETE FROM reserved_inputs WHERE holder NOT IN (SELECT holder FROM reservations)",
    "ALTER TABLE reservations ADD COLUMN recipient BLOB NOT NULL DEFAULT x''",
    "ALTER TABLE reservations ADD COLUMN is_settling INTEGER NOT NULL DEFAULT 1",
    """
    CREATE INDEX verified_by_payer ON reservations (payer, expires_at) WHERE is_settling = 0
    """,
    """
    CREATE VIEW reserving AS SELECT
        NULL AS input, NULL AS holder, NULL AS expires_at, NULL AS now, NULL AS payer,
        NULL AS transaction_id, NULL AS inputs, NULL AS recipient, NULL AS is_settling,
        NULL AS most
    """,
    """
    CREATE TRIGGER reserve INSTEAD OF INSERT ON reserving WHEN NEW.inputs IS NOT NULL BEGIN
        SELECT RAISE(ABORT, 'refused') FROM reservations WHERE holder = NEW.holder
        AND (inputs != NEW.inputs OR is_settling > NEW.is_settling);
        SELECT RAISE(ABORT, 'refused') WHERE NEW.is_settling = 0 AND NEW.most <= (
            SELECT count(*) FROM reservations WHERE payer = NEW.payer AND is_settling = 0
            AND expires_at > NEW.now AND holder != NEW.holder
        );
        INSERT OR REPLACE INTO reservations VALUES (
            NEW.holder, NEW.payer, NEW.expires_at, NEW.transaction_id, NEW.inputs,
            NEW.recipient, NEW.is_settling
        );
    END
    """,
    """
    CREATE TRIGGER reserve_input INSTEAD OF INSERT ON reserving BEGIN
        SELECT RAISE(ABORT, 'refused') FROM reserved_inputs
        WHERE input = NEW.input AND holder != NEW.holder AND expires_at > NEW.now;
        INSERT OR REPLACE INTO reserved_inputs VALUES (NEW.input, NEW.holder, NEW.expires_at);
    END
    """,
)

VERSION_6 = (
    "ALTER TABLE claims ADD COLUMN scheme TEXT NOT NULL DEFAULT 'exact'",
    "ALTER TABLE claims ADD COLUMN record BLOB NOT NULL DEFAULT x''",
    # 1 from when a second process opens the file until one opens it alone: see ``holds``.
    "ALTER TABLE file_state ADD COLUMN is_shared INTEGER NOT NULL DEFAULT 1",
)

VERSION_7 = (
    "ALTER TABLE claims ADD COLUMN details BLOB NOT NULL DEFAULT x''",
    "ALTER TABLE claims ADD COLUMN delivered_to TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE claims ADD COLUMN delivery_request TEXT NOT NULL DEFAULT ''",
    # The payment ledger: see ``ledger_rows``. Amounts are text because they may exceed 64 bits.
    """
    CREATE TABLE payments (
        number INTEGER PRIMARY KEY,
        transaction_id TEXT NOT NULL UNIQUE,
        network TEXT NOT NULL,
        scheme TEXT NOT NULL,
        method TEXT NOT NULL,
        payer TEXT,
        pay_to TEXT NOT NULL,
        asset TEXT NOT NULL,
        amount TEXT NOT NULL,
        fee INTEGER,
        resource TEXT,
        caller TEXT NOT NULL,
        client TEXT,
        identifier TEXT,
        terms BLOB,
        request_id TEXT NOT NULL,
        state TEXT NOT NULL,
        confirmations INTEGER NOT NULL,
        created_at REAL NOT NULL,
        updated_at REAL NOT NULL,
        settled_at REAL,
        block TEXT,
        block_slot TEXT,
        block_height INTEGER,
        depth INTEGER,
        error TEXT,
        delivery TEXT NOT NULL,
        delivered_at REAL,
        delivered_to TEXT,
        is_erased INTEGER NOT NULL DEFAULT 0
    ) STRICT
    """,
    "CREATE INDEX payments_by_age ON payments (created_at, transaction_id)",
    "CREATE INDEX payments_by_payer ON payments (payer, created_at)",
    "CREATE INDEX payments_by_recipient ON payments (pay_to, created_at)",
    """
    CREATE TABLE payment_events (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        payment INTEGER NOT NULL,
        version INTEGER NOT NULL,
        nonce TEXT NOT NULL,
        at REAL NOT NULL,
        state TEXT NOT NULL,
        accepted INTEGER NOT NULL,
        block TEXT,
        block_slot TEXT,
        block_height INTEGER,
        depth INTEGER,
        error TEXT,
        delivery TEXT NOT NULL,
        delivered_to TEXT,
        delivery_request TEXT NOT NULL
    ) STRICT
    """,
    "CREATE UNIQUE INDEX events_of_payment ON payment_events (payment, version, nonce)",
    """
    CREATE TABLE refusals (
        day TEXT NOT NULL,
        endpoint TEXT NOT NULL,
        reason TEXT NOT NULL,
        caller TEXT NOT NULL,
        count INTEGER NOT NULL,
        last_at REAL NOT NULL,
        sample TEXT NOT NULL,
        PRIMARY KEY (day, endpoint, reason, caller)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE cursors (
        name TEXT PRIMARY KEY,
        number INTEGER NOT NULL,
        holder TEXT NOT NULL,
        beat INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
)

VERSION_8 = (
    # A digest is the SHA-256 of a key in lowercase hex. No row is ever removed.
    """
    CREATE TABLE api_keys (
        name TEXT PRIMARY KEY,
        digest TEXT NOT NULL UNIQUE,
        scope TEXT NOT NULL,
        per_minute INTEGER,
        created_at REAL NOT NULL,
        expires_at REAL,
        revoked_at REAL,
        used_at REAL
    ) STRICT
    """,
)

VERSION_9 = (
    # Short forms, since claims and keys are kept for a day: see ``rows``. Functions in Python make
    # them here: see ``conversion``.
    "ALTER TABLE claims RENAME TO former_claims",
    "DROP INDEX open_claims",
    "DROP INDEX final_claims",
    """
    CREATE TABLE claims (
        transaction_id ANY PRIMARY KEY,
        version INTEGER NOT NULL,
        nonce ANY NOT NULL,
        open_since REAL,
        keep_until REAL,
        record BLOB NOT NULL
    ) STRICT
    """,
    f"""
    INSERT INTO claims SELECT
        dense(transaction_id), version, dense(nonce),
        CASE WHEN state IN ('claimed', 'submitted', 'included') THEN created_at END,
        CASE WHEN state IN ('settled', 'rejected', 'expired') THEN keep_until END,
        claim_record({FORMER_COLUMNS})
    FROM former_claims ORDER BY former_claims.rowid
    """,  # noqa: S608 -- constant names
    "DROP TABLE former_claims",
    "CREATE INDEX open_claims ON claims (open_since) WHERE open_since IS NOT NULL",
    "CREATE INDEX final_claims ON claims (keep_until) WHERE keep_until IS NOT NULL",
    # No index by time: see ``sweeping``.
    """
    CREATE TABLE bound_keys (
        key BLOB PRIMARY KEY,
        value ANY NOT NULL,
        expires_at REAL NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    "INSERT INTO bound_keys SELECT hash_key(key), short_value(fingerprint), expires_at"
    " FROM idempotency_keys ORDER BY 1",
    "DROP TABLE idempotency_keys",
    # All that filters a list is in the one index by age: a filter that matches little reads a
    # quarter of the pages, and a new payment changes no further page.
    "DROP INDEX payments_by_age",
    """
    CREATE INDEX payments_by_age ON payments
        (created_at, transaction_id, state, network, asset, caller, resource)
    """,
    # The ends of addresses, which differ as much as the whole.
    "DROP INDEX payments_by_payer",
    "DROP INDEX payments_by_recipient",
    "CREATE INDEX payments_by_payer ON payments (substr(payer, -12), created_at)",
    "CREATE INDEX payments_by_recipient ON payments (substr(pay_to, -12), created_at)",
)

STEPS = (
    VERSION_1,
    VERSION_2,
    VERSION_3,
    VERSION_4,
    VERSION_5,
    VERSION_6,
    VERSION_7,
    VERSION_8,
    VERSION_9,
)
"""The statements that lead from each version (``PRAGMA user_version``) to the next, from 0 on."""

COUNTED_FROM = 5
"""The first version in which the commits of claims are counted."""
