-- Version 4: a claim is one short value, since each is kept for a day (rows.encode_claim). The
-- former table is kept as it was; "conversion" fills the new one from it.
--
-- Processes of the former version may still write claims. What was committed after the copy began
-- would be in neither table, such as a success that was delivered.
LOCK TABLE {schema}.claims IN ACCESS EXCLUSIVE MODE;

CREATE TABLE {schema}.claims_version_3 AS TABLE {schema}.claims;

TRUNCATE {schema}.claims;

DROP INDEX {schema}.open_claims, {schema}.final_claims;

ALTER TABLE {schema}.claims
    DROP COLUMN network, DROP COLUMN state, DROP COLUMN "transaction", DROP COLUMN requirements,
    DROP COLUMN payer, DROP COLUMN amount, DROP COLUMN confirmations,
    DROP COLUMN invalid_hereafter, DROP COLUMN owner, DROP COLUMN lease_until,
    DROP COLUMN created_at, DROP COLUMN updated_at, DROP COLUMN keep_until, DROP COLUMN accepted,
    DROP COLUMN block, DROP COLUMN block_slot, DROP COLUMN block_height, DROP COLUMN depth,
    DROP COLUMN error, DROP COLUMN answer, DROP COLUMN answer_key, DROP COLUMN follows,
    DROP COLUMN scheme, DROP COLUMN record, DROP COLUMN details, DROP COLUMN delivered_to,
    DROP COLUMN delivery_request,
    ADD COLUMN open_since double precision,
    ADD COLUMN keep_until double precision,
    ADD COLUMN record bytea NOT NULL;

CREATE INDEX open_claims ON {schema}.claims (open_since) WHERE open_since IS NOT NULL;

CREATE INDEX final_claims ON {schema}.claims (keep_until) WHERE keep_until IS NOT NULL;
