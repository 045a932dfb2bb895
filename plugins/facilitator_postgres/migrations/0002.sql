-- Version 2: the payment ledger, and what a claim keeps for it.

ALTER TABLE {schema}.claims
    ADD COLUMN details bytea NOT NULL DEFAULT '',
    ADD COLUMN delivered_to text NOT NULL DEFAULT '',
    ADD COLUMN delivery_request text NOT NULL DEFAULT '';

-- Amounts are text because no number holds every one of them. Personal columns may be null.
CREATE TABLE {schema}.payments (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction_id text COLLATE "C" NOT NULL UNIQUE,
    network text COLLATE "C" NOT NULL,
    scheme text NOT NULL,
    method text NOT NULL,
    payer text COLLATE "C",
    pay_to text COLLATE "C" NOT NULL,
    asset text COLLATE "C" NOT NULL,
    amount text NOT NULL,
    fee numeric,
    resource text,
    caller text COLLATE "C" NOT NULL,
    client text,
    identifier text,
    terms text,
    request_id text NOT NULL,
    state text NOT NULL,
    confirmations bigint NOT NULL,
    created_at double precision NOT NULL,
    updated_at double precision NOT NULL,
    settled_at double precision,
    block text,
    block_slot numeric(20),
    block_height bigint,
    depth bigint,
    error text,
    delivery text NOT NULL,
    delivered_at double precision,
    delivered_to text,
    is_erased boolean NOT NULL
);

CREATE INDEX payments_by_age ON {schema}.payments (created_at, transaction_id);

-- Hashes, since an index takes no text of any length.
CREATE INDEX payments_by_payer ON {schema}.payments (hashtextextended(payer, 0), created_at);
CREATE INDEX payments_by_recipient ON {schema}.payments (hashtextextended(pay_to, 0), created_at);

CREATE TABLE {schema}.payment_events (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment bigint NOT NULL,
    version bigint NOT NULL,
    nonce text COLLATE "C" NOT NULL,
    at double precision NOT NULL,
    state text NOT NULL,
    accepted boolean NOT NULL,
    block text,
    block_slot numeric(20),
    block_height bigint,
    depth bigint,
    error text,
    delivery text NOT NULL,
    delivered_to text,
    delivery_request text NOT NULL,
    UNIQUE (payment, version, nonce)
);

CREATE TABLE {schema}.refusals (
    day text COLLATE "C" NOT NULL,
    endpoint text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    caller text COLLATE "C" NOT NULL,
    count bigint NOT NULL,
    last_at double precision NOT NULL,
    sample text NOT NULL,
    PRIMARY KEY (day, endpoint, reason, caller)
);

CREATE TABLE {schema}.cursors (
    name text COLLATE "C" PRIMARY KEY,
    number bigint NOT NULL,
    holder text NOT NULL,
    beat bigint NOT NULL
);

-- For reports: times as such, amounts as numbers. Who may read a view needs no right to its table.

CREATE VIEW {schema}.payment_report AS SELECT
    transaction_id, network, scheme, method, payer, pay_to, asset, amount::numeric AS amount, fee,
    resource, caller, client, identifier, terms, request_id, state, confirmations,
    to_timestamp(created_at) AS created_at, to_timestamp(updated_at) AS updated_at,
    to_timestamp(settled_at) AS settled_at, block, block_slot, block_height, depth, error,
    delivery, to_timestamp(delivered_at) AS delivered_at, delivered_to, is_erased
    FROM {schema}.payments;

CREATE VIEW {schema}.event_report AS SELECT
    e.number, p.transaction_id, e.version, to_timestamp(e.at) AS at, e.state, e.accepted, e.block,
    e.block_slot, e.block_height, e.depth, e.error, e.delivery, e.delivered_to, e.delivery_request
    FROM {schema}.payment_events e JOIN {schema}.payments p ON p.number = e.payment;

CREATE VIEW {schema}.refusal_report AS SELECT
    day::date AS day, endpoint, reason, caller, count, to_timestamp(last_at) AS last_at, sample
    FROM {schema}.refusals;

-- Functions. An event gets its number before its transaction is committed, and one with a greater
-- number may be committed first. So each transaction that adds events holds a shared lock, whose
-- name has the number after which all of its events come. Its lower half is all that fits.

-- The last event after which none comes with a smaller number. The locks are read first: a
-- transaction that has ended by then is seen by what is read next.
CREATE FUNCTION {schema}.last_event() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    held bigint[];
    newest bigint;
BEGIN
    SELECT array_agg(objid::bigint) INTO held FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 1
        AND classid = '{schema}.payment_events'::regclass::oid
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
    SELECT coalesce(max(number), 0) INTO newest FROM {schema}.payment_events;
    RETURN least(newest, (
        SELECT min(newest + ((each - newest + 2147483648) & 4294967295) - 2147483648)
        FROM unnest(held) AS each
    ));
END $$;

-- Each change is a row of payments and one of payment_events. One that was recorded is left out.
CREATE FUNCTION {schema}.record_changes(changes jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    change jsonb;
    new_payment {schema}.payments;
    new_event {schema}.payment_events;
    newest bigint;
    is_new boolean;
BEGIN
    SELECT coalesce(max(number), 0) INTO newest FROM {schema}.payment_events;
    PERFORM pg_advisory_xact_lock_shared(
        ('{schema}.payment_events'::regclass::oid::bigint << 32) | (newest & 4294967295)
    );
    FOR change IN SELECT * FROM jsonb_array_elements(changes) LOOP
        new_payment := jsonb_populate_record(NULL::{schema}.payments, change -> 'payment');
        new_event := jsonb_populate_record(NULL::{schema}.payment_events, change -> 'event');
        LOOP
            INSERT INTO {schema}.payments OVERRIDING USER VALUE SELECT (new_payment).*
                ON CONFLICT (transaction_id) DO NOTHING RETURNING number INTO new_event.payment;
            is_new := FOUND;
            EXIT WHEN is_new;
            SELECT number, is_erased INTO new_event.payment, new_payment.is_erased
                FROM {schema}.payments WHERE transaction_id = new_payment.transaction_id FOR UPDATE;
            EXIT WHEN FOUND;
        END LOOP;
        IF new_payment.is_erased THEN
            new_event.delivered_to := NULL;
        END IF;
        INSERT INTO {schema}.payment_events OVERRIDING USER VALUE SELECT (new_event).*
            ON CONFLICT (payment, version, nonce) DO NOTHING;
        CONTINUE WHEN is_new OR NOT FOUND;
        -- A payer that is not known yet is an empty text; one that was erased is null.
        UPDATE {schema}.payments p SET
            payer = CASE p.payer WHEN '' THEN new_payment.payer ELSE p.payer END,
            state = new_payment.state,
            updated_at = new_payment.updated_at,
            settled_at = CASE WHEN new_payment.settled_at IS NOT NULL
                THEN coalesce(p.settled_at, new_payment.settled_at) END,
            block = new_payment.block,
            block_slot = new_payment.block_slot,
            block_height = new_payment.block_height,
            depth = new_payment.depth,
            error = new_payment.error,
            delivery = new_payment.delivery,
            delivered_at = CASE WHEN new_payment.delivered_at IS NOT NULL
                THEN coalesce(p.delivered_at, new_payment.delivered_at) END,
            delivered_to = new_event.delivered_to
            WHERE p.number = new_event.payment;
    END LOOP;
END $$;

-- The same for changes of another storage. One call at a time: two that brought the same payments
-- in different orders would wait for each other.
CREATE FUNCTION {schema}.record_outbox(changes jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock('{schema}.payments'::regclass::oid::bigint);
    PERFORM {schema}.record_changes(changes);
END $$;
