-- Version 3 of the schema: API keys, as SHA-256 in lowercase hex. None is ever removed.
CREATE TABLE {schema}.api_keys (
    name text COLLATE "C" PRIMARY KEY,
    digest text COLLATE "C" NOT NULL UNIQUE,
    scope text NOT NULL,
    per_minute bigint,
    created_at double precision NOT NULL,
    expires_at double precision,
    revoked_at double precision,
    used_at double precision
);

CREATE FUNCTION {schema}.note_api_key_use(the_name text, now double precision) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    UPDATE {schema}.api_keys SET used_at = greatest(used_at, now) WHERE name = the_name;
END $$;
