"""The tables, and how a file gets from one version of them to the next."""

APPLICATION_ID = 0x78343032
"""``x402`` in ASCII: tells our files from other programs' (``PRAGMA application_id``)."""

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
    # One statement reserves: each further one would let another thread take its turn.
    """
    CREATE VIEW reserving AS SELECT
        NULL AS transaction_id, NULL AS payer, NULL AS expires_at,
        NULL AS inputs, NULL AS now, NULL AS most
    """,
    """
    CREATE TRIGGER reserve INSTEAD OF INSERT ON reserving BEGIN
        DELETE FROM reservations WHERE expires_at <= NEW.now;
        SELECT RAISE(ABORT, 'refused') WHERE EXISTS (
            SELECT 1 FROM json_each(NEW.inputs) AS asked
            JOIN reserved_inputs ON input = asked.value
            WHERE transaction_id != NEW.transaction_id
        ) OR NEW.most <= (
            SELECT count(*) FROM reservations
            WHERE payer = NEW.payer AND transaction_id != NEW.transaction_id
        );
        DELETE FROM reservations WHERE transaction_id = NEW.transaction_id;
        INSERT INTO reservations VALUES (NEW.transaction_id, NEW.payer, NEW.expires_at);
        INSERT INTO reserved_inputs SELECT value, NEW.transaction_id FROM json_each(NEW.inputs);
    END
    """,
)

STEPS = (VERSION_1, VERSION_2)
"""The statements that lead from each version (``PRAGMA user_version``) to the next, from 0 on."""
