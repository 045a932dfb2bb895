-- Version 1 of the schema. "{schema}" stands for its name, quoted.

-- Slots are numeric because they are unsigned 64-bit numbers, which bigint cannot hold.
-- Texts have NUL as \0 and a backslash as \\.
CREATE TABLE {schema}.claims (
    transaction_id text COLLATE "C" PRIMARY KEY,
    network text NOT NULL,
    state text NOT NULL,
    "transaction" bytea NOT NULL,
    requirements text NOT NULL,
    payer text NOT NULL,
    amount text NOT NULL,
    confirmations bigint NOT NULL,
    invalid_hereafter numeric(20) NOT NULL,
    owner text NOT NULL,
    lease_until double precision NOT NULL,
    created_at double precision NOT NULL,
    updated_at double precision NOT NULL,
    keep_until double precision NOT NULL,
    accepted boolean NOT NULL,
    block text,
    block_slot numeric(20),
    block_height bigint,
    depth bigint,
    error text,
    answer bytea,
    answer_key text,
    version bigint NOT NULL,
    nonce text NOT NULL,
    follows text NOT NULL,
    scheme text NOT NULL,
    record bytea NOT NULL
);

CREATE INDEX open_claims ON {schema}.claims (created_at)
    WHERE state IN ('claimed', 'submitted', 'included');

CREATE INDEX final_claims ON {schema}.claims (keep_until)
    WHERE state IN ('settled', 'rejected', 'expired');

-- Of what ends by a clock: "ends_at" is by the clock of the process that wrote it, "clock" the name
-- of that, "seconds" how long it was made for, and "until" its end by the server's clock.
-- Hashes stand for transactions, inputs, payers and recipients (rows.hash_key).
CREATE TABLE {schema}.holds (
    holder bytea PRIMARY KEY,
    transaction_id text NOT NULL,
    payer bytea NOT NULL,
    pay_to bytea NOT NULL,
    is_settling boolean NOT NULL,
    clock text NOT NULL,
    ends_at double precision NOT NULL,
    seconds double precision NOT NULL,
    until double precision NOT NULL
);

CREATE INDEX holds_by_payer ON {schema}.holds (payer) WHERE NOT is_settling;

CREATE INDEX holds_by_time ON {schema}.holds (until);

CREATE TABLE {schema}.held_inputs (
    input bytea PRIMARY KEY,
    holder bytea NOT NULL
);

CREATE INDEX inputs_by_holder ON {schema}.held_inputs (holder);

CREATE TABLE {schema}.keys (
    key bytea PRIMARY KEY,
    value text NOT NULL,
    clock text NOT NULL,
    ends_at double precision NOT NULL,
    until double precision NOT NULL
);

CREATE INDEX keys_by_time ON {schema}.keys (until);

CREATE TABLE {schema}.leaders (
    network text PRIMARY KEY,
    follower text NOT NULL,
    until double precision NOT NULL
);

CREATE TABLE {schema}.entries (
    network text NOT NULL,
    number bigint NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (network, number)
);

-- A cache, which may be empty after a crash or on a new primary.
CREATE UNLOGGED TABLE {schema}.outputs (
    network text NOT NULL,
    ref text NOT NULL,
    seen_at bigint NOT NULL,
    content bytea NOT NULL,
    until double precision NOT NULL,
    PRIMARY KEY (network, ref)
);

CREATE INDEX outputs_by_time ON {schema}.outputs (until);

CREATE TABLE {schema}.pings (number integer PRIMARY KEY, at double precision NOT NULL);

-- Functions: each changes several records in one step.
--
-- What ends by a clock is kept for its length by the server's clock. The clock of the process that
-- wrote it may end it earlier; no other's may. "the_clock" is the name of the caller's clock and
-- "now_there" its time.
--
-- None of these changes waits for the disk (synchronous_commit). The log of PostgreSQL is written
-- in order, so that they are there as soon as a later change of a claim is.

-- The server's clock, in Unix seconds.
CREATE FUNCTION {schema}.server_now() RETURNS double precision
LANGUAGE sql VOLATILE AS $$
    SELECT extract(epoch FROM clock_timestamp())::double precision
$$;

CREATE FUNCTION {schema}.is_over(
    clock text, ends_at double precision, until double precision,
    the_clock text, now_there double precision, server_now double precision
) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT clock = the_clock AND ends_at <= now_there OR until <= server_now
$$;

-- One call at a time: a lock for each input could deadlock. It lasts for a fraction of a
-- millisecond, since the commit does not wait for the disk.
CREATE FUNCTION {schema}.reserve(
    the_clock text, now_there double precision, own bytea, own_id text, own_payer bytea,
    own_pay_to bytea, settles boolean, own_end double precision, own_inputs bytea[],
    most bigint,
    OUT outcome text, OUT place bigint, OUT held_by text, OUT held_until double precision,
    OUT is_settling boolean, OUT others bigint
) LANGUAGE plpgsql AS $$
DECLARE
    server_now double precision;
    rival record;
    ended bytea[];
    lasts double precision;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM pg_advisory_xact_lock('{schema}.holds'::regclass::oid::bigint);
    server_now := {schema}.server_now();
    lasts := greatest(0, own_end - now_there);

    PERFORM FROM {schema}.holds h WHERE h.holder = own AND h.is_settling
        AND NOT settles
        AND NOT {schema}.is_over(h.clock, h.ends_at, h.until, the_clock, now_there, server_now);
    IF FOUND THEN
        outcome := 'held';
        RETURN;
    END IF;

    SELECT i.place, h.* INTO rival
        FROM unnest(own_inputs) WITH ORDINALITY AS i (input, place)
        JOIN {schema}.held_inputs USING (input)
        JOIN {schema}.holds h USING (holder)
        WHERE h.holder <> own
        AND NOT {schema}.is_over(h.clock, h.ends_at, h.until, the_clock, now_there, server_now)
        AND (
            h.is_settling OR NOT settles AND (h.payer, h.pay_to) <> (own_payer, own_pay_to)
        )
        ORDER BY h.is_settling DESC, i.place LIMIT 1;
    IF FOUND THEN
        -- A server whose clock is behind that of its predecessor sees too much time left.
        IF rival.until - server_now > rival.seconds THEN
            rival.until := server_now + rival.seconds;
            UPDATE {schema}.holds h SET until = rival.until WHERE h.holder = rival.holder;
        END IF;
        outcome := 'elsewhere';
        place := rival.place;
        held_by := rival.transaction_id;
        is_settling := rival.is_settling;
        held_until := CASE WHEN rival.clock = the_clock THEN rival.ends_at
            ELSE now_there + rival.until - server_now END;
        RETURN;
    END IF;

    SELECT array_agg(holder) INTO ended FROM {schema}.held_inputs
        WHERE input = ANY (own_inputs);
    ended := ended || own;
    IF NOT settles THEN
        SELECT count(*) INTO others FROM {schema}.holds h
            WHERE h.payer = own_payer AND NOT h.is_settling AND h.holder <> ALL (ended)
            AND NOT {schema}.is_over(h.clock, h.ends_at, h.until, the_clock, now_there, server_now);
        IF others >= most THEN
            outcome := 'too many';
            RETURN;
        END IF;
    END IF;

    ended := ended || ARRAY(
        SELECT holder FROM {schema}.holds WHERE until <= server_now
        ORDER BY until LIMIT 50
    );
    DELETE FROM {schema}.held_inputs WHERE holder = ANY (ended);
    DELETE FROM {schema}.holds WHERE holder = ANY (ended);
    INSERT INTO {schema}.holds VALUES (
        own, own_id, own_payer, own_pay_to, settles, the_clock, own_end, lasts,
        server_now + lasts
    );
    INSERT INTO {schema}.held_inputs SELECT each, own FROM unnest(own_inputs) AS each;
    outcome := 'held';
END $$;

CREATE FUNCTION {schema}.release(own bytea, only_verified boolean) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM pg_advisory_xact_lock('{schema}.holds'::regclass::oid::bigint);
    DELETE FROM {schema}.holds WHERE holder = own AND NOT (only_verified AND is_settling);
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM {schema}.held_inputs WHERE holder = own;
    RETURN true;
END $$;

CREATE FUNCTION {schema}.bind_key(
    the_clock text, now_there double precision, own bytea, wanted text,
    own_end double precision
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    server_now double precision := {schema}.server_now();
    bound text;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    LOOP
        INSERT INTO {schema}.keys AS k VALUES (
            own, wanted, the_clock, own_end, server_now + greatest(0, own_end - now_there)
        ) ON CONFLICT (key) DO UPDATE SET value = excluded.value, clock = excluded.clock,
            ends_at = excluded.ends_at, until = excluded.until
        WHERE {schema}.is_over(k.clock, k.ends_at, k.until, the_clock, now_there, server_now)
        RETURNING value INTO bound;
        EXIT WHEN FOUND;
        SELECT value INTO bound FROM {schema}.keys k
            WHERE key = own
            AND NOT {schema}.is_over(k.clock, k.ends_at, k.until, the_clock, now_there, server_now);
        EXIT WHEN FOUND;
    END LOOP;
    -- Some that are over go, last of all: so no call that waits for a key keeps another one.
    DELETE FROM {schema}.keys WHERE key IN (
        SELECT key FROM {schema}.keys WHERE until <= server_now AND key <> own
        ORDER BY until LIMIT 50 FOR UPDATE SKIP LOCKED
    );
    RETURN bound;
END $$;

CREATE FUNCTION {schema}.change_key(
    the_clock text, now_there double precision, own bytea, bound_to text, wanted text,
    own_end double precision
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    server_now double precision := {schema}.server_now();
    bound text;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    IF wanted IS NULL THEN
        DELETE FROM {schema}.keys k
            WHERE key = own AND value = bound_to
            AND NOT {schema}.is_over(k.clock, k.ends_at, k.until, the_clock, now_there, server_now);
    ELSE
        UPDATE {schema}.keys k SET value = wanted, clock = the_clock, ends_at = own_end,
            until = server_now + greatest(0, own_end - now_there)
            WHERE key = own AND value = bound_to
            AND NOT {schema}.is_over(k.clock, k.ends_at, k.until, the_clock, now_there, server_now);
    END IF;
    IF FOUND THEN
        RETURN true;
    END IF;
    SELECT value INTO bound FROM {schema}.keys k
        WHERE key = own
        AND NOT {schema}.is_over(k.clock, k.ends_at, k.until, the_clock, now_there, server_now);
    RETURN bound IS NOT DISTINCT FROM wanted;
END $$;

CREATE FUNCTION {schema}.lead(
    the_network text, own text, now_there double precision, own_until double precision,
    over_follower text, over_until double precision,
    OUT leader text, OUT leads_until double precision
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    LOOP
        -- Those who only wait for the lead ask twice a second: they need not write for that.
        SELECT follower, until INTO leader, leads_until FROM {schema}.leaders
            WHERE network = the_network AND follower <> own AND until > now_there
            AND (follower, until) IS DISTINCT FROM (over_follower, over_until);
        IF FOUND THEN
            RETURN;
        END IF;
        INSERT INTO {schema}.leaders AS l VALUES (the_network, own, own_until)
            ON CONFLICT (network) DO UPDATE
            SET follower = excluded.follower, until = excluded.until
            WHERE l.follower = own OR l.until <= now_there
            OR (l.follower, l.until) IS NOT DISTINCT FROM (over_follower, over_until)
            RETURNING follower, until INTO leader, leads_until;
        IF FOUND THEN
            RETURN;
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION {schema}.resign(the_network text, own text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    DELETE FROM {schema}.leaders WHERE network = the_network AND follower = own;
END $$;

CREATE FUNCTION {schema}.publish(
    the_network text, own text, own_number bigint, own_content bytea, spent text[],
    keep bigint
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    newest record;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);

    PERFORM pg_advisory_xact_lock('{schema}.outputs'::regclass::oid::bigint);

    PERFORM FROM {schema}.leaders WHERE network = the_network AND follower = own FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT number, content INTO newest FROM {schema}.entries
        WHERE network = the_network ORDER BY number DESC LIMIT 1;
    IF newest.number = own_number AND newest.content = own_content THEN
        RETURN true;
    END IF;
    IF own_number <> coalesce(newest.number, 0) + 1 THEN
        RETURN false;
    END IF;
    INSERT INTO {schema}.entries VALUES (the_network, own_number, own_content);
    DELETE FROM {schema}.entries
        WHERE network = the_network AND number <= own_number - keep;
    DELETE FROM {schema}.outputs WHERE network = the_network AND ref = ANY (spent);
    PERFORM pg_notify(trim('"' FROM '{schema}'), the_network);
    RETURN true;
END $$;

CREATE FUNCTION {schema}.share_outputs(
    the_network text, refs text[], seen bigint[], contents bytea[],
    own_until double precision
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);

    PERFORM pg_advisory_xact_lock('{schema}.outputs'::regclass::oid::bigint);

    DELETE FROM {schema}.outputs WHERE (network, ref) IN (
        SELECT network, ref FROM {schema}.outputs WHERE until <= {schema}.server_now()
        ORDER BY until LIMIT 50
    );
    INSERT INTO {schema}.outputs
        SELECT the_network, *, own_until FROM unnest(refs, seen, contents)
        ON CONFLICT (network, ref) DO UPDATE SET seen_at = excluded.seen_at,
        content = excluded.content, until = excluded.until;
END $$;
